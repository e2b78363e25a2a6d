/*
 * The steps of the close protocol for one connected socket, written by hand after
 * models/src/steps and sharing no code with it. A scenario's file says what there
 * is, includes this one, and has a process for each thread's script.
 *
 * One transition is one atomic instruction or one critical section, as there.
 * Where a thread is in its script and its call is where its process is.
 * Unlike there, the socket's lock is a variable; who is blocked in an operation
 * waits for that to end; and whether a slot was recycled is a phase of its word.
 *
 * A scenario's file defines what is otherwise than here. SENDS and OVERLAPPED are
 * masks of operations, SLOT_i is the slot that one is started through, CHUNKS are
 * those of each send; there are two slots and four operations at most.
 */
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef QUEUED
#define QUEUED 0
#endif
#ifndef INPUTS
#define INPUTS 0
#endif
#ifndef MAY_BE_LOST
#define MAY_BE_LOST 0
#endif
#ifndef ACKNOWLEDGES
#define ACKNOWLEDGES 1
#endif
#ifndef LIMITED
#define LIMITED 0
#endif
#ifndef LAST_REFERENCE
#define LAST_REFERENCE 0
#endif
#ifndef UPCALLS
#define UPCALLS 1
#endif
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef OPS
#define OPS 0
#endif
#ifndef SENDS
#define SENDS 0
#endif
#ifndef OVERLAPPED
#define OVERLAPPED 0
#endif
#ifndef SLOT_0
#define SLOT_0 0
#endif
#ifndef SLOT_1
#define SLOT_1 0
#endif
#ifndef SLOT_2
#define SLOT_2 0
#endif
#ifndef SLOT_3
#define SLOT_3 0
#endif
#ifndef CHUNKS
#define CHUNKS 2
#endif
/* The word of a slot's first occupant. */
#define OPEN     0
#define SEALED   1
#define CLAIMED  2
#define FREED    3
/* An operation; the last two were told. */
#define IDLE      0
#define PENDING   1
#define COMPLETED 2
#define ABORTED   3
#define TOLD_COMPLETED 4
#define TOLD_ABORTED   5
/* The socket. */
#define LIVE      0
#define DRAINING  1
#define GRACEFUL  2
#define LOST      3
#define EXPIRED   4
/* Its send side. */
#define CLOSING   1
#define FINISHED  2

byte phase[SLOTS], holders[SLOTS];
bit returned[SLOTS];

#if OPS > 0
byte op[OPS], number[OPS], remaining[OPS] = CHUNKS;
bit succeeded[OPS];
#endif

bit locked, connected = 1, unread, receive_lost, reset;
byte socket, send_side, references = SLOTS, releases;
byte unsent = QUEUED, in_flight, accepted = QUEUED, acknowledged, inputs = INPUTS;

#define OF(mask, i)   ((mask) >> (i) & 1)
#define SLOT(i)       SLOT_##i
#define ROOM          (WINDOW - unsent - in_flight)
#define ENDING(i)     (op[i] == COMPLETED || op[i] == ABORTED)

/* A sum over the operations; `me` is one of them, for those that compare. */
#if OPS == 0
#define SUM(what, me)  (0)
#elif OPS == 1
#define SUM(what, me)  (what(0, me))
#elif OPS == 2
#define SUM(what, me)  (what(0, me) + what(1, me))
#elif OPS == 3
#define SUM(what, me)  (what(0, me) + what(1, me) + what(2, me))
#else
#define SUM(what, me)  (what(0, me) + what(1, me) + what(2, me) + what(3, me))
#endif

/* The same statements, or options, for each operation. */
#if OPS == 0
#define EACH(what, s)
#elif OPS == 1
#define EACH(what, s)  what(0, s)
#elif OPS == 2
#define EACH(what, s)  what(0, s) what(1, s)
#elif OPS == 3
#define EACH(what, s)  what(0, s) what(1, s) what(2, s)
#else
#define EACH(what, s)  what(0, s) what(1, s) what(2, s) what(3, s)
#endif

/* How many were registered in the direction of the sends, and of the receives. */
#define SENT(j, me)      (OF(SENDS, j) && op[j] != IDLE)
#define RECEIVED(j, me)  (!OF(SENDS, j) && op[j] != IDLE)
#define R_PENDING(j, me) (!OF(SENDS, j) && op[j] == PENDING)
/* Whether an earlier one of the same direction is pending. */
#define S_AHEAD(j, me)   (OF(SENDS, j) && op[j] == PENDING && number[j] < number[me])
#define R_AHEAD(j, me)   (!OF(SENDS, j) && op[j] == PENDING && number[j] < number[me])

