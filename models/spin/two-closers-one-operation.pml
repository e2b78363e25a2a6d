/* Two threads close one descriptor while two others have operations pending through it. */
#define QUEUED 1
#define INPUTS 1
#define OPS 2
#define OVERLAPPED 1
#include "steps.pml"

active proctype thread_0() {
    START_RECV(0, 0, 0)
end: false
}

active proctype thread_1() {
    RECV(1, 0, 0)
end: false
}

active proctype thread_2() {
    byte guess, taken;
    CLOSE(0, 0)
end: false
}

active proctype thread_3() {
    byte guess, taken;
    CLOSE(0, 0)
end: false
}
