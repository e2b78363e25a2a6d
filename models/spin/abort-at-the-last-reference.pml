/* Under AbortScope::LastReference the operations outlive their descriptor until the last close. */
#define QUEUED 1
#define INPUTS 1
#define LAST_REFERENCE 1
#define SLOTS 2
#define OPS 3
#define OVERLAPPED 3
#define SLOT_1 1
#include "steps.pml"

active proctype thread_0() {
    byte guess, taken, at;
    START_RECV(0, 0, 0)
    CLOSE(0, 1)
end: false
}

active proctype thread_1() {
    byte guess, taken, at;
    START_RECV(1, 1, 0)
    CLOSE(1, 1)
end: false
}

active proctype thread_2() {
    RECV(2, 0, 0)
end: false
}

active proctype thread_3() {
    byte guess, taken, at;
    CLOSE(1, 0)
end: false
}
