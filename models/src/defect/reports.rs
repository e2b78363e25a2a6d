//! Public reports of faults in other implementations.

use std::fmt;

/// A report in a public tracker on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The project, as `owner/name`.
    pub project: &'static str,
    /// The number of the issue or pull request.
    pub number: u32,
}

impl Report {
    pub(crate) const fn new(project: &'static str, number: u32) -> Self {
        Self { project, number }
    }

    /// Where it can be read; a pull request is found there as well.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://github.com/{}/issues/{}", self.project, self.number)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.project, self.number)
    }
}
