//! What one thread of the engine is in the middle of: which holds it has, and
//! what it must do next.

use std::collections::{HashMap, HashSet};
use std::fmt;

use closesocket::engine::completions::OperationId;
use closesocket::engine::{Descriptor, Error, ProcessId, SocketId};
use closesocket::protocol::program::{Next, Owed};
use closesocket::protocol::word::Word;
use closesocket::protocol::{Cause, OperationKind, Socket};

use super::Verdict;

/// A process's descriptor.
pub(super) type Name = (ProcessId, Descriptor);

/// The holds of one thread on one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holds {
    /// Calls that were let in.
    pub(super) calls: u64,
    /// Of overlapped ones, holds for operations that are not registered.
    pub(super) operations: u64,
    /// Operations that it has delivered, and must leave for.
    pub(super) delivered: u64,
}

/// A close that has committed or was refused, and has not returned.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) name: Name,
    /// Of one that has committed.
    pub(super) socket: Option<SocketId>,
    /// What it has taken out and not told yet.
    pub(super) results: HashSet<OperationId>,
    /// What it has still to do after that.
    pub(super) owed: Owed,
    /// Whether the drain was over when its wait ended, if it waited.
    pub(super) drained: Option<bool>,
    /// Why it failed.
    pub(super) refused: Option<Error>,
}

impl Closing {
    /// What its thread does next in it.
    pub(super) fn next(&self) -> Next {
        let results = !self.results.is_empty();
        Owed {
            results,
            ..self.owed
        }
        .next()
    }

    /// The same in words.
    fn next_in_words(&self) -> &'static str {
        match self.next() {
            Next::Deliver => "which has results to deliver",
            Next::Wait => "which waits for the drain",
            Next::GiveUp => "which has to leave",
            _ => "which returns",
        }
    }

    /// Fails unless it is at this step.
    pub(super) fn require(&self, step: Next) -> Verdict {
        match self.next() {
            next if next == step => Ok(()),
            Next::Deliver => Err("the close has not delivered what it has taken out".to_owned()),
            Next::Wait => Err("the close has not waited for the drain".to_owned()),
            Next::GiveUp => Err("the closer has not left".to_owned()),
            _ => Err("the thread's close does not wait, and has left".to_owned()),
        }
    }
}

/// A process that this thread ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    pub(super) process: ProcessId,
    pub(super) cause: Cause,
    /// The life that ends.
    pub(super) life: u64,
    /// What the thread was in the middle of when it began.
    begun_in: usize,
}

/// A descriptor that this thread has claimed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) name: Name,
    pub(super) socket: SocketId,
    /// Return the handle, or recycle the slot.
    pub(super) next: Next,
    /// Whether the handle upcall failed, if it was made.
    pub(super) failed: bool,
}

/// What a thread must do before anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Must {
    /// Anything.
    #[default]
    Anything,
    /// Back out of an entry that was refused, with so many holds.
    BackOut(Name, u64),
    /// Try to claim the descriptor that it left empty, with this word.
    Claim(ProcessId, u32, Word),
    /// Open a descriptor of the socket that it made.
    Open(SocketId),
    /// Open the descriptor that the record became.
    OpenRedeemed(SocketId, ProcessId),
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("may do anything"),
            Self::BackOut((_, descriptor), _) => {
                write!(f, "must first back out of {descriptor}, which refused it")
            }
            Self::Claim(_, slot, _) => write!(
                f,
                "has left slot {slot} closed and empty and must first try to claim it"
            ),
            Self::Open(_) => f.write_str("must first open the socket that it made"),
            Self::OpenRedeemed(..) => {
                f.write_str("must first open the descriptor that it redeemed")
            }
        }
    }
}

/// One thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Thread {
    pub(super) must: Must,
    pub(super) holds: HashMap<Name, Holds>,
    pub(super) closing: Vec<Closing>,
    pub(super) claims: Vec<Claim>,
    pub(super) sweeping: Vec<Sweep>,
    /// The call that may start and has not registered an operation.
    pub(super) started: Option<(SocketId, Name, OperationKind)>,
    /// The socket that a connection would have become which its accept, asked to
    /// start last, took at once.
    pub(super) accepting: Option<Socket>,
    /// The socket whose section it has decided in, last.
    pub(super) section: Option<SocketId>,
    /// It is blocked in this operation.
    pub(super) blocked: Option<(OperationId, Name)>,
}

impl Thread {
    /// How many closes, claims and deliveries it is in the middle of.
    fn depth(&self) -> usize {
        let delivering = self.holds.values().filter(|it| it.delivered > 0);
        self.closing.len() + self.claims.len() + delivering.count()
    }

