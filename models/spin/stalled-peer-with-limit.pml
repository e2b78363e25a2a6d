/* The peer of a draining socket acknowledges nothing; only the provider's own limit ends it. */
#define ACKNOWLEDGES 0
#define QUEUED 2
#define LIMITED 1
#define SLOTS 2
#define OPS 1
#define OVERLAPPED 1
#include "steps.pml"

active proctype thread_0() {
    byte guess, taken;
    START_RECV(0, 0, 0)
    CLOSE(0, 1)
end: false
}

active proctype thread_1() {
    byte guess, taken;
    CLOSE(1, 0)
end: false
}
