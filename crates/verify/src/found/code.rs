//! The code that decides a step, as the documented JSON has it.

use closesocket_models::What;
use serde::Serialize;

use crate::places::{self, Place};

/// A function of the shipped protocol, where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Code {
    /// Relative to the root of the repository.
    pub(crate) file: &'static str,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) function: &'static str,
}

impl Code {
    /// What decides this step; `None` if nobody takes it, or if the source is not
    /// among those of the suite.
    pub(crate) fn of(what: What) -> Option<Self> {
        let code = what.code()?;
        let place = places::function(code)?;
        Some(Self {
            file: place.file,
            line: place.line,
            function: code.function,
        })
    }

    /// Where it is, for who points there.
    pub(crate) const fn place(self) -> Place {
        Place {
            file: self.file,
            line: self.line,
            text: self.function,
        }
    }
}
