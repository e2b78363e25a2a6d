//! Judges closes: commits, refusals, waits and returns, and the records of dead
//! processes.

use std::collections::HashSet;

use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Error, ProcessId, SocketId};
use closesocket::protocol::invariant::{DescriptorState, Event};
use closesocket::protocol::program::{Next, Owed};
use closesocket::protocol::{Actions, Cause, CloseRequest, Commit, Socket, Time};

use super::Verdict;
use super::judge::{Judge, sweeps};
use super::machine::{refused, require_same};
use super::must::orders;
use super::needs::Header as _;
use super::socket::Scope;
use super::thread::{Closing, Name};
use crate::words::{self, count};

/// What a commit was told to be.
struct Told {
    /// The life in which the descriptor was opened.
    life: u64,
    last: bool,
    wait: bool,
    may_wait: bool,
    actions: Actions,
    aborted: usize,
    machine: Socket,
}

/// In which way a commit was told to be otherwise than the protocol makes it.
fn otherwise(told: &Told, commit: &Commit<()>, aborted: usize, machine: &Socket) -> String {
    if told.last != commit.last {
        return if commit.last {
            "it is the last reference, and was not taken for it".to_owned()
        } else {
            "it is not the last reference, and was taken for it".to_owned()
        };
    }
    if told.aborted != aborted {
        let (found, expected) = (told.aborted, aborted);
        return format!(
            "it took {} out, must take {expected}",
            count(found, "operation")
        );
    }
    if told.actions != commit.actions {
        return orders(told.actions, commit.actions, machine);
    }
    if commit.wait {
        "it does not wait for the drain, and must: L-T3".to_owned()
    } else {
        "it waits, and must not: L-T3".to_owned()
    }
}

impl Judge {
    pub(super) fn linger_ended(&mut self, thread: u32, id: SocketId, drained: bool) -> Verdict {
        let ended = self
            .sockets
            .get(&id)
            .is_none_or(|it| !it.machine().is_draining());
        if drained != ended {
            return Err(format!(
                "the wait ended with the drain over: {drained}, by the protocol: {ended}"
            ));
        }
        let closing = self.thread(thread).closing.last_mut();
        let closing = closing.filter(|it| it.socket == Some(id));
        let closing = closing.ok_or("the thread does not close this socket")?;
        closing.require(Next::Wait)?;
        closing.owed.drain = false;
        closing.drained = Some(drained);
        Ok(())
    }

    pub(super) fn judge_close(&mut self, thread: u32, observation: &Observation) -> Verdict {
        match observation.step {
            Step::Committed {
                life,
                cause,
                now,
                last,
                wait,
                may_wait,
                actions,
                aborted,
                machine,
            } => {
                let told = Told {
                    life,
                    last,
                    wait,
                    may_wait,
                    actions,
                    aborted,
                    machine,
                };
                let (name, socket) = (observation.name()?, observation.socket()?);
                self.committed(thread, name, socket, (cause, now), &told)
            }
            Step::CloseRefused { cause, error } => {
                let under = observation.at.map(|it| it.socket);
                self.close_refused(thread, observation.name()?, (cause, error), under)
            }
            Step::CloseReturned {
                committed,
                waited,
                error,
            } => self.close_returned(thread, observation.name()?, committed, waited, error),
            Step::Reclaimed {
                record,
                now,
                last,
                actions,
                aborted,
                machine,
            } => {
                let told = Told {
                    life: 0,
                    last,
                    wait: false,
                    may_wait: false,
                    actions,
                    aborted,
                    machine,
                };
                let (process, socket) = (observation.process()?, observation.socket()?);
                self.reclaimed(thread, process, socket, (record, now), &told)
            }
            ref other => Err(format!("an unknown step: {other:?}")),
        }
    }

    fn request(&self, cause: Cause, now: Time, may_wait: bool) -> Result<CloseRequest, String> {
        Ok(CloseRequest {
            cause,
            now,
            drain_limit: self.began()?.1,
            may_wait,
        })
    }

    fn committed(
        &mut self,
        thread: u32,
        name: Name,
        id: SocketId,
        (cause, now): (Cause, Time),
        told: &Told,
    ) -> Verdict {
        let (process, descriptor) = name;
        let request = self.request(cause, now, told.may_wait)?;
        let seen = self.word((process, descriptor.slot()));
        if let Some(by) = self.thread(thread).must_close_by(process) {
            if by.cause != cause {
                return Err(format!("the process ends by {}", words::by(by.cause)));
            }
            if told.life > by.life {
                return Err(format!(
                    "a descriptor of life {} was closed by the end of life {}",
                    told.life, by.life
                ));
            }
        }
        let socket = self.socket(id)?;
        socket.require_settled()?;
        let slot = socket.local.slot(name);
        let slot = slot.ok_or("the descriptor does not refer to this socket")?;
        if socket.local.lives[slot] != told.life {
            return Err("the descriptor was opened in another life".to_owned());
        }
        // That the life has begun to end was asked before.
        socket.local.descriptors[slot].life_over |= cause != Cause::Call;
        let mut machine = socket.machine();
        require_same(&machine, &told.machine)?;
        let mut scope = Scope(None);
        let generation = descriptor.generation();
        let commit = machine
            .close::<_, Error>(request, seen, generation, &mut scope, |_| Ok(()))
            .map_err(refused)?;
        let aborted = socket.in_scope(scope.0, Some(name));
        let expected = (commit.last, commit.wait, commit.actions, aborted);
        if expected != (told.last, told.wait, told.actions, told.aborted) {
            return Err(otherwise(told, &commit, aborted, &machine));
        }
        let event = Event::Committed {
            slot,
            generation,
            cause,
            wait: commit.wait,
            may_wait: told.may_wait,
        };
        let taking = (aborted, Some(cause));
        socket.decide(thread, event, taking, commit.actions, |local| {
            local.socket.machine = machine;
            local.descriptors[slot].state = DescriptorState::Closed(cause);
        })?;
        self.thread(thread).closing.push(Closing {
            name,
            socket: Some(id),
            results: HashSet::new(),
            owed: Owed {
                drain: commit.wait,
                own_hold: true,
                ..Owed::default()
            },
            drained: None,
            refused: None,
        });
        Ok(())
    }

