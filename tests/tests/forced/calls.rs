//! The calls of a scenario's threads as calls of the engine.

use std::sync::{Arc, Mutex};

use closesocket::engine::completions::{Notify, OperationId};
use closesocket::engine::net::Transport as _;
use closesocket::engine::{Descriptor, Error, Process, Shutdown};
use closesocket::protocol::{Connection, OperationKind, Waiting};
use closesocket_models::state::Thread;
use closesocket_models::{Call, Handle};

use super::primitives::Tested;
use super::scripted::locked;
use super::seat::{self, Job};
use super::world::World;

/// The key of every packet.
pub(crate) const KEY: u64 = 7;

/// What the last call of a thread has returned, bytes and handles left out.
pub(crate) type Returned = Arc<Mutex<Option<Result<(), Error>>>>;

impl World {
    fn resolve(&self, thread: &Thread, handle: Handle) -> Descriptor {
        match handle {
            Handle::First(slot) => self.descriptor(slot, 1),
            Handle::Own => self.descriptor(thread.own_slot(), thread.own_generation()),
        }
    }

    /// The call of a thread of this process; `None` if it comes to nothing in the
    /// engine either: what it is to take is not there.
    pub(crate) fn job(
        &self,
        (process, thread): (u8, &Thread),
        call: Call,
        operations: &[Option<OperationId>],
        returned: &Returned,
    ) -> Option<Job> {
        let process = self.processes[usize::from(process)].clone();
        let returned = Arc::clone(returned);
        let tell = move |result: Result<(), Error>| *locked(&returned) = Some(result);
        Some(match call {
            Call::Start { operation, through } => {
                let descriptor = self.resolve(thread, through);
                return self.start(process, descriptor, usize::from(operation), tell);
            }
            Call::Close(handle) => {
                let descriptor = self.resolve(thread, handle);
                Box::new(move || tell(process.close(descriptor)))
            }
            Call::SetLinger(handle, seconds) => {
                let descriptor = self.resolve(thread, handle);
                Box::new(move || tell(process.set_linger(descriptor, seconds)))
            }
            Call::ShutDownSend(handle) => {
                let descriptor = self.resolve(thread, handle);
                Box::new(move || tell(process.shutdown(descriptor, Shutdown::Send)))
            }
            Call::CancelThrough(handle) => {
                let descriptor = self.resolve(thread, handle);
                Box::new(move || tell(process.cancel_all(descriptor).map(drop)))
            }
            Call::Cancel { operation } => {
                let operation = operations[usize::from(operation)]?;
                Box::new(move || tell(process.cancel(operation)))
            }
            Call::Open { socket } => {
                let spec = self.scenario.sockets[usize::from(socket)];
                assert_eq!((spec.connection, spec.queued), (Connection::Connected, 0));
                Box::new(move || {
                    seat::change(|it| it.reserves = true);
                    let opened = process.take_in(Connection::Connected, |token| {
                        process.transport().open(token)
                    });
                    tell(opened.map(drop));
                })
            }
            Call::Duplicate {
                through, target, ..
            } => {
                let descriptor = self.resolve(thread, through);
                let target = self.processes[usize::from(target)].id();
                Box::new(move || {
                    let made = process.duplicate(descriptor, target);
                    tell(made.map(drop));
                })
            }
            Call::Redeem { record } => {
                let record = self.records[usize::from(record)]?;
                Box::new(move || {
                    seat::change(|it| it.reserves = true);
                    tell(process.redeem(record).map(drop));
                })
            }
            Call::Startup => Box::new(move || tell(process.startup())),
            Call::Cleanup => Box::new(move || tell(process.cleanup())),
            Call::Die => Box::new(move || {
                process.die();
                tell(Ok(()));
            }),
            Call::TakeAccepted { .. } => return None,
        })
    }
    /// The call that starts an operation of the scenario.
    fn start(
        &self,
        process: Process<Tested>,
        descriptor: Descriptor,
        operation: usize,
        tell: impl FnOnce(Result<(), Error>) + Send + 'static,
    ) -> Option<Job> {
        let spec = self.scenario.operations[operation];
        let bytes = vec![b's'; usize::from(spec.chunks)];
        let notify = Notify::queue(&self.queues[operation], KEY);
        Some(match (spec.kind, spec.waiting) {
            (OperationKind::Recv, Waiting::Overlapped) => Box::new(move || {
                let started = process.recv_overlapped(descriptor, vec![0], notify);
                tell(started.map(drop));
            }),
            (OperationKind::Recv, Waiting::Blocked) => {
                Box::new(move || tell(process.recv(descriptor, &mut [0]).map(drop)))
            }
            (OperationKind::Send, Waiting::Overlapped) => Box::new(move || {
                let started = process.send_overlapped(descriptor, bytes, notify);
                tell(started.map(drop));
            }),
            (OperationKind::Send, Waiting::Blocked) => {
                Box::new(move || tell(process.send(descriptor, &bytes).map(drop)))
            }
            (OperationKind::Accept, Waiting::Overlapped) => Box::new(move || {
                let started = process.accept_overlapped(descriptor, notify);
                tell(started.map(drop));
            }),
            (OperationKind::Accept, Waiting::Blocked) => Box::new(move || {
                seat::change(|it| it.accepts = true);
                tell(process.accept(descriptor).map(drop));
            }),
            (OperationKind::Connect, _) => return None,
        })
    }
}
