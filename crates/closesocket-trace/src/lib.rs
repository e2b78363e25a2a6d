//! Records what the engine of `closesocket` did under real threads and replays
//! it through the shipped protocol.
//!
//! A [`Recorder`] is a probe: give it to a provider, and it writes down what
//! the engine tells it. [`replay()`] looks for an order of what was recorded that
//! the protocol allows, and says the first thing that none allows. The format
//! of the files is in `docs/trace.md`.
//!
//! With the feature `tracing`, `TracingProbe` tells the same to `tracing`.

#[cfg(feature = "tracing")]
mod logged;
mod reader;
mod record;
mod recorder;
mod replay;
mod told;
mod wire;
#[doc(hidden)]
pub mod words;

#[cfg(feature = "tracing")]
pub use logged::TracingProbe;
pub use reader::{ReadError, read, read_file};
pub use record::Record;
pub use recorder::{Recorder, to_text};
pub use replay::{CutOff, Problem, Replay, records_of, replay, replay_execution, replay_file};
pub use told::{Life, Told, Touch, Touched, told};
