//! One line of a trace.

use closesocket::engine::observe::Observation;

/// An observation with where it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of the thread, in the order in which the recorder met them.
    pub thread: u32,
    /// The number of the record in its thread, from 1 without a gap.
    pub number: u64,
    /// Nanoseconds since the recorder was made. Only a hint: the clock was read
    /// some time after the step, so it orders nothing.
    pub nanos: u64,
    /// What was observed.
    pub observation: Observation,
}
