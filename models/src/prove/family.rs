//! The families: which worlds of any size are proved together.

use std::time::Duration;

use closesocket::protocol::{AbortScope, CloseMode, Connection, HandleKind, UnreadInput};

use super::call::Kind;
use crate::scenario::{Scenario, SocketSpec, Surroundings};
use crate::state::SocketState;

/// Worlds of any number of threads, calls, operations, duplicates and reuses, with
/// sockets of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Every socket as it is made.
    pub(crate) sockets: &'static [SocketSpec; 2],
    /// What the threads may call, for ever and in any order.
    pub(crate) calls: &'static [Kind],
    /// What the surroundings can do.
    pub(crate) surroundings: Surroundings,
    /// How many views it has: pinned.
    pub views: usize,
}

const BLOCKING: SocketSpec = SocketSpec {
    inputs: 1,
    window: 1,
    may_be_lost: true,
    ..SocketSpec::CONNECTED
};

const WIDER: SocketSpec = SocketSpec {
    window: 2,
    ..BLOCKING
};

const PLAIN: Surroundings = Surroundings::PLAIN;
/// Waits can be cancelled, and giving a handle back can fail.
const ROUGH: Surroundings = Surroundings {
    may_cancel: true,
    upcall_may_fail: true,
    ..PLAIN
};
/// The provider has a limit of its own for drains.
const LIMITED: Surroundings = Surroundings {
    drain_limit: Some(Duration::from_secs(2)),
    ..ROUGH
};

/// The calls of a family.
macro_rules! calls {
    (every) => {
        Kind::CALLS
    };
    ([$($call:ident),+]) => {
        &[$(Kind::$call),+]
    };
}

/// Declares the families: each with its count of views, what it is, and its worlds.
macro_rules! families {
    ($(
        family $name:literal of $views:literal views:
            $summary:literal
            sockets $socket:expr,
            calls $calls:tt,
            surroundings $surroundings:expr;
    )*) => {
        /// Every family.
        pub static FAMILIES: &[Family] = &[$(Family {
            name: $name,
            summary: $summary,
            sockets: &[$socket; 2],
            calls: calls!($calls),
            surroundings: $surroundings,
            views: $views,
        }),*];
    };
}

families! {
    family "few-calls" of 14_480 views:
        "Blocking sockets with a window of one chunk: opened, received from, sent on, closed."
        sockets BLOCKING,
        calls [Recv, BlockedRecv, Send, BlockedSend, Close, Open],
        surroundings PLAIN;

    family "blocking" of 251_614 views:
        "Blocking sockets with a window of one chunk, and every call."
        sockets BLOCKING,
        calls every,
        surroundings ROUGH;

    family "blocking-two-chunks" of 416_725 views:
        "Blocking sockets with a window of two chunks."
        sockets WIDER,
        calls every,
        surroundings ROUGH;

    family "limited-drains" of 416_725 views:
        "Blocking sockets whose background drains have a limit."
        sockets WIDER,
        calls every,
        surroundings LIMITED;

    family "system-handles" of 24_385 views:
        "Sockets of a provider whose handles are the system's: none is given back."
        sockets WIDER,
        calls [Recv, BlockedRecv, Send, BlockedSend, Close, Open],
        surroundings Surroundings { handles: HandleKind::Ifs, ..PLAIN };

    family "nonblocking" of 408_646 views:
        "Nonblocking sockets, whose lingering closes would block."
        sockets SocketSpec { nonblocking: true, ..WIDER },
        calls every,
        surroundings ROUGH;

    family "unread-input-resets" of 422_634 views:
        "Sockets that are reset behind their data if input was not read."
        sockets SocketSpec { unread_input: UnreadInput::Reset, ..WIDER },
        calls every,
        surroundings ROUGH;

    family "last-reference" of 172_325 views:
        "Sockets whose operations outlive their descriptors until the last reference goes."
        sockets SocketSpec { abort_scope: AbortScope::LastReference, ..WIDER },
        calls [
            Recv, BlockedRecv, Send, SendTwo, BlockedSend, Close, LingerTimed, Duplicate,
            Redeem, Open, Cancel, CancelThrough
        ],
        surroundings ROUGH;

    family "lives" of 451_960 views:
        "Blocking sockets of processes that clean up, start up again and die."
        sockets WIDER,
        calls [
            Recv, BlockedRecv, Send, BlockedSend, Close, LingerHard, LingerTimed, Duplicate,
            Redeem, Open, Startup, Cleanup, Die
        ],
        surroundings ROUGH;

    family "connecting" of 263_588 views:
        "Blocking sockets that are not connected when they are opened."
        sockets SocketSpec { connection: Connection::Unconnected, ..WIDER },
        calls [
            Connect, BlockedConnect, Recv, BlockedRecv, Send, SendTwo, Close, LingerTimed,
            ShutDown, Duplicate, Redeem, Open, Cancel
        ],
        surroundings ROUGH;

    family "listening" of 19_590 views:
        "Listeners with at most two connections in their backlogs, which are accepted from them."
        sockets SocketSpec { connection: Connection::Listening, joins: 2, ..WIDER },
        calls [
            Accept, BlockedAccept, Connect, Recv, Send, Close, LingerHard, LingerTimed,
            ShutDown, Duplicate, Redeem, Open, Cancel, CancelThrough
        ],
        surroundings ROUGH;
}