    fn reclaimed(
        &mut self,
        thread: u32,
        process: ProcessId,
        id: SocketId,
        (record, now): (u64, Time),
        told: &Told,
    ) -> Verdict {
        if !sweeps(self.thread(thread), process) {
            return Err(format!("this thread is not ending {process}"));
        }
        let request = self.request(Cause::Reclaimed, now, false)?;
        let socket = self.socket(id)?;
        socket.require_settled()?;
        let (index, entry) = socket.records.get_mut(&record).ok_or("no such record")?;
        let index = *index;
        if !entry.reclaim(process) {
            return Err("the record is not the dead process's to redeem".to_owned());
        }
        let mut machine = socket.machine();
        require_same(&machine, &told.machine)?;
        let mut scope = Scope(None);
        let commit = machine.reclaim(request, &mut scope);
        let aborted = socket.in_scope(scope.0, None);
        let expected = (commit.last, commit.actions, aborted);
        if expected != (told.last, told.actions, told.aborted) {
            return Err(otherwise(told, &commit, aborted, &machine));
        }
        let event = Event::Reclaimed { record: index };
        let taking = (aborted, Some(Cause::Reclaimed));
        socket.decide(thread, event, taking, commit.actions, |local| {
            local.socket.machine = machine;
            local.records[index].unredeemed = false;
        })
    }

    fn close_refused(
        &mut self,
        thread: u32,
        name: Name,
        (cause, error): (Cause, Error),
        under: Option<SocketId>,
    ) -> Verdict {
        let generation = name.1.generation();
        if error != Error::NotSocket {
            let id = under.ok_or("it can only fail so under the socket's lock")?;
            let seen = self.word((name.0, name.1.slot()));
            let request = self.request(cause, Time::ZERO, true)?;
            let socket = self.socket(id)?;
            socket.require_settled()?;
            let mut copy = socket.machine();
            let mut scope = Scope(None);
            let close = copy.close::<_, Error>(request, seen, generation, &mut scope, |_| Ok(()));
            if close.err() != Some(error) {
                return Err(format!("the protocol does not refuse it with {error}"));
            }
            let slot = socket.local.slot(name);
            let slot = slot.ok_or("the descriptor does not refer to this socket")?;
            let event = Event::CloseRefused {
                slot,
                generation,
                cause,
                error,
            };
            socket.step(event, |_| ())?;
        }
        self.thread(thread).closing.push(Closing {
            name,
            socket: None,
            results: HashSet::new(),
            owed: Owed::default(),
            drained: None,
            refused: Some(error),
        });
        Ok(())
    }

    fn close_returned(
        &mut self,
        thread: u32,
        name: Name,
        committed: bool,
        waited: bool,
        error: Option<Error>,
    ) -> Verdict {
        let by = self.thread(thread);
        let closing = by.closing.pop().filter(|it| it.name == name);
        let closing = closing.ok_or("the thread is in no close of this descriptor")?;
        closing.require(Next::Idle)?;
        let cancelled = closing.drained == Some(false);
        let interrupted = cancelled.then_some(Error::Interrupted);
        let expected = (
            closing.refused.is_none(),
            closing.drained.is_some(),
            closing.refused.or(interrupted),
        );
        if expected != (committed, waited, error) {
            let words = |(committed, waited, error): (bool, bool, Option<Error>)| {
                format!(
                    "{}, {}, {}",
                    if committed {
                        "committed"
                    } else {
                        "not committed"
                    },
                    if waited { "waited" } else { "not waited" },
                    error.map_or("success".to_owned(), |it| it.to_string())
                )
            };
            let (found, expected) = (words((committed, waited, error)), words(expected));
            return Err(format!("it returned as {found}; it was {expected}"));
        }
        if let Some(socket) = closing.socket
            && let Some(socket) = self.sockets.get_mut(&socket)
        {
            let event = Event::CloseReturned {
                socket: 0,
                committed,
                waited,
                result: error.map_or(Ok(()), Err),
            };
            return socket.step(event, |_| ());
        }
        Ok(())
    }
}
