//! Duplication records: references that travel (D4, D5).

use super::{Error, ProcessId};

/// What has become of a duplication record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// It counts as a reference and waits for its target.
    Unredeemed,
    /// Its reference became a descriptor of the target.
    Redeemed,
    /// Its target died; the reference was dropped.
    Reclaimed,
}

/// A duplication record (`WSAPROTOCOL_INFO` of `WSPDuplicateSocket`): names its
/// target and is redeemed at most once, and only there (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DuplicationRecord {
    /// The only process that can redeem it.
    pub target: ProcessId,
    /// What has become of it.
    pub state: RecordState,
}

impl DuplicationRecord {
    /// A new record for this target. Its reference is counted by
    /// [`Socket::duplicate`](super::Socket::duplicate) in the same critical
    /// section.
    #[must_use]
    pub const fn new(target: ProcessId) -> Self {
        Self {
            target,
            state: RecordState::Unredeemed,
        }
    }

    /// Whether the record still counts as a reference.
    #[must_use]
    pub const fn is_reference(&self) -> bool {
        matches!(self.state, RecordState::Unredeemed)
    }

    /// Turns the record's reference into one of `by`'s descriptors; the
    /// socket's count stays the same.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `by` is not the target, or the record was
    /// redeemed or reclaimed already. Nothing has changed then.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - A duplication record MUST NOT be redeemed more than once.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - A duplication record MUST NOT be redeemed by a process other than the target that it
    //# names.
    pub fn redeem(&mut self, by: ProcessId) -> Result<(), Error> {
        if by != self.target || !self.is_reference() {
            return Err(Error::InvalidArgument);
        }
        self.state = RecordState::Redeemed;
        Ok(())
    }

    /// The process `dead` died. True if the record counted as a reference that
    /// is gone with it; the caller then drops it with
    /// [`Socket::reclaim`](super::Socket::reclaim).
    #[must_use]
    pub fn reclaim(&mut self, dead: ProcessId) -> bool {
        let reclaimed = dead == self.target && self.is_reference();
        if reclaimed {
            self.state = RecordState::Reclaimed;
        }
        reclaimed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: ProcessId = ProcessId(1);
    const OTHER: ProcessId = ProcessId(2);

    #[test]
    fn a_record_is_redeemed_once_and_only_by_its_target() {
        let mut record = DuplicationRecord::new(TARGET);
        assert_eq!(record.redeem(OTHER), Err(Error::InvalidArgument));
        assert!(record.is_reference());
        assert_eq!(record.redeem(TARGET), Ok(()));
        assert_eq!(record.redeem(TARGET), Err(Error::InvalidArgument));
        assert!(
            !record.reclaim(TARGET),
            "a redeemed record is no reference any more"
        );
    }

    #[test]
    fn a_record_is_reclaimed_once_when_its_target_dies() {
        let mut record = DuplicationRecord::new(TARGET);
        assert!(!record.reclaim(OTHER));
        assert!(record.reclaim(TARGET));
        assert!(!record.reclaim(TARGET));
        assert_eq!(record.redeem(TARGET), Err(Error::InvalidArgument));
    }
}
