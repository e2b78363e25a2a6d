//! How a connection comes about.

use closesocket::engine::net::Connecting;
use closesocket::protocol::Error;

use super::{Stage, StreamEndpoint};
use crate::error::winsock;
use crate::family::Family;
use crate::kernel;

impl<F: Family> StreamEndpoint<F> {
    /// Connects, or begins to.
    pub(super) fn begin_connect(&mut self, address: &F::Address) -> Result<Connecting, Error> {
        // Asked again, the kernel would say yes once, when the connection that
        // it was told to make has come about.
        match self.stage {
            Stage::Idle | Stage::Failed(_) => {}
            Stage::Connected => return Err(Error::AlreadyConnected),
            Stage::Connecting => return Err(Error::AlreadyInProgress),
            Stage::Listening => return Err(Error::InvalidArgument),
            Stage::Reset => return Err(Error::ConnectionAborted),
        }
        if self.socket.is_none() {
            self.create(address)?;
        } else {
            // A connect cannot be told otherwise not to wait. Only a forked child
            // has a socket of this stage too.
            let nonblocking = self.socket()?.set_nonblocking(true);
            nonblocking.map_err(|error| winsock(&error))?;
        }
        let socket = self.socket()?;
        let address = F::to_kernel(address).map_err(|error| winsock(&error))?;
        let result = match (socket.connect(&address), self.stage) {
            // The kernel first reports the end of the attempt before, whose
            // error we have taken.
            (Err(error), Stage::Failed(_)) if error.raw_os_error() == Some(libc::ECONNABORTED) => {
                socket.connect(&address)
            }
            (result, _) => result,
        };
        match result {
            Ok(()) => {
                self.stage = Stage::Connected;
                Ok(Connecting::Done)
            }
            // A signal does not stop a connect that has begun.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {
                // A peer on this machine has answered by now.
                let connected = kernel::poll(socket).is_ok_and(|it| it.output && !it.error);
                if connected {
                    self.stage = Stage::Connected;
                    return Ok(Connecting::Done);
                }
                self.stage = Stage::Connecting;
                Ok(Connecting::InProgress)
            }
            Err(error) if F::is_to_be_tried_again(&error) => {
                self.early.get_or_insert_default().retry = Some(address);
                self.stage = Stage::Connecting;
                Ok(Connecting::InProgress)
            }
            Err(error) => {
                let error = winsock(&error);
                self.stage = Stage::Failed(error);
                Err(error)
            }
        }
    }

    /// How far the connect has come, which may be to try it again.
    pub(super) fn go_on_connecting(&mut self) -> Result<Connecting, Error> {
        match self.stage {
            Stage::Connected => return Ok(Connecting::Done),
            Stage::Failed(error) => return Err(error),
            Stage::Connecting => {}
            Stage::Idle | Stage::Listening => return Err(Error::NotConnected),
            Stage::Reset => return Err(Error::ConnectionAborted),
        }
        if let Some(address) = self.early.as_ref().and_then(|it| it.retry.as_ref()) {
            match self.socket()?.connect(address) {
                Ok(()) => self.stage = Stage::Connected,
                Err(error) if F::is_to_be_tried_again(&error) => return Ok(Connecting::InProgress),
                Err(error) => self.stage = Stage::Failed(winsock(&error)),
            }
            self.early = None;
            return self.go_on_connecting();
        }
        self.check_lost()?;
        let socket = self.connection()?;
        match kernel::poll(socket) {
            Ok(seen) if !seen.output => return Ok(Connecting::InProgress),
            Ok(_) => {}
            Err(error) => return Err(self.fail(&error)),
        }
        match socket.peer_addr() {
            Ok(_) => {
                self.stage = Stage::Connected;
                Ok(Connecting::Done)
            }
            // It has ended between the two looks: the error says how.
            Err(error) => match self.check_lost() {
                Err(error) => Err(error),
                Ok(()) => Err(self.fail(&error)),
            },
        }
    }
}
