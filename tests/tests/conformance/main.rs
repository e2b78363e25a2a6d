//! The conformance suite: what a user of a socket, or the DLL above a provider,
//! can observe of each clause of `docs/specification.md`.
//!
//! Each scenario is written once, bears the id of its clause, and runs over
//! connections in memory, TCP over IPv4 and TCP over IPv6, whose peers know
//! nothing of the engine. Each ends with nothing left: see `World`'s drop.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Makes three tests of each scenario, one for each network.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[test] fn $name() { crate::world::run::<crate::memory::InMemory>(super::$name); })+
        }
        mod tcp_v4 {
            $(#[test] fn $name() { crate::world::run::<crate::tcp::V4>(super::$name); })+
        }
        mod tcp_v6 {
            $(#[test] fn $name() { crate::world::run::<crate::tcp::V6>(super::$name); })+
        }
    };
}

mod dll;
#[path = "../every_call/mod.rs"]
mod every_call;
mod memory;
mod network;
mod tcp;
mod world;

mod aborts;
mod arrivals;
mod cancelling;
mod descriptors;
mod draining;
mod endings;
mod errors;
mod faults;
mod handles;
mod limits;
mod linger;
mod lives;
mod losses;
mod operations;
mod sharing;
mod waits;
