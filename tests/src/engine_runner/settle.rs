//! Waiting until everybody is at rest, and telling what has happened.

use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::completions::{Completion, Notify};
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{Descriptor, ProcessId, SocketId as EngineSocket};
use closesocket::protocol::{OperationKind, Waiting};

use super::network::Wire;
use super::workers::News;
use super::{Begun, Engine, Registered, Stage, lock};
use crate::call::{Answer, Happening, Outcome};

/// After this long somebody hangs who should not.
const PATIENCE: Duration = Duration::from_secs(3);

impl Engine<'_> {
    /// Waits until every thread is blocked, stands at its gate, or has returned,
    /// and collects what was posted.
    pub(super) fn settle(&mut self) {
        self.wait_for_rest();
        for wire in self.world.network.unnoticed() {
            self.touch(&wire);
        }
        self.wait_for_rest();
        self.collect_completions();
    }

    fn wait_for_rest(&mut self) {
        let begun = Instant::now();
        let mut rounds = 0_u32;
        while !self.is_at_rest() {
            if begun.elapsed() > PATIENCE {
                self.fail("a thread hangs".to_owned());
                return;
            }
            rounds += 1;
            if rounds < 200 {
                thread::yield_now();
            } else {
                thread::sleep(Duration::from_micros(50));
            }
        }
    }

    /// Whether nobody is on his way anywhere. The engine's own count of blocked
    /// threads says that all who run have come to block; to be told nothing new
    /// meanwhile rules out that it counts one who leaves for one who comes.
    fn is_at_rest(&mut self) -> bool {
        let blocked: Vec<usize> = self
            .world
            .processes
            .iter()
            .map(closesocket::engine::Process::blocked_threads)
            .collect();
        let observations = self.world.observer.take();
        let told = self.take_news();
        for (thread, observation) in observations {
            self.note(thread, observation);
        }
        let running = |process: usize| {
            let of = |job: &&super::Job| {
                job.stage == Stage::Running && job.process.0 as usize == process
            };
            self.jobs.values().filter(of).count()
        };
        let all_blocked = (0..).zip(&blocked).all(|(at, count)| running(at) == *count);
        let expected = self.jobs.values().any(|job| {
            job.due
                || job.stage == Stage::Entering
                || job.drain.is_some_and(|socket| self.is_released(socket))
        });
        all_blocked && !told && !expected
    }

    fn is_released(&self, socket: EngineSocket) -> bool {
        let number = self.number_of(socket);
        let released = number.and_then(|it| self.world.network.with(it, |wire| wire.released));
        released.unwrap_or(true)
    }

    /// True if there was any.
    fn take_news(&mut self) -> bool {
        let mut told = false;
        while let Ok(news) = self.news.try_recv() {
            told = true;
            match news {
                News::Began(id, thread) => {
                    self.threads.insert(thread, id);
                    if let Some(job) = self.jobs.get_mut(&id) {
                        job.thread = thread;
                    }
                }
                News::Entered(id) => {
                    if let Some(job) = self.jobs.get_mut(&id) {
                        job.stage = Stage::Standing;
                    }
                }
                News::Returned(id, returned) => {
                    if let Some(job) = self.jobs.remove(&id) {
                        self.returned.insert(id, (job.is_close, returned));
                    }
                }
            }
        }
        told
    }

    fn note(&mut self, thread: u64, observation: Observation) {
        let here = self.id();
        let id = self.threads.get(&thread).copied().unwrap_or(here);
        let process = observation.process.unwrap_or(ProcessId(u32::MAX));
        let place = observation.at.zip(observation.descriptor);
        match (observation.step, place) {
            (Step::Opened { .. }, Some((at, descriptor))) => {
                self.open.insert((process.0, descriptor.raw()), at.socket);
            }
            (Step::Committed { wait, .. }, Some((at, descriptor))) => {
                self.open.remove(&(process.0, descriptor.raw()));
                if wait && let Some(job) = self.jobs.get_mut(&id) {
                    job.drain = Some(at.socket);
                }
            }
            (
                Step::Registered {
                    operation, waiting, ..
                },
                _,
            ) => {
                let registered = Registered {
                    id,
                    process,
                    waiting,
                };
                self.pending.insert(operation, registered);
            }
            (
                Step::Delivered {
                    operation, posted, ..
                },
                _,
            ) => match self.pending.remove(&operation) {
                None => self.fail(format!("{operation:?} delivered and not pending")),
                Some(it) if it.waiting == Waiting::Blocked => {
                    if let Some(job) = self.jobs.get_mut(&it.id) {
                        job.due = true;
                    }
                }
                Some(it) if !posted => self.silent.push(it.id),
                Some(_) => {}
            },
            _ => {}
        }
    }

    /// Whether an operation of this kind is pending on the socket.
    pub(super) fn is_pending(&self, socket: EngineSocket, kind: OperationKind) -> bool {
        self.pending
            .iter()
            .any(|(it, of)| it.socket == socket && self.kinds.get(&of.id) == Some(&kind))
    }

    /// Lets the engine find out what it only asks for when it has to.
    fn touch(&mut self, wire: &Wire) {
        let descriptor = self.open.iter().find(|(_, it)| it.0 == wire.token.0);
        let Some((&(process, raw), &socket)) = descriptor else {
            return;
        };
        if self.pending.keys().any(|it| it.socket == socket) {
            // It must have noticed by itself.
            return;
        }
        let Ok(process) = self.process(ProcessId(process)) else {
            return;
        };
        let descriptor = Descriptor::from_raw(raw);
        self.world.provider.set_network_down(false);
        let touched = if wire.input > 0 {
            process.send_overlapped(descriptor, vec![0], Notify::nobody())
        } else {
            process.recv_overlapped(descriptor, vec![0], Notify::nobody())
        };
        self.world.provider.set_network_down(!self.network_up);
        if touched.is_err() {
            self.fail(format!("the engine was not told: {wire:?} {touched:?}"));
        }
    }

    /// Takes what was posted, wherever it was.
    fn collect_completions(&mut self) {
        let mut posted: Vec<(u64, Completion)> = Vec::new();
        while let Some(completion) = self.queue.take() {
            posted.push((completion.key, completion));
        }
        while self.alertable.wait(Some(Duration::ZERO)) > 0 {}
        let ran = std::mem::take(&mut *lock(&self.ran));
        posted.extend(ran.into_iter().map(|it| (it.key, it)));
        for (id, issued) in &self.issued {
            let Some(event) = &issued.event else { continue };
            let (set, completion) = (event.event().is_set(), event.take());
            event.event().reset();
            if set != completion.is_some() {
                let why = format!("call {id}: event set {set}, {completion:?}");
                self.failure.get_or_insert(why);
            }
            posted.extend(completion.map(|it| (*id, it)));
        }
        for (id, completion) in posted {
            let answer = self.read_completion(id, &completion);
            self.posted.push((id, answer));
        }
    }

    fn read_completion(&mut self, id: u64, completion: &Completion) -> Answer {
        let length = self.issued.get(&id).map(|it| it.length);
        if length != Some(completion.buffer.len()) {
            self.fail(format!("not the buffer of call {id}: {completion:?}"));
        }
        let count = match completion.result {
            Ok(count) => count,
            Err(error) => return Answer::refused(error),
        };
        match (self.kinds.get(&id), completion.accepted) {
            (Some(OperationKind::Send | OperationKind::Recv), None) => {
                if count != completion.transferred {
                    self.fail(format!("call {id} has two counts: {completion:?}"));
                }
                Answer::Bytes(count as u64)
            }
            (Some(OperationKind::Accept), Some(descriptor)) => Answer::Opened(descriptor),
            (Some(OperationKind::Connect), None) => Answer::Done,
            _ => {
                self.fail(format!("not of call {id}: {completion:?}"));
                Answer::Done
            }
        }
    }

    /// What the caller has got when everybody is at rest.
    pub(super) fn answer(&mut self, begun: &Begun) -> Answer {
        let id = match *begun {
            Begun::Answered(answer) => return answer,
            Begun::Overlapped(id) => return self.posted_at_once(id),
            Begun::Job(id) => id,
        };
        match (self.returned.remove(&id), self.jobs.get(&id)) {
            (Some((_, Ok(Some(answer)))), _) => answer,
            (Some((_, Ok(None))), _) => self.posted_at_once(id),
            (Some((_, Err(error))), _) => Answer::refused(error),
            (None, Some(job)) if job.is_close => Answer::Waiting,
            (None, _) => Answer::Pending,
        }
    }

    fn posted_at_once(&mut self, id: u64) -> Answer {
        let place = self.posted.iter().position(|(of, _)| *of == id);
        place.map_or(Answer::Pending, |place| self.posted.remove(place).1)
    }

    /// All that happened besides the answer.
    pub(super) fn happenings(&mut self) -> Vec<Happening> {
        let mut happenings = std::mem::take(&mut *lock(&self.world.notes));
        for happening in &happenings {
            if let Happening::HandleKept(process, _) = happening {
                self.kept_handles.push(*process);
            }
        }
        for (id, (is_close, returned)) in std::mem::take(&mut self.returned) {
            let answer = match returned {
                Ok(answer) => answer.unwrap_or(Answer::Pending),
                Err(error) => Answer::refused(error),
            };
            happenings.push(if is_close {
                Happening::CloseReturned(self.name(id), answer)
            } else {
                Happening::Ended(self.name(id), Outcome::Returned(answer))
            });
        }
        for (id, answer) in std::mem::take(&mut self.posted) {
            happenings.push(Happening::Ended(self.name(id), Outcome::Posted(answer)));
        }
        for id in std::mem::take(&mut self.silent) {
            happenings.push(Happening::Ended(self.name(id), Outcome::Silent));
        }
        happenings
    }

    /// What is not over yet.
    #[must_use]
    pub fn left_over(&self) -> Vec<String> {
        let mut left = Vec::new();
        let usage = self.world.provider.usage();
        if usage.sockets > 0 {
            left.push(format!("{} sockets", usage.sockets));
        }
        if usage.retired_handles != self.kept_handles.len() as u64 {
            left.push(format!("{} retired handles", usage.retired_handles));
        }
        for process in &self.world.processes {
            let kept = self.kept_handles.iter().filter(|it| **it == process.id());
            if process.descriptors() != kept.count() {
                let descriptors = process.descriptors();
                left.push(format!("{descriptors} slots of {:?}", process.id()));
            }
            if process.blocked_threads() > 0 {
                left.push(format!("blocked threads of {:?}", process.id()));
            }
        }
        if !self.jobs.is_empty() || !self.pending.is_empty() || !self.open.is_empty() {
            left.push("jobs, operations or descriptors".to_owned());
        }
        left
    }
}
