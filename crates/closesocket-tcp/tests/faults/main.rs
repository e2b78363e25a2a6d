//! Faults: what runs out, what is stopped, interrupted or killed, and what panics.
//! Each gives a typed error or an aborted operation; nothing hangs, nothing is
//! left over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod descriptors;
mod killed;
mod panics;
mod signals;
mod stopping;
mod window;
