//! Who is let in, and when a handle goes back.

use closesocket::protocol::Cause;
use closesocket::protocol::invariant::{DescriptorState, Event};

use crate::world::{Little, holds, world};

fn in_state(state: DescriptorState) -> Little {
    world().with(|it| it.descriptors[0].state = state)
}

#[test]
fn closed_descriptor_never_resolves() {
    let fine = |before: &Little, event, after: &Little| {
        holds("closed-descriptor-never-resolves", before, event, after)
    };
    let of_generation = |generation| world().with(|it| it.descriptors[2].generation = generation);
    assert!(fine(&world(), Event::Internal, &of_generation(6)));
    assert!(!fine(&world(), Event::Internal, &of_generation(4)));
    let through = |generation| {
        let admitted = Event::Admitted {
            slot: 0,
            generation,
        };
        let duplicated = Event::Duplicated {
            record: 0,
            slot: 0,
            generation,
        };
        [admitted, duplicated]
    };
    for event in through(5) {
        assert!(fine(&world(), event, &world()));
        for state in [DescriptorState::Free, DescriptorState::Closed(Cause::Call)] {
            assert!(!fine(&in_state(state), event, &in_state(state)));
            // It may be closed while the call is let in.
            assert!(fine(&world(), event, &in_state(state)));
        }
    }
    for event in through(4) {
        assert!(!fine(&world(), event, &world()));
    }
    let registered = Event::Registered { operation: 0 };
    assert!(fine(&world(), registered, &world()));
    for spoil in [
        (|it| it.operations[0].generation = 4) as fn(&mut Little),
        |it| it.operations[0].socket = 1,
    ] {
        assert!(!fine(&world(), registered, &world().with(spoil)));
        assert!(fine(&world(), Event::Internal, &world().with(spoil)));
    }
}

#[test]
fn handle_returned_once_after_ops() {
    let fine = |before: &Little, event, after: &Little| {
        holds("handle-returned-once-after-ops", before, event, after)
    };
    let quiet = |before: &Little, after: &Little| fine(before, Event::Internal, after);
    let returned = |times| world().with(|it| it.descriptors[1].handle_returns = times);
    assert!(quiet(&world(), &returned(1)) && quiet(&returned(1), &returned(1)));
    assert!(!quiet(&returned(1), &returned(2)));
    // A retired slot stays as it is.
    let retired = |it: &mut Little| it.descriptors[0].retired = true;
    let closed = in_state(DescriptorState::Closed(Cause::Call));
    let kept = closed.with(retired);
    assert!(quiet(&closed, &kept) && quiet(&kept, &kept));
    for change in [
        (|it| it.descriptors[0].state = DescriptorState::Free) as fn(&mut Little),
        |it| it.descriptors[0].generation = 6,
    ] {
        assert!(!quiet(&kept, &kept.with(change)));
        assert!(quiet(&closed, &closed.with(change)));
    }
    let last_out = Event::LastOut { slot: 0 };
    let went_back = Event::HandleReturned { slot: 0 };
    for (state, may_claim, may_go_back) in [
        (DescriptorState::Free, false, false),
        (DescriptorState::Open, false, false),
        (DescriptorState::Closed(Cause::Call), true, true),
        (DescriptorState::Closed(Cause::Cleanup), true, true),
        (DescriptorState::Closed(Cause::Death), true, false),
    ] {
        let empty = in_state(state).with(|it| it.descriptors[0].inside = 0);
        assert_eq!(fine(&empty, last_out, &empty), may_claim);
        assert_eq!(fine(&empty, went_back, &empty), may_go_back);
        assert!(
            !fine(&in_state(state), went_back, &in_state(state)),
            "one is inside"
        );
        let again = empty.with(|it| it.descriptors[0].handle_returns = 1);
        assert!(!fine(&again, went_back, &again));
    }
}
