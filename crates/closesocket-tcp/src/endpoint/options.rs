//! The options of a socket, which its family knows, also before there is one.

use std::io;
use std::time::Duration;

use closesocket::engine::sockopt::{OptionName, OptionValue};
use closesocket::protocol::Error;
use rustix::net::sockopt;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Stage, TcpEndpoint};
use crate::error::winsock;

impl TcpEndpoint {
    /// Sets an option. The kernel's socket comes with the first bind or connect,
    /// which tell its family; until then another one says whether the kernel would
    /// take it, and it is kept for that.
    pub(super) fn set(&mut self, option: OptionValue) -> Result<(), Error> {
        if let Some(socket) = &self.socket {
            return apply(socket, option).map_err(|error| winsock(&error));
        }
        let socket = self.as_if_created()?;
        apply(&socket, option).map_err(|error| winsock(&error))?;
        self.wishes.retain(|it| it.name() != option.name());
        self.wishes.push(option);
        Ok(())
    }

    /// The value of an option, of the socket or of the one to come.
    pub(super) fn get(&self, name: OptionName) -> Result<OptionValue, Error> {
        let value = match &self.socket {
            Some(socket) => ask(socket, name),
            None => ask(&self.as_if_created()?, name),
        };
        value.map_err(|error| winsock(&error))
    }

    /// A socket as the first bind or connect would make it, of IPv6 if there is
    /// that here.
    fn as_if_created(&self) -> Result<Socket, Error> {
        let socket = self.new_socket(Domain::IPV6);
        socket.or_else(|error| match error {
            Error::FamilyNotSupported => self.new_socket(Domain::IPV4),
            other => Err(other),
        })
    }

    /// Makes a socket with the options that it is to have.
    pub(super) fn new_socket(&self, domain: Domain) -> Result<Socket, Error> {
        if self.stage == Stage::Reset {
            return Err(Error::ConnectionAborted);
        }
        self.shared.check_running()?;
        let create = || -> io::Result<Socket> {
            let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
            if domain == Domain::IPV6 {
                socket.set_only_v6(true)?;
            }
            self.shared.config.apply(&socket)?;
            for &wish in &self.wishes {
                // One of IPv4 takes no IPv6 anyway.
                if domain == Domain::IPV6 || wish.name() != OptionName::OnlyV6 {
                    apply(&socket, wish)?;
                }
            }
            Ok(socket)
        };
        create().map_err(|error| winsock(&error))
    }
}

/// Whole milliseconds, rounded up: what is less than one is not the kernel's
/// default, which is 0.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

fn apply(socket: &Socket, option: OptionValue) -> io::Result<()> {
    match option {
        OptionValue::NoDelay(on) => socket.set_tcp_nodelay(on),
        OptionValue::KeepAlive(on) => socket.set_keepalive(on),
        OptionValue::KeepAliveIdle(time) => Ok(sockopt::set_tcp_keepidle(socket, time)?),
        OptionValue::KeepAliveInterval(time) => Ok(sockopt::set_tcp_keepintvl(socket, time)?),
        OptionValue::KeepAliveCount(count) => Ok(sockopt::set_tcp_keepcnt(socket, count)?),
        OptionValue::UserTimeout(time) => {
            let time = time.map_or(0, milliseconds);
            Ok(sockopt::set_tcp_user_timeout(socket, time)?)
        }
        OptionValue::SendBuffer(bytes) => socket.set_send_buffer_size(bytes),
        OptionValue::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes),
        OptionValue::OnlyV6(on) => socket.set_only_v6(on),
        _ => Err(io::Error::from_raw_os_error(libc::ENOPROTOOPT)),
    }
}

fn ask(socket: &Socket, name: OptionName) -> io::Result<OptionValue> {
    Ok(match name {
        OptionName::NoDelay => OptionValue::NoDelay(socket.tcp_nodelay()?),
        OptionName::KeepAlive => OptionValue::KeepAlive(socket.keepalive()?),
        OptionName::KeepAliveIdle => OptionValue::KeepAliveIdle(sockopt::tcp_keepidle(socket)?),
        OptionName::KeepAliveInterval => {
            OptionValue::KeepAliveInterval(sockopt::tcp_keepintvl(socket)?)
        }
        OptionName::KeepAliveCount => OptionValue::KeepAliveCount(sockopt::tcp_keepcnt(socket)?),
        OptionName::UserTimeout => OptionValue::UserTimeout(socket.tcp_user_timeout()?),
        OptionName::SendBuffer => OptionValue::SendBuffer(socket.send_buffer_size()?),
        OptionName::ReceiveBuffer => OptionValue::ReceiveBuffer(socket.recv_buffer_size()?),
        OptionName::OnlyV6 => OptionValue::OnlyV6(socket.only_v6()?),
        _ => return Err(io::Error::from_raw_os_error(libc::ENOPROTOOPT)),
    })
}
