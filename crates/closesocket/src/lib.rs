//! Closing a shared socket correctly while other threads still use it.
//!
//! The library has two layers. [`protocol`] decides: pure functions over two
//! small state machines, for those who have a runtime of their own. [`engine`]
//! runs it: a concurrent socket provider in Winsock's terms, generic over
//! synchronization primitives, transport, clock and probe.
#![forbid(unsafe_code)]

pub mod engine;
pub mod protocol;