/// What no family has, and why.
pub static OUTSIDE: &[(&str, &str)] = &[
    (
        "a life that ends under AbortScope::LastReference",
        "its sweep comes to a socket again for what outlived its descriptors, and a view is of a slot",
    ),
    (
        "that no record of a dead process is forgotten",
        "to a view a record is one of the other references, and nobody's to reclaim",
    ),
    (
        "that a sweep lets what is being posted pass first",
        "views know no locks, for which it waits",
    ),
    (
        "listen",
        "the sockets of the model that listen do so from the start",
    ),
    (
        "the descriptor of an accepted connection",
        "it is opened with the options of another socket, its listener, and a view is of one",
    ),
    (
        "the order of results (R8)",
        "pending operations are counted as none or some, and have no order",
    ),
    (
        "the end of every run",
        "runs need not end; that nothing is left without somebody who sees to it takes its place",
    ),
];

impl Family {
    /// Whether its processes clean up and die.
    pub(crate) fn ends_lives(&self) -> bool {
        self.calls.contains(&Kind::Die)
    }

    /// The socket as it is made.
    pub(crate) const fn socket(&self) -> &'static SocketSpec {
        &self.sockets[0]
    }

    /// The socket as a state has it when it is made.
    pub(crate) fn fresh(&self) -> SocketState {
        self.socket().start()
    }

    /// Why a scenario is not one of these worlds; `None` if it is.
    #[must_use]
    pub fn refuses(&self, scenario: &Scenario) -> Option<&'static str> {
        let mine = self.socket();
        for socket in scenario.sockets {
            let alike = socket.connection == mine.connection
                && socket.nonblocking == mine.nonblocking
                && socket.abort_scope == mine.abort_scope
                && socket.unread_input == mine.unread_input
                && socket.window == mine.window;
            if !alike {
                return Some("its sockets are of another kind");
            }
            let set = match socket.linger.close_mode() {
                CloseMode::Background => true,
                CloseMode::Hard => self.calls.contains(&Kind::LingerHard),
                CloseMode::Linger { seconds } => {
                    seconds == 1 && self.calls.contains(&Kind::LingerTimed)
                }
            };
            if !set {
                return Some("a socket starts with an option that no call sets");
            }
            let more_comes = socket.inputs > 0 && mine.inputs == 0 || socket.joins > mine.joins;
            if more_comes || socket.may_be_lost && !mine.may_be_lost {
                return Some("its peer does more");
            }
        }
        let mut first = scenario.slots.iter().enumerate();
        let shared = first.any(|(index, it)| {
            let earlier = scenario.slots.iter().take(index);
            it.socket.is_some() && earlier.filter(|one| one.socket == it.socket).count() > 0
        });
        if shared && !self.calls.contains(&Kind::Duplicate) {
            return Some("descriptors share a socket");
        }
        let (its, mine) = (&scenario.surroundings, &self.surroundings);
        let surrounded = its.handles == mine.handles
            && its.upcall_may_fail <= mine.upcall_may_fail
            && its.may_cancel <= mine.may_cancel
            && its.drain_limit == mine.drain_limit
            && its.generations.is_none();
        if !surrounded {
            return Some("its surroundings do something else");
        }
        let mut calls = scenario.threads.iter().flat_map(|it| it.calls);
        let known = calls
            .all(|call| Kind::of(scenario, call).is_some_and(|kind| self.calls.contains(&kind)));
        (!known).then_some("a call of its threads is not among the family's")
    }
}