/* The socket is released, once, and sends nothing more unless it has sent all. */
inline release(how) {
    assert(releases == 0 && references == 0 && socket <= DRAINING);
    socket = how;
    releases++;
    if
    :: how != GRACEFUL -> unsent = 0; in_flight = 0
    :: else -> assert(unsent + in_flight == 0 && accepted == acknowledged)
    fi
}

/* What follows of a change of the queue: the FIN, the end of the drain. */
inline go_on() {
    if
    :: connected && socket <= DRAINING && send_side == CLOSING && unsent == 0 ->
        send_side = FINISHED
    :: else
    fi;
    if
    :: connected && socket == DRAINING && unsent + in_flight == 0 && send_side == FINISHED ->
        release(GRACEFUL)
    :: else
    fi
}

/* The last close of the socket. */
inline end_of_socket() {
    if
    :: !connected -> release(LOST)
    :: else ->
        socket = DRAINING;
        send_side = CLOSING;
        go_on()
    fi
}

/* Gives up some holds with one fetch_sub. */
#define LAST_OUT(s, holds)  (phase[s] == SEALED && holders[s] == holds)

#define GIVE_UP(s, holds, n) \
    if \
    :: d_step { LAST_OUT(s, holds) -> holders[s] = 0 }; goto last_##n \
    :: d_step { !LAST_OUT(s, holds) -> holders[s] = holders[s] - (holds) }; goto done_##n \
    fi

/* The last one out: claim, upcall, recycle. */
#if UPCALLS
#define UPCALL(s)  d_step { assert(phase[s] == CLAIMED && !returned[s]); returned[s] = 1 };
#else
#define UPCALL(s)
#endif

#define CLAIM(s) \
    if \
    :: d_step { phase[s] == SEALED && holders[s] == 0 -> phase[s] = CLAIMED }; \
        UPCALL(s) \
        d_step { assert(phase[s] == CLAIMED); phase[s] = FREED; returned[s] = 0 } \
    :: !(phase[s] == SEALED && holders[s] == 0) \
    fi

/* The end of the call with this number in its script. */
#define ENDS(s, n) \
    last_##n: CLAIM(s); \
    done_##n:
/* An overlapped operation: enters for itself and for the operation. */
#define START(i, s, n, allowed, earlier) \
    if \
    :: d_step { phase[s] != OPEN -> holders[s] = holders[s] + 2 }; \
        GIVE_UP(s, 2, n) \
    :: d_step { phase[s] == OPEN -> holders[s] = holders[s] + 2 }; \
        if \
        :: d_step { !locked && !(phase[s] == OPEN && socket == LIVE && (allowed)) -> skip }; \
            GIVE_UP(s, 2, n) \
        :: d_step { !locked && phase[s] == OPEN && socket == LIVE && (allowed) -> \
                number[i] = earlier; \
                op[i] = PENDING \
            }; \
            GIVE_UP(s, 1, n) \
        fi \
    fi; \
    ENDS(s, n)

#define START_RECV(i, s, n)  START(i, s, n, !receive_lost, SUM(RECEIVED, i))

/* The section that registers a send accepts what fits; the thread of one that is
 * accepted as a whole posts that, and leaves for it first. */
#define START_SEND(i, s, n) \
    if \
    :: d_step { phase[s] != OPEN -> holders[s] = holders[s] + 2 }; \
        GIVE_UP(s, 2, n) \
    :: d_step { phase[s] == OPEN -> holders[s] = holders[s] + 2 }; \
        if \
        :: d_step { !locked && !(MAY(s) && MAY_SEND) -> skip }; \
            GIVE_UP(s, 2, n) \
        :: d_step { !locked && MAY(s) && MAY_SEND && remaining[i] > ROOM -> \
                accept_part(i); \
                number[i] = SUM(SENT, i); \
                op[i] = PENDING \
            }; \
            GIVE_UP(s, 1, n) \
        :: d_step { !locked && MAY(s) && MAY_SEND && remaining[i] <= ROOM -> \
                number[i] = SUM(SENT, i); \
                accept_rest(i); \
                op[i] = COMPLETED; \
                locked = 1 \
            }; \
            d_step { op[i] = TOLD_COMPLETED; number[i] = 0; locked = 0 }; \
            d_step { holders[s]-- }; \
            GIVE_UP(s, 1, n) \
        fi \
    fi; \
    ENDS(s, n)
