//! The conformance suite over our own transports, whose peers know nothing of the
//! engine.

#![allow(clippy::unwrap_used, clippy::panic)]

mod plain;
mod tcp;
mod unix;

use std::process::ExitCode;

use closesocket_conformance::{InMemory, behaviours, main as run};

fn main() -> ExitCode {
    run([
        ("memory", behaviours::<InMemory>()),
        ("tcp_v4", behaviours::<tcp::V4>()),
        ("tcp_v6", behaviours::<tcp::V6>()),
        ("unix", behaviours::<unix::Local>()),
    ])
}
