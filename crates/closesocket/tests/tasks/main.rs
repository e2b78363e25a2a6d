//! Calls of tasks, polled by hand: who is woken and when, and what a future leaves
//! that is dropped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

mod calls;
mod closing;
mod dropped;
