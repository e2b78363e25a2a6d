//! Traces of the engine under real threads are accepted.

#![allow(clippy::unwrap_used)]

mod common;

use closesocket::protocol::{AbortScope, UnreadInput};
use closesocket_trace::{read, replay, to_text};
use common::{Call, Trace, config, expect_accepted, record};
use proptest::prelude::*;

fn call() -> impl Strategy<Value = Call> {
    let pick = || 0..8_usize;
    prop_oneof![
        3 => Just(Call::Open),
        1 => Just(Call::Connect),
        4 => pick().prop_map(Call::Close),
        1 => pick().prop_map(Call::NonblockingClose),
        3 => pick().prop_map(Call::Share),
        1 => pick().prop_map(Call::ShareInVain),
        4 => pick().prop_map(Call::Recv),
        4 => pick().prop_map(Call::Send),
        2 => pick().prop_map(Call::BlockedRecv),
        3 => pick().prop_map(Call::Begin),
        1 => Just(Call::Cancel),
        1 => (pick(), prop_oneof![Just(None), Just(Some(0))])
            .prop_map(|(at, seconds)| Call::Linger(at, seconds)),
        1 => pick().prop_map(Call::ShutDown),
        3 => pick().prop_map(Call::PeerWrites),
        3 => pick().prop_map(Call::PeerReads),
        1 => pick().prop_map(Call::PeerResets),
        1 => (pick(), any::<bool>()).prop_map(|(at, stalled)| Call::PeerStalls(at, stalled)),
    ]
}

fn history() -> impl Strategy<Value = Trace> {
    let scripts = prop::collection::vec(prop::collection::vec(call(), 1..40), 3);
    let scope = prop_oneof![
        Just(AbortScope::Descriptor),
        Just(AbortScope::LastReference)
    ];
    let unread = prop_oneof![Just(UnreadInput::Discard), Just(UnreadInput::Reset)];
    (scripts, scope, unread, prop_oneof![Just(0), Just(7)]).prop_map(
        |(scripts, scope, unread, fails)| Trace(record(config(scope, unread), fails, &scripts)),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn real_histories_are_accepted_and_read_back_as_written(Trace(records) in history()) {
        expect_accepted(&replay(&records));
        let text = to_text(&records);
        let again = read(text.as_bytes()).unwrap();
        prop_assert!(to_text(&again) == text, "written otherwise than read");
        expect_accepted(&replay(&again));
    }
}
