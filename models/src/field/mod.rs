//! Close algorithms of other implementations, as public reports describe them.
//!
//! They are no variants of the shipped steps, because they are other algorithms:
//! a number instead of a generation, a waker, a table whose borrow outlasts a call.
//! Each is a small model of its own, which tells of every step what the invariants
//! want to know of one: the world before it, what happened, the world after it. So
//! the same table judges them, and the same lanes show them. Each comes with its
//! repair, to which no invariant objects.
//!
//! They are written in our own words after what the reports say, and not after the
//! code of those projects: [`FieldModel::modelled`] says how much of each is there.

mod deno_core;
mod draw;
mod go;
mod liburing;
mod libuv;
mod scene;
mod search;
mod silk;
mod tokio_uring;
mod wepoll;

pub use scene::{Scene, Turn};
pub use search::{FieldSearch, search_field};

use crate::defect::Report;

/// Another implementation's algorithm, and how its fault shows.
#[derive(Clone, Copy, Debug)]
pub struct FieldModel {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// The report that tells of the fault.
    pub report: Report,
    /// What goes wrong, in one sentence.
    pub wrong: &'static str,
    /// What of the algorithm is modelled, in one sentence.
    pub modelled: &'static str,
    /// What the repaired one does instead, in one sentence.
    pub repair: &'static str,
    /// Who takes the steps; those named `T1`, `T2` are threads, which have to come
    /// to their end.
    pub actors: &'static [&'static str],
    /// Exactly the invariants that it violates; first the one that the report is
    /// about.
    pub violates: &'static [&'static str],
    /// Steps of the shortest way to violate the first of them.
    pub steps: usize,
    /// The world at the start.
    pub(crate) start: fn() -> Scene,
    /// What can happen next, in the algorithm as reported or as repaired.
    pub(crate) turns: fn(&Scene, Repaired, &mut Vec<Turn>),
}

/// Whether an algorithm is taken as it was reported, or with its repair.
pub(crate) type Repaired = bool;

impl FieldModel {
    /// The algorithm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FIELD_MODELS.iter().find(|it| it.name == name)
    }

    /// Whether this actor is a thread of the program.
    pub(crate) fn is_thread(&self, actor: usize) -> bool {
        self.actors.get(actor).is_some_and(|it| it.starts_with('T'))
    }
}

/// Every algorithm.
pub const FIELD_MODELS: &[FieldModel] = &[
    tokio_uring::MODEL,
    liburing::MODEL,
    wepoll::MODEL,
    silk::MODEL,
    deno_core::MODEL,
    go::MODEL,
    libuv::MODEL,
];
