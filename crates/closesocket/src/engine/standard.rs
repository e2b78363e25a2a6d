//! The default primitives: the standard library's.
//!
//! The interleaving tests include `parts.rs` below loom's atomics, mutex and
//! condition variable: what they explore is what ships.

mod parts;

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::primitives::{Monitor, Primitives, Word};

pub use parts::{StdMonitor, StdWord};

/// The standard library's primitives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Std;

impl Primitives for Std {
    type Word = StdWord;
    type Monitor<T: Send + 'static> = StdMonitor<T>;

    fn current_thread() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static THIS: Cell<u64> = const { Cell::new(0) };
        }
        THIS.with(|this| {
            if this.get() == 0 {
                this.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            this.get()
        })
    }

    fn note_transport_call(begins: bool) {
        let depth = Self::depth();
        DEPTH.set(if begins {
            depth + 1
        } else {
            depth.saturating_sub(1)
        });
    }

    fn in_transport_call() -> bool {
        Self::depth() > 0
    }
}

thread_local! {
    /// How many calls of the transport's this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

impl Std {
    fn depth() -> u32 {
        DEPTH.get()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::super::primitives::TransportCall;
    use super::*;

    /// What only the standard library's lock and clock can show; the rest of the
    /// contract the interleaving tests ask of the same source over loom's.
    #[test]
    fn a_panic_in_a_section_leaves_the_monitor_usable_and_a_limit_passes() {
        let monitor = StdMonitor::new(1_u64);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            monitor.lock(|_| panic!("in the section"));
        }));
        assert!(panicked.is_err());
        assert_eq!(monitor.lock(|value| *value), 1);
        let never = |_: &mut u64| None::<()>;
        for limit in [Duration::ZERO, Duration::from_millis(1)] {
            assert_eq!(monitor.wait(Some(limit), never), None);
        }
        assert_eq!(monitor.wait(Some(Duration::ZERO), |it| Some(*it)), Some(1));
    }

    #[test]
    fn a_call_of_the_transports_goes_on_when_one_within_it_has_ended() {
        assert!(!Std::in_transport_call());
        let outer = TransportCall::<Std>::new();
        drop(TransportCall::<Std>::new());
        assert!(Std::in_transport_call());
        drop(outer);
        assert!(!Std::in_transport_call());
    }
}
