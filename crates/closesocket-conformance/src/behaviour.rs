//! One behaviour, and what came of it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

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
        let (run, skipped) = (Arc::clone(&self.run), Skipped::default());
        let thread = thread::Builder::new().name(self.name.clone());
        let there = skipped.clone();
        let started = thread.spawn(move || {
            there.enter();
            let ended = catch_unwind(AssertUnwindSafe(|| run()));
            // Nobody listens any more if it took too long.
            let _ = tell.send(ended.map_err(|panic| what(&*panic)));
        });
        started.expect("there is a thread for it");
        let give_up = Instant::now() + patience;
        loop {
            let ended = told.recv_timeout(PAUSE);
            if let Some(why) = skipped.why() {
                return Verdict::Skipped(why);
            }
            match ended {
                Ok(Ok(())) => return Verdict::Holds,
                Ok(Err(what)) => return Verdict::Fails(what),
                Err(_) if Instant::now() < give_up => {}
                Err(_) => {
                    return Verdict::Fails(format!("it has not ended within {patience:?}"));
                }
            }
        }
    }
}

/// Observes all of these at the same time, each as [`Behaviour::check`] does; what
/// came of each, in their order.
///
/// # Panics
/// If there can be no threads.
#[must_use]
pub fn check_all(behaviours: &[Behaviour], patience: Duration) -> Vec<Verdict> {
    thread::scope(|scope| {
        let check = |it| scope.spawn(move || Behaviour::check(it, patience));
        let running: Vec<_> = behaviours.iter().map(check).collect();
        let verdicts = running.into_iter();
        verdicts.map(|it| it.join().expect("no panic")).collect()
    })
}

/// How often to look whether one of its threads was skipped.
const PAUSE: Duration = Duration::from_millis(100);

/// What a panic says.
fn what(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Behaviour").field(&self.name).finish()
    }
}
