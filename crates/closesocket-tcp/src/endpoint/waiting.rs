//! How a thread waits at an endpoint by itself.

use std::cell::RefCell;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use closesocket::engine::completions::Interest;
use closesocket::engine::net::Waiter;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use rustix::process::{Pid, getpid};
use socket2::Socket;

use super::StreamEndpoint;
use crate::family::Family;

/// How long a wait takes that the kernel refuses, for want of memory.
const REFUSED: Duration = Duration::from_millis(1);

/// A thread at an endpoint: it polls the socket, and a bell of its own that
/// others ring.
///
/// It shares the socket, so that the number that it polls stays the socket's. So
/// the kernel's socket ends with the wait, if the endpoint is closed meanwhile;
/// what the close orders, a FIN or a reset, has taken effect before.
struct Waiting {
    socket: Arc<Socket>,
    bell: Arc<OwnedFd>,
}

impl<F: Family> StreamEndpoint<F> {
    /// `None` if there is no socket, or no descriptor left for a bell.
    pub(super) fn waiting(&self) -> Option<Arc<dyn Waiter>> {
        if self.is_tried_again() {
            // No event would tell.
            return None;
        }
        let socket = Arc::clone(self.socket.as_ref()?);
        let bell = bell()?;
        Some(Arc::new(Waiting { socket, bell }))
    }
}

/// The bell of the calling thread. One that was rung too late for its wait is
/// heard in the next, which then ends for nothing.
fn bell() -> Option<Arc<OwnedFd>> {
    bell_in(getpid())
}

/// The same in this process. A child that the thread has forked has the kernel's
/// bell of its parent too: it would hear what was rung for that.
fn bell_in(process: Pid) -> Option<Arc<OwnedFd>> {
    thread_local! {
        static BELL: RefCell<Option<(Pid, Arc<OwnedFd>)>> = const { RefCell::new(None) };
    }
    let ours = |bell: &RefCell<Option<(Pid, Arc<OwnedFd>)>>| {
        let mut bell = bell.borrow_mut();
        if let Some((of, bell)) = &*bell
            && *of == process
        {
            return Some(Arc::clone(bell));
        }
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let new = Arc::new(eventfd(0, flags).ok()?);
        *bell = Some((process, Arc::clone(&new)));
        Some(new)
    };
    BELL.try_with(ours).ok().flatten()
}

impl Waiter for Waiting {
    fn wait(&self, interest: Interest, limit: Option<Duration>) {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, interest.readable);
        events.set(PollFlags::OUT, interest.writable);
        let (socket, bell) = (self.socket.as_fd(), self.bell.as_fd());
        let mut both = [
            PollFd::from_borrowed_fd(bell, PollFlags::IN),
            PollFd::from_borrowed_fd(socket, events),
        ];
        // An error is reported whatever is asked for.
        let watched = if events.is_empty() { 1 } else { 2 };
        let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or(FOREVER));
        match poll(&mut both[..watched], limit.as_ref()) {
            Ok(_) if both[0].revents().contains(PollFlags::IN) => {
                // It fails only if nobody has rung.
                let _ = rustix::io::read(bell, &mut [0; 8]);
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => std::thread::sleep(REFUSED),
        }
    }

    fn wake(&self) {
        // It fails only if the bell was rung 2^64 times and not heard.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

/// A limit that the kernel's clock has no room for.
const FOREVER: Timespec = Timespec {
    tv_sec: i64::MAX,
    tv_nsec: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_does_not_hear_what_is_rung_for_its_parent() {
        let parents = bell_in(getpid()).unwrap();
        assert!(Arc::ptr_eq(&parents, &bell().unwrap()), "it is kept");
        let childs = bell_in(Pid::INIT).unwrap();
        assert!(!Arc::ptr_eq(&parents, &childs));
    }

    /// It would end every later wait of its thread at once.
    #[test]
    fn a_bell_that_was_heard_is_silent() {
        let bell = bell().unwrap();
        let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let waiting = Waiting {
            socket: Arc::new(socket.unwrap()),
            bell: Arc::clone(&bell),
        };
        waiting.wake();
        waiting.wait(Interest::NONE, None);
        let rings = rustix::io::read(&bell, &mut [0; 8]);
        assert_eq!(rings, Err(Errno::AGAIN));
    }
}
