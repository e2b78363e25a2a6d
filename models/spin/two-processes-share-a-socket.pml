/* Two processes share a socket, each with operations and queued data, and both close it. */
#define QUEUED 1
#define INPUTS 1
#define MAY_BE_LOST 1
#define SLOTS 2
#define OPS 3
#define SENDS 1
#define OVERLAPPED 3
#define SLOT_1 1
#include "steps.pml"

active proctype thread_0() {
    byte guess, taken;
    START_SEND(0, 0, 0)
    CLOSE(0, 1)
end: false
}

active proctype thread_1() {
    byte guess, taken;
    START_RECV(1, 1, 0)
    CLOSE(1, 1)
end: false
}

active proctype thread_2() {
    RECV(2, 0, 0)
end: false
}

active proctype thread_3() {
    byte guess, taken;
    CLOSE(1, 0)
end: false
}
