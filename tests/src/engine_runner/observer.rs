//! What the engine is built on besides the network: a clock set by hand, a
//! probe that writes down what tells operations apart, upcalls that can fail.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::sync::{Clock, Primitives, Std};
use closesocket::engine::{Descriptor, ProcessId, UpcallFailed, Upcalls};
use closesocket::protocol::Time;

use super::workers::News;
use super::{Notes, lock};
use crate::call::Happening;

/// A clock set by hand.
#[derive(Clone, Default)]
pub struct HandClock(Arc<AtomicU64>);

impl HandClock {
    pub(super) fn advance(&self, by: Duration) {
        let later = self.now().after(by);
        self.0.store(later.nanos(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// Stops a thread after it has entered a descriptor and before it does anything
/// else there.
pub(super) struct Gate {
    pub(super) job: u64,
    pub(super) news: Sender<News>,
    pub(super) open: Receiver<()>,
}

thread_local! {
    static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
}

/// The calling thread's next entry stops at this gate; none takes it away.
pub(super) fn set_gate(gate: Option<Gate>) {
    GATE.with(|place| *place.borrow_mut() = gate);
}

/// Writes down, with the number of the thread, what tells operations,
/// descriptors and closes apart.
#[derive(Clone, Default)]
pub struct Observer(Arc<Mutex<Vec<(u64, Observation)>>>);

impl Observer {
    pub(super) fn take(&self) -> Vec<(u64, Observation)> {
        std::mem::take(&mut lock(&self.0))
    }
}

impl Probe for Observer {
    fn observe(&self, observation: Observation) {
        match observation.step {
            Step::Opened { .. }
            | Step::Committed { .. }
            | Step::Registered { .. }
            | Step::Delivered { .. } => {
                lock(&self.0).push((Std::current_thread(), observation));
            }
            Step::Entered { admitted: true, .. } => {
                if let Some(gate) = GATE.with(RefCell::take) {
                    let _ = gate.news.send(News::Entered(gate.job));
                    // It fails if the trial is over: then the call goes on.
                    let _ = gate.open.recv();
                }
            }
            _ => {}
        }
    }
}

/// Upcalls that fail when told to.
#[derive(Clone)]
pub(super) struct Handles {
    pub(super) fail: Arc<AtomicBool>,
    pub(super) notes: Notes,
}

impl Upcalls for Handles {
    fn close_socket_handle(
        &self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<(), UpcallFailed> {
        let fails = self.fail.load(Ordering::SeqCst);
        lock(&self.notes).push(if fails {
            Happening::HandleKept(process, descriptor)
        } else {
            Happening::HandleReturned(process, descriptor)
        });
        if fails { Err(UpcallFailed) } else { Ok(()) }
    }
}
