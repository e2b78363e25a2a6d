//! The provider's settings and its upcalls.

use std::time::Duration;

use crate::protocol::{AbortScope, Descriptor, HandleKind, ProcessId, UnreadInput};

/// Settings of a provider. `Config::default()` is what Winsock users expect.
#[derive(Clone, Debug)]
pub struct Config {
    /// The most bytes a socket queues for sending. What a transport with a limit
    /// of its own has taken ([`Transport::own_window`](super::net::Transport::own_window))
    /// does not count.
    pub window: u32,
    /// Which operations a close aborts (O1).
    pub abort_scope: AbortScope,
    /// What a graceful close does with unread input (L6).
    pub unread_input: UnreadInput,
    /// After how long a background drain is reset; `None` for never (L table).
    /// The default is two minutes.
    //= docs/specification.md#l-t1-do-not-linger
    //# - A provider that sets a limit to background drains SHOULD document it.
    pub drain_limit: Option<Duration>,
    /// Whether handles are given back by an upcall (H1, H4).
    pub handle_kind: HandleKind,
    /// The most descriptors of one process at once.
    pub descriptor_limit: u32,
    /// Over how many free lists and counts the threads are spread; rounded up to a
    /// power of two.
    pub free_list_shards: usize,
    /// The first part of each table holds two to the power of this many cells.
    pub first_segment_log2: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: 256 * 1024,
            abort_scope: AbortScope::default(),
            unread_input: UnreadInput::default(),
            drain_limit: Some(Duration::from_secs(120)),
            handle_kind: HandleKind::default(),
            descriptor_limit: 1 << 20,
            free_list_shards: 8,
            first_segment_log2: 6,
        }
    }
}

/// A handle could not be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handle upcall failed; its slot is retired")]
pub struct UpcallFailed;

/// Upcalls of a non-IFS provider to the Winsock DLL.
///
/// An upcall runs on whichever thread is the last inside the descriptor: a
/// caller's or the transport's. One that panics counts as failed (H4): the panic
/// is caught, the slot retired, and everything else goes on
/// ([`Metrics::callback_panics`](super::Metrics::callback_panics)).
pub trait Upcalls: Send + Sync + 'static {
    /// `WPUCloseSocketHandle`: gives the handle of this descriptor back. Called
    /// once for each closed descriptor, when nobody works through it any more
    /// (H1, H2), holding no lock.
    ///
    /// # Errors
    /// [`UpcallFailed`]: the slot is retired, nothing is repeated (H4).
    fn close_socket_handle(
        &self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<(), UpcallFailed>;
}

/// No DLL above: every upcall succeeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUpcalls;

impl Upcalls for NoUpcalls {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        Ok(())
    }
}