    /// It begins to end this life of a process.
    pub(super) fn begin_sweep(&mut self, process: ProcessId, cause: Cause, life: u64) {
        let begun_in = self.depth();
        self.sweeping.push(Sweep {
            process,
            cause,
            life,
            begun_in,
        });
    }

    /// By which sweep what it closes next ends, if that is decided: by its sweep
    /// of this process, unless somebody else's code runs in the middle of that,
    /// in an upcall or at the end of what a result was for. The process can have
    /// started up again there, and its calls are calls.
    pub(super) fn must_close_by(&self, process: ProcessId) -> Option<Sweep> {
        let sweep = self.sweeping.last()?;
        let itself = sweep.process == process && self.depth() == sweep.begun_in;
        itself.then_some(*sweep)
    }

    pub(super) fn holds(&mut self, name: Name) -> &mut Holds {
        self.holds.entry(name).or_default()
    }

    pub(super) fn calls(&self, name: Name) -> u64 {
        self.holds.get(&name).map_or(0, |it| it.calls)
    }

    /// Takes this many holds away; true if a call ended with them.
    pub(super) fn leave(&mut self, name: Name, holders: u64) -> Result<bool, String> {
        let holds = self.holds.entry(name).or_default();
        let mut closing = self.closing.iter_mut().rev();
        let closing = closing.find(|it| it.name == name && it.owed.own_hold);
        // What it delivers in the middle of something else it leaves for there.
        let call = if let Some(closing) = closing
            && (1..=1 + holds.delivered).contains(&holders)
            && (holders > holds.delivered || closing.next() == Next::GiveUp)
        {
            closing.require(Next::GiveUp)?;
            closing.owed.own_hold = false;
            holds.delivered -= holders - 1;
            false
        } else if (1..=holds.delivered).contains(&holders) {
            holds.delivered -= holders;
            false
        } else if holders == 1 && holds.calls > 0 {
            holds.calls -= 1;
            true
        } else if holders == 2 && holds.calls > 0 && holds.operations > 0 {
            // An overlapped call that was refused.
            holds.calls -= 1;
            holds.operations -= 1;
            true
        } else {
            let Holds {
                calls,
                operations,
                delivered,
            } = *holds;
            return Err(format!(
                "{holders} holds left at once, but the thread has {calls} for calls and {operations} for their operations, and {delivered} for operations it delivered"
            ));
        };
        if *holds == Holds::default() {
            self.holds.remove(&name);
        }
        if call && self.blocked.is_some_and(|(_, through)| through == name) {
            return Err("a call left whose operation has not been delivered".to_owned());
        }
        Ok(call)
    }

    /// Fails unless the thread may do something other than what it must do next.
    pub(super) fn require_free(&self) -> Verdict {
        match self.must {
            Must::Anything => Ok(()),
            must => Err(format!("the thread {must}")),
        }
    }

    /// Fails if the thread is in the middle of something.
    pub(super) fn require_done(&self) -> Verdict {
        self.require_free()?;
        if let Some((name, holds)) = self.holds.iter().next() {
            return Err(format!(
                "it still holds {}: {} calls, {} operations, {} delivered",
                name.1, holds.calls, holds.operations, holds.delivered
            ));
        }
        if let Some(closing) = self.closing.first() {
            return Err(format!("its close of {} never returned", closing.name.1));
        }
        if let Some(claim) = self.claims.first() {
            return Err(format!("it has claimed {} for ever", claim.name.1));
        }
        if let Some((operation, _)) = self.blocked {
            return Err(format!("it is blocked in {operation} for ever"));
        }
        if let Some(Sweep { process, .. }) = self.sweeping.first() {
            return Err(format!("it never finished ending {process}"));
        }
        Ok(())
    }

    /// What it is in the middle of, in words.
    pub(super) fn describe(&self) -> String {
        let mut words: Vec<String> = self
            .holds
            .iter()
            .map(|((process, descriptor), holds)| {
                format!(
                    "holds {process}/{descriptor} ({} calls, {} delivered)",
                    holds.calls, holds.delivered
                )
            })
            .collect();
        words.sort();
        if self.must != Must::Anything {
            words.push(self.must.to_string());
        }
        words.extend(
            self.closing
                .iter()
                .map(|it| format!("closing {}, {}", it.name.1, it.next_in_words())),
        );
        words.extend(self.blocked.iter().map(|it| format!("blocked in {}", it.0)));
        words.extend(
            self.sweeping
                .iter()
                .map(|it| format!("ending {}", it.process)),
        );
        if words.is_empty() {
            words.push("in no call".to_owned());
        }
        words.join("; ")
    }
}
