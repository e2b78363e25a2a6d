//! A path of the model as a recording: what a probe of the engine would have been
//! told along it.
//!
//! A step of the model is one atomic instruction or one critical section of the
//! engine, and a recording has exactly these: of an instruction the word that it saw,
//! of a section what it was asked and what it decided. Both are written down here from
//! the states before and after a step, by what its action says that it did; nothing
//! is asked of the step programs. So a replay, which knows nothing of the model, judges
//! them: it must accept every path of the model, and reject those of a defect wherever a
//! thread sees something of it.
//!
//! - `start.rs`: how a scenario's sockets come to be, as calls of a thread of its own;
//! - `teller.rs`: who tells, under which number and name;
//! - `slots.rs`: what is told of instructions on words, `calls.rs` of the sections of
//!   calls, `closes.rs` of those that end a reference;
//! - `orders.rs`: what a section does to its machine, and what it orders.

mod calls;
mod closes;
mod orders;
mod slots;
mod start;
mod teller;

use closesocket::protocol::invariant::{Event, OperationState};
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Cause, OperationKind};
use closesocket_trace::Record;

use crate::action::{Action, What};
use crate::defect::Defect;
use crate::model::{CloseModel, Transition};
use crate::scenario::{Call, Scenario, ThreadSpec};
use crate::state::{Operation, RECORDS, SOCKETS, State};
use crate::steps::Steps;
use teller::Teller;

/// A path as a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The records, in the order in which things happened. Thread 0 sets the scenario
    /// up, threads 1 to 4 are those of the scenario, thread 5 is the transport's, and
    /// thread 6 the surroundings: the peer and the clock.
    pub records: Vec<Record>,
    /// How many of them tell of the path; those behind, of how the run goes on.
    pub of_path: usize,
}

/// Why a path cannot be told as a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untold {
    /// Its generations begin near the last one.
    #[error(
        "the slots begin with their last generations, which a recording reaches only by \
         opening and closing each of them 4,294,967,294 times"
    )]
    LastGeneration,
    /// A socket begins in a state that no call leaves it in.
    #[error("socket {0} begins as no call of the engine's leaves one")]
    Begins(u8),
    /// The path is not one of the model. Steps count from 1.
    #[error("step {0} of the path is not one that the model can take there")]
    NotThere(usize),
    /// Behind the path the run does not come to an end.
    #[error("behind the path the run goes on for ever")]
    Endless,
}

/// One step of the model.
#[derive(Clone, Copy)]
struct Taken<'a> {
    action: Action,
    event: Event,
    before: &'a State,
    after: &'a State,
}

/// The most steps that a run goes on after a path: more than any takes that ends.
const MOST_STEPS: usize = 1_000;

/// Tells paths of one model as recordings.
#[derive(Clone, Copy, Debug)]
pub struct Recordings {
    model: CloseModel,
    /// The same, with threads that let their process die when they have done all else.
    ending: CloseModel,
}

impl CloseModel {
    /// What tells paths of the model as recordings.
    ///
    /// What it makes of the scenario is never freed: it is for a handful of models in a
    /// process that ends soon.
    #[must_use]
    pub fn recordings(&self) -> Recordings {
        let model = self.full();
        let mut scenario = *self.scenario;
        let threads = scenario.threads.iter().map(|it| ThreadSpec {
            calls: Vec::leak([it.calls, &[Call::Die]].concat()),
            ..*it
        });
        scenario.threads = Vec::leak(threads.collect());
        let scenario = Box::leak(Box::new(scenario));
        let ending = CloseModel { scenario, ..model };
        Recordings { model, ending }
    }
}

impl Recordings {
    /// Tells a path from the start of the model. The run goes on from its end, until
    /// nothing can happen any more, and then each process dies that has something left:
    /// what is still left in the recording is what a defect leaves.
    ///
    /// # Errors
    /// [`Untold`], if the engine could not have recorded it.
    pub fn of(&self, path: &[Transition]) -> Result<Recording, Untold> {
        let scenario = self.model.scenario;
        if scenario.surroundings.generations.is_some() {
            return Err(Untold::LastGeneration);
        }
        let mut teller = Teller::new(scenario);
        teller.set_up()?;
        let mut state = scenario.start();
        for (index, step) in path.iter().enumerate() {
            let mut event = None;
            self.model.transitions(&state, |of, it| {
                event = event.or((it == *step).then_some(of));
            });
            let event = event.ok_or(Untold::NotThere(index + 1))?;
            teller.tell_transition(&mut state, (event, *step))?;
        }
        let of_path = teller.told();
        go_on(&self.model, &mut teller, &mut state)?;
        go_on(&self.ending, &mut teller, &mut state)?;
        Ok(Recording {
            records: teller.into_records(),
            of_path,
        })
    }
}

/// Goes on until nothing can happen any more.
fn go_on(model: &CloseModel, teller: &mut Teller, state: &mut State) -> Result<(), Untold> {
    for _ in 0..MOST_STEPS {
        let mut steps = steps_from(model, state).into_iter();
        let step = steps.find(|(_, it)| !dies_for_nothing(model.scenario, state, it.action));
        let Some(step) = step else {
            return Ok(());
        };
        teller.tell_transition(state, step)?;
    }
    Err(Untold::Endless)
}

