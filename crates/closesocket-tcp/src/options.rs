//! Options of the kernel's sockets.

use std::io;
use std::time::Duration;

use closesocket::engine::sockopt::{OptionName, OptionValue};
use rustix::net::sockopt;
use socket2::Socket;

/// Whole milliseconds, rounded up: what is less than one is not the kernel's
/// default, which is 0.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// Sets an option of a socket of IPv4 or IPv6, or a common one.
pub(crate) fn set(socket: &Socket, option: OptionValue) -> io::Result<()> {
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

/// The value of such an option.
pub(crate) fn get(socket: &Socket, name: OptionName) -> io::Result<OptionValue> {
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
