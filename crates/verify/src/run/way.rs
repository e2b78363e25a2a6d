//! The ways to close a connection.

/// How a connection's last descriptor is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// With the default options: what is queued is sent in the background.
    Graceful,
    /// With a linger time of 0: reset.
    Hard,
    /// With a linger time: the close waits for the peer.
    Lingering,
    /// Shared by two processes: the first close changes nothing, the second
    /// is graceful.
    Shared,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Graceful, Self::Hard, Self::Lingering, Self::Shared];

    /// The way of the connection with this number, when `each` are to be closed
    /// in each way; the ways take turns.
    pub(crate) fn of(number: u64, each: u64) -> Option<Self> {
        let ways = Self::ALL.len() as u64;
        let way = usize::try_from(number % ways).ok()?;
        if number < each * ways {
            Self::ALL.get(way).copied()
        } else {
            None
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::Hard => "hard",
            Self::Lingering => "lingering",
            Self::Shared => "shared",
        }
    }
}
