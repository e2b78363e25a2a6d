//! The overlapped operations of one worker, and what becomes of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use closesocket::engine::completions::{
    AlertableThread, Completion, CompletionQueue, Notify, Overlapped,
};
use closesocket::engine::{Descriptor, Error, ProcessId};

use super::schedule::Notice;

/// Keys name the connection in their upper bits.
const KEYS_PER_CONNECTION: u64 = 1 << 8;

/// The key of a connection's operation.
pub(super) const fn key(connection: u64, index: u64) -> u64 {
    connection * KEYS_PER_CONNECTION + index
}

/// The connection that a key belongs to.
pub(super) const fn connection_of(key: u64) -> u64 {
    key / KEYS_PER_CONNECTION
}

/// An operation that has not completed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) through: (ProcessId, Descriptor),
    pub(super) kind: Kind,
    /// Its reference was closed.
    pub(super) closed: bool,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It offers this many bytes.
    Send {
        offered: usize,
    },
    Receive,
}

/// A completion, with its operation's key.
pub(super) type Told = (u64, Completion);

/// Where the operations of a worker report.
pub(super) struct Notices {
    queue: CompletionQueue,
    routines: AlertableThread,
    /// Where routines put what they are told.
    ran: Sender<Told>,
    told: Receiver<Told>,
    /// Events that may still be set, and those that were.
    events: RefCell<Vec<(u64, Overlapped)>>,
    spent: RefCell<Vec<(u64, Overlapped)>>,
}

impl Notices {
    pub(super) fn new() -> Self {
        let (ran, told) = mpsc::channel();
        Self {
            queue: CompletionQueue::new(),
            routines: AlertableThread::new(),
            ran,
            told,
            events: RefCell::default(),
            spent: RefCell::default(),
        }
    }

    /// Where the operation of this key is to report.
    pub(super) fn of(&self, key: u64, notice: Notice) -> Notify {
        match notice {
            Notice::Queue => Notify::queue(&self.queue, key),
            Notice::Event => {
                let overlapped = Overlapped::new();
                let notify = Notify::event(&overlapped);
                self.events.borrow_mut().push((key, overlapped));
                notify
            }
            Notice::Routine => {
                let ran = self.ran.clone();
                Notify::routine(&self.routines, key, move |completion| {
                    // The receiver lives as long as the thread's routines.
                    let _ = ran.send((key, completion));
                })
            }
        }
    }

    /// Completions in the queue that nobody has taken.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes every completion that is there.
    pub(super) fn take(&self) -> Vec<Told> {
        let mut taken = Vec::new();
        while let Some(completion) = self.queue.take() {
            taken.push((completion.key, completion));
        }
        if self.routines.queued() > 0 {
            self.routines.wait(Some(Duration::ZERO));
        }
        taken.extend(self.told.try_iter());
        let mut spent = self.spent.borrow_mut();
        self.events.borrow_mut().retain(|(key, overlapped)| {
            let Some(completion) = overlapped.take() else {
                return true;
            };
            taken.push((*key, completion));
            spent.push((*key, overlapped.clone()));
            false
        });
        taken
    }

    /// Completions of events that had completed before.
    pub(super) fn repeated(&self) -> Vec<Told> {
        let again = |(key, overlapped): (u64, Overlapped)| Some((key, overlapped.take()?));
        self.spent.take().into_iter().filter_map(again).collect()
    }
}

/// Operations of which nobody expects to hear: nothing is told of the abort of
/// those whose process has ended, but what had completed before may still be
/// told; and those of a connection that was given up may end anyhow.
#[derive(Default)]
pub(super) struct Silent {
    ended: HashMap<u64, Operation>,
    given_up: HashMap<u64, Operation>,
}

impl Silent {
    /// The process of these operations has ended.
    pub(super) fn end(&mut self, operations: HashMap<u64, Operation>) {
        self.ended.extend(operations);
    }

    /// The connection of these operations was given up.
    pub(super) fn give_up(&mut self, operations: HashMap<u64, Operation>) {
        self.given_up.extend(operations);
    }

    /// Whether a completion of this key may come.
    pub(super) fn allows(&mut self, key: u64, completion: &Completion) -> bool {
        let aborted = completion.result == Err(Error::OperationAborted);
        self.given_up.remove(&key).is_some() || (self.ended.remove(&key).is_some() && !aborted)
    }
}
