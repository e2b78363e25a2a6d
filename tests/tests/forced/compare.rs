//! Whether the engine is where the model is.

use std::sync::atomic::Ordering;

use closesocket::engine::{Descriptor, Error};
use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::Word;
use closesocket::protocol::{Ending, Phase, Waiting};
use closesocket_models::state::{Slot, SocketState, WORKER};
use closesocket_models::{Call, State};

use super::course::Course;
use super::mapping;
use super::scripted::locked;
use super::seat::At;

impl Course<'_> {
    pub(crate) fn compare(&mut self, before: &State, after: &State) -> Result<(), String> {
        let places = self.places_after(after);
        self.places.push(places.clone());
        self.compare_places(&places, after)?;
        for index in 0..self.world.slots.len() {
            let same = self.compare_slot(index, &after.slot(index));
            same.map_err(|it| format!("slot {index}: {it}"))?;
        }
        let locked_sockets = mapping::locked_sockets(after, &places);
        for index in 0..usize::from(after.rest().created()) {
            if locked_sockets >> index & 1 == 0 {
                let same = self.compare_socket(index, &after.socket(index));
                same.map_err(|it| format!("socket {index}: {it}"))?;
            }
        }
        for (index, progress) in self.progress.iter().enumerate() {
            let it = after.operation(index);
            let seen = (
                self.world.scenario.operations[index].waiting,
                locked_sockets >> it.socket() & 1 == 1,
            );
            let same = mapping::operation(it, seen, *progress);
            same.map_err(|it| format!("operation #{index}: {it}"))?;
        }
        self.compare_returns(before, after)
    }

    fn compare_places(&self, places: &[At], after: &State) -> Result<(), String> {
        for (t, at) in places.iter().enumerate() {
            let next = after.thread(t).next();
            let is_there = mapping::is_place_of(next, *at) || mapping::delivers_silently(after, t);
            let early = self.early.contains(&(t, after.thread(t).call()));
            let has_begun = early && next == Next::Idle && matches!(at, At::Gate { .. });
            if !is_there && !has_begun {
                let name = t + 1;
                return Err(format!(
                    "T{name} is at {at:?}, in the model before {next:?}"
                ));
            }
        }
        Ok(())
    }

    fn compare_slot(&self, index: usize, model: &Slot) -> Result<(), String> {
        let at = self.world.slots[index];
        let word = Word::from_bits(self.world.words[at.word].load(Ordering::Acquire));
        mapping::word(model, word, at.earlier)?;
        let process = self.world.processes[at.process].id();
        let handle = Descriptor::new(at.index, word.generation());
        let looks = locked(&self.world.looks);
        let upcalls = looks.upcalls.iter().filter(|it| **it == (process, handle));
        mapping::handle(model, upcalls.count())
    }

    fn compare_socket(&mut self, index: usize, model: &SocketState) -> Result<(), String> {
        let socket = self.world.socket(index);
        let looks = locked(&self.world.looks);
        let engine = looks.machines.get(&socket.id).copied();
        let engine = engine.ok_or_else(|| format!("{} was never seen", socket.id))?;
        drop(looks);
        let released = self.released.get(&socket.id).copied().unwrap_or_default();
        if released != model.releases() {
            let expected = model.releases();
            return Err(format!(
                "it was released {released} times, in the model {expected}"
            ));
        }
        let wire = *locked(&socket.wire);
        if wire.reset != model.reset() {
            let expected = model.reset();
            return Err(format!(
                "its reset is {}, in the model {expected}",
                wire.reset
            ));
        }
        let mut expected = model.machine();
        if self.fresh >> index & 1 == 1 {
            if expected.connection == engine.connection {
                self.fresh &= !(1 << index);
            }
            expected.connection = engine.connection;
            if engine.phase == Phase::Closed(Ending::Unconnected) {
                // Its opener has closed it before that.
                (expected.phase, expected.send_side) = (engine.phase, engine.send_side);
            }
        }
        mapping::machine(&expected, &engine, &wire)
    }

    /// Calls that have ended with this step have returned what they had to.
    fn compare_returns(&mut self, before: &State, after: &State) -> Result<(), String> {
        for t in 0..WORKER {
            if before.thread(t).call() == after.thread(t).call() {
                continue;
            }
            let name = t + 1;
            if self.player(t, before).0.at() != At::Idle {
                return Err(format!("T{name} has not returned"));
            }
            let returned = locked(&self.returned[t]).take();
            let expected = self.expected[t].take();
            let expected = expected.or_else(|| self.result_of_start(t, before, after));
            let process = after.process(self.world.scenario.threads[t].process);
            // E1 puts the end of the process first, which the model leaves out.
            let ended = process.gone().is_some()
                && expected == Some(Err(Error::NotSocket))
                && returned == Some(Err(Error::NotInitialised));
            if expected.is_some() && returned != expected && !ended {
                return Err(format!("T{name} returns {returned:?}, due is {expected:?}"));
            }
        }
        Ok(())
    }

    /// What the call returns, if it is one that has started an operation.
    fn result_of_start(
        &self,
        t: usize,
        before: &State,
        after: &State,
    ) -> Option<Result<(), Error>> {
        let Call::Start { operation, .. } = self.call(t, before) else {
            return None;
        };
        let it = after.operation(operation);
        let aborted = matches!(it.state(), OperationState::Ended(Some(_)));
        Some(match self.waiting(operation) {
            Waiting::Overlapped => Ok(()),
            Waiting::Blocked if aborted || self.cancelled[usize::from(operation)] => {
                Err(Error::Interrupted)
            }
            Waiting::Blocked if it.succeeded() => Ok(()),
            Waiting::Blocked => Err(Error::ConnectionReset),
        })
    }
}
