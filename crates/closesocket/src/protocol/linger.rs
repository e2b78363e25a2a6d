//! The linger option (`SO_LINGER`, `SO_DONTLINGER`) and what it makes of a last
//! close (L table, L1, L7).

use core::time::Duration;

/// The linger option of a socket, shared by all its descriptors (D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Linger {
    on: bool,
    seconds: u16,
    /// Milliseconds by which the time is shorter than these seconds, below 1000.
    shorter: u16,
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
        /// Seconds, rounded up, never 0.
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
            shorter: 0,
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
            shorter: 0,
            last_nonzero,
        }
    }

    /// As [`Linger::set_on`], for a close that says its time itself, which need not be
    /// of whole seconds: in milliseconds, rounded up, at most 65535 seconds. Only no
    /// time at all asks for a hard close.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "it is bounded before")]
    pub const fn set_on_for(self, time: Duration) -> Self {
        let most = u16::MAX as u128 * 1000;
        let millis = time.as_nanos().div_ceil(1_000_000);
        let millis = if millis < most { millis } else { most };
        let seconds = millis.div_ceil(1000);
        Self {
            shorter: (seconds * 1000 - millis) as u16,
            ..self.set_on(seconds as u16)
        }
    }

    /// For how long a close lingers, if lingering is on.
    pub(super) fn time(self) -> Duration {
        let millis = u64::from(self.seconds) * 1000;
        Duration::from_millis(millis.saturating_sub(self.shorter.into()))
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
                shorter: 0,
                ..self
            }
        }
    }

    /// The time in seconds, rounded up, if lingering is on (`getsockopt(SO_LINGER)`).
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
    use alloc::string::ToString as _;

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
    fn a_time_of_one_close_is_kept_in_milliseconds_and_never_becomes_a_hard_close() {
        let of = |time| Linger::off().set_on_for(time);
        let times = [1, 1_000_000, 1_000_001, 1_500_000_000, 2_000_000_000];
        let kept = times.map(|it| of(Duration::from_nanos(it)).time().as_millis());
        assert_eq!(kept, [1, 1, 2, 1500, 2000]);
        let seconds = times.map(|it| of(Duration::from_nanos(it)).seconds());
        assert_eq!(seconds, [1, 1, 1, 2, 2].map(Some));
        assert_eq!(of(Duration::ZERO).close_mode(), CloseMode::Hard);
        assert_eq!(of(Duration::MAX).time(), Duration::from_secs(65_535));
        // What is set behind it is of whole seconds again.
        let later = of(Duration::from_millis(1500));
        assert_eq!(later.set_on(3).time(), Duration::from_secs(3));
        let restored = later.set_dont_linger(true).set_dont_linger(false);
        assert_eq!(restored.time(), Duration::from_secs(2));
    }

    #[test]
    fn a_text_reads_back_with_its_milliseconds_and_no_other_is_read() {
        for (millis, text) in [
            (0, "on:0:7"),
            (1, "on:0.001:1"),
            (1500, "on:1.500:2"),
            (2000, "on:2:2"),
            (65_534_999, "on:65534.999:65535"),
        ] {
            let linger = Linger::off()
                .set_on(7)
                .set_on_for(Duration::from_millis(millis));
            assert_eq!(linger.to_string(), text);
            assert_eq!(text.parse(), Ok(linger));
        }
        for text in [
            "on:1.5:30",
            "on:1.000:30",
            "on:1.1000:30",
            "on:65535.001:30",
            "on:.500:30",
            "on:1.500:0",
            "on:1.500",
            "on:-1:30",
        ] {
            assert!(text.parse::<Linger>().is_err(), "{text}");
        }
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
