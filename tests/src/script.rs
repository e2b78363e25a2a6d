//! Random histories of calls that reach deep states.
//!
//! What is generated are [`Intent`]s, which name descriptors and sockets by
//! picks ("some open one", "the newest", "a closed one of old"). They become
//! calls one by one against the oracle's view, so that most calls meet
//! something interesting, and shrinking keeps the rest of a history meaningful.

use std::time::Duration;

use arbitrary::Arbitrary;
use closesocket::protocol::{Descriptor, Linger, ProcessId};
use proptest::prelude::*;

use crate::call::{Call, Key, Origin, RecordId, Scope, Setup, SocketId, Through, Unread, Wait};
use crate::oracle::Oracle;

/// How many processes a history has; picks go one beyond, to one that is not
/// there.
pub const PROCESSES: u32 = 3;

/// The most that the clock goes on at once.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A pick of one from a list that is known only when the call is made.
pub type Pick = u16;

/// Which descriptor.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Who {
    /// The descriptor that was opened last.
    Newest,
    /// An open one.
    Open(Pick),
    /// Any that was ever issued.
    Issued(Pick),
    /// One of another process.
    Foreign(Pick),
    /// Some value.
    Raw(u64, u8),
}

/// Which socket.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Which {
    /// The one that came to be last.
    Newest,
    /// One that is not released.
    Living(Pick),
    /// Any, or one that never was.
    Any(Pick),
}

/// What to do through a descriptor.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the call of the same name")]
pub enum Action {
    Connect(bool, Wait),
    Listen,
    Accept(Wait),
    Send(u64, Wait),
    Recv(u64, Wait),
    SetLinger(u16),
    SetDontLinger(bool),
    GetLinger,
    SetNonblocking(bool),
    ShutDownSend,
    Duplicate(u8),
}

/// What the environment does to a socket.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the call of the same name")]
pub enum Push {
    Transmit(u32),
    Acknowledge(u32),
    Arrive(u32),
    PeerAnswers(bool),
    PeerResets,
    Join,
}

/// One call to make, with picks instead of values.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the call of the same name")]
pub enum Intent {
    Startup(u8),
    Cleanup(u8),
    Die(u8),
    Socket(u8, Scope, Unread),
    Do(Who, Action),
    Enter(Who),
    GoOn(Pick, Action),
    Leave(Pick),
    Redeem(Pick, Option<u8>),
    Close(Who, Origin),
    Cancel(Pick),
    Environment(Which, Push),
    Advance(Duration),
    Network(bool),
    Upcalls(bool),
}

fn pick<T: Copy>(list: &[T], pick: Pick) -> Option<T> {
    list.get(usize::from(pick) % list.len().max(1)).copied()
}

const fn process(pick: u8) -> ProcessId {
    ProcessId(pick as u32 % (PROCESSES + 1))
}

fn descriptor(who: Who, oracle: &Oracle) -> (ProcessId, Descriptor) {
    let open = oracle.open_descriptors();
    let issued = oracle.issued();
    let found = match who {
        Who::Newest => issued.last().map(|&(process, value, _)| (process, value)),
        Who::Open(index) => pick(&open, index),
        Who::Issued(index) => pick(&issued, index).map(|(process, value, _)| (process, value)),
        Who::Foreign(index) => {
            pick(&open, index).map(|(it, value)| (ProcessId((it.0 + 1) % PROCESSES), value))
        }
        Who::Raw(value, by) => Some((process(by), Descriptor::from_raw(value))),
    };
    found.unwrap_or((ProcessId(0), Descriptor::from_raw(0)))
}

fn socket(which: Which, oracle: &Oracle) -> SocketId {
    let count = oracle.sockets();
    let found = match which {
        Which::Newest => count.checked_sub(1).map(SocketId),
        Which::Living(index) => pick(&oracle.living_sockets(), index),
        Which::Any(index) => Some(SocketId(usize::from(index) % (count + 1))),
    };
    found.unwrap_or(SocketId(usize::MAX))
}

