//! The trace of a run: streamed to a file, and replayed when the run is over.

use std::path::{Path, PathBuf};

use closesocket_trace::{Recorder, Replay, replay_file};

use crate::interrupt;

/// A run that is being recorded.
pub(crate) struct Traced {
    recorder: Recorder,
    file: PathBuf,
    /// The file is ours: it is removed at the end.
    temporary: bool,
}

impl Traced {
    /// Records into this file, or into one that is removed at the end.
    pub(crate) fn start(file: Option<&Path>) -> Result<Self, String> {
        let own = || {
            let name = format!("closesocket-trace-{}.jsonl", std::process::id());
            std::env::temp_dir().join(name)
        };
        let temporary = file.is_none();
        let file = file.map_or_else(own, Path::to_path_buf);
        if temporary {
            interrupt::remove(file.clone());
        }
        let recorder = Recorder::to_file(&file)
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        Ok(Self {
            recorder,
            file,
            temporary,
        })
    }

    pub(crate) const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Ends the recording and replays it.
    pub(crate) fn replay(&self) -> Result<Replay, String> {
        self.recorder
            .finish()
            .map_err(|error| format!("the trace cannot be written: {error}"))?;
        replay_file(&self.file).map_err(|error| error.to_string())
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_file(&self.file);
        }
    }
}
