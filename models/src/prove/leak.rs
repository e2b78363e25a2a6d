//! Nothing leaks: whatever is left to do, somebody is there who does it.
//!
//! In a world of any size, in which runs need not end, this takes the place of
//! `everything-released-at-the-end`.

use closesocket::protocol::Phase;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::ghost::Ghosts;
use super::view::View;

/// What nobody takes care of in a view.
pub(super) fn leaks(view: &View, left_out: Ghosts) -> Option<&'static str> {
    let all = view.rest.and(view.actor.ghosts()).without(left_out);
    let key = view.key;
    if key.is_alone() {
        return None;
    }
    let (slot, machine) = (key.slot(), key.socket().machine());
    let held = all.any(Ghosts::COUNTED);
    let rules = [
        (
            key.phase() == WordPhase::Sealed && !held && !all.has(Ghosts::CLAIMER),
            "a closed descriptor with nobody inside has nobody who claims it",
        ),
        (
            key.phase() == WordPhase::Claimed && !slot.retired() && !all.has(Ghosts::OWNER),
            "a claimed descriptor has nobody who recycles it",
        ),
        (
            slot.reserved() && !all.has(Ghosts::OPENER),
            "a reserved slot has nobody who opens it",
        ),
        (
            all.has(Ghosts::UNANSWERED) && !all.has(Ghosts::ANSWERER),
            "a sleeping thread whose operation was taken out has nobody who wakes it",
        ),
        (
            all.any(Ghosts::PENDING.and(Ghosts::ASLEEP))
                && key.phase() != WordPhase::Open
                && !key.may_outlive(),
            "an operation is pending through a closed descriptor",
        ),
        (
            key.has_socket() && machine.phase == Phase::Open && machine.references == 0,
            "an open socket has no reference",
        ),
        (
            key.own() > machine.references,
            "an open descriptor does not count as a reference",
        ),
    ];
    rules.iter().find(|it| it.0).map(|it| it.1)
}

/// Whether an actor without any step may stand still: while the socket drains.
pub(super) fn may_stand(view: &View) -> bool {
    view.actor.is_nobody()
        || (view.actor.next() == Next::Wait && view.key.socket().machine().is_draining())
}
