//! `cargo verify`: checks everything and shows it; what CI gates on.

use std::process::ExitCode;

use closesocket_verify::{Suite, main as verify};

fn main() -> ExitCode {
    verify(Suite::OURS)
}
