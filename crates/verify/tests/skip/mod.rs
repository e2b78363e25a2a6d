//! Tests that need a program which may not be here.

use std::io::Write as _;

/// Whether a test goes on: what it needs is here. Else a loud line says that it is skipped;
/// with `CLOSESOCKET_REQUIRE_TOOLS` set, as in `.ci/run`, it fails.
pub(crate) fn goes_on(is_here: bool, needs: &str) -> bool {
    if !is_here {
        let required = std::env::var_os("CLOSESOCKET_REQUIRE_TOOLS").is_some();
        assert!(!required, "there is no {needs} here");
        // Past the capture of the test's output: a skipped test must be seen.
        let line = format!("SKIPPED: there is no {needs} here; nothing was tried\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    is_here
}
