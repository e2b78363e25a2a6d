//! How a command ends.

/// How a command ended; the exit codes are documented in `docs/verification.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything as expected.
    AsExpected = 0,
    /// A verdict differs from the expected one.
    Differs = 1,
    /// The command line is wrong, or the file that it names.
    Usage = 2,
    /// A search was cut off, so nothing is proved.
    Incomplete = 3,
}

impl Outcome {
    /// This outcome; or the other, if this is that all is well.
    pub(crate) const fn or(self, other: Self) -> Self {
        match self {
            Self::AsExpected => other,
            wrong => wrong,
        }
    }
}
