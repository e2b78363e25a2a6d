//! The linger option (`SO_LINGER`, `SO_DONTLINGER`) and what it makes of a last
//! close (L table, L1, L7).

/// The linger option of a socket, shared by all its descriptors (D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Linger {
    on: bool,
    seconds: u16,
    /// What turning lingering back on restores; never 0 (L7).
    last_nonzero: u16,
}

/// What the linger option asks a last close to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseMode {
    /// `DONTLINGER`: send what is queued in the background.
    Background,
    /// `l_linger = 0`: discard what is queued and reset.
    Hard,
    /// `l_linger = n`: send what is queued, and wait this many seconds for it.
    Linger {
        /// Seconds, never 0.
        seconds: u16,
    },
}

impl Linger {
    /// The provider's default time in seconds when lingering is turned on with
    /// no time ever set (L7).
    //= docs/specification.md#l7-turning-lingering-on-without-a-timeout
    //# - The provider's default linger timeout MUST NOT be 0.
    pub const DEFAULT_SECONDS: u16 = 30;

    /// The option of a new socket: `DONTLINGER`.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            on: false,
            seconds: Self::DEFAULT_SECONDS,
            last_nonzero: Self::DEFAULT_SECONDS,
        }
    }

    /// `SO_LINGER` with `l_onoff = 1` and `l_linger = seconds`; 0 asks for a
    /// hard close.
    #[must_use]
    pub const fn set_on(self, seconds: u16) -> Self {
        let last_nonzero = if seconds == 0 {
            self.last_nonzero
        } else {
            seconds
        };
        Self {
            on: true,
            seconds,
            last_nonzero,
        }
    }

    /// `SO_DONTLINGER`. True turns lingering off; false turns it on with the
    /// last nonzero time that was set, else the default, never with 0 (L7).
    //= docs/specification.md#l7-turning-lingering-on-without-a-timeout
    //# - Setting SO_DONTLINGER to FALSE MUST select timed linger, with the most recent
    //# timeout other than 0 that the socket was given, or else with the provider's
    //# default.
    #[must_use]
    pub const fn set_dont_linger(self, dont: bool) -> Self {
        if dont {
            Self { on: false, ..self }
        } else {
            Self {
                on: true,
                seconds: self.last_nonzero,
                ..self
            }
        }
    }

    /// The time in seconds if lingering is on (`getsockopt(SO_LINGER)`).
    #[must_use]
    pub const fn seconds(self) -> Option<u16> {
        if self.on { Some(self.seconds) } else { None }
    }

    /// What a last close does with the connection (L table).
    #[must_use]
    pub const fn close_mode(self) -> CloseMode {
        match (self.on, self.seconds) {
            (false, _) => CloseMode::Background,
            (true, 0) => CloseMode::Hard,
            (true, seconds) => CloseMode::Linger { seconds },
        }
    }
}

impl Default for Linger {
    fn default() -> Self {
        Self::off()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dont_linger_false_restores_the_last_nonzero_time() {
        let linger = Linger::off();
        assert_eq!(
            linger.set_dont_linger(false).seconds(),
            Some(Linger::DEFAULT_SECONDS)
        );
        let hard_then_off = linger.set_on(7).set_on(0).set_dont_linger(true);
        assert_eq!(hard_then_off.seconds(), None);
        assert_eq!(hard_then_off.set_dont_linger(false).seconds(), Some(7));
        assert_eq!(linger.set_on(0).set_dont_linger(false).seconds(), Some(30));
    }

    #[test]
    fn the_farewell_follows_the_table() {
        assert_eq!(Linger::off().close_mode(), CloseMode::Background);
        assert_eq!(Linger::off().set_on(0).close_mode(), CloseMode::Hard);
        assert_eq!(
            Linger::off().set_on(9).close_mode(),
            CloseMode::Linger { seconds: 9 }
        );
    }
}
