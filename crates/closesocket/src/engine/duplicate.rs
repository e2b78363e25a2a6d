//! Duplicating descriptors to other processes (D4, D5).

use std::fmt;

use super::observation::{Observation, Step};
use super::provider::Process;
use super::sockets::Sockets;
use super::{SocketId, System};
use crate::protocol::{Descriptor, DuplicationRecord, Error, ProcessId};

/// A duplication record, to be handed to its target process by any means
/// (`WSAPROTOCOL_INFO` of `WSPDuplicateSocket`). It counts as a reference to
/// the socket until the target redeems it or dies (D5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    socket: SocketId,
    number: u64,
    target: ProcessId,
}

impl Record {
    /// The record that the probe was told of. It can be redeemed from the section on
    /// that has made it, before the call that did returns it: for tests of that.
    #[doc(hidden)]
    #[must_use]
    pub const fn told(socket: SocketId, number: u64, target: ProcessId) -> Self {
        Self {
            socket,
            number,
            target,
        }
    }

    /// The only process that can redeem it.
    #[must_use]
    pub const fn target(self) -> ProcessId {
        self.target
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl<S: System> Process<S> {
    /// Makes a record with which `target` can share this descriptor's socket.
    /// State and options are shared, descriptors are independent for I/O (D4).
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::InvalidArgument`] if the target does not
    /// exist or is dead; [`Error::NoBuffers`] if there are too many references.
    pub fn duplicate(&self, descriptor: Descriptor, target: ProcessId) -> Result<Record, Error> {
        let admission = self.state.admit(descriptor)?;
        let shared = &self.state.shared;
        let process = shared.process(target);
        let socket = admission.socket();
        admission.section(|section| {
            let reference = section.socket.reference(admission.process, descriptor);
            let live = reference.is_some();
            // Counted before the look: either this sees that the target is dead,
            // or its sweep looks for the record here, and waits for this section.
            let count = |count: fn(&Sockets<_>, SocketId)| {
                process.iter().for_each(|it| count(&it.records, socket));
            };
            count(Sockets::add);
            let target_lives = process.as_ref().is_some_and(|it| !it.is_dead());
            let made = section.socket.machine.duplicate(live, target_lives);
            made.inspect_err(|_| count(Sockets::remove))?;
            let number = section.socket.number();
            let record = (number, DuplicationRecord::new(target));
            section.socket.rare().records.push(record);
            let duplicated = Step::Duplicated {
                record: number,
                target,
            };
            let duplicated = Observation::through(self.id(), descriptor, duplicated);
            section.socket.machine.note(section.services, || duplicated);
            Ok(Record {
                socket,
                number,
                target,
            })
        })
    }

    /// Redeems a record made for this process: its reference becomes a
    /// descriptor here.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the record is another process's, was
    /// redeemed before, or its socket is gone; [`Error::TooManyDescriptors`].
    /// The record is as it was then.
    pub fn redeem(&self, record: Record) -> Result<Descriptor, Error> {
        let life = self.state.check_usable()?;
        let reserved = self.state.table.reserve()?;
        let slot = reserved.index;
        let shared = &self.state.shared;
        let redeemed = shared.with_socket(record.socket, |section| {
            let rare = section.socket.rare.as_mut();
            let records = &mut rare.ok_or(Error::InvalidArgument)?.records;
            let index = records
                .iter()
                .position(|(number, _)| *number == record.number)
                .ok_or(Error::InvalidArgument)?;
            let (_, entry) = records.get_mut(index).ok_or(Error::InvalidArgument)?;
            entry.redeem(self.id())?;
            records.swap_remove(index);
            self.state.records.remove(record.socket);
            let redeemed = Step::Redeemed {
                record: record.number,
            };
            let redeemed = Observation::by(self.id(), redeemed);
            section.socket.machine.note(section.services, || redeemed);
            let socket = record.socket;
            let opening = (reserved, life);
            Ok(section
                .socket
                .open(section.services, socket, &self.state, opening))
        });
        match redeemed.unwrap_or(Err(Error::InvalidArgument)) {
            Ok(descriptor) => {
                self.state.close_if_over(descriptor, life)?;
                Ok(descriptor)
            }
            Err(error) => {
                self.state.table.unreserve(slot);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Provider;
    use super::super::sync::Monitor as _;

    #[test]
    fn a_descriptor_that_was_closed_without_operations_leaves_nothing_at_its_socket() {
        let provider = Provider::under_last_reference();
        let process = provider.startup().unwrap();
        let kept = process.socket().unwrap();
        let socket = process.begin(kept).unwrap().socket();
        for _ in 0..10 {
            let record = process.duplicate(kept, process.id()).unwrap();
            process.close(process.redeem(record).unwrap()).unwrap();
        }
        let monitor = provider.shared().cells.monitor(socket).unwrap();
        assert_eq!(monitor.lock(|state| state.references.len()), 1);
    }
}