/// Whether this is the death of a process that has nothing left to end.
fn dies_for_nothing(scenario: &Scenario, state: &State, action: Action) -> bool {
    let cause = Cause::Death;
    let thread = action
        .thread
        .filter(|_| action.what == What::Begin { cause });
    let Some(process) = thread.map(|it| scenario.threads[usize::from(it)].process) else {
        return false;
    };
    let its = |slot: usize| scenario.slots[slot].process == process;
    let open = |slot: usize| state.slot(slot).word().phase() == WordPhase::Open;
    let slots = (0..scenario.slots.len()).any(|it| its(it) && open(it));
    let pending = |it: Operation| it.state() == OperationState::Pending;
    let operations = state
        .operations()
        .any(|it| pending(it) && its(usize::from(it.slot())));
    let records = (0..RECORDS).any(|it| {
        let record = state.record(it).record();
        record.is_some_and(|it| it.target.0 == u32::from(process) && it.is_reference())
    });
    state.is_dead(usize::from(process)) || !(slots || operations || records)
}

/// The steps from a state. They are not judged: the run does not stop where something is
/// violated.
fn steps_from(model: &CloseModel, state: &State) -> Vec<(Event, Transition)> {
    let steps = Steps {
        scenario: model.scenario,
        defect: model.defect,
        locked: Steps::locked_sockets(model.scenario, model.defect, state),
    };
    let mut all = Vec::new();
    steps.from(state, |action, event, after| {
        let (event, next) = match model.defect {
            Some(Defect::Own(own)) => match model.deviated(own, state, action, event, *after) {
                Some(it) => (it.event, it.after),
                None => return,
            },
            _ => (event, *after),
        };
        all.push((event, Transition { action, next }));
    });
    all
}

impl Teller {
    /// Tells a step from this state, and goes to the next.
    fn tell_transition(
        &mut self,
        state: &mut State,
        (event, step): (Event, Transition),
    ) -> Result<(), Untold> {
        let before = *state;
        *state = step.next;
        self.tell_step(Taken {
            action: step.action,
            event,
            before: &before,
            after: &step.next,
        })
    }

    /// Tells what happened in a step.
    fn tell_step(&mut self, step: Taken<'_>) -> Result<(), Untold> {
        self.begin_step(step.action.thread);
        match step.action.what {
            What::Enter { .. } | What::EnterRefused { .. } => self.entered(&step),
            What::BackOut { slot } => self.backed_out(&step, slot),
            What::Leave { slot, .. } => self.left(&step, slot),
            What::Claim { slot } => self.claimed(&step, slot, true),
            What::LoseClaim { slot } => self.claimed(&step, slot, false),
            What::Upcall { slot } => self.handle_returned(&step, slot, true),
            What::UpcallFails { slot } => self.handle_returned(&step, slot, false),
            What::Recycle { slot } => self.recycled(&step, slot, false),
            What::Retire { slot } => self.recycled(&step, slot, true),
            What::Reserve { .. } => self.reserved(&step),
            What::Open { slot, socket } => return self.opened(&step, slot, socket),
            What::Redeem {
                record,
                slot,
                redeemed: true,
            } => self.redeemed(&step, record, slot),
            What::Startup => self.started_up(&step),
            What::Begin { cause } => self.sweep_began(cause),
            _ => self.tell_section(&step),
        }
        self.end_step(&step);
        Ok(())
    }

    /// The same of a critical section.
    fn tell_section(&mut self, step: &Taken<'_>) {
        match step.action.what {
            What::Register { kind, operation } => self.registered(step, kind, operation),
            What::RegisterAccept { operation, .. } => {
                self.registered(step, OperationKind::Accept, operation);
            }
            What::CompleteAtOnce { kind, operation } => {
                self.completed_at_once(step, kind, operation);
            }
            What::AcceptAtOnce { operation, .. } => {
                self.completed_at_once(step, OperationKind::Accept, operation);
            }
            What::StartRefused { kind, .. } => self.start_refused(step, kind),
            What::SetLinger { seconds } => self.linger_set(step, seconds),
            What::ShutDownSend { socket } => self.send_shut(step, socket),
            What::Duplicate { record, made: true } => self.duplicated(step, record),
            What::CancelOperation { operation, .. } => self.cancelled(step, operation),
            What::CancelNothing { operation, .. } => self.found_nothing(step, operation),
            What::Complete { kind, operation } => self.completed(step, kind, operation),
            What::AcceptBytes { operation, .. } => self.bytes_accepted(step, operation),
            What::DeliverAborted { operation, .. } | What::DeliverCompleted { operation, .. } => {
                self.delivered(step, operation);
            }
            What::Look { open: false, .. } | What::FindClosed { .. } | What::WouldBlock { .. } => {
                self.close_refused(step);
            }
            What::RetryCommit { slot } => self.seal_missed(step, slot),
            What::Commit { slot, cause, last } => self.committed(step, slot, cause, last),
            What::Wake { socket } => self.linger_ended(socket, true),
            What::Cancel { socket } => self.linger_ended(socket, false),
            What::TakeOutlived { socket, taken } => self.outlived_taken(step, socket, taken),
            What::Reclaim {
                record,
                reclaimed: true,
            } => self.reclaimed(step, record),
            // The surroundings, and what only looks.
            what => self.surroundings(step, what),
        }
    }

    /// What is left to tell of a step: what was done without being decided, and the end
    /// of the call or of a close in it.
    fn end_step(&mut self, step: &Taken<'_>) {
        for socket in 0..SOCKETS {
            self.undecided(step, socket);
        }
        self.ends(step);
    }

    /// The call that the step is of.
    fn call(&self, step: &Taken<'_>) -> Option<Call> {
        let t = usize::from(step.action.thread?);
        let calls = self.scenario.threads.get(t)?.calls;
        calls
            .get(usize::from(step.before.thread(t).call()))
            .copied()
    }
}
