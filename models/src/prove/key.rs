//! Keys: of a view, the slot and its socket.

use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Cause, CloseMode, Connection, Ending, Linger, Phase, Socket,
};

use crate::state::{Slot, SocketState};

/// The generation of the present occupant in every view and representative.
pub(super) const CURRENT: u8 = 2;

/// One descriptor slot and its socket, packed: the slot without the count of its
/// holders, the socket with its references as own and *others exist*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(Bits);

#[cfg(not(feature = "wide"))]
type Bits = u64;
#[cfg(feature = "wide")]
type Bits = u128;

/// A packed part among them.
#[allow(clippy::unnecessary_cast, reason = "the feature `wide` has more bits")]
const fn bits(part: u64) -> Bits {
    part as Bits
}

/// The packed part that these are.
#[allow(
    clippy::unnecessary_cast,
    clippy::cast_possible_truncation,
    reason = "only the bits of one part are there"
)]
const fn word(bits: Bits) -> u64 {
    bits as u64
}

const SOCKET_BITS: u32 = SocketState::BITS;
const SENDS: Bits = 1 << (Bits::BITS - 1);
/// The mark of a socket that no slot is looked at with.
const ALONE: Bits = 1 << (Bits::BITS - 2);
/// The mark of a slot whose process has ended the life of its occupant, or of the
/// one to be.
const OVER: Bits = 1 << (Bits::BITS - 3);

const _: () = assert!(Slot::BITS + SOCKET_BITS + 3 <= Bits::BITS);

impl Key {
    /// A slot with the socket that it refers to.
    pub(super) fn new(slot: Slot, socket: SocketState, sends: bool) -> Self {
        let mut slot = slot;
        slot.set_word(Word::new(u32::from(CURRENT), slot.word().phase(), 0));
        slot.set_socket(0);
        if slot.cause() == Cause::Cleanup {
            // Nothing asks of a closed descriptor more than whether it has died.
            slot.set_cause(Cause::Call);
        }
        if slot.word().phase() == WordPhase::Free {
            return Self(bits(slot.0) << SOCKET_BITS);
        }
        let phase = slot.word().phase();
        let own = phase == WordPhase::Open;
        let machine = socket.machine();
        // What is pending through it may go on for as long as others refer.
        let asked = own || phase == WordPhase::Sealed && outlives(&machine);
        if !asked && machine.references > 0 {
            return Self(bits(slot.0) << SOCKET_BITS | bits(elsewhere(socket).0));
        }
        let socket = plain(socket, own);
        Self(bits(slot.0) << SOCKET_BITS | bits(socket.0) | if sends { SENDS } else { 0 })
    }

    /// A socket without any slot: what others refer to, or what drains.
    pub(super) fn alone(socket: SocketState, sends: bool) -> Self {
        Self(bits(plain(socket, false).0) | ALONE | if sends { SENDS } else { 0 })
    }

    /// The same socket without the slot.
    pub(super) fn socket_alone(self) -> Self {
        let mut socket = self.socket();
        socket.run(|it| it.references = it.references.min(1));
        Self(bits(socket.0) | ALONE | self.0 & SENDS)
    }

    /// The same in a life that is over. Of a closed descriptor that decides nothing
    /// any more.
    pub(super) fn with_life_over(self) -> Self {
        let lives = matches!(self.phase(), WordPhase::Free | WordPhase::Open);
        Self(self.0 | if lives { OVER } else { 0 })
    }

    /// Whether the life of its occupant, or of the one to be, is over.
    pub(super) const fn is_over(self) -> bool {
        self.0 & OVER != 0
    }

    /// Whether it is open though its life is over: somebody has to close it.
    pub(super) fn is_to_be_ended(self) -> bool {
        self.is_over() && self.phase() == WordPhase::Open
    }

    /// The same with a pending send.
    pub(super) const fn with_sends(self) -> Self {
        Self(self.0 | SENDS)
    }

    pub(super) const fn is_alone(self) -> bool {
        self.0 & ALONE != 0
    }

    pub(super) const fn slot(self) -> Slot {
        Slot(word((self.0 & !SENDS & !ALONE & !OVER) >> SOCKET_BITS))
    }

    pub(super) const fn socket(self) -> SocketState {
        SocketState(word(self.0 & ((1 << SOCKET_BITS) - 1)))
    }

