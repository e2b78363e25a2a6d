//! What has to happen exactly once, booked from what can be seen alone.

use std::collections::BTreeMap;

use closesocket::protocol::{Descriptor, ProcessId};

use crate::call::{Answer, Call, Happening, Key, Seen, SocketId};

/// The books of one history of calls.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    calls: usize,
    /// Pending operations and waiting closes, and how often each ended.
    open: BTreeMap<Key, u32>,
    sockets: usize,
    fins: BTreeMap<SocketId, u32>,
    resets: BTreeMap<SocketId, u32>,
    releases: BTreeMap<SocketId, u32>,
    /// Descriptors closed by a call, and how often each handle was tried.
    handles: BTreeMap<(ProcessId, Descriptor), u32>,
    closed: Vec<(ProcessId, Descriptor)>,
}

impl Ledger {
    /// Books a call.
    ///
    /// # Errors
    /// Says what happened that must not happen, or not twice.
    pub fn book(&mut self, call: &Call, seen: &Seen) -> Result<(), String> {
        let key = Key(self.calls);
        self.calls += 1;
        let redeemed = usize::from(matches!(call, Call::Redeem { .. }));
        self.sockets += seen.opened().len().saturating_sub(redeemed);
        match (call, seen.answer) {
            (Call::Enter { .. }, _) => {}
            (_, Answer::Pending | Answer::Waiting) => {
                self.open.insert(key, 0);
            }
            _ => {}
        }
        if let Call::Close {
            process,
            descriptor,
            ..
        } = *call
            && matches!(seen.answer, Answer::Done | Answer::Waiting)
        {
            self.closed.push((process, descriptor));
        }
        seen.happenings.iter().try_for_each(|it| self.happened(*it))
    }

    //= docs/specification.md#o2-one-end-for-each-operation
    //# - Every operation MUST end exactly once, either completed or aborted.
    //= docs/specification.md#d8-release
    //# - A socket MUST NOT be released more than once.
    //= docs/specification.md#h4-one-attempt
    //# - The provider MUST NOT attempt the handle upcall more than once for a descriptor.
    fn happened(&mut self, happening: Happening) -> Result<(), String> {
        let once = |count: &mut u32| {
            *count += 1;
            if *count == 1 {
                Ok(())
            } else {
                Err(format!("a second time: {happening:?}"))
            }
        };
        match happening {
            Happening::Ended(key, _) | Happening::CloseReturned(key, _) => {
                let count = self.open.get_mut(&key);
                once(count.ok_or(format!("never begun: {happening:?}"))?)
            }
            Happening::Fin(socket) | Happening::Reset(socket)
                if self.releases.contains_key(&socket) =>
            {
                Err(format!("after the release: {happening:?}"))
            }
            Happening::Fin(socket) => once(self.fins.entry(socket).or_default()),
            Happening::Reset(socket) => once(self.resets.entry(socket).or_default()),
            Happening::BacklogReset(..) => Ok(()),
            Happening::Released(socket) => once(self.releases.entry(socket).or_default()),
            Happening::HandleReturned(process, descriptor)
            | Happening::HandleKept(process, descriptor) => {
                once(self.handles.entry((process, descriptor)).or_default())
            }
        }
    }

    /// Closes the books: nothing is left open.
    ///
    /// # Errors
    /// Says what has not happened, or not as often as it must.
    //= docs/specification.md#d8-release
    //# - A socket without references MUST be released eventually, provided that the scheduler is
    //# fair and that the transport or the timer makes progress.
    pub fn finish(&self, non_ifs: bool) -> Result<(), String> {
        if let Some((key, _)) = self.open.iter().find(|(_, count)| **count != 1) {
            return Err(format!("has not ended: {key:?}"));
        }
        if self.releases.len() != self.sockets {
            return Err(format!(
                "{} of {} sockets released",
                self.releases.len(),
                self.sockets
            ));
        }
        if !non_ifs {
            return match self.handles.keys().next() {
                Some(handle) => Err(format!("an upcall of an IFS provider: {handle:?}")),
                None => Ok(()),
            };
        }
        match self
            .closed
            .iter()
            .find(|handle| !self.handles.contains_key(handle))
        {
            Some(handle) => Err(format!("the handle never went back: {handle:?}")),
            None => Ok(()),
        }
    }
}
