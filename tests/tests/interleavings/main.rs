//! The engine in every interleaving of its atomic instructions and critical
//! sections, as far as loom 0.7 and a bound on preemptions go.
//!
//! The engine is the one that ships: its synchronization primitives are a type
//! parameter, so these tests run in a plain `cargo test`. Each test explores
//! one scenario and replays what the engine's probe saw in every execution
//! through the shipped protocol. It states how many executions and which
//! outcomes it must have reached, since loom calls one execution a success too.
//! The twins of some run the same scenario over primitives with a planted
//! defect, and must fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod leading;
mod ledger;
mod model;
mod noted;
mod primitives;
mod wired;
mod world;

mod accepts;
mod blocked;
mod cancels;
mod closes;
mod drains;
mod driving;
mod gate;
mod handles;
mod operations;
mod policies;
mod polled;
mod processes;
mod results;
mod reuse;
mod sharing;
mod standard;
mod tasks;
