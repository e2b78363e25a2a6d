//! Single steps that the invariants have to condemn: those that neither the
//! model nor any of its defects takes (`models/tests/verdicts.rs` has the rest).
//! Sockets that another operating system process shares are not modelled (D9).

#![allow(clippy::unwrap_used)]

use closesocket::protocol::invariant::{
    DescriptorState, DescriptorView, Event, Invariant, OperationState, OperationView, RecordView,
    SocketView, Step, World, violations, violations_of,
};
use closesocket::protocol::{
    AbortScope, Cause, Ending, Error, Phase, ProcessId, SendSide, Socket, UnreadInput, Waiting,
};

/// A socket that nobody refers to any more.
struct Alone(SocketView);

impl World for Alone {
    fn slots(&self) -> usize {
        0
    }

    fn descriptor(&self, _: usize) -> DescriptorView {
        unreachable!("there are no slots")
    }

    fn sockets(&self) -> usize {
        1
    }

    fn socket(&self, _: usize) -> SocketView {
        self.0
    }

    fn operations(&self) -> usize {
        0
    }

    fn operation(&self, _: usize) -> OperationView {
        unreachable!("there are no operations")
    }

    fn records(&self) -> usize {
        0
    }

    fn record(&self, _: usize) -> RecordView {
        unreachable!("there are no records")
    }

    fn at_rest(&self) -> Option<usize> {
        None
    }
}

/// How a drain of ten accepted bytes ended.
struct End {
    ending: Ending,
    transferred: bool,
    unsent: u32,
    acknowledged: u32,
    send_side: SendSide,
    reset: bool,
}

const GRACEFUL: End = End {
    ending: Ending::Graceful,
    transferred: false,
    unsent: 0,
    acknowledged: 10,
    send_side: SendSide::Finished,
    reset: false,
};

const HANDED_OVER: End = End {
    ending: Ending::HandedOver,
    transferred: true,
    acknowledged: 0,
    ..GRACEFUL
};

/// Whether `queued-data-sent-when-graceful` holds of that step.
fn holds(end: &End) -> bool {
    let listener = Socket::new(100, AbortScope::Descriptor, UnreadInput::Discard);
    let draining = Socket {
        phase: Phase::Draining { deadline: None },
        references: 0,
        transferred: end.transferred,
        unsent: 10,
        send_side: SendSide::Closing,
        ..Socket::accepted(&listener)
    };
    let ended = Socket {
        phase: Phase::Closed(end.ending),
        unsent: end.unsent,
        send_side: end.send_side,
        ..draining
    };
    let world = |machine, releases, acknowledged, reset| {
        Alone(SocketView {
            machine,
            releases,
            accepted: 10,
            acknowledged,
            reset,
            waiting_connections: 0,
            locked_by_waiter: false,
        })
    };
    let step = Step {
        before: &world(draining, 0, 0, false),
        event: Event::Internal,
        after: &world(ended, 1, end.acknowledged, end.reset),
    };
    let mut table = Invariant::<Alone>::TABLE.iter();
    let invariant = table.find(|it| it.id == "queued-data-sent-when-graceful");
    (invariant.unwrap().predicate)(&step)
}

#[test]
fn l_t1_a_graceful_end_is_acknowledged_finished_and_no_reset() {
    assert!(holds(&GRACEFUL));
    for end in [
        End {
            acknowledged: 9,
            ..GRACEFUL
        },
        End {
            send_side: SendSide::Closing,
            ..GRACEFUL
        },
        End {
            reset: true,
            ..GRACEFUL
        },
    ] {
        assert!(!holds(&end));
    }
}

#[test]
fn d9_only_a_transferred_socket_hands_over_and_only_all_of_its_queue() {
    assert!(holds(&HANDED_OVER));
    for end in [
        End {
            unsent: 1,
            ..HANDED_OVER
        },
        End {
            transferred: false,
            ..HANDED_OVER
        },
    ] {
        assert!(!holds(&end));
    }
}

/// Two descriptors of one socket under `AbortScope::LastReference`, with an
/// operation through the second.
struct Shared {
    first: DescriptorState,
    operation: OperationState,
}

impl World for Shared {
    fn slots(&self) -> usize {
        2
    }

    fn descriptor(&self, slot: usize) -> DescriptorView {
        DescriptorView {
            generation: 1,
            state: [self.first, DescriptorState::Open][slot],
            process: ProcessId(1),
            socket: 0,
            inside: slot,
            handle_returns: 0,
            retired: false,
        }
    }

    fn sockets(&self) -> usize {
        1
    }

    fn socket(&self, _: usize) -> SocketView {
        SocketView {
            machine: Socket::new(100, AbortScope::LastReference, UnreadInput::Discard),
            releases: 0,
            accepted: 0,
            acknowledged: 0,
            reset: false,
            waiting_connections: 0,
            locked_by_waiter: false,
        }
    }

    fn operations(&self) -> usize {
        1
    }

    fn operation(&self, _: usize) -> OperationView {
        OperationView {
            slot: 1,
            generation: 1,
            socket: 0,
            waiting: Waiting::Overlapped,
            state: self.operation,
        }
    }

    fn records(&self) -> usize {
        0
    }

    fn record(&self, _: usize) -> RecordView {
        unreachable!("there are no records")
    }

    fn at_rest(&self) -> Option<usize> {
        None
    }
}

#[test]
fn d7_a_close_that_is_not_the_last_takes_no_operation_of_another_descriptor() {
    let undisturbed = |operation| {
        let before = Shared {
            first: DescriptorState::Open,
            operation: OperationState::Pending,
        };
        let after = Shared {
            first: DescriptorState::Closed(Cause::Call),
            operation,
        };
        let event = Event::Committed {
            slot: 0,
            generation: 1,
            cause: Cause::Call,
            wait: false,
        };
        let step = Step {
            before: &before,
            event,
            after: &after,
        };
        let mut table = Invariant::<Shared>::TABLE.iter();
        let invariant = table.find(|it| it.id == "other-descriptors-undisturbed");
        (invariant.unwrap().predicate)(&step)
    };
    assert!(undisturbed(OperationState::Pending));
    assert!(!undisturbed(OperationState::Ending(Some(Cause::Call))));
}

#[test]
fn d2_a_close_that_finds_an_open_descriptor_closed_is_condemned() {
    let refused = |first| {
        let world = Shared {
            first,
            operation: OperationState::Pending,
        };
        let step = Step {
            before: &world,
            event: Event::CloseRefused {
                slot: 0,
                generation: 1,
                cause: Cause::Call,
                error: Error::NotSocket,
            },
            after: &world,
        };
        // It changes nothing: what heeds its event has to see it.
        let heeding = Invariant::<Shared>::heeding_event(step.event);
        let judged = violations_of(&step, heeding);
        assert_eq!(judged, violations(&step));
        let table = Invariant::<Shared>::TABLE.iter().enumerate();
        let violated = table.filter(|(index, _)| judged.contains(*index));
        violated.map(|(_, it)| it.id).collect::<Vec<_>>()
    };
    let closed = DescriptorState::Closed(Cause::Call);
    assert_eq!(refused(DescriptorState::Open), ["one-close-wins"]);
    assert!(refused(closed).is_empty());
}
