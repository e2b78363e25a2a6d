//! Connections shared with another operating system process (D9), with a real
//! one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod family;

mod closing;
mod options;
mod records;
