//! The options of a socket, which its family knows, also before there is one.

use std::io;

use closesocket::engine::sockopt::{OptionName, OptionValue};
use closesocket::protocol::Error;
use socket2::{Domain, Socket, Type};

use super::{Stage, StreamEndpoint};
use crate::error::winsock;
use crate::family::Family;

impl<F: Family> StreamEndpoint<F> {
    /// Sets an option. The kernel's socket comes with the first bind or connect,
    /// which tell its family; until then another one says whether the kernel would
    /// take it, and it is kept for that.
    pub(super) fn set(&mut self, option: OptionValue) -> Result<(), Error> {
        if let Some(socket) = &self.socket {
            return F::set_option(socket, option).map_err(|error| refused(&error));
        }
        let socket = self.as_if_created()?;
        F::set_option(&socket, option).map_err(|error| refused(&error))?;
        let wishes = &mut self.early.get_or_insert_default().wishes;
        wishes.retain(|it| it.name() != option.name());
        wishes.push(option);
        Ok(())
    }

    /// The value of an option, of the socket or of the one to come.
    pub(super) fn get(&self, name: OptionName) -> Result<OptionValue, Error> {
        let value = match &self.socket {
            Some(socket) => F::option(socket, name),
            None => F::option(&self.as_if_created()?, name),
        };
        value.map_err(|error| refused(&error))
    }

    /// A socket as the first bind or connect would make it.
    fn as_if_created(&self) -> Result<Socket, Error> {
        self.new_socket(F::any_domain())
    }

    /// Makes a socket with the options that it is to have.
    pub(super) fn new_socket(&self, domain: Domain) -> Result<Socket, Error> {
        if self.stage == Stage::Reset {
            return Err(Error::ConnectionAborted);
        }
        self.shared.check_running()?;
        let create = || -> io::Result<Socket> {
            let socket = Socket::new(domain, Type::STREAM.nonblocking(), F::protocol())?;
            F::prepare(&socket, domain, &self.shared.config)?;
            for &wish in self.early.iter().flat_map(|it| &it.wishes) {
                // One of IPv4 takes no IPv6 anyway.
                if domain != Domain::IPV4 || wish.name() != OptionName::OnlyV6 {
                    F::set_option(&socket, wish)?;
                }
            }
            Ok(socket)
        };
        create().map_err(|error| winsock(&error))
    }
}

/// What the kernel says of an option: that it is none of this socket's family, it
/// says in several ways.
fn refused(error: &io::Error) -> Error {
    match winsock(error) {
        Error::NotSupported => Error::NoProtocolOption,
        other => other,
    }
}
