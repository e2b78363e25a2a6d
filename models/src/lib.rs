//! The close protocol as a stateright model.
//!
//! The model runs the code that ships: every decision is made by
//! `closesocket::protocol`; the model has the threads, as step programs of
//! atomic instructions and critical sections, and the surroundings. Each
//! [`Scenario`] is a small world that is explored completely, each [`Defect`] a
//! deviation that its scenario must catch, each [`Probe`] a shape that must be
//! reached. Each [`FieldModel`] is another implementation's algorithm, judged by the
//! same invariants.
#![forbid(unsafe_code)]

mod action;
mod breach;
mod canon;
mod catalogue;
mod check;
mod code;
mod defect;
mod explore;
mod field;
mod follow;
mod graph;
mod hash;
pub mod lanes;
mod model;
mod own;
mod probe;
pub mod prove;
mod raise;
mod rank;
mod recording;
mod scenario;
mod search;
mod show;
mod space;
pub mod state;
mod steps;
pub mod trivial;
mod validate;
mod view;
mod when;

pub use action::{Action, What};
pub use breach::Breach;
pub use canon::Reduction;
pub use catalogue::{DEEP, SCENARIOS};
pub use check::{Checker, Outcome, Verdict, check, check_by, check_within};
pub use closesocket_frontier::{Checkpoint, Cluster, Failure, Limits, Options, Progress};
pub use code::Code;
pub use defect::{DEFECTS, Defect, DefectSpec, Report};
pub use explore::{ExplorerModel, Shown};
pub use field::{FIELD_MODELS, FieldModel, FieldSearch, Scene, Turn, search_field};
pub use follow::Followed;
pub use graph::{Edge, Graph, Node};
pub use model::{CloseModel, Transition};
pub use own::{Deviating, Deviation, Judge, OwnInvariant};
pub use probe::{PROBES, Probe};
pub use raise::Bound;
pub use rank::rank;
pub use recording::{Recording, Recordings, Untold};
pub use scenario::{
    Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, Surroundings, ThreadSpec,
};
pub use search::{Counterexample, Search, search, search_violation, search_within};
pub use state::State;
pub use validate::ScenarioError;
pub use view::View;
