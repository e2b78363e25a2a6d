//! What a critical section leaves to be done outside the lock. The results are put
//! where they are waited for inside it ([`handover`](super::handover) says why);
//! nobody is woken and nobody's code runs before the lock is free.

use std::borrow::Cow;
use std::task::Waker;

use super::System;
use super::completion::Life;
use super::descriptors::Descriptors;
use super::event::Event;
use super::few::Few;
use super::keeper::Keeper;
use super::notify::{Notify, Posted};
use super::observation::{Observation, OperationId, Step};
use super::operation::{Answer, AnswerCell};
use super::primitives::Monitor as _;
use super::services::Services;
use super::transport::EndpointOf;
use crate::protocol::{Descriptor, ProcessId};

/// What a critical section leaves to be done outside the lock.
pub(super) struct Outbox<S: System> {
    /// Most sections leave nothing of this.
    ended: Option<Ended<S>>,
    /// The descriptor that this section has closed; who closes it ends so many holds of
    /// operations on it with its own.
    pub(super) closing: Option<(ProcessId, Descriptor)>,
    pub(super) closer_ends: u64,
    /// The socket was released: its cell is free, and threads that wait at it for
    /// that are to be woken.
    pub(super) released: bool,
    /// The slot that it was closed through keeps the cell.
    pub(super) kept: bool,
    /// Its endpoint, with everything ordered: it goes when those who wait have
    /// been woken.
    pub(super) endpoint: Option<EndpointOf<S>>,
    /// Connections reset, and of these the drains that ran out of time.
    pub(super) resets: u64,
    pub(super) timeouts: u64,
}

/// What the end of operations leaves.
pub(super) struct Ended<S: System> {
    /// Results that were posted: who waits for them is woken.
    pub(super) posted: Few<Posted<S::Primitives>>,
    /// Holds that end, on descriptors of these processes.
    holds: Few<(Keeper<Descriptors<S>>, Descriptor, u64)>,
    /// Few sections leave anything of this.
    rare: Option<Box<Rare<S>>>,
    /// How many operations were aborted.
    pub(super) aborted: u64,
}

/// What a section leaves seldom.
pub(super) struct Rare<S: System> {
    /// For threads that are blocked.
    pub(super) answers: Vec<(OperationId, AnswerCell<S::Primitives>, Answer)>,
    /// Ends that nobody is told of.
    pub(super) silent: Vec<Notify<S::Primitives>>,
    /// Descriptors that were opened for a life that may be over by now.
    pub(super) opened: Vec<(Keeper<Descriptors<S>>, Descriptor, Life)>,
    /// Events to set: of selects and registrations.
    pub(super) events: Vec<Event<S::Primitives>>,
    /// A task that waits for the end of the socket.
    task: Option<Waker>,
}

impl<S: System> Default for Outbox<S> {
    fn default() -> Self {
        Self {
            ended: None,
            closing: None,
            closer_ends: 0,
            released: false,
            kept: false,
            endpoint: None,
            resets: 0,
            timeouts: 0,
        }
    }
}

impl<S: System> Default for Ended<S> {
    fn default() -> Self {
        Self {
            posted: Few::new(),
            holds: Few::new(),
            rare: None,
            aborted: 0,
        }
    }
}

impl<S: System> Default for Rare<S> {
    fn default() -> Self {
        Self {
            answers: Vec::new(),
            silent: Vec::new(),
            opened: Vec::new(),
            events: Vec::new(),
            task: None,
        }
    }
}

impl<S: System> Outbox<S> {
    /// What the end of operations leaves, to be added to.
    pub(super) fn ended(&mut self) -> &mut Ended<S> {
        self.ended.get_or_insert_default()
    }

    /// What it leaves seldom, to be added to.
    pub(super) fn rare(&mut self) -> &mut Rare<S> {
        self.ended().rare.get_or_insert_default()
    }

    /// Wakes the task that waits for the end of the socket, if one does.
    pub(super) fn wake_task(&mut self, task: Option<Waker>) {
        if task.is_some() {
            self.rare().task = task;
        }
    }

    /// So many holds of operations end, when the section is over.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, the handle and the slot of a closed descriptor MUST NOT
    //# be given back before all operations that outlived the descriptor have ended.
    pub(super) fn end_holds(
        &mut self,
        process: Cow<'_, Keeper<Descriptors<S>>>,
        descriptor: Descriptor,
        ended: u64,
    ) {
        if self.closing == Some((process.id, descriptor)) {
            self.closer_ends += ended;
            return;
        }
        let all = &mut self.ended().holds;
        match all.last_mut() {
            Some((last, it, holds)) if *it == descriptor && last.is(&process) => {
                *holds += ended;
            }
            _ => all.push((process.into_owned(), descriptor, ended)),
        }
    }
}

impl<S: System> Outbox<S> {
    /// Does what a section has left, under no lock.
    //= docs/specification.md#o5-buffers
    //# An application therefore cannot take the return of a close as a sign that its buffers
    //# are free, because a completion MAY be delivered later than that.
    #[inline]
    pub(super) fn deliver(&mut self, services: &Services<S>) {
        if let Some(ended) = &mut self.ended {
            ended.deliver(services);
        }
        // Before its events are delivered: it may have some for others.
        self.endpoint = None;
    }
}

impl<S: System> Ended<S> {
    // Apart from the sections that leave nothing, which save fewer registers then.
    #[cold]
    fn deliver(&mut self, services: &Services<S>) {
        services.counters.add_aborted(self.aborted);
        self.posted.drain(|posted| posted.wake(&services.counters));
        if let Some(mut rare) = self.rare.take() {
            rare.deliver(services);
        }
        self.holds
            .drain(|(process, descriptor, holds)| process.leave(descriptor, holds));
    }
}

impl<S: System> Rare<S> {
    fn deliver(&mut self, services: &Services<S>) {
        for (operation, cell, answer) in self.answers.drain(..) {
            let error = answer.result.err();
            // Told before: the thread tells itself that it goes on.
            let delivered = Step::Delivered {
                operation,
                posted: false,
                error,
            };
            services.observe(|| Observation::of(delivered));
            let asleep = cell.lock(|place| {
                place.answer = Some(answer);
                place.asleep.take()
            });
            cell.notify();
            if let Some(waiter) = asleep {
                waiter.wake();
            }
        }
        // Those who wait for events may be tasks, and a waker is foreign code.
        for event in self.events.drain(..) {
            services.counters.guard(|| event.set());
        }
        if let Some(task) = self.task.take() {
            services.counters.guard(|| task.wake());
        }
        for notify in self.silent.drain(..) {
            notify.forget(&services.counters);
        }
        for (process, descriptor, life) in self.opened.drain(..) {
            let owner = process.owner().and_then(|it| it.upgrade());
            if let Some(owner) = owner {
                owner.close_outdated(descriptor, life);
            }
        }
    }
}
