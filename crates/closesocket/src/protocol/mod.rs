//! The close protocol: pure decisions.
//!
//! No clock, no atomics, no I/O, no threads. Two state machines and the small
//! rules around them:
//!
//! - [`word`]: one descriptor's atomic word; who is inside, and is it open;
//! - [`Socket`]: what all descriptors of a socket share; what a close makes of
//!   it;
//!
//! and in which order a thread asks them: its [`program`].
//!
//! The engine runs these functions under real atomics and locks, the model as
//! its transition function, the property tests against an oracle. Nothing that
//! decides is written anywhere else.

mod close;
mod drain;
mod ending;
mod error;
mod handle;
mod input;
pub mod invariant;
mod limits;
mod linger;
mod parts;
pub mod program;
mod record;
mod socket;
mod startup;
pub(crate) mod text;
mod time;
mod transfer;
pub mod word;

pub use close::{Cause, CloseRequest, Commit, PendingOperations, Take};
pub use ending::{Cut, HandleKind, Notice, Waiting, cut_off, may_cancel, notice, returns_handle};
pub use error::{Error, Preconditions};
pub use handle::{Descriptor, ProcessId};
pub use input::{Input, Outcome};
pub use limits::{Direction, Limits};
pub use linger::{CloseMode, Linger};
pub use parts::{
    AbortScope, Actions, Connection, Ending, OperationKind, Phase, SendSide, UnreadInput,
};
pub use record::{DuplicationRecord, RecordState};
pub use socket::Socket;
pub use startup::Startups;
pub use text::ParseError;
pub use time::Time;
pub use transfer::TransferState;
