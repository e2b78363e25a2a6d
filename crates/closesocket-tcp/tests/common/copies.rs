//! Copies of the kernel's descriptors, as a forked child has them.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::Socket;

/// A copy of the one descriptor of the kernel that is such a socket.
fn copy_of(is: impl Fn(&Socket) -> Option<bool>) -> OwnedFd {
    let me = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
    let mut copies = numbers.filter_map(|number| {
        let copy = pidfd_getfd(&me, number, PidfdGetfdFlags::empty()).ok()?;
        let socket = Socket::from(copy);
        is(&socket)?.then(|| OwnedFd::from(socket))
    });
    copies.next().unwrap()
}

/// A copy of the descriptor that is connected to this peer.
pub(crate) fn copy(peer: &TcpStream) -> OwnedFd {
    let (ours, theirs) = (peer.peer_addr().unwrap(), peer.local_addr().unwrap());
    copy_of(|socket| {
        let (local, remote) = (socket.local_addr().ok()?, socket.peer_addr().ok()?);
        Some(local.as_socket() == Some(ours) && remote.as_socket() == Some(theirs))
    })
}

/// A copy of the descriptor that is bound to this address and not connected.
pub(crate) fn copy_of_bound(address: SocketAddr) -> OwnedFd {
    copy_of(|socket| {
        let bound = socket.local_addr().ok()?.as_socket() == Some(address);
        Some(bound && socket.peer_addr().is_err())
    })
}
