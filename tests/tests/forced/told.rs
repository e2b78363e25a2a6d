//! What the engine tells in a step: its probe, its completion queues, its calls.

use closesocket::engine::observe::{Place, Step};
use closesocket::engine::{Descriptor, Error, Record, SocketId};
use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::{OperationKind, Waiting};
use closesocket_models::state::WORKER;
use closesocket_models::{Call, State, What};

use super::calls::KEY;
use super::course::Course;
use super::mapping::Progress;
use super::scripted::locked;

impl Course<'_> {
    /// What the probe was told in this step, and what was posted.
    pub(crate) fn learn(&mut self, event: Event, what: What, before: &State) -> Result<(), String> {
        let observed = std::mem::take(&mut locked(&self.world.looks).observed);
        for (thread, observation) in &observed {
            self.learn_of_operation(*thread, observation.step, before)?;
            let Some(Place { socket, .. }) = observation.at else {
                continue;
            };
            if observation.step == Step::Released {
                *self.released.entry(socket).or_default() += 1;
            }
            match (event, observation.step) {
                (Event::Accepted { socket: index, .. }, Step::Opened { .. }) => {
                    self.world.know_socket(index, socket);
                }
                _ => {
                    if let Some(thread) = thread.filter(|it| *it != WORKER) {
                        self.learn_names(thread, socket, observation.step, before);
                    }
                }
            }
        }
        if let Event::Delivered {
            operation, posted, ..
        } = event
        {
            if self.posted[operation] != posted {
                return Err(format!("#{operation} is posted: {}", !posted));
            }
            self.delivered(operation, before)?;
        }
        let upcalls = locked(&self.world.looks).upcalls.len();
        let due = matches!(event, Event::HandleReturned { .. })
            || matches!(what, What::UpcallFails { .. });
        if upcalls != self.upcalls + usize::from(due) {
            return Err(format!("{} handles go back", upcalls - self.upcalls));
        }
        self.upcalls = upcalls;
        if let What::Open { socket, .. } = what {
            self.fresh |= 1 << socket;
        }
        Ok(())
    }

    fn learn_of_operation(
        &mut self,
        thread: Option<usize>,
        step: Step,
        before: &State,
    ) -> Result<(), String> {
        let operation = match step {
            Step::Registered { operation, .. } => {
                let issuer = thread.filter(|it| *it != WORKER);
                let call = issuer.map(|it| self.call(it, before));
                let Some(Call::Start { operation: it, .. }) = call else {
                    return Err(format!("{operation} is registered in another call"));
                };
                self.operations[usize::from(it)] = Some(operation);
                operation
            }
            Step::Taken { operation, .. }
            | Step::Delivered { operation, .. }
            | Step::Cancelled {
                operation,
                error: None,
            } => operation,
            _ => return Ok(()),
        };
        let known = self.operations.iter().position(|it| *it == Some(operation));
        let index = known.ok_or_else(|| format!("{operation} was never registered"))?;
        let progress = &mut self.progress[index];
        *progress = match (step, *progress) {
            (Step::Registered { .. }, Progress::Idle) => Progress::Pending,
            (Step::Taken { aborted, .. }, Progress::Pending) => Progress::TakenOut(aborted),
            (Step::Delivered { posted, .. }, Progress::TakenOut(cause)) => {
                self.posted[index] = posted;
                Progress::Ended(cause)
            }
            (Step::Cancelled { .. }, same) => {
                self.cancelled[index] = true;
                same
            }
            (step, progress) => return Err(format!("#{index} is {progress:?}, and then {step:?}")),
        };
        Ok(())
    }

    /// The names that the engine gives to what the model knows by an index.
    fn learn_names(&mut self, thread: usize, socket: SocketId, step: Step, before: &State) {
        match (step, self.call(thread, before)) {
            (Step::Duplicated { record, target }, Call::Duplicate { record: index, .. }) => {
                let made = Record::told(socket, record, target);
                self.world.records[usize::from(index)] = Some(made);
            }
            (Step::Opened { .. }, Call::Open { socket: index }) => {
                self.world.know_socket(usize::from(index), socket);
            }
            _ => {}
        }
    }

    /// The result of an operation is where it is waited for, and it is the right one.
    fn delivered(&self, index: usize, before: &State) -> Result<(), String> {
        let operation = u8::try_from(index).unwrap();
        if self.waiting(operation) == Waiting::Blocked {
            return Ok(());
        }
        let posted = self.world.queues[index].take_many(2);
        let expected = self.result_of(operation, before);
        let silent = before.operation(operation).silent();
        match posted.as_slice() {
            [] if silent => Ok(()),
            [one] if one.accepted != self.accepted_by(operation, before) => {
                Err(format!("#{index} gives {:?}", one.accepted))
            }
            [one] if !silent && one.result.map(drop) == expected && one.key == KEY => Ok(()),
            other => Err(format!(
                "#{index} posts {other:?}, due is {expected:?}{}",
                if silent { ", silently" } else { "" }
            )),
        }
    }

    /// The descriptor that an accept gives, which the worker has opened.
    fn accepted_by(&self, operation: u8, before: &State) -> Option<Descriptor> {
        let kind = self.world.scenario.operations[usize::from(operation)].kind;
        let worker = before.thread(WORKER);
        let opened = kind == OperationKind::Accept && worker.own_generation() > 0;
        opened.then(|| {
            self.world
                .descriptor(worker.own_slot(), worker.own_generation())
        })
    }

    /// How an operation that was taken out has to end.
    fn result_of(&self, operation: u8, before: &State) -> Result<(), Error> {
        let it = before.operation(operation);
        let cut = match self.waiting(operation) {
            Waiting::Blocked => Error::Interrupted,
            Waiting::Overlapped => Error::OperationAborted,
        };
        match it.state() {
            OperationState::Ending(Some(_)) => Err(cut),
            _ if self.cancelled[usize::from(operation)] => Err(cut),
            _ if it.succeeded() => Ok(()),
            _ => Err(Error::ConnectionReset),
        }
    }

    /// What calls have to return, by what the model says of this step.
    pub(crate) fn expect(&mut self, by: Option<u8>, event: Event, what: What, before: &State) {
        let Some(by) = by.map(usize::from).filter(|it| *it != WORKER) else {
            return;
        };
        // A close in the end of a life, or of what was opened too late for it, is no call
        // of its own.
        if matches!(
            self.call(by, before),
            Call::Cleanup | Call::Die | Call::Open { .. } | Call::Redeem { .. }
        ) {
            return;
        }
        self.expected[by] = match (event, what) {
            (Event::StartRefused { error, .. } | Event::CloseRefused { error, .. }, _) => {
                Some(Err(error))
            }
            (Event::CloseReturned { result, .. }, _) => Some(result),
            (_, What::EnterRefused { .. }) => Some(Err(Error::NotSocket)),
            (_, What::CompleteAtOnce { .. } | What::AcceptAtOnce { .. }) => Some(Ok(())),
            _ => self.expected[by],
        };
    }
}