    /// Whether a send is pending on the socket, through whatever descriptor.
    pub(super) const fn sends(self) -> bool {
        self.0 & SENDS != 0
    }

    pub(super) fn phase(self) -> WordPhase {
        self.slot().word().phase()
    }

    /// Whether there is a socket.
    pub(super) fn has_socket(self) -> bool {
        self.is_alone() || self.phase() != WordPhase::Free
    }

    /// Whether the socket is shown: not if others refer to it and nobody at the slot
    /// asks for anything of it any more.
    pub(super) fn shows_its_socket(self) -> bool {
        let asked = self.own() > 0 || self.may_outlive();
        self.has_socket() && (self.is_alone() || asked || !self.others())
    }

    /// Whether operations can be pending through the slot though it is closed (O1).
    pub(super) fn may_outlive(self) -> bool {
        let closed = !self.is_alone() && self.phase() == WordPhase::Sealed;
        closed && self.others() && outlives(&self.socket().machine())
    }

    /// Whether whoever gives up the last reference takes out what is pending through
    /// any descriptor of the socket (O1).
    pub(super) fn ends_together(self) -> bool {
        self.has_socket() && outlives(&self.socket().machine())
    }

    /// How many references the slot itself is.
    pub(super) fn own(self) -> u32 {
        u32::from(!self.is_alone() && self.phase() == WordPhase::Open)
    }

    /// Whether anybody else refers to the socket.
    pub(super) fn others(self) -> bool {
        self.has_socket() && self.socket().machine().references > self.own()
    }

    /// The socket and its pending sends, whoever refers to it.
    pub(super) fn socket_only(self) -> Self {
        let mut socket = self.socket();
        socket.run(|it| it.references = 0);
        Self(bits(socket.0) | self.0 & SENDS)
    }

    /// The same slot when others have changed the socket, with this many references
    /// besides the slot's own.
    pub(super) fn with_socket(self, changed: Self, others: u32) -> Self {
        let mut socket = changed.socket();
        let references = self.own() + others.min(1);
        socket.run(|it| it.references = references);
        let rest = self.0 & !SENDS & !((1 << SOCKET_BITS) - 1);
        Self(rest | bits(socket.0) | changed.0 & SENDS)
    }
}

fn outlives(machine: &Socket) -> bool {
    machine.abort_scope == AbortScope::LastReference
}

/// A socket to which others refer and this slot does not any more: nobody at the
/// slot asks for anything of it.
fn elsewhere(socket: SocketState) -> SocketState {
    let machine = socket.machine();
    let mut it = SocketState::default();
    let mut made = Socket::new(machine.window, machine.abort_scope, machine.unread_input);
    made.nonblocking = machine.nonblocking;
    made.connection = Connection::Connected;
    it.set_machine(made);
    it
}

/// A socket without what no step asks for: the bytes that were acknowledged long
/// ago, the timeouts of earlier options, how much the peer has sent.
fn plain(socket: SocketState, own: bool) -> SocketState {
    let mut it = socket;
    let own = u32::from(own);
    it.run(|machine| {
        let others = machine.references.saturating_sub(own).min(1);
        machine.references = own + others;
        machine.linger = plain_linger(machine);
    });
    // Only the difference is ever compared.
    let missing = it.accepted().saturating_sub(it.acknowledged());
    it.set_accepted(missing);
    it.set_acknowledged(0);
    it.set_inputs_left(0);
    it.set_joins_left(0);
    if socket.machine().is_closed() {
        // Of a closed socket, how it ended.
        let machine = it.machine();
        it.run(|made| {
            *made = Socket::new(machine.window, machine.abort_scope, machine.unread_input);
            made.nonblocking = machine.nonblocking;
            made.phase = machine.phase;
            made.references = machine.references;
            made.input_unread = machine.phase == Phase::Closed(Ending::Unread);
        });
        it.set_accepted(0);
    }
    it
}

/// Nothing asks a linger option for more than its mode, and none of a socket that
/// was closed for the last time.
fn plain_linger(machine: &Socket) -> Linger {
    match machine.linger.close_mode() {
        _ if !machine.is_open() => Linger::off(),
        CloseMode::Hard => Linger::off().set_on(0),
        CloseMode::Linger { seconds } => Linger::off().set_on(seconds),
        _ => Linger::off(),
    }
}