impl Intent {
    /// The call that this comes to now.
    #[must_use]
    pub fn call(self, oracle: &Oracle) -> Call {
        let none = Key(usize::MAX);
        let entry = |index| pick(&oracle.entries(), index).unwrap_or(none);
        match self {
            Self::Startup(by) => Call::Startup {
                process: process(by),
            },
            Self::Cleanup(by) => Call::Cleanup {
                process: process(by),
            },
            Self::Die(by) => Call::Die {
                process: process(by),
            },
            Self::Socket(by, scope, unread) => Call::Socket {
                process: process(by),
                scope,
                unread,
            },
            Self::Do(who, action) => {
                let (process, descriptor) = descriptor(who, oracle);
                action.call(Through::Handle(process, descriptor))
            }
            Self::Enter(who) => {
                let (process, descriptor) = descriptor(who, oracle);
                Call::Enter {
                    process,
                    descriptor,
                }
            }
            Self::GoOn(index, action) => action.call(Through::Entered(entry(index))),
            Self::Leave(index) => Call::Leave {
                entry: entry(index),
            },
            Self::Redeem(index, by) => {
                let record = usize::from(index) % (oracle.records() + 1);
                let target = oracle.redeemable(record).unwrap_or(ProcessId(0));
                Call::Redeem {
                    process: by.map_or(target, process),
                    record: RecordId(record),
                }
            }
            Self::Close(who, from) => {
                let (process, descriptor) = descriptor(who, oracle);
                Call::Close {
                    process,
                    descriptor,
                    from,
                }
            }
            Self::Cancel(index) => Call::Cancel {
                call: pick(&oracle.cancellable(), index).unwrap_or(none),
            },
            Self::Environment(which, push) => push.call(socket(which, oracle)),
            // The clock ends after 584 years; what begins then has expired.
            Self::Advance(by) => Call::Advance { by: by.min(DAY) },
            Self::Network(up) => Call::Network { up },
            Self::Upcalls(fail) => Call::Upcalls { fail },
        }
    }
}

impl Action {
    const fn call(self, through: Through) -> Call {
        match self {
            Self::Connect(at_once, wait) => Call::Connect {
                through,
                at_once,
                wait,
            },
            Self::Listen => Call::Listen { through },
            Self::Accept(wait) => Call::Accept { through, wait },
            Self::Send(bytes, wait) => Call::Send {
                through,
                bytes,
                wait,
            },
            Self::Recv(bytes, wait) => Call::Recv {
                through,
                bytes,
                wait,
            },
            Self::SetLinger(seconds) => Call::SetLinger { through, seconds },
            Self::SetDontLinger(dont) => Call::SetDontLinger { through, dont },
            Self::GetLinger => Call::GetLinger { through },
            Self::SetNonblocking(nonblocking) => Call::SetNonblocking {
                through,
                nonblocking,
            },
            Self::ShutDownSend => Call::ShutDownSend { through },
            Self::Duplicate(by) => Call::Duplicate {
                through,
                target: process(by),
            },
        }
    }
}

impl Push {
    const fn call(self, socket: SocketId) -> Call {
        match self {
            Self::Transmit(bytes) => Call::Transmit { socket, bytes },
            Self::Acknowledge(bytes) => Call::Acknowledge { socket, bytes },
            Self::Arrive(bytes) => Call::Arrive { socket, bytes },
            Self::PeerAnswers(connected) => Call::PeerAnswers { socket, connected },
            Self::PeerResets => Call::PeerResets { socket },
            Self::Join => Call::Join { socket },
        }
    }
}

/// A provider's setup. A window of 0 is left out: a send that waits with nothing
/// queued gives the engine nothing by which to notice a reset.
pub fn setups() -> impl Strategy<Value = Setup> {
    let window = prop_oneof![
        3 => 1..4_u32,
        4 => 10..100_u32,
        1 => Just(u32::MAX),
    ];
    let limit = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Duration::ZERO)),
        2 => Just(Some(Duration::from_secs(5))),
    ];
    (2..9_usize, window, limit, any::<bool>()).prop_map(|(slots, window, drain_limit, non_ifs)| {
        Setup {
            processes: PROCESSES,
            slots,
            window,
            drain_limit,
            default_linger: Linger::DEFAULT_SECONDS,
            non_ifs,
        }
    })
}

/// A history: processes 0 and 1 start up, then anything goes.
pub fn histories() -> impl Strategy<Value = Vec<Intent>> {
    proptest::collection::vec(blocks(), 1..28).prop_map(|blocks| {
        [Intent::Startup(0), Intent::Startup(1)]
            .into_iter()
            .chain(blocks.into_iter().flatten())
            .collect()
    })
}

mod blocks;
use blocks::blocks;
