//! The building blocks of histories: single intents, and short chains that set
//! up what random calls alone reach too rarely.

use super::{
    Action, Duration, Intent, Just, Origin, Pick, Push, Scope, Strategy, Unread, Wait, Which, Who,
    any, prop_oneof,
};

/// One block of a history.
pub(super) fn blocks() -> impl Strategy<Value = Vec<Intent>> {
    prop_oneof![
        12 => singles().prop_map(|intent| vec![intent]),
        4 => connected(),
        2 => lingering(),
        2 => listening(),
        2 => sharing(),
        1 => connecting(),
        1 => operation_outlives_its_descriptor(),
        1 => close_overtakes_a_call(),
        1 => slot_is_reused(),
        1 => around(Intent::Network(false), Intent::Network(true)),
        1 => around(Intent::Upcalls(true), Intent::Upcalls(false)),
    ]
}

fn waits() -> impl Strategy<Value = Wait> {
    prop_oneof![Just(Wait::Blocked), Just(Wait::Overlapped)]
}

fn scopes() -> impl Strategy<Value = Scope> {
    prop_oneof![2 => Just(Scope::Descriptor), 1 => Just(Scope::LastReference)]
}

fn unreads() -> impl Strategy<Value = Unread> {
    prop_oneof![2 => Just(Unread::Discard), 1 => Just(Unread::Reset)]
}

/// Bytes of a send or a receive.
fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        6 => 1..40_u64,
        3 => 40..200_u64,
        1 => Just(u64::from(u32::MAX)),
        1 => Just(u64::MAX),
    ]
}

fn seconds() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(0), 6 => 1..10_u16, 1 => Just(u16::MAX)]
}

fn times() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        6 => (0..12_000_u64).prop_map(Duration::from_millis),
        2 => (1..12_u64).prop_map(Duration::from_secs),
        1 => Just(Duration::from_secs(70_000)),
        1 => (1..3_u64).prop_map(Duration::from_nanos),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        4 => Just(Who::Newest),
        8 => any::<Pick>().prop_map(Who::Open),
        2 => any::<Pick>().prop_map(Who::Issued),
        1 => any::<Pick>().prop_map(Who::Foreign),
        1 => (raw(), any::<u8>()).prop_map(|(value, by)| Who::Raw(value, by)),
    ]
}

/// Values that were never issued, and some that may have been.
fn raw() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        any::<u64>(),
        Just(1 << 32),
        Just(u64::from(u32::MAX) << 32),
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        2 => Just(Which::Newest),
        6 => any::<Pick>().prop_map(Which::Living),
        2 => any::<Pick>().prop_map(Which::Any),
    ]
}

fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        12 => Just(Origin::Thread),
        1 => Just(Origin::BlockingCall),
        3 => Just(Origin::Callback),
    ]
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => (any::<bool>(), waits()).prop_map(|(at_once, wait)| Action::Connect(at_once, wait)),
        1 => Just(Action::Listen),
        2 => waits().prop_map(Action::Accept),
        6 => (bytes(), waits()).prop_map(|(bytes, wait)| Action::Send(bytes, wait)),
        4 => (bytes(), waits()).prop_map(|(bytes, wait)| Action::Recv(bytes, wait)),
        3 => seconds().prop_map(Action::SetLinger),
        2 => any::<bool>().prop_map(Action::SetDontLinger),
        1 => Just(Action::GetLinger),
        2 => any::<bool>().prop_map(Action::SetNonblocking),
        2 => Just(Action::ShutDownSend),
        3 => any::<u8>().prop_map(Action::Duplicate),
    ]
}

fn pushes() -> impl Strategy<Value = Push> {
    let amount = || prop_oneof![4 => 1..60_u32, 1 => Just(0), 2 => Just(u32::MAX)];
    prop_oneof![
        5 => amount().prop_map(Push::Transmit),
        5 => amount().prop_map(Push::Acknowledge),
        3 => (0..30_u32).prop_map(Push::Arrive),
        1 => any::<bool>().prop_map(Push::PeerAnswers),
        1 => Just(Push::PeerResets),
        2 => Just(Push::Join),
    ]
}

fn singles() -> impl Strategy<Value = Intent> {
    prop_oneof![
        1 => any::<u8>().prop_map(Intent::Startup),
        1 => any::<u8>().prop_map(Intent::Cleanup),
        1 => any::<u8>().prop_map(Intent::Die),
        3 => (any::<u8>(), scopes(), unreads())
            .prop_map(|(by, scope, unread)| Intent::Socket(by, scope, unread)),
        20 => (who(), actions()).prop_map(|(who, action)| Intent::Do(who, action)),
        3 => who().prop_map(Intent::Enter),
        3 => (any::<Pick>(), actions()).prop_map(|(entry, action)| Intent::GoOn(entry, action)),
        1 => any::<Pick>().prop_map(Intent::Leave),
        4 => redeems(),
        12 => closes(),
        2 => any::<Pick>().prop_map(Intent::Cancel),
        16 => (which(), pushes()).prop_map(|(which, push)| Intent::Environment(which, push)),
        4 => times().prop_map(Intent::Advance),
    ]
}