#define MAY_SEND  (connected && send_side == 0)

/* A blocking operation: tries first, and sleeps until somebody ends it. */
#define BLOCK(i, s, n, section) \
    if \
    :: d_step { phase[s] != OPEN -> holders[s]++ }; \
        GIVE_UP(s, 1, n) \
    :: d_step { phase[s] == OPEN -> holders[s]++ }; \
        if \
        section(i, s) \
        fi; \
        if \
        :: d_step { TOLD(i) && LAST_OUT(s, 1) -> holders[s] = 0 }; goto last_##n \
        :: d_step { TOLD(i) && !LAST_OUT(s, 1) -> holders[s]-- }; goto done_##n \
        fi \
    fi; \
    ENDS(s, n)
#define TOLD(i)  (op[i] == IDLE || op[i] >= TOLD_COMPLETED)
#define MAY(s)   (phase[s] == OPEN && socket == LIVE)

/* What there is, is for the receives that are pending, in their order. */
#define FIRST    (SUM(R_PENDING, 0) == 0)

#define RECV(i, s, n)  BLOCK(i, s, n, RECV_SECTION)
#define RECV_SECTION(i, s) \
    :: d_step { !locked && !(MAY(s) && !receive_lost) -> skip } \
    :: d_step { !locked && MAY(s) && !receive_lost && FIRST && unread -> \
            unread = 0; \
            succeeded[i] = 1 \
        } \
    :: d_step { !locked && MAY(s) && !receive_lost && FIRST && !unread && !connected -> \
            receive_lost = 1 \
        } \
    :: d_step { !locked && MAY(s) && !receive_lost && !(FIRST && (unread || !connected)) -> \
            number[i] = SUM(RECEIVED, i); \
            op[i] = PENDING \
        }

#define SEND(i, s, n)  BLOCK(i, s, n, SEND_SECTION)
#define SEND_SECTION(i, s) \
    :: d_step { !locked && !(MAY(s) && connected) -> skip } \
    :: d_step { !locked && MAY(s) && connected && remaining[i] <= ROOM -> accept_rest(i) } \
    :: d_step { !locked && MAY(s) && connected && remaining[i] > ROOM -> \
            accept_part(i); \
            number[i] = SUM(SENT, i); \
            op[i] = PENDING \
        }

/* What a closer has taken out: `taken` is a mask, of its process. */
#define TAKEN(i, me)     OF(taken, i)
#define TO_POST(i, me)   (TAKEN(i, me) && OF(OVERLAPPED, i) && ENDING(i))
#define TO_ANSWER(i, me) (TAKEN(i, me) && !OF(OVERLAPPED, i) && ENDING(i))
#define S_ANSWER(j, me)  (OF(SENDS, j) && TO_ANSWER(j, me))
#define BEFORE(j, me)    (TO_POST(j, me) && (number[j] < number[me] || number[j] == number[me] && j < me))
/* Through another slot than this. */
#define ELSEWHERE(i, s) (TAKEN(i, s) && SLOT(i) != s)

#define TAKE(i, s) \
    if \
    :: op[i] == PENDING && (LAST_REFERENCE || SLOT(i) == s) -> \
        op[i] = ABORTED; \
        taken = taken | 1 << i \
    :: else \
    fi;

#define POST(me, s) \
    :: d_step { TO_POST(me, me) && SUM(BEFORE, me) == 0 -> \
            op[me] = TOLD_ABORTED; \
            number[me] = 0; \
            locked = SUM(TO_POST, me) > 0 \
        }
/* Threads blocked in sends are answered first. */
#define ANSWER(i, s) \
    :: d_step { SUM(TO_POST, i) == 0 && TO_ANSWER(i, i) && (OF(SENDS, i) || SUM(S_ANSWER, i) == 0) -> \
            op[i] = TOLD_ABORTED; \
            number[i] = 0; \
            taken = taken & (15 - (1 << i)) \
        }

/* What it took out through the other slot; `at` says that it went on to claim that,
 * which the model still knows while it closes its own. */
