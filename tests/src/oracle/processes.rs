//! What processes ask for apart from operations and closing: startup, sockets,
//! options, duplication.

use closesocket::protocol::{Descriptor, Error, ProcessId};

use super::{Entry, Handle, HandleState, Life, Link, Oracle, Record, Socket};
use crate::call::{Answer, Key, RecordId, Scope, Through, Unread};

impl Oracle {
    pub(super) fn startup(&mut self, process: ProcessId) -> Result<Answer, Error> {
        match self.process(process) {
            Some(it) if !it.dead => {
                it.startups += 1;
                Ok(Answer::Done)
            }
            _ => Err(Error::NotInitialised),
        }
    }

    pub(super) fn socket(
        &mut self,
        process: ProcessId,
        scope: Scope,
        unread: Unread,
    ) -> Result<Answer, Error> {
        self.usable(process)?;
        self.room_for_descriptor(process)?;
        self.sockets.push(Socket {
            scope,
            unread,
            link: Link::None,
            linger: None,
            last_seconds: None,
            nonblocking: false,
            shut: false,
            fin_sent: false,
            unsent: 0,
            in_flight: 0,
            input: 0,
            backlog: 0,
            life: Life::Open,
        });
        Ok(self.open(process, self.sockets.len() - 1))
    }

    /// A slot is taken from opening until its handle is back, and for ever if
    /// that failed.
    pub(super) fn room_for_descriptor(&mut self, process: ProcessId) -> Result<(), Error> {
        let taken = self
            .handles
            .iter()
            .filter(|it| it.process == process && it.state != HandleState::Over)
            .count();
        if taken < self.setup.slots {
            Ok(())
        } else {
            self.reached("table full");
            Err(Error::TooManyDescriptors)
        }
    }

    /// Takes over the value that the provider chose. A value that this process
    /// had before is answered with a value that no provider gives (D3).
    pub(super) fn open(&mut self, process: ProcessId, socket: usize) -> Answer {
        let never = Descriptor::from_raw(0);
        let chosen = if self.opened.is_empty() {
            never
        } else {
            self.opened.remove(0)
        };
        let used = self
            .handles
            .iter()
            .any(|it| it.process == process && it.value == chosen);
        let value = if used { never } else { chosen };
        self.handles.push(Handle {
            process,
            value,
            socket,
            state: HandleState::Open,
        });
        Answer::Opened(value)
    }

    pub(super) fn enter(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<Answer, Error> {
        let handle = self.reach(Through::Handle(process, descriptor))?;
        let key = self.key();
        self.entries.push(Entry { key, handle });
        Ok(Answer::Pending)
    }

    pub(super) fn leave(&mut self, entry: Key) -> Result<Answer, Error> {
        let index = self
            .entries
            .iter()
            .position(|it| it.key == entry)
            .ok_or(Error::InvalidArgument)?;
        self.entries.remove(index);
        Ok(Answer::Done)
    }

    //= docs/specification.md#d4-duplication-shares-the-socket
    //# - An option that is set through one descriptor MUST be seen through every descriptor of the
    //# same socket.
    fn options(&mut self, through: Through) -> Result<&mut Socket, Error> {
        let handle = self.reach(through)?;
        Ok(&mut self.sockets[self.handles[handle].socket])
    }

    pub(super) fn set_linger(&mut self, through: Through, seconds: u16) -> Result<Answer, Error> {
        let socket = self.options(through)?;
        socket.linger = Some(seconds);
        if seconds > 0 {
            socket.last_seconds = Some(seconds);
        }
        Ok(Answer::Done)
    }

    /// L7.
    //= docs/specification.md#l7-turning-lingering-on-without-a-timeout
    //# - Setting SO_DONTLINGER to FALSE MUST select timed linger, with the most recent timeout
    //# other than 0 that the socket was given, or else with the provider's default.
    pub(super) fn set_dont_linger(
        &mut self,
        through: Through,
        dont: bool,
    ) -> Result<Answer, Error> {
        let default = self.setup.default_linger;
        let socket = self.options(through)?;
        socket.linger = if dont {
            None
        } else {
            Some(socket.last_seconds.unwrap_or(default))
        };
        Ok(Answer::Done)
    }

    pub(super) fn get_linger(&mut self, through: Through) -> Result<Answer, Error> {
        Ok(Answer::Linger(self.options(through)?.linger))
    }

    pub(super) fn set_nonblocking(&mut self, through: Through, on: bool) -> Result<Answer, Error> {
        self.options(through)?.nonblocking = on;
        Ok(Answer::Done)
    }

    /// S1, S1a. Pending sends go on; the FIN follows them.
    //= docs/specification.md#s1-shutdown-is-not-a-close
    //# - WSPShutdown MUST NOT close a descriptor or free any resource of the socket, so that a
    //# close remains necessary.
    pub(super) fn shut_down_send(&mut self, through: Through) -> Result<Answer, Error> {
        let socket = self.options(through)?;
        match socket.link {
            Link::Connected => {
                socket.shut = true;
                Ok(Answer::Done)
            }
            Link::Lost => Err(Error::ConnectionReset),
            Link::None | Link::Listening | Link::Connecting => Err(Error::NotConnected),
        }
    }

    /// D5: the record is a reference from now on. It makes no sense for a
    /// process that is not there.
    pub(super) fn duplicate(
        &mut self,
        through: Through,
        target: ProcessId,
    ) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        if self.process(target).is_none_or(|it| it.dead) {
            return Err(Error::InvalidArgument);
        }
        self.records.push(Record {
            target,
            socket: self.handles[handle].socket,
            unredeemed: true,
        });
        Ok(Answer::Record(RecordId(self.records.len() - 1)))
    }

    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - A duplication record MUST NOT be redeemed more than once.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - A duplication record MUST NOT be redeemed by a process other than the target that it
    //# names.
    pub(super) fn redeem(&mut self, process: ProcessId, record: RecordId) -> Result<Answer, Error> {
        self.usable(process)?;
        self.room_for_descriptor(process)?;
        let record = self.record(record).ok_or(Error::InvalidArgument)?;
        if record.target != process || !record.unredeemed {
            self.reached("record refused");
            return Err(Error::InvalidArgument);
        }
        record.unredeemed = false;
        let socket = record.socket;
        self.reached("record redeemed");
        Ok(self.open(process, socket))
    }
}