fn redeems() -> impl Strategy<Value = Intent> {
    let by = prop_oneof![4 => Just(None), 1 => any::<u8>().prop_map(Some)];
    (any::<Pick>(), by).prop_map(|(record, by)| Intent::Redeem(record, by))
}

fn closes() -> impl Strategy<Value = Intent> {
    (who(), origins()).prop_map(|(who, from)| Intent::Close(who, from))
}

/// A connection with some bytes on their way.
fn connected() -> impl Strategy<Value = Vec<Intent>> {
    let socket = (any::<u8>(), scopes(), unreads());
    (socket, bytes(), waits(), 0..60_u32).prop_map(|((by, scope, unread), bytes, wait, taken)| {
        vec![
            Intent::Socket(by % 2, scope, unread),
            Intent::Do(Who::Newest, Action::Connect(true, wait)),
            Intent::Do(Who::Newest, Action::Send(bytes, wait)),
            Intent::Environment(Which::Newest, Push::Transmit(taken)),
        ]
    })
}

/// A connect under way, and what becomes of it.
fn connecting() -> impl Strategy<Value = Vec<Intent>> {
    let end = prop_oneof![
        2 => any::<bool>().prop_map(|it| Intent::Environment(Which::Newest, Push::PeerAnswers(it))),
        1 => Just(Intent::Environment(Which::Newest, Push::PeerResets)),
        1 => closes(),
    ];
    (any::<u8>(), scopes(), waits(), singles(), end).prop_map(|(by, scope, wait, between, end)| {
        vec![
            Intent::Socket(by % 2, scope, Unread::Discard),
            Intent::Do(Who::Newest, Action::Connect(false, wait)),
            between,
            end,
        ]
    })
}

/// A connection whose close has to linger, on a blocking or nonblocking socket.
fn lingering() -> impl Strategy<Value = Vec<Intent>> {
    (connected(), seconds(), any::<bool>(), closes()).prop_map(
        |(mut intents, seconds, nonblocking, close)| {
            intents.extend([
                Intent::Do(Who::Newest, Action::SetLinger(seconds)),
                Intent::Do(Who::Newest, Action::SetNonblocking(nonblocking)),
                Intent::Close(Who::Newest, Origin::Thread),
                close,
            ]);
            intents
        },
    )
}

/// A listener with connections in its backlog or accepts waiting for some.
fn listening() -> impl Strategy<Value = Vec<Intent>> {
    (any::<u8>(), scopes(), waits(), any::<bool>()).prop_map(|(by, scope, wait, accept)| {
        let then = if accept {
            Intent::Do(Who::Newest, Action::Accept(wait))
        } else {
            Intent::Environment(Which::Newest, Push::Join)
        };
        vec![
            Intent::Socket(by % 2, scope, Unread::Discard),
            Intent::Do(Who::Newest, Action::Listen),
            then,
            then,
        ]
    })
}

/// A descriptor shared with another process or its own.
fn sharing() -> impl Strategy<Value = Vec<Intent>> {
    (who(), any::<u8>(), any::<Pick>()).prop_map(|(who, target, record)| {
        vec![
            Intent::Do(who, Action::Duplicate(target)),
            Intent::Redeem(record, None),
        ]
    })
}

/// Under the scope of the last reference: an operation stays pending when its
/// descriptor is closed, for a record still refers to the socket.
fn operation_outlives_its_descriptor() -> impl Strategy<Value = Vec<Intent>> {
    (
        any::<u8>(),
        any::<u8>(),
        waits(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(by, target, wait, dies, own)| {
            let end = if dies {
                Intent::Die(if own { by % 2 } else { target % 3 })
            } else {
                Intent::Cleanup(by % 2)
            };
            vec![
                Intent::Socket(by % 2, Scope::LastReference, Unread::Discard),
                Intent::Do(Who::Newest, Action::Connect(true, wait)),
                Intent::Do(Who::Newest, Action::Recv(9, wait)),
                Intent::Do(Who::Newest, Action::Duplicate(target % 3)),
                Intent::Close(Who::Newest, Origin::Thread),
                end,
            ]
        })
}

/// A call that entered goes on after its descriptor was closed.
fn close_overtakes_a_call() -> impl Strategy<Value = Vec<Intent>> {
    (connected(), actions(), any::<Pick>()).prop_map(|(mut intents, action, entry)| {
        intents.extend([
            Intent::Enter(Who::Newest),
            Intent::Close(Who::Newest, Origin::Thread),
            Intent::GoOn(entry, action),
        ]);
        intents
    })
}

/// A new descriptor in the place of one just closed, and calls through old
/// values.
fn slot_is_reused() -> impl Strategy<Value = Vec<Intent>> {
    (connected(), actions(), any::<Pick>(), any::<Pick>()).prop_map(
        |(intents, action, first, second)| {
            let mut chain = intents.clone();
            chain.push(Intent::Close(Who::Newest, Origin::Thread));
            chain.extend(intents);
            chain.push(Intent::Do(Who::Issued(first), action));
            chain.push(Intent::Close(Who::Issued(second), Origin::Thread));
            chain
        },
    )
}

/// Some calls while something is out of order.
fn around(begin: Intent, end: Intent) -> impl Strategy<Value = Vec<Intent>> {
    (closes(), singles(), closes())
        .prop_map(move |(first, second, third)| vec![begin, first, second, third, end])
}
