//! The limit of open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that a run needs besides its connections.
const OTHERS: u64 = 200;

/// Why there cannot be as many descriptors as a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LimitError {
    /// The system's hard limit is below it.
    #[error(
        "{wanted} descriptors are needed, but the hard limit is {hard}; raise it (ulimit -Hn), or run fewer connections"
    )]
    Hard {
        /// How many are needed.
        wanted: u64,
        /// How many there may be.
        hard: u64,
    },
    /// The system refused to raise the limit.
    #[error("{wanted} descriptors are needed, but the limit could not be raised: {error}")]
    Refused {
        /// How many are needed.
        wanted: u64,
        /// What the system said.
        error: rustix::io::Errno,
    },
}

/// Sees to it that this process may have so many connections' descriptors open,
/// and some others.
///
/// # Errors
/// [`LimitError`] if it may not.
pub(crate) fn raise(connections: u64) -> Result<(), LimitError> {
    let wanted = connections.saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|soft| soft >= wanted) {
        return Ok(());
    }
    if let Some(hard) = limit.maximum.filter(|hard| *hard < wanted) {
        return Err(LimitError::Hard { wanted, hard });
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| LimitError::Refused { wanted, error })
}
