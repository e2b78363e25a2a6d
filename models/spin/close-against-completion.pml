/* A close meets a recv that completes at the same time. */
#define QUEUED 1
#define INPUTS 2
#define MAY_BE_LOST 1
#define OPS 2
#define OVERLAPPED 3
#include "steps.pml"

active proctype thread_0() {
    START_RECV(0, 0, 0)
end: false
}

active proctype thread_1() {
    byte guess, taken;
    START_RECV(1, 0, 0)
    CLOSE(0, 1)
end: false
}
