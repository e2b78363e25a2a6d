//! Calls through a descriptor: on this thread if they cannot block, else on one
//! of their own.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::completions::{AlertableThread, Completion, Notify, Overlapped};
use closesocket::engine::net::MemoryAddress;
use closesocket::engine::sync::{Primitives, Std};
use closesocket::engine::{Descriptor, Error, Process, ProcessId, Provider, Record, Shutdown};
use closesocket::protocol::Waiting;

use super::network::Peer;
use super::observer::{Gate, set_gate};
use super::workers::{News, Returned};
use super::{Begun, Engine, Issued, Job, Stage, System, adapt, lock};
use crate::call::{Answer, Call, Key, Origin, RecordId, Through, Wait};

/// What a call needs on whatever thread it runs.
struct Site {
    process: Process<System>,
    descriptor: Descriptor,
    records: Arc<Mutex<Vec<Record>>>,
}

fn bytes(count: u64) -> Vec<u8> {
    vec![7; usize::try_from(count).unwrap_or(usize::MAX)]
}

impl Site {
    /// Makes the call; an operation is overlapped if there is somebody to
    /// notify.
    fn perform(&self, call: &Call, notify: Option<Notify>) -> Returned {
        let (process, descriptor) = (&self.process, self.descriptor);
        if let Some(notify) = notify {
            return self.start(call, notify);
        }
        let answer = match *call {
            Call::Connect { at_once, .. } => {
                process.connect(descriptor, &Peer { at_once })?;
                Answer::Done
            }
            Call::Accept { .. } => Answer::Opened(process.accept(descriptor)?),
            Call::Send { bytes: count, .. } => {
                Answer::Bytes(process.send(descriptor, &bytes(count))? as u64)
            }
            Call::Recv { bytes: count, .. } => {
                Answer::Bytes(process.recv(descriptor, &mut bytes(count))? as u64)
            }
            Call::Listen { .. } => {
                process.listen(descriptor, u32::MAX)?;
                Answer::Done
            }
            Call::SetLinger { seconds, .. } => {
                process.set_linger(descriptor, Some(seconds))?;
                Answer::Done
            }
            Call::SetDontLinger { dont, .. } => {
                process.set_dont_linger(descriptor, dont)?;
                Answer::Done
            }
            Call::GetLinger { .. } => Answer::Linger(process.linger(descriptor)?),
            Call::SetNonblocking { nonblocking, .. } => {
                process.set_nonblocking(descriptor, nonblocking)?;
                Answer::Done
            }
            Call::ShutDownSend { .. } => {
                process.shutdown(descriptor, Shutdown::Send)?;
                Answer::Done
            }
            Call::Duplicate { target, .. } => {
                let record = process.duplicate(descriptor, target)?;
                let mut records = lock(&self.records);
                records.push(record);
                Answer::Record(RecordId(records.len() - 1))
            }
            _ => return Err(Error::NotSupported),
        };
        Ok(Some(answer))
    }

    fn start(&self, call: &Call, notify: Notify) -> Returned {
        let (process, descriptor) = (&self.process, self.descriptor);
        match *call {
            Call::Connect { at_once, .. } => {
                process.connect_overlapped(descriptor, &Peer { at_once }, notify)
            }
            Call::Accept { .. } => process.accept_overlapped(descriptor, notify),
            Call::Send { bytes: count, .. } => {
                process.send_overlapped(descriptor, bytes(count), notify)
            }
            Call::Recv { bytes: count, .. } => {
                process.recv_overlapped(descriptor, bytes(count), notify)
            }
            _ => Err(Error::NotSupported),
        }
        .map(|_| None)
    }

    fn close(&self) -> Returned {
        self.process.close(self.descriptor).map(|()| {
            // What a close says is that it is done.
            Some(Answer::Done)
        })
    }

    /// Closes from within a completion routine (O9).
    fn close_in_routine(self) -> Returned {
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        in_a_routine(move |_| *lock(&place) = Some(self.close()));
        let closed = lock(&result).take();
        closed.unwrap_or(Err(Error::TimedOut))
    }
}

