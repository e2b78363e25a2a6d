//! A trace in which one decisive event is missing, is there twice or tells
//! something else is rejected, although its numbers are made to fit. What is
//! not decisive is named in `docs/trace.md`, and here.

use crate::common::history::{Trace, history};
use crate::common::numbering::{may_be_missing, renumber};
use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Order, Step};
use closesocket::engine::{Descriptor, Error, ProcessId};
use closesocket::protocol::word::{HOLDER, Word};
use closesocket::protocol::{Cause, HandleKind, Input, OperationKind, Socket, Waiting};
use closesocket_trace::{read, replay, to_text};
use proptest::prelude::*;
use proptest::sample::Index;

fn word(word: Word) -> Word {
    Word::from_bits(word.bits() + HOLDER)
}

fn machine(machine: Socket) -> Socket {
    Socket {
        window: machine.window + 1,
        ..machine
    }
}

fn number(operation: OperationId) -> OperationId {
    OperationId {
        number: operation.number + 1,
        ..operation
    }
}

fn process(process: ProcessId) -> ProcessId {
    ProcessId(process.0 + 1)
}

fn descriptor(it: Descriptor) -> Descriptor {
    Descriptor::new(it.slot(), it.generation() + 1)
}

fn other(error: Option<Error>) -> Option<Error> {
    match error {
        Some(Error::NoBuffers) => Some(Error::TimedOut),
        _ => Some(Error::NoBuffers),
    }
}

fn change(input: Input) -> Input {
    match input {
        Input::Linger(linger) => Input::Linger(linger.set_on(linger.seconds().unwrap_or(7) + 1)),
        Input::Nonblocking(it) => Input::Nonblocking(!it),
        Input::InputUnread(it) => Input::InputUnread(!it),
        Input::Transmitted { bytes } => Input::Transmitted { bytes: bytes + 1 },
        Input::Acknowledged { bytes } => Input::Acknowledged { bytes: bytes + 1 },
        // More than the window may be the same.
        Input::BytesOffered { .. } => Input::BytesOffered { bytes: 0 },
        Input::ConnectFinished { connected } => Input::ConnectFinished {
            connected: !connected,
        },
        _ => Input::ReceiveShut,
    }
}

/// Tells one thing of an observation otherwise.
type Otherwise = fn(&mut Observation);

/// The observation with one decisive thing told otherwise; which one is picked
/// by a number. Where it happened is told otherwise where that is decisive.
fn changed(observation: Observation, pick: usize) -> Option<Observation> {
    let mut it = observation;
    let (by, through, saw) = match it.step {
        Step::Opened { .. } | Step::Left { .. } | Step::Committed { .. } => (true, true, true),
        Step::Entered { admitted, .. } => (true, admitted, true),
        Step::Claimed { .. } => (false, true, true),
        Step::CloseReturned { .. } | Step::HandleReturned { .. } => (false, true, false),
        Step::Recycled { .. } => (false, false, true),
        Step::Redeemed { .. } | Step::SweepBegan { .. } | Step::SweepEnded => (true, false, false),
        _ => (false, false, false),
    };
    let where_it_was: [(bool, Otherwise); 3] = [
        (by, |it| it.process = it.process.map(process)),
        (through, |it| it.descriptor = it.descriptor.map(descriptor)),
        (saw, |it| it.before = it.before.map(word)),
    ];
    let header: Vec<_> = where_it_was.iter().filter(|it| it.0).collect();
    let among = header.len() + ways(&it);
    if among == 0 {
        return None;
    }
    match header.get(pick % among) {
        Some((_, tell_otherwise)) => tell_otherwise(&mut it),
        None => change_step(&mut it, pick % among - header.len()),
    }
    Some(it)
}

/// In how many ways the step itself can be told otherwise.
const fn ways(observation: &Observation) -> usize {
    match observation.step {
        Step::SweepEnded | Step::SweepBegan { .. } | Step::Released => 0,
        Step::Committed { .. } => 6,
        Step::Registered { .. } | Step::CloseReturned { .. } | Step::Reclaimed { .. } => 3,
        Step::Entered { .. }
        | Step::Changed { .. }
        | Step::Taken { .. }
        | Step::Delivered { .. }
        | Step::Duplicated { .. } => 2,
        _ => 1,
    }
}

