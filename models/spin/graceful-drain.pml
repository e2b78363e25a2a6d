/* A graceful close drains while input arrives and the peer may reset. */
#define WINDOW 3
#define QUEUED 3
#define INPUTS 1
#define MAY_BE_LOST 1
#define LIMITED 1
#define OPS 1
#define OVERLAPPED 1
#include "steps.pml"

active proctype thread_0() {
    START_RECV(0, 0, 0)
end: false
}

active proctype thread_1() {
    byte guess, taken;
    CLOSE(0, 0)
end: false
}
