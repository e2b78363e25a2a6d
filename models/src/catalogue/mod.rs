//! The scenarios, and the words they are written in.

/// Declares scenarios: each with its count of states, what happens in it, and its world.
/// The numbers of threads are those of their processes.
macro_rules! scenarios {
    ($(
        scenario $name:literal of $states:literal states:
            $summary:literal
            sockets $sockets:tt
            slots $slots:tt
            operations $operations:tt
            $(thread $process:literal $calls:tt)*
            $(surroundings $surroundings:expr)?;
    )*) => {
        pub(super) const SCENARIOS: &[$crate::scenario::Scenario] = &[
            $($crate::scenario::Scenario {
                name: $name,
                summary: $summary,
                sockets: &$sockets,
                slots: &$slots,
                operations: &$operations,
                threads: &[$($crate::catalogue::thread($process, &$calls)),*],
                surroundings: surroundings!($($surroundings)?),
                states: $states,
            },)*
        ];
    };
}

/// Those that a scenario names; else plain ones.
macro_rules! surroundings {
    () => {
        $crate::catalogue::PLAIN
    };
    ($named:expr) => {
        $named
    };
}

mod cancel;
mod deep;
mod linger;
mod one_descriptor;
mod process;
mod sharing;
mod wide;

use std::time::Duration;

use closesocket::protocol::OperationKind::Recv;
use closesocket::protocol::{Connection, Linger};

use crate::scenario::Call::{Duplicate, Start};
use crate::scenario::Handle::{First, Own};
use crate::scenario::{
    Call, OperationSpec, Scenario, SlotSpec, SocketSpec, Surroundings, ThreadSpec,
};

pub(super) const CONNECTED: SocketSpec = SocketSpec::CONNECTED;
pub(super) const QUEUED: SocketSpec = SocketSpec {
    queued: 2,
    ..CONNECTED
};
pub(super) const LINGERING: SocketSpec = SocketSpec {
    linger: Linger::off().set_on(1),
    ..QUEUED
};
pub(super) const HARD: SocketSpec = SocketSpec {
    linger: Linger::off().set_on(0),
    ..QUEUED
};
pub(super) const LISTENING: SocketSpec = SocketSpec {
    connection: Connection::Listening,
    joins: 2,
    ..CONNECTED
};
pub(super) const PLAIN: Surroundings = Surroundings::PLAIN;
pub(super) const LIMITED: Surroundings = Surroundings {
    drain_limit: Some(Duration::from_secs(2)),
    ..PLAIN
};

pub(super) const RECV: OperationSpec = OperationSpec::overlapped(Recv);
pub(super) const BLOCKING_RECV: OperationSpec = OperationSpec::blocking(Recv);
pub(super) const SEND: OperationSpec = OperationSpec::send(2);

/// A slot of process `process` whose descriptor refers to a socket.
pub(super) const fn open(process: u8, socket: u8) -> SlotSpec {
    SlotSpec {
        process,
        socket: Some(socket),
    }
}

/// A free slot of a process.
pub(super) const fn free(process: u8) -> SlotSpec {
    SlotSpec {
        process,
        socket: None,
    }
}

/// A thread of a process with its script.
pub(super) const fn thread(process: u8, calls: &'static [Call]) -> ThreadSpec {
    ThreadSpec { process, calls }
}

/// Starts an operation through a slot's first descriptor.
pub(super) const fn start(operation: u8, slot: u8) -> Call {
    Start {
        operation,
        through: First(slot),
    }
}

/// Starts an operation through the descriptor that the thread got.
pub(super) const fn start_own(operation: u8) -> Call {
    Start {
        operation,
        through: Own,
    }
}

pub(super) const fn duplicate(slot: u8, target: u8, record: u8) -> Call {
    Duplicate {
        through: First(slot),
        target,
        record,
    }
}

const GROUPS: [&[Scenario]; 5] = [
    one_descriptor::SCENARIOS,
    sharing::SCENARIOS,
    linger::SCENARIOS,
    process::SCENARIOS,
    cancel::SCENARIOS,
];

const DEEP_GROUPS: [&[Scenario]; 2] = [
    deep::SCENARIOS,
    if cfg!(feature = "wide") {
        wide::SCENARIOS
    } else {
        &[]
    },
];

const fn count(groups: &[&[Scenario]]) -> usize {
    let (mut count, mut group) = (0, 0);
    while group < groups.len() {
        count += groups[group].len();
        group += 1;
    }
    count
}

const fn joined<const COUNT: usize>(groups: &[&[Scenario]]) -> [Scenario; COUNT] {
    let mut all = [groups[0][0]; COUNT];
    let (mut next, mut group) = (0, 0);
    while group < groups.len() {
        let mut index = 0;
        while index < groups[group].len() {
            all[next] = groups[group][index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    all
}

/// Every scenario.
pub static SCENARIOS: &[Scenario] = &joined::<{ count(&GROUPS) }>(&GROUPS);

/// Larger worlds than [`SCENARIOS`], with several bounds raised at once: minutes each,
/// so the gate leaves them out. The feature `wide` has more.
pub static DEEP: &[Scenario] = &joined::<{ count(&DEEP_GROUPS) }>(&DEEP_GROUPS);

impl Scenario {
    /// The scenario of this name, of the deep ones, too.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut all = SCENARIOS.iter().chain(DEEP);
        all.find(|it| it.name == name)
    }
}