#define ALL_TOLD  (SUM(TO_POST, 0) + SUM(TO_ANSWER, 0) == 0)
#if LAST_REFERENCE
#define LEAVE_OTHERS(s) \
    :: d_step { ALL_TOLD && SUM(ELSEWHERE, s) > 0 && LAST_OUT(1 - s, SUM(ELSEWHERE, s)) -> \
            holders[1 - s] = 0; \
            taken = taken & OF_SLOT(s); \
            at = 1 \
        }; \
        CLAIM(1 - s) \
    :: d_step { ALL_TOLD && SUM(ELSEWHERE, s) > 0 && !LAST_OUT(1 - s, SUM(ELSEWHERE, s)) -> \
            holders[1 - s] = holders[1 - s] - SUM(ELSEWHERE, s); \
            taken = taken & OF_SLOT(s) \
        }
#define OF_SLOT(s)  (SLOT_0 == s | (SLOT_1 == s) << 1 | (SLOT_2 == s) << 2 | (SLOT_3 == s) << 3)
#define FORGET  at = 0
#else
#define LEAVE_OTHERS(s)
#define FORGET
#endif

/* A close. `guess` and `taken` are variables of its process. */
#define CLOSE(s, n) \
    if \
    :: phase[s] != OPEN -> goto done_##n \
    :: phase[s] == OPEN \
    fi; \
    if \
    :: !locked && phase[s] != OPEN -> goto done_##n \
    :: d_step { !locked && phase[s] == OPEN -> locked = 1; guess = holders[s] } \
    fi; \
    do \
    :: d_step { guess != holders[s] -> guess = holders[s] } \
    :: d_step { guess == holders[s] -> \
            assert(phase[s] == OPEN && locked); \
            guess = 0; \
            phase[s] = SEALED; \
            holders[s]++; \
            references--; \
            if \
            :: LAST_REFERENCE && references > 0 \
            :: else -> EACH(TAKE, s) skip \
            fi; \
            if \
            :: references == 0 -> end_of_socket() \
            :: else \
            fi; \
            locked = SUM(TO_POST, 0) > 0 \
        }; \
        break \
    od; \
    do \
    EACH(POST, s) \
    EACH(ANSWER, s) \
    LEAVE_OTHERS(s) \
    :: d_step { ALL_TOLD && SUM(ELSEWHERE, s) == 0 && LAST_OUT(s, SUM(TAKEN, 0) + 1) -> \
            holders[s] = 0; \
            taken = 0; \
            FORGET \
        }; \
        goto last_##n \
    :: d_step { ALL_TOLD && SUM(ELSEWHERE, s) == 0 && !LAST_OUT(s, SUM(TAKEN, 0) + 1) -> \
            holders[s] = holders[s] - SUM(TAKEN, 0) - 1; \
            taken = 0; \
            FORGET \
        }; \
        goto done_##n \
    od; \
    ENDS(s, n)

/* The transport's worker: a pending operation that can end, or go on. A send goes on
 * when a chunk is acknowledged, which makes room for one. */
#define CAN_RECV(me) \
    (!OF(SENDS, me) && !locked && op[me] == PENDING && SUM(R_AHEAD, me) == 0 && \
        (unread || receive_lost || !connected))
#define CAN_SEND(me) \
    (OF(SENDS, me) && !locked && op[me] == PENDING && SUM(S_AHEAD, me) == 0 && \
        connected && ACKNOWLEDGES && in_flight > 0)

/* A loss ends all that wait. */
#define LOSE_RECV(i, s)  LOSE(i, !OF(SENDS, i))
#define LOSE_SEND(i, s)  LOSE(i, OF(SENDS, i))
#define LOSE(i, its) \
    if \
    :: its && op[i] == PENDING -> op[i] = COMPLETED; taken = taken | 1 << i \
    :: else \
    fi;

inline complete_recv(me) {
    assert(socket == LIVE);
    if
    :: !receive_lost && unread ->
        unread = 0;
        succeeded[me] = 1;
        op[me] = COMPLETED;
        taken = 1 << me
    :: else ->
        receive_lost = 1;
        EACH(LOSE_RECV, 0) skip
    fi;
    locked = SUM(TO_POST, 0) > 0
}
inline acknowledge() {
    acknowledged++;
    in_flight--
}

inline accept_part(me) {
    accepted = accepted + ROOM;
    remaining[me] = remaining[me] - ROOM;
    unsent = unsent + ROOM
}

inline accept_rest(me) {
    unsent = unsent + remaining[me];
    accepted = accepted + remaining[me];
    remaining[me] = 0;
    succeeded[me] = 1
}