fn change_step(it: &mut Observation, picked: usize) {
    match &mut it.step {
        Step::Began { handle_kind, .. } => {
            *handle_kind = match handle_kind {
                HandleKind::Ifs => HandleKind::NonIfs,
                HandleKind::NonIfs => HandleKind::Ifs,
            }
        }
        Step::Opened { life } => *life += 1,
        Step::Entered { holders, admitted } => match picked {
            0 => *holders += 1,
            _ => *admitted = !*admitted,
        },
        Step::Left { holders } => *holders += 1,
        Step::SealMissed => {
            it.before = it.before.map(|it| Word::from_bits(it.bits() | 1 << 29));
        }
        Step::Committed {
            cause,
            last,
            wait,
            actions,
            aborted,
            machine: after,
            ..
        } => match picked {
            0 => {
                *cause = match cause {
                    Cause::Call => Cause::Cleanup,
                    _ => Cause::Call,
                }
            }
            1 => *last = !*last,
            2 => *wait = !*wait,
            3 => actions.reset = !actions.reset,
            4 => *aborted += 1,
            _ => *after = machine(*after),
        },
        Step::CloseRefused { error, .. } => *error = other(Some(*error)).unwrap(),
        Step::CloseReturned {
            committed,
            waited,
            error,
        } => match picked {
            0 => *committed = !*committed,
            1 => *waited = !*waited,
            _ => *error = other(*error),
        },
        Step::Created { machine: after } => *after = machine(*after),
        Step::Changed {
            input,
            machine: after,
            ..
        } => match picked {
            0 if !matches!(input, Input::ReceiveShut | Input::Expired { .. }) => {
                *input = change(*input);
            }
            _ => *after = machine(*after),
        },
        Step::Ordered { order } => {
            *order = match order {
                Order::Fin => Order::Reset,
                _ => Order::Fin,
            }
        }
        Step::Started { error, .. } => *error = other(*error),
        step => change_operation(step, picked),
    }
}

fn change_operation(step: &mut Step, picked: usize) {
    match step {
        Step::Registered {
            operation,
            does,
            waiting,
        } => match picked {
            0 => *operation = number(*operation),
            1 => {
                *does = match does {
                    OperationKind::Recv => OperationKind::Send,
                    _ => OperationKind::Recv,
                }
            }
            _ => {
                *waiting = match waiting {
                    Waiting::Blocked => Waiting::Overlapped,
                    Waiting::Overlapped => Waiting::Blocked,
                }
            }
        },
        Step::Taken {
            operation, aborted, ..
        } => match picked {
            0 => *operation = number(*operation),
            _ => {
                *aborted = match aborted {
                    None => Some(Cause::Call),
                    Some(_) => None,
                }
            }
        },
        Step::Delivered {
            operation, posted, ..
        } => match picked {
            0 => *operation = number(*operation),
            _ => *posted = !*posted,
        },
        Step::Cancelled { operation, .. } | Step::Resumed { operation } => {
            *operation = number(*operation);
        }
        Step::LingerEnded { drained } => *drained = !*drained,
        Step::Claimed { won } => *won = !*won,
        Step::HandleReturned { succeeded } => *succeeded = !*succeeded,
        Step::Recycled { retired } => *retired = !*retired,
        Step::Duplicated { record, target } => match picked {
            0 => *record += 1,
            _ => *target = process(*target),
        },
        Step::Redeemed { record } => *record += 1,
        Step::Reclaimed {
            record,
            last,
            machine: after,
            ..
        } => match picked {
            0 => *record += 1,
            1 => *last = !*last,
            _ => *after = machine(*after),
        },
        _ => {}
    }
}

/// How a trace is spoiled.
#[derive(Clone, Copy, Debug)]
enum Spoil {
    Delete,
    Duplicate,
    Change(usize),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        Just(Spoil::Delete),
        Just(Spoil::Duplicate),
        any::<usize>().prop_map(Spoil::Change)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_trace_is_rejected(Trace(records) in history(), spoils in prop::collection::vec((any::<Index>(), spoil()), 40)) {
        for (index, spoil) in spoils {
            let at = index.index(records.len());
            let victim = records[at];
            let mut spoilt = records.clone();
            match spoil {
                Spoil::Delete | Spoil::Duplicate if may_be_missing(&victim.observation) => continue,
                Spoil::Delete => drop(spoilt.remove(at)),
                Spoil::Duplicate => spoilt.insert(at, victim),
                Spoil::Change(pick) => match changed(victim.observation, pick) {
                    Some(observation) => spoilt[at].observation = observation,
                    None => continue,
                },
            }
            renumber(&mut spoilt);
            let verdict = replay(&spoilt);
            prop_assert!(!verdict.accepted, "{spoil:?} of {victim:?} was not noticed");
            // It is said in words, and not as values of this program.
            let told = verdict.first_problem.unwrap().to_string();
            for debug in [" { ", "Some(", "None", "Order(", "Anything"] {
                prop_assert!(!told.contains(debug), "{told}");
            }
        }
    }

    #[test]
    fn a_missing_or_repeated_line_is_refused(Trace(records) in history(), index: Index, twice: bool) {
        let text = to_text(&records);
        let mut lines: Vec<&str> = text.lines().collect();
        let at = index.index(lines.len());
        if twice {
            lines.insert(at, lines[at]);
        } else {
            lines.remove(at);
        }
        prop_assert!(read(lines.join("\n").as_bytes()).is_err());
    }
}
