//! Time limits of blocking calls (`SO_RCVTIMEO`, `SO_SNDTIMEO`, C3).

use core::time::Duration;

use super::OperationKind;

/// The time limits of a socket's blocking calls, shared by its descriptors
/// (D4). In whole milliseconds, as Winsock has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Milliseconds for receives and accepts; 0 for no limit.
    receive: u32,
    /// Milliseconds for sends and connects; 0 for no limit.
    send: u32,
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `SO_RCVTIMEO`: receives and accepts.
    Receive,
    /// `SO_SNDTIMEO`: sends and connects.
    Send,
}

impl Limits {
    /// No limits: a new socket's.
    pub const NONE: Self = Self {
        receive: 0,
        send: 0,
    };

    /// These limits, in milliseconds; 0 for none.
    #[must_use]
    pub const fn from_millis(receive: u32, send: u32) -> Self {
        Self { receive, send }
    }

    /// Milliseconds for this direction; 0 for no limit.
    #[must_use]
    pub const fn millis(self, direction: Direction) -> u32 {
        match direction {
            Direction::Receive => self.receive,
            Direction::Send => self.send,
        }
    }

    /// The same with this limit for one direction: a part of a millisecond
    /// counts as one, what does not fit as the most that does. `None` takes the
    /// limit away.
    #[must_use]
    pub fn with(self, direction: Direction, limit: Option<Duration>) -> Self {
        let millis = limit.map_or(0, |limit| {
            let millis = limit.as_nanos().div_ceil(1_000_000).max(1);
            u32::try_from(millis).unwrap_or(u32::MAX)
        });
        match direction {
            Direction::Receive => Self {
                receive: millis,
                ..self
            },
            Direction::Send => Self {
                send: millis,
                ..self
            },
        }
    }

    /// The limit for this direction.
    #[must_use]
    pub fn limit(self, direction: Direction) -> Option<Duration> {
        let millis = self.millis(direction);
        (millis > 0).then(|| Duration::from_millis(u64::from(millis)))
    }

    /// How long a blocking call of this kind may wait.
    //= docs/specification.md#c3-time-limits
    //# - The receive time limit MUST hold for blocking receives and accepts, and the send time limit
    //# for blocking sends and connects.
    #[must_use]
    pub fn of(self, kind: OperationKind) -> Option<Duration> {
        self.limit(match kind {
            OperationKind::Recv | OperationKind::Accept => Direction::Receive,
            OperationKind::Send | OperationKind::Connect => Direction::Send,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_in_whole_milliseconds_and_never_becomes_none() {
        let of = |limit| {
            Limits::NONE
                .with(Direction::Send, limit)
                .limit(Direction::Send)
        };
        assert_eq!(of(None), None);
        let (short, long) = (Duration::from_nanos(1), Duration::MAX);
        assert_eq!(of(Some(short)), Some(Duration::from_millis(1)));
        assert_eq!(of(Some(Duration::ZERO)), Some(Duration::from_millis(1)));
        assert_eq!(of(Some(long)), Some(Duration::from_millis(u32::MAX.into())));
    }

    //= docs/specification.md#c3-time-limits
    //= type=test
    //# - The receive time limit MUST hold for blocking receives and accepts, and the send time limit
    //# for blocking sends and connects.
    #[test]
    fn each_kind_of_call_has_the_limit_of_its_direction() {
        let limits = Limits::from_millis(3, 5);
        let millis = |kind| limits.of(kind).map(|it| it.as_millis());
        assert_eq!(millis(OperationKind::Recv), Some(3));
        assert_eq!(millis(OperationKind::Accept), Some(3));
        assert_eq!(millis(OperationKind::Send), Some(5));
        assert_eq!(millis(OperationKind::Connect), Some(5));
    }
}
