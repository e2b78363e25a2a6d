//! Startup and cleanup are counted (S2).

use super::Error;

/// The number of startups of a process that no cleanup has matched yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Startups(u32);

impl Startups {
    /// Whether the process may use the provider.
    #[must_use]
    pub const fn is_initialised(self) -> bool {
        self.0 > 0
    }

    /// Counts a startup.
    ///
    /// # Errors
    /// [`Error::NoBuffers`] if the count is at its limit.
    pub const fn startup(&mut self) -> Result<(), Error> {
        match self.0.checked_add(1) {
            Some(count) => {
                self.0 = count;
                Ok(())
            }
            None => Err(Error::NoBuffers),
        }
    }

    /// Counts a cleanup. True if it matches the first startup: then, and only
    /// then, everything of the process has to be closed.
    ///
    /// # Errors
    /// [`Error::NotInitialised`] if there was no startup to match.
    //= docs/specification.md#s2-cleanup
    //# - A call of WSPCleanup that does not match the first WSPStartup of the process
    //# MUST NOT do more than lower the startup count.
    pub const fn cleanup(&mut self) -> Result<bool, Error> {
        match self.0.checked_sub(1) {
            Some(count) => {
                self.0 = count;
                Ok(count == 0)
            }
            None => Err(Error::NotInitialised),
        }
    }

    /// The process died: no startup counts any more.
    pub const fn die(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cleanup_that_matches_the_first_startup_acts() {
        let mut startups = Startups::default();
        assert_eq!(startups.cleanup(), Err(Error::NotInitialised));
        assert_eq!(startups.startup(), Ok(()));
        assert_eq!(startups.startup(), Ok(()));
        assert_eq!(startups.cleanup(), Ok(false));
        assert!(startups.is_initialised());
        assert_eq!(startups.cleanup(), Ok(true));
        assert!(!startups.is_initialised());
        assert_eq!(startups.startup(), Ok(()));
        startups.die();
        assert_eq!(startups.cleanup(), Err(Error::NotInitialised));
    }

    #[test]
    fn the_count_does_not_overflow() {
        let mut startups = Startups(u32::MAX);
        assert_eq!(startups.startup(), Err(Error::NoBuffers));
        assert_eq!(startups, Startups(u32::MAX));
    }
}
