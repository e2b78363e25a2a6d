//! A breadth-first checker for any [stateright](https://docs.rs/stateright) model.
//!
//! It says exactly how many unique states there are, how many transitions, how far
//! the furthest state is, and whether everything was explored; and of each property
//! that is violated, or reached, a shortest way there. Each worker owns the states
//! whose fingerprints fall to it, in flat tables of 11 to 16 bytes a state, or
//! twice that with what is needed for the ways. Workers exchange what they reach in
//! batches, over timely dataflow, within one process or between several.
//!
//! A state is known by a fingerprint of 64 bits, so of n states two are taken for
//! one with a chance of about n²/2⁶⁵: 3 in 10,000 for a hundred million. The hash
//! is of another kind than stateright's: what one of the two misses, the other
//! finds.
//!
//! ```
//! use std::sync::Arc;
//!
//! use closesocket_frontier::{ModelSpace, Options, explore};
//! use stateright::{Model, Property};
//!
//! /// Counts to ten, in steps of one or two.
//! struct Counting;
//!
//! impl Model for Counting {
//!     type State = u8;
//!     type Action = u8;
//!
//!     fn init_states(&self) -> Vec<u8> {
//!         vec![0]
//!     }
//!
//!     fn actions(&self, _: &u8, actions: &mut Vec<u8>) {
//!         actions.extend([1, 2]);
//!     }
//!
//!     fn next_state(&self, state: &u8, step: u8) -> Option<u8> {
//!         Some(state + step).filter(|it| *it <= 10)
//!     }
//!
//!     fn properties(&self) -> Vec<Property<Self>> {
//!         vec![Property::always("below seven", |_, state| *state < 7)]
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let space = Arc::new(ModelSpace::new(Counting)?);
//! let options = Options { workers: 2, ..Options::default() };
//! let report = explore(&space, &options, &|_| {})?;
//! assert!(report.is_complete());
//! assert_eq!((report.unique_states, report.transitions, report.depth), (11, 19, 5));
//! // One way is two, four, six, seven.
//! assert_eq!(report.found[0].depth, 4);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod alone;
mod bytes;
mod checkpoint;
mod explore;
mod fingerprint;
mod flow;
mod gather;
mod network;
mod options;
mod parcel;
mod queue;
mod report;
mod share;
mod shared;
mod space;
mod table;
mod together;
mod trail;

pub use bytes::Wire;
pub use explore::{explore, explore_alone, explore_anywhere};
pub use options::{Checkpoint, Cluster, Limits, Options, Progress};
pub use report::{Ending, Failure, Found, Path, Report};
pub use space::{Findings, ModelError, ModelSpace, Space};
