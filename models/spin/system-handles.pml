/* With the system's own handles no upcall is made, and everything is released all the same. */
#define QUEUED 2
#define UPCALLS 0
#define SLOTS 2
#define OPS 2
#define OVERLAPPED 3
#define SLOT_1 1
#include "steps.pml"

active proctype thread_0() {
    byte guess, taken;
    START_RECV(0, 0, 0)
    CLOSE(0, 1)
end: false
}

active proctype thread_1() {
    byte guess, taken;
    START_RECV(1, 1, 0)
    CLOSE(1, 1)
end: false
}
