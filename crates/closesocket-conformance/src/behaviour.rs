//! One behaviour, and what came of it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::network::Network;
use crate::skipped::{Skipped, skip};
use crate::world::{World, run};

/// Something that holds of every transport, over one network.
#[derive(Clone)]
pub struct Behaviour {
    name: String,
    run: Arc<dyn Fn() + Send + Sync>,
}

/// What came of a behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was observed.
    Holds,
    /// The network does not offer what it needs, and what that is.
    Skipped(String),
    /// Something else was observed, or nothing in time.
    Fails(String),
}

impl Behaviour {
    pub(crate) fn new<N: Network>(
        module: &'static str,
        name: &'static str,
        scenario: fn(&World<N>),
    ) -> Self {
        let module = module.rsplit("::").next().unwrap_or(module);
        Self {
            name: format!("{module}::{name}"),
            run: Arc::new(move || {
                if let Some(why) = N::lacks(name) {
                    skip(why);
                }
                run(scenario);
            }),
        }
    }

    /// Its name: what it is about, the id of its clause, and what holds, as in
    /// `sharing::d5_a_record_is_redeemed_once`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Observes it, in a thread of its own. A transport that loses an event may
    /// hold it for ever: it fails if it has not ended within `patience`, and its
    /// thread is left behind.
    ///
    /// # Panics
    /// If there can be no thread.
    #[must_use]
    pub fn check(&self, patience: Duration) -> Verdict {
        let (tell, told) = channel();
        let run = Arc::clone(&self.run);
        let thread = thread::Builder::new().name(self.name.clone());
        let started = thread.spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run()));
            // Nobody listens any more if it took too long.
            let _ = tell.send(ended);
        });
        started.expect("there is a thread for it");
        match told.recv_timeout(patience) {
            Ok(Ok(())) => Verdict::Holds,
            Ok(Err(panic)) => why(&*panic),
            Err(_) => Verdict::Fails(format!("it has not ended within {patience:?}")),
        }
    }
}

/// What a panic says.
fn why(panic: &(dyn Any + Send)) -> Verdict {
    if let Some(Skipped(why)) = panic.downcast_ref() {
        return Verdict::Skipped(why.clone());
    }
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    Verdict::Fails(text.unwrap_or("a panic without words").to_owned())
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Behaviour").field(&self.name).finish()
    }
}
