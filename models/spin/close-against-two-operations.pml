/* A close aborts a blocked recv and an overlapped send of other threads together. */
#define INPUTS 1
#define WINDOW 1
#define OPS 2
#define SENDS 2
#define OVERLAPPED 2
#include "steps.pml"

active proctype thread_0() {
    RECV(0, 0, 0)
end: false
}

active proctype thread_1() {
    START_SEND(1, 0, 0)
end: false
}

active proctype thread_2() {
    byte guess, taken;
    CLOSE(0, 0)
end: false
}
