//! Trace files for a while.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use closesocket_trace::{ReadError, Replay, replay_file};

/// A file that is removed at the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("closesocket-trace-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn replay(&self, text: impl AsRef<[u8]>) -> Result<Replay, ReadError> {
        std::fs::write(&self.0, text).unwrap();
        replay_file(&self.0)
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