/* What it can do for an operation, and how it then tells the result. */
#define WORK(i, s) \
    :: d_step { CAN_RECV(i) -> complete_recv(i) }; goto tell \
    :: d_step { CAN_SEND(i) && remaining[i] <= ROOM + 1 -> \
            assert(socket == LIVE); \
            acknowledge(); \
            accept_rest(i); \
            op[i] = COMPLETED; \
            taken = 1 << i; \
            locked = OF(OVERLAPPED, i) \
        }; \
        goto tell \
    :: d_step { CAN_SEND(i) && remaining[i] > ROOM + 1 -> acknowledge(); accept_part(i) }

#define TELL(i, s) \
    :: d_step { TO_POST(i, i) && SUM(BEFORE, i) == 0 -> \
            op[i] = TOLD_COMPLETED; \
            number[i] = 0; \
            locked = SUM(TO_POST, 0) > 0 \
        } \
    :: d_step { SUM(TO_POST, i) == 0 && TO_ANSWER(i, i) && taken != 1 << i -> answer(i) } \
    :: d_step { SUM(TO_POST, i) == 0 && TO_ANSWER(i, i) && taken == 1 << i -> answer(i) }; \
        goto end_idle

inline answer(me) {
    op[me] = TOLD_COMPLETED;
    number[me] = 0;
    taken = taken & (15 - (1 << me))
}

/* Where it has taken out what it has: all through one slot. */
#define AT_0     (SUM(ELSEWHERE, 0) == 0)
#define AT_SLOT  (AT_0 -> 0 : SLOTS - 1)
#define CAN_MOVE  (!locked && connected && socket <= DRAINING)
#define S_PENDING(j, me)  (OF(SENDS, j) && op[j] == PENDING)
#define SENDS_WAIT        (socket == LIVE && SUM(S_PENDING, 0) > 0)

#if OPS > 0
active proctype worker() {
    byte taken;
end_idle:
    do
    EACH(WORK, 0)
    :: d_step { CAN_MOVE && MAY_BE_LOST && SENDS_WAIT -> \
            connected = 0; \
            unsent = 0; \
            in_flight = 0; \
            EACH(LOSE_SEND, 0) \
            locked = SUM(TO_POST, 0) > 0 \
        }; \
        goto tell
    od;
tell:
    do
    EACH(TELL, 0)
    :: d_step { ALL_TOLD && OVERLAPPED != 0 && AT_0 && LAST_OUT(0, SUM(TAKEN, 0)) -> \
            holders[0] = 0; \
            taken = 0 \
        }; \
        goto last_0
    :: d_step { ALL_TOLD && OVERLAPPED != 0 && !AT_0 && LAST_OUT(SLOTS - 1, SUM(TAKEN, 0)) -> \
            holders[SLOTS - 1] = 0; \
            taken = 0 \
        }; \
        goto last_1
    :: d_step { ALL_TOLD && OVERLAPPED != 0 && !LAST_OUT(AT_SLOT, SUM(TAKEN, 0)) -> \
            holders[AT_SLOT] = holders[AT_SLOT] - SUM(TAKEN, 0); \
            taken = 0 \
        }; \
        goto end_idle
    od;
last_0:
    CLAIM(0);
    goto end_idle;
last_1:
    CLAIM(SLOTS - 1);
    goto end_idle
}
#endif
/* The peer, the network and the clock. */
active proctype surroundings() {
end:
    do
    :: d_step { CAN_MOVE && unsent > 0 -> unsent--; in_flight++; go_on() }
    :: d_step { CAN_MOVE && ACKNOWLEDGES && in_flight > 0 && !SENDS_WAIT ->
            acknowledge();
            go_on()
        }
    :: d_step { CAN_MOVE && MAY_BE_LOST && !SENDS_WAIT ->
            if
            :: socket == LIVE -> connected = 0; unsent = 0; in_flight = 0
            :: else -> release(LOST)
            fi
        }
    :: d_step { CAN_MOVE && inputs > 0 -> inputs--; unread = 1 }
    :: d_step { !locked && LIMITED && socket == DRAINING -> reset = 1; release(EXPIRED) }
    od
}

/* Nothing can happen any more: then nothing is left open. */
#define LEFT(i, me)  (op[i] == PENDING || ENDING(i))

active proctype rest() {
    atomic { timeout ->
        assert(releases == 1 && references == 0 && !locked && SUM(LEFT, 0) == 0);
        assert(phase[0] == FREED && holders[0] == 0);
#if SLOTS > 1
        assert(phase[1] == FREED && holders[1] == 0);
#endif
    }
end: false
}
