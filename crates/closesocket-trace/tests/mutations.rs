//! A trace in which one decisive event is missing, is there twice or tells
//! something else is rejected, although its numbers are made to fit. What is
//! not decisive is named in `docs/trace.md`, and here.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

mod common;

use closesocket::engine::{Descriptor, Error, Observation, OperationId, Order, ProcessId};
use closesocket::protocol::word::{HOLDER, Word};
use closesocket::protocol::{Cause, HandleKind, Input, OperationKind, Socket, Waiting};
use closesocket_trace::{read, replay, to_text};
use common::numbering::{may_be_missing, renumber};
use common::{Trace, history};
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

/// The observation with one decisive thing told otherwise; which one is picked
/// by a number.
fn changed(observation: Observation, pick: usize) -> Option<Observation> {
    let mut it = observation;
    let picked = |among: usize| pick % among;
    match &mut it {
        Observation::Began { handle_kind, .. } => {
            *handle_kind = match handle_kind {
                HandleKind::Ifs => HandleKind::NonIfs,
                HandleKind::NonIfs => HandleKind::Ifs,
            }
        }
        Observation::Opened {
            process: by,
            descriptor: d,
            life,
            before,
            ..
        } => match picked(4) {
            0 => *by = process(*by),
            1 => *d = descriptor(*d),
            2 => *life += 1,
            _ => *before = word(*before),
        },
        Observation::Entered {
            process: by,
            descriptor: d,
            before,
            holders,
            admitted,
        } => match picked(5) {
            0 => *by = process(*by),
            1 if *admitted => *d = descriptor(*d),
            1 | 2 => *before = word(*before),
            3 => *holders += 1,
            _ => *admitted = !*admitted,
        },
        Observation::Left {
            process: by,
            descriptor: d,
            before,
            holders,
        } => match picked(4) {
            0 => *by = process(*by),
            1 => *d = descriptor(*d),
            2 => *before = word(*before),
            _ => *holders += 1,
        },
        Observation::SealMissed { before, .. } => {
            *before = Word::from_bits(before.bits() | 1 << 29);
        }
        Observation::Committed {
            process: by,
            descriptor: d,
            before,
            cause,
            last,
            wait,
            actions,
            aborted,
            machine: after,
            ..
        } => match picked(9) {
            0 => *by = process(*by),
            1 => *d = descriptor(*d),
            2 => *before = word(*before),
            3 => {
                *cause = match cause {
                    Cause::Call => Cause::Cleanup,
                    _ => Cause::Call,
                }
            }
            4 => *last = !*last,
            5 => *wait = !*wait,
            6 => actions.reset = !actions.reset,
            7 => *aborted += 1,
            _ => *after = machine(*after),
        },
        Observation::CloseRefused { error, .. } => *error = other(Some(*error)).unwrap(),
        Observation::CloseReturned {
            descriptor: d,
            committed,
            waited,
            error,
            ..
        } => match picked(4) {
            0 => *d = descriptor(*d),
            1 => *committed = !*committed,
            2 => *waited = !*waited,
            _ => *error = other(*error),
        },
        Observation::Created { machine: after, .. } => *after = machine(*after),
        Observation::Changed {
            input: how,
            machine: after,
            ..
        } => match picked(2) {
            0 if !matches!(how, Input::ReceiveShut | Input::Expired { .. }) => {
                *how = change(*how);
            }
            _ => *after = machine(*after),
        },
        Observation::Ordered { order, .. } => {
            *order = match order {
                Order::Fin => Order::Reset,
                _ => Order::Fin,
            }
        }
        Observation::Started { error, .. } => *error = other(*error),
        Observation::Registered {
            operation,
            does,
            waiting,
            ..
        } => match picked(3) {
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
        Observation::Taken {
            operation, aborted, ..
        } => match picked(2) {
            0 => *operation = number(*operation),
            _ => {
                *aborted = match aborted {
                    None => Some(Cause::Call),
                    Some(_) => None,
                }
            }
        },
        Observation::Delivered {
            operation, posted, ..
        } => match picked(2) {
            0 => *operation = number(*operation),
            _ => *posted = !*posted,
        },
        Observation::Resumed { operation } => *operation = number(*operation),
        Observation::LingerEnded { drained, .. } => *drained = !*drained,
        Observation::Claimed {
            descriptor: d,
            before,
            won,
            ..
        } => match picked(3) {
            0 => *d = descriptor(*d),
            1 => *before = word(*before),
            _ => *won = !*won,
        },
        Observation::HandleReturned {
            descriptor: d,
            succeeded,
            ..
        } => match picked(2) {
            0 => *d = descriptor(*d),
            _ => *succeeded = !*succeeded,
        },
        Observation::Recycled {
            before, retired, ..
        } => match picked(2) {
            0 => *before = word(*before),
            _ => *retired = !*retired,
        },
        Observation::Duplicated { record, target, .. } => match picked(2) {
            0 => *record += 1,
            _ => *target = process(*target),
        },
        Observation::Redeemed { record, by, .. } => match picked(2) {
            0 => *record += 1,
            _ => *by = process(*by),
        },
        Observation::Reclaimed {
            record,
            last,
            machine: after,
            ..
        } => match picked(3) {
            0 => *record += 1,
            1 => *last = !*last,
            _ => *after = machine(*after),
        },
        Observation::SweepBegan { process: by, .. } | Observation::SweepEnded { process: by } => {
            *by = process(*by);
        }
        _ => return None,
    }
    Some(it)
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
            prop_assert!(!replay(&spoilt).accepted, "{spoil:?} of {victim:?} was not noticed");
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
