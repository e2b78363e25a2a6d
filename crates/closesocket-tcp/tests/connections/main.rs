//! Connections come about, are set, handed over and end: what tests may do side by side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod connecting;
mod ending;
mod leading;
mod native;
mod options;
mod unix;
