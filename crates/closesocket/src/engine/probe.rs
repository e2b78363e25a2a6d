//! The probe: an observer of each decisive step, as a type parameter.
//!
//! Under real threads the steps have no total order by themselves. So each
//! [`Observation`] carries what orders it: those of an atomic instruction on a
//! descriptor's word carry the word that the instruction saw; those under a
//! socket's lock carry the number that the socket's cell gave them there, and
//! the machine as they found it. A replay finds an order that all of this
//! allows (`docs/trace.md`).

use super::observation::Observation;

/// Observes the engine. Implementations must be quick, must not call the engine
/// and should not synchronise, or they hide the races they are to show. One that
/// panics does so in the middle of a critical section: only for tests that fail
/// then.
pub trait Probe: Send + Sync + 'static {
    /// Whether there is anything to observe. Where it is false the engine does
    /// not even put the observations together.
    const ENABLED: bool = true;

    /// Called at each decisive step.
    fn observe(&self, observation: Observation);
}

/// Observes nothing, at no cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    const ENABLED: bool = false;

    #[inline]
    fn observe(&self, _: Observation) {}
}

/// Both observe: to record and to log at once, say.
impl<A: Probe, B: Probe> Probe for (A, B) {
    const ENABLED: bool = A::ENABLED || B::ENABLED;

    fn observe(&self, observation: Observation) {
        self.0.observe(observation);
        self.1.observe(observation);
    }
}
