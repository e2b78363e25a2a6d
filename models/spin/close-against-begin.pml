/* A close meets calls that are just beginning: admitted, registered, or too late. */
#define OPS 4
#define SENDS 8
#define OVERLAPPED 11
#include "steps.pml"

active proctype thread_0() {
    START_RECV(0, 0, 0)
    START_RECV(1, 0, 1)
end: false
}

active proctype thread_1() {
    RECV(2, 0, 0)
end: false
}

active proctype thread_2() {
    START_SEND(3, 0, 0)
end: false
}

active proctype thread_3() {
    byte guess, taken;
    CLOSE(0, 0)
    CLOSE(0, 1)
end: false
}
