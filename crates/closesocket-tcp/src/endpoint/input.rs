//! What has arrived: received, looked at, counted, or thrown away.

use std::io;

use closesocket::engine::net::Received;
use closesocket::protocol::Error;
use rustix::net::RecvFlags;

use super::StreamEndpoint;
use crate::family::Family;
use crate::kernel::{self, Discarded, retry};

/// Unwanted input that one call throws away at most, in bytes: others want the
/// lock and the thread too.
const DISCARD_PER_CALL: usize = 64 * 1024;

impl<F: Family> StreamEndpoint<F> {
    /// Receives into the buffer, or only looks. Where input is thrown away it finds
    /// no bytes.
    pub(super) fn input(&mut self, buffer: &mut [u8], how: RecvFlags) -> Result<Received, Error> {
        if buffer.is_empty() {
            return Err(Error::InvalidArgument);
        }
        if self.discarding {
            self.discard()?;
            return match (self.end_seen, self.lost) {
                (true, _) => Ok(Received::End),
                (false, Some(error)) => Err(error),
                (false, None) => Ok(Received::Nothing),
            };
        }
        let socket = self.connection()?;
        let flags = how | RecvFlags::DONTWAIT;
        match retry(|| Ok(rustix::net::recv(socket, &mut *buffer, flags)?)) {
            Ok((0, _)) => self.end(),
            Ok((bytes, _)) => {
                if !how.contains(RecvFlags::PEEK) {
                    let all = F::SHORT_IS_ALL && bytes < buffer.len();
                    // What another process reads makes no event here.
                    self.emptied = all && !self.transferred;
                }
                Ok(Received::Bytes(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Nothing),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// How many bytes a receive would find.
    pub(super) fn count_input(&mut self) -> Result<usize, Error> {
        if self.discarding {
            return Ok(0);
        }
        let counted = rustix::io::ioctl_fionread(self.connection()?);
        let bytes = counted.map_err(|error| self.fail(&error.into()))?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Throws away input, if that was ordered. What one call leaves is reported
    /// as if it had just come.
    pub(super) fn discard(&mut self) -> Result<(), Error> {
        if !self.discarding || self.end_seen || self.lost.is_some() {
            return Ok(());
        }
        match kernel::discard(self.connection()?, DISCARD_PER_CALL) {
            Ok(Discarded::SoFar) => Ok(()),
            Ok(Discarded::Limit) => {
                if let (Some(socket), Some(token), true) =
                    (&self.socket, self.reports.token(), self.watched)
                {
                    self.shared.report_again(socket, token);
                }
                Ok(())
            }
            Ok(Discarded::End) => {
                self.end_seen = true;
                Ok(())
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// What to say when the kernel has nothing more to read, ever.
    const fn end(&mut self) -> Result<Received, Error> {
        match self.lost {
            // The kernel reports the end here because it has told its error
            // before.
            Some(error) if !self.end_seen => Err(error),
            _ => {
                self.end_seen = true;
                Ok(Received::End)
            }
        }
    }
}
