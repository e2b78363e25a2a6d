/* Two threads are blocked in a recv and a send when a third closes their descriptor. */
#define INPUTS 1
#define WINDOW 1
#define QUEUED 1
#define OPS 2
#define SENDS 2
#define CHUNKS 1
#include "steps.pml"

active proctype thread_0() {
    RECV(0, 0, 0)
end: false
}

active proctype thread_1() {
    SEND(1, 0, 0)
end: false
}

active proctype thread_2() {
    byte guess, taken;
    CLOSE(0, 0)
end: false
}