/// Runs this as the completion routine of a send over a provider of its own.
fn in_a_routine(run: impl FnOnce(Completion) + Send + 'static) {
    let (provider, alertable) = (Provider::in_memory(), AlertableThread::new());
    let begun = || -> Result<usize, Error> {
        let process = provider.startup()?;
        let listener = provider.transport().listen(MemoryAddress(1))?;
        let descriptor = process.socket()?;
        process.connect_overlapped(descriptor, &MemoryAddress(1), Notify::nobody())?;
        let _peer = listener.accept();
        let notify = Notify::routine(&alertable, 0, run);
        process.send_overlapped(descriptor, Vec::new(), notify)?;
        Ok(alertable.wait(Some(Duration::ZERO)))
    };
    // If it did not run, its caller finds no result.
    let _ = begun();
}

impl Engine<'_> {
    fn site(&self, process: ProcessId, descriptor: Descriptor) -> Result<Site, Error> {
        Ok(Site {
            process: self.process(process)?.clone(),
            descriptor,
            records: Arc::clone(&self.records),
        })
    }

    /// Runs this call on a thread of its own.
    fn start(
        &mut self,
        job: Job,
        gate: Option<Gate>,
        run: impl FnOnce() -> Returned + Send + 'static,
    ) {
        let (id, tell) = (self.id(), self.tell.clone());
        self.jobs.insert(id, job);
        self.world.workers.run(Box::new(move || {
            let _ = tell.send(News::Began(id, Std::current_thread()));
            set_gate(gate);
            let returned = run();
            set_gate(None);
            let _ = tell.send(News::Returned(id, returned));
        }));
    }

    fn job(process: ProcessId, is_close: bool) -> Job {
        Job {
            process,
            stage: Stage::Running,
            gate: None,
            thread: 0,
            is_close,
            drain: None,
            due: false,
        }
    }

    /// Whom to notify of this call's end: an event, a queue and a routine take
    /// turns; a call that another thread makes gets no routine (O3).
    fn notify(&mut self, call: &Call, made_here: bool) -> Option<Notify> {
        let (kind, wait) = adapt::operation(call)?;
        let id = self.id();
        self.kinds.insert(id, kind);
        if wait == Wait::Blocked {
            return None;
        }
        let length = match *call {
            Call::Send { bytes, .. } | Call::Recv { bytes, .. } => bytes,
            _ => 0,
        };
        let event = id.is_multiple_of(3).then(Overlapped::new);
        let notify = match (&event, id % 3) {
            (Some(event), _) => Notify::event(event),
            (None, turn) if turn == 1 || !made_here => Notify::queue(&self.queue, id),
            _ => {
                let ran = Arc::clone(&self.ran);
                Notify::routine(&self.alertable, id, move |it| lock(&ran).push(it))
            }
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.issued.insert(id, Issued { length, event });
        Some(notify)
    }

    pub(super) fn through(&mut self, call: &Call, through: Through) -> Result<Begun, Error> {
        let (process, descriptor) = match through {
            Through::Handle(process, descriptor) => (process, descriptor),
            Through::Entered(key) => return self.go_on(key),
        };
        let site = self.site(process, descriptor)?;
        let id = self.id();
        let notify = self.notify(call, true);
        if let Some((_, Wait::Blocked)) = adapt::operation(call) {
            let call = *call;
            self.start(Self::job(process, false), None, move || {
                site.perform(&call, None)
            });
            return Ok(Begun::Job(id));
        }
        match site.perform(call, notify) {
            Ok(Some(answer)) => Ok(Begun::Answered(answer)),
            Ok(None) => Ok(Begun::Overlapped(id)),
            Err(error) => {
                self.issued.remove(&id);
                Err(error)
            }
        }
    }

    /// A thread that enters and stops: in the call that was planned, or with
    /// nothing planned in none.
    pub(super) fn enter(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<Begun, Error> {
        let Some(call) = self.plan.take() else {
            let admission = self.process(process)?.begin(descriptor)?;
            self.admissions.insert(self.id(), admission);
            return Ok(Begun::Answered(Answer::Pending));
        };
        let site = self.site(process, descriptor)?;
        let id = self.id();
        let notify = self.notify(&call, false);
        let (open, gate) = channel();
        let job = Job {
            stage: Stage::Entering,
            gate: Some(open),
            ..Self::job(process, false)
        };
        let gate = Gate {
            job: id,
            news: self.tell.clone(),
            open: gate,
        };
        self.start(job, Some(gate), move || site.perform(&call, notify));
        Ok(Begun::Job(id))
    }

    fn go_on(&mut self, entry: Key) -> Result<Begun, Error> {
        let (id, name) = (entry.0 as u64, Key(self.calls));
        match self.jobs.get_mut(&id) {
            Some(job) if job.stage == Stage::Standing => {
                job.stage = Stage::Running;
                let opened = job.gate.take().is_some_and(|gate| gate.send(()).is_ok());
                debug_assert!(opened, "a standing thread waits at its gate");
                self.names.insert(id, name);
                Ok(Begun::Job(id))
            }
            _ => Err(Error::InvalidArgument),
        }
    }

    pub(super) fn close(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
        from: Origin,
    ) -> Result<Begun, Error> {
        let site = self.site(process, descriptor)?;
        let socket = self.socket_of(process, descriptor);
        let in_routine = from == Origin::Callback;
        if in_routine && socket.is_some() {
            self.reached("close from a callback");
        }
        self.start(Self::job(process, true), None, move || {
            if in_routine {
                site.close_in_routine()
            } else {
                site.close()
            }
        });
        Ok(Begun::Job(self.id()))
    }

    /// Cancels an overlapped operation by its name, a blocking call by the number
    /// of its thread.
    pub(super) fn cancel(&mut self, call: Key) -> Result<Begun, Error> {
        let overlapped = self
            .pending
            .iter()
            .find(|(_, it)| self.name(it.id) == call && it.waiting == Waiting::Overlapped);
        if let Some((&operation, it)) = overlapped {
            // A network that is down refuses the call, not the oracle's cancel.
            self.world.provider.set_network_down(false);
            let process = &self.world.processes[it.process.0 as usize];
            let cancelled = process.cancel(operation);
            self.world.provider.set_network_down(!self.network_up);
            return cancelled.map(|()| Begun::Answered(Answer::Done));
        }
        let named = |id: &u64| self.name(*id) == call;
        let id = self.jobs.keys().copied().find(|id| named(id));
        let job = id.and_then(|id| self.jobs.get_mut(&id));
        let Some(job) = job.filter(|job| job.stage == Stage::Running) else {
            return Err(Error::InvalidArgument);
        };
        let process = &self.world.processes[job.process.0 as usize];
        if !process.cancel_blocking_call(job.thread) {
            return Err(Error::InvalidArgument);
        }
        // A cancelled operation is delivered, which the probe tells.
        job.due |= job.is_close;
        Ok(Begun::Answered(Answer::Done))
    }

    /// The waiting closes of a process that ends with this call.
    #[must_use]
    pub fn waiting_closes(&self, call: &Call) -> Vec<Key> {
        let ending = match *call {
            Call::Die { process } => process,
            Call::Cleanup { process }
                if self.startups.get(process.0 as usize).copied() == Some(1) =>
            {
                process
            }
            _ => return Vec::new(),
        };
        self.jobs
            .iter()
            .filter(|(_, job)| job.is_close && job.process == ending)
            .map(|(id, _)| self.name(*id))
            .collect()
    }

    /// Passes over the number of a call that only the oracle gets.
    pub const fn skip(&mut self) {
        self.calls += 1;
    }

    pub(super) fn closes_are_due(&mut self, process: ProcessId) {
        let mut waiting = 0;
        for job in self.jobs.values_mut() {
            if job.is_close && job.process == process {
                job.due = true;
                waiting += 1;
            }
        }
        if waiting > 0 {
            self.reached("lingering close interrupted by the end of its process");
        }
    }
}
