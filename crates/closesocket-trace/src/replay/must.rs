//! What must have been done, in the words of the rules.

use closesocket::engine::Error;
use closesocket::engine::observe::Order;
use closesocket::protocol::{Actions, CloseMode, Ending, Phase, Socket};

use crate::told::order;

/// An order to the transport that has not been carried out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// An order.
    Order(Order),
    /// The release, which is the last.
    Release,
}

impl Due {
    /// All that was decided, in the order in which it is carried out.
    pub(super) fn of(actions: Actions) -> impl Iterator<Item = Self> {
        let asked = [
            (actions.send_fin, Self::Order(Order::Fin)),
            (actions.reset, Self::Order(Order::Reset)),
            (actions.reset_backlog, Self::Order(Order::ResetBacklog)),
            (actions.release, Self::Release),
        ];
        asked
            .into_iter()
            .filter(|(asked, _)| *asked)
            .map(|(_, due)| due)
    }

    /// That it was carried out.
    pub(super) const fn did(self) -> &'static str {
        match self {
            Self::Order(it) => order(it).1,
            Self::Release => "released the socket",
        }
    }

    /// What has to be carried out.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Order(it) => order(it).0,
            Self::Release => "release the socket",
        }
    }
}

/// What must be carried out now, and by which clause.
pub(super) fn must(due: Option<Due>, machine: &Socket) -> String {
    match due {
        Some(due) => format!("must {}{}", due.what(), because(machine)),
        None => format!("must order nothing{}", because(machine)),
    }
}

/// What was ordered against what must be.
pub(super) fn orders(found: Actions, expected: Actions, machine: &Socket) -> String {
    let list = |actions, word: fn(Due) -> &'static str| {
        let words: Vec<_> = Due::of(actions).map(word).collect();
        match words.as_slice() {
            [] => None,
            words => Some(words.join(" and ")),
        }
    };
    let found = list(found, Due::did).unwrap_or_else(|| "ordered nothing".to_owned());
    let expected = list(expected, Due::what).unwrap_or_else(|| "order nothing".to_owned());
    format!("{found}, must {expected}{}", because(machine))
}

/// Why, as the specification has it.
fn because(machine: &Socket) -> String {
    let why = match (machine.phase, machine.linger.close_mode()) {
        (Phase::Open, _) => return String::new(),
        (Phase::Closed(Ending::Hard), _) => "linger 0, L-T2",
        (Phase::Closed(Ending::Expired), _) => "its time has passed, L-T3",
        (Phase::Closed(Ending::Lost), _) => "the connection is lost, L5",
        (Phase::Closed(Ending::Unread), _) => "unread input, L6",
        (Phase::Closed(Ending::HandedOver), _) => "another process goes on, D9",
        (Phase::Closed(Ending::Unconnected), _) => "it is not connected, L8",
        (Phase::Closed(Ending::Graceful), _) => "the peer has it all, D8",
        (Phase::Draining { .. }, CloseMode::Background) => "it does not linger, L-T1",
        (Phase::Draining { .. }, _) => "it lingers, L-T3",
    };
    format!(": {why}")
}

/// That something was told otherwise than the protocol says.
pub(super) fn told_otherwise(found: Option<Error>, expected: Option<Error>) -> String {
    let words = |error: Option<Error>| error.map_or("success".to_owned(), |it| it.to_string());
    format!(
        "it was told {}, must be told {}",
        words(found),
        words(expected)
    )
}
