//! How large a world the packed state holds.
//!
//! The widths of all fields follow from these numbers, and with the [layout](super::layout)
//! how many words there are. The ordinary size makes 64 bytes. The feature `wide` has
//! the other one, for worlds with a bound raised beyond it; what is explored in both is
//! the same.

use super::fields::width;

/// What a world can have of each kind.
struct Size {
    threads: usize,
    slots: usize,
    operations: usize,
    targets: usize,
    calls: usize,
    chunks: u8,
    accepted: u8,
    arrivals: u8,
}

const ORDINARY: Size = Size {
    threads: 4,
    slots: 4,
    operations: 4,
    targets: 2,
    calls: 7,
    chunks: 3,
    accepted: 7,
    arrivals: 3,
};

const WIDE: Size = Size {
    threads: 5,
    slots: 6,
    operations: 6,
    targets: 3,
    calls: 15,
    chunks: 7,
    accepted: 15,
    arrivals: 7,
};

const SIZE: Size = if cfg!(feature = "wide") {
    WIDE
} else {
    ORDINARY
};

/// Threads: those with scripts, and the transport's worker.
pub const THREADS: usize = SIZE.threads + 1;
/// The transport's thread, which completes operations.
pub const WORKER: usize = THREADS - 1;
/// Descriptor slots over all processes.
pub const SLOTS: usize = SIZE.slots;
/// Sockets.
pub const SOCKETS: usize = 3;
/// Operations. Each index is used at most once.
pub const OPERATIONS: usize = SIZE.operations;
/// Duplication records.
pub const RECORDS: usize = 2;
/// Processes.
pub const PROCESSES: usize = 3;
/// Processes that a record can be for, the first ones.
pub const TARGETS: usize = SIZE.targets;
/// Calls of a thread's script.
pub const CALLS: usize = SIZE.calls;
/// Chunks of a socket's window, and of a send.
pub const CHUNKS: u8 = SIZE.chunks;
/// Chunks that a socket accepts in its life.
pub const ACCEPTED: u8 = SIZE.accepted;
/// Inputs that are to come on a socket, and connections that join its backlog.
pub const ARRIVALS: u8 = SIZE.arrivals;
/// The last place that the sweep of a cleanup or death comes to: behind the slots,
/// what outlived them and the records.
pub(crate) const SWEPT: usize = SLOTS + RECORDS + 1;

// As many bits as these need in the parts of the state.
pub(super) const SLOT_BITS: u32 = width(SLOTS - 1);
pub(super) const SOCKET_BITS: u32 = width(SOCKETS - 1);
pub(super) const CHUNK_BITS: u32 = width(CHUNKS as usize);
pub(super) const ACCEPTED_BITS: u32 = width(ACCEPTED as usize);
pub(super) const ARRIVAL_BITS: u32 = width(ARRIVALS as usize);
pub(super) const TARGET_BITS: u32 = width(TARGETS - 1);
