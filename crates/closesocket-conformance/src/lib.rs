//! The conformance suite of closesocket, for a transport of your own.
//!
//! What a user of a socket, or the DLL above a provider, can observe of each
//! clause of the specification: each behaviour is written once, bears the id of
//! its clause, and runs over any [`Network`], whose peers know nothing of the
//! engine. Each ends with nothing left. In a file below `tests/`, with
//! `harness = false` in the manifest, it takes a line:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     closesocket_conformance::main([("mine", closesocket_conformance::behaviours::<Mine>())])
//! }
//! ```
//!
//! `cargo test` then shows every behaviour, and those that were skipped with the
//! reason. What a network does not offer, it leaves as it is in [`Network`] and
//! [`Peer`].
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a behaviour that does not hold panics"
)]

/// What a module has to show: each of these as a [`Behaviour`].
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn behaviours<N: crate::Network>() -> Vec<crate::Behaviour> {
            vec![$(crate::Behaviour::new::<N>(module_path!(), stringify!($name), $name)),+]
        }
    };
}

mod behaviour;
mod dll;
mod every_call;
mod harness;
mod memory;
mod network;
mod skipped;
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
mod injected;
mod limits;
mod linger;
mod lives;
mod losses;
mod operations;
mod packets;
mod readiness;
mod sharing;
mod sockopts;
mod variants;
mod waits;

pub use behaviour::{Behaviour, Verdict, check_all};
/// A fault of a transport itself ([`Network::inject`]), and the calls that can fail.
pub use closesocket::engine::net::{Call, Fault};
pub use harness::main;
pub use memory::InMemory;
pub use network::{Address, End, Network, Peer, Ports};
pub use skipped::skip;

/// Every behaviour, over this network.
#[must_use]
pub fn behaviours<N: Network>() -> Vec<Behaviour> {
    let modules = [
        aborts::behaviours::<N>,
        arrivals::behaviours::<N>,
        cancelling::behaviours::<N>,
        descriptors::behaviours::<N>,
        draining::behaviours::<N>,
        endings::behaviours::<N>,
        errors::behaviours::<N>,
        faults::behaviours::<N>,
        handles::behaviours::<N>,
        injected::behaviours::<N>,
        limits::behaviours::<N>,
        linger::behaviours::<N>,
        lives::behaviours::<N>,
        losses::behaviours::<N>,
        operations::behaviours::<N>,
        packets::behaviours::<N>,
        readiness::behaviours::<N>,
        sharing::behaviours::<N>,
        sockopts::behaviours::<N>,
        variants::behaviours::<N>,
        waits::behaviours::<N>,
    ];
    modules.into_iter().flat_map(|of| of()).collect()
}
