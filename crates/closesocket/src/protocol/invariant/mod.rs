//! The invariants: one name, one definition, used by the model, the
//! interleaving tests, the property tests and the documentation.
//!
//! An invariant is a predicate over one [`Step`] (before, event, after) of a
//! [`World`]. [`Invariant::TABLE`] lists them all. Each is written once, as a search
//! for a [`Witness`] against it; whether it holds is whether there is none. A search
//! that judges by the millions asks only that, and the compiler leaves the witness out:
//! the `SAY` of each rule does nothing but give that use a copy of its own, which is
//! small enough to become one function.

mod descriptors;
mod operations;
mod processes;
mod sockets;
mod witness;
mod world;

pub use witness::{Object, Witness};
pub use world::{
    DescriptorState, DescriptorView, Event, OperationState, OperationView, RecordView, SocketView,
    Step, World,
};

/// One rule about closing that holds in every step of every run.
#[derive(Clone, Copy, Debug)]
pub struct Invariant<W> {
    /// The name used everywhere.
    pub id: &'static str,
    /// What must hold, in one sentence.
    pub sentence: &'static str,
    /// What goes wrong for users when it does not.
    pub why: &'static str,
    /// The clauses of the specification that it proves.
    pub clauses: &'static [&'static str],
    /// Whether it holds of a step.
    pub predicate: fn(&Step<W>) -> bool,
    /// Of a step of which it does not hold: which part of it broke, and of what.
    /// `None` exactly when the predicate is true, for it is made of this.
    pub witness: fn(&Step<W>) -> Option<Witness>,
}

/// How many invariants there are.
pub const COUNT: usize = 27;

/// A set of violated invariants, as bits in the order of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Violations(u32);

impl Violations {
    /// No violation.
    pub const NONE: Self = Self(0);

    /// Whether no invariant is violated.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the invariant at this index of the table is violated.
    #[must_use]
    pub const fn contains(self, index: usize) -> bool {
        index < COUNT && self.0 >> index & 1 == 1
    }

    /// The bits, the first invariant of the table lowest.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set of these bits; bits beyond the table are dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << COUNT) - 1))
    }
}

/// Judges one step by every invariant.
pub fn violations<W: World>(step: &Step<W>) -> Violations {
    let bits = Invariant::<W>::TABLE
        .iter()
        .enumerate()
        .filter(|(_, invariant)| !(invariant.predicate)(step))
        .fold(0, |bits, (index, _)| bits | 1 << index);
    Violations(bits)
}

impl<W: World> Invariant<W> {
    /// Every invariant, in a fixed order.
    pub const TABLE: [Self; COUNT] = [
        Self {
            id: "no-release-before-last-reference",
            sentence: "While a descriptor or an unredeemed record refers to a socket, no close changes its connection or data; a record is redeemed once, by its target.",
            why: "Another user of a shared socket would find it dead under its hands.",
            clauses: &["D5", "D6"],
            predicate: |step| sockets::no_release_before_last_reference::<W, false>(step).is_none(),
            witness: sockets::no_release_before_last_reference::<W, true>,
        },
        Self {
            id: "queued-data-sent-when-graceful",
            sentence: "A graceful close ends only when every accepted byte is acknowledged, or the connection is lost or out of time.",
            why: "Bytes that a send reported as accepted would silently vanish.",
            clauses: &["L-T1", "L-T3", "L5", "L6", "O6"],
            predicate: |step| sockets::queued_data_sent_when_graceful::<W, false>(step).is_none(),
            witness: sockets::queued_data_sent_when_graceful::<W, true>,
        },
        Self {
            id: "every-pending-op-aborted",
            sentence: "A commit leaves no operation in its scope pending, and each aborted one gets the error that its kind of wait calls for.",
            why: "A thread would wait for ever for an operation that nothing can complete.",
            clauses: &["O1", "O3", "O4", "L4"],
            predicate: |step| operations::every_pending_op_aborted::<W, false>(step).is_none(),
            witness: operations::every_pending_op_aborted::<W, true>,
        },
        Self {
            id: "each-op-ends-once",
            sentence: "An operation is taken out once, by its completion or by an abort, and delivered once.",
            why: "A second completion would touch memory that its owner has reused.",
            clauses: &["O2", "O3"],
            predicate: |step| operations::each_op_ends_once::<W, false>(step).is_none(),
            witness: operations::each_op_ends_once::<W, true>,
        },
        Self {
            id: "closed-descriptor-never-resolves",
            sentence: "A call is let in and duplicates only through the open descriptor of its own generation, and acts on that descriptor's socket; a slot's generations only grow.",
            why: "A stale handle would read or write somebody else's connection.",
            clauses: &["D1", "D3"],
            predicate: |step| {
                descriptors::closed_descriptor_never_resolves::<W, false>(step).is_none()
            },
            witness: descriptors::closed_descriptor_never_resolves::<W, true>,
        },
        Self {
            id: "one-close-wins",
            sentence: "A descriptor is closed by exactly one of the closes that do not fail for another reason.",
            why: "A second commit would drop a reference that is not its own.",
            clauses: &["D2"],
            predicate: |step| descriptors::one_close_wins::<W, false>(step).is_none(),
            witness: descriptors::one_close_wins::<W, true>,
        },
        Self {
            id: "released-exactly-once",
            sentence: "A socket is released once, with its last reference gone, and stays as it ended.",
            why: "A second release would free another connection's endpoint.",
            clauses: &["D8"],
            predicate: |step| sockets::released_exactly_once::<W, false>(step).is_none(),
            witness: sockets::released_exactly_once::<W, true>,
        },
        Self {
            id: "everything-released-at-the-end",
            sentence: "When nothing can happen any more, every socket without references is released, every operation of a closed descriptor has ended, every handle is back and no thread is stuck.",
            why: "Sockets, handles or threads would leak.",
            clauses: &["D8", "H1", "H4", "O8"],
            predicate: |step| processes::everything_released_at_the_end::<W, false>(step).is_none(),
            witness: processes::everything_released_at_the_end::<W, true>,
        },
        Self {
            id: "hard-close-resets",
            sentence: "The last close with a linger time of 0 resets the connection in its commit, and nothing is sent afterwards.",
            why: "The peer would take a broken-off stream for a complete one.",
            clauses: &["L-T2"],
            predicate: |step| sockets::hard_close_resets::<W, false>(step).is_none(),
            witness: sockets::hard_close_resets::<W, true>,
        },
        Self {
            id: "linger-expiry-resets-before-return",
            sentence: "A lingering close that leaves a drain waits for it; it succeeds only when the socket is closed, and reset if its time had passed.",
            why: "The caller would believe data sent that is still queued.",
            clauses: &["L-T3"],
            predicate: |step| {
                sockets::linger_expiry_resets_before_return::<W, false>(step).is_none()
            },
            witness: sockets::linger_expiry_resets_before_return::<W, true>,
        },
        Self {
            id: "would-block-changes-nothing",
            sentence: "A close returns would-block only when all conditions hold, and then nothing at all has changed.",
            why: "The retry would find a half-closed socket.",
            clauses: &["L-T4", "L2", "L3"],
            predicate: |step| descriptors::would_block_changes_nothing::<W, false>(step).is_none(),
            witness: descriptors::would_block_changes_nothing::<W, true>,
        },
        Self {
            id: "other-descriptors-undisturbed",
            sentence: "A commit changes no other descriptor, no operation of another descriptor and no other socket.",
            why: "One user's close would break another user's calls.",
            clauses: &["D7"],
            predicate: |step| {
                descriptors::other_descriptors_undisturbed::<W, false>(step).is_none()
            },
            witness: descriptors::other_descriptors_undisturbed::<W, true>,
        },
        Self {
            id: "handle-returned-once-after-ops",
            sentence: "A handle goes back once, for a closed descriptor, when no thread is inside and every operation is delivered; only who leaves a closed descriptor claims it, and a retired slot stays so.",
            why: "The system would reuse a handle that a thread still works with.",
            clauses: &["H1", "H2", "H3", "H4"],
            predicate: |step| {
                descriptors::handle_returned_once_after_ops::<W, false>(step).is_none()
            },
            witness: descriptors::handle_returned_once_after_ops::<W, true>,
        },
        Self {
            id: "cleanup-is-silent",
            sentence: "Only the cleanup that matches the first startup acts; what it aborts is not notified, and its closes neither wait nor would block.",
            why: "A process that has cleaned up would be called back.",
            clauses: &["S2"],
            predicate: |step| processes::cleanup_is_silent::<W, false>(step).is_none(),
            witness: processes::cleanup_is_silent::<W, true>,
        },
        Self {
            id: "death-waits-for-nothing",
            sentence: "The closes of a dying process neither wait nor would block, and nothing is notified to it.",
            why: "Process death would hang, or write into memory that is gone.",
            clauses: &["S3"],
            predicate: |step| processes::death_waits_for_nothing::<W, false>(step).is_none(),
            witness: processes::death_waits_for_nothing::<W, true>,
        },
        Self {
            id: "peer-receives-a-prefix",
            sentence: "Bytes are accepted only from pending sends, and none goes missing in the middle while the connection lives.",
            why: "The peer would receive a stream with a hole, or bytes after the abort.",
            clauses: &["O6"],
            predicate: |step| sockets::peer_receives_a_prefix::<W, false>(step).is_none(),
            witness: sockets::peer_receives_a_prefix::<W, true>,
        },
        Self {
            id: "no-operation-orphaned",
            sentence: "No operation is pending whose reference is gone.",
            why: "A call that raced the close would wait for ever.",
            clauses: &["O1a"],
            predicate: |step| operations::no_operation_orphaned::<W, false>(step).is_none(),
            witness: operations::no_operation_orphaned::<W, true>,
        },
        Self {
            id: "backlog-never-leaked",
            sentence: "A closed listener has no connection left in its backlog.",
            why: "Clients would hang on connections that nobody will ever accept.",
            clauses: &["O7"],
            predicate: |step| sockets::backlog_never_leaked::<W, false>(step).is_none(),
            witness: sockets::backlog_never_leaked::<W, true>,
        },
        Self {
            id: "linger-wait-blocks-nobody",
            sentence: "A close that waits for a drain holds no lock.",
            why: "One slow peer would stop everybody.",
            clauses: &["L10"],
            predicate: |step| sockets::linger_wait_blocks_nobody::<W, false>(step).is_none(),
            witness: sockets::linger_wait_blocks_nobody::<W, true>,
        },
        Self {
            id: "unread-input-reset-is-seen",
            sentence: "Under UnreadInput::Reset a drain sends its FIN only when it ends gracefully, without unread input; with unread input it ends in a reset.",
            why: "The peer would read a clean end, and nobody could notice the option.",
            clauses: &["L6"],
            predicate: |step| sockets::unread_input_reset_is_seen::<W, false>(step).is_none(),
            witness: sockets::unread_input_reset_is_seen::<W, true>,
        },
        Self {
            id: "accepted-has-its-listeners-options",
            sentence: "An accepted socket starts with the options that its listener had when the connection was taken from it.",
            why: "A call would block, or a close drain, where the listener's user had asked for the opposite.",
            clauses: &["R4"],
            predicate: |step| {
                sockets::accepted_has_its_listeners_options::<W, false>(step).is_none()
            },
            witness: sockets::accepted_has_its_listeners_options::<W, true>,
        },
        Self {
            id: "cancel-ends-only-its-own",
            sentence: "A cancel takes out a pending operation of its own process and changes nothing else: no byte, no other operation, no descriptor.",
            why: "A user who gives one operation up would break another, or not know what was sent.",
            clauses: &["C1", "C2"],
            predicate: |step| operations::cancel_ends_only_its_own::<W, false>(step).is_none(),
            witness: operations::cancel_ends_only_its_own::<W, true>,
        },
        Self {
            id: "received-before-loss-is-delivered",
            sentence: "A loss takes no input, and no receive is refused or ended by it before the receive side itself is lost, which comes when nothing is left there.",
            why: "The answer that explains the loss would be lost with it.",
            clauses: &["R1"],
            predicate: |step| {
                operations::received_before_loss_is_delivered::<W, false>(step).is_none()
            },
            witness: operations::received_before_loss_is_delivered::<W, true>,
        },
        Self {
            id: "shutdown-ends-nothing-pending",
            sentence: "No pending operation ends because its side was shut down, and no FIN is due while a send is pending.",
            why: "Data that was given for sending before the shutdown would not arrive.",
            clauses: &["S1a", "S1b"],
            predicate: |step| operations::shutdown_ends_nothing_pending::<W, false>(step).is_none(),
            witness: operations::shutdown_ends_nothing_pending::<W, true>,
        },
        Self {
            id: "sweep-ends-its-own-life",
            sentence: "A cleanup or a death closes only descriptors, and ends only operations, of a life of its process that has ended.",
            why: "What a program began after its next startup would go without a word.",
            clauses: &["S2", "O2"],
            predicate: |step| processes::sweep_ends_its_own_life::<W, false>(step).is_none(),
            witness: processes::sweep_ends_its_own_life::<W, true>,
        },
        Self {
            id: "told-exactly-when-alive",
            sentence: "Whatever ends an overlapped operation, it is posted if its issuer's life goes on at that moment, and silent if not; nothing is posted once a cleanup or a death has returned.",
            why: "A process that is gone would be written to, or one that is alive would wait for ever.",
            clauses: &["O2", "O3", "S2", "S3"],
            predicate: |step| operations::told_exactly_when_alive::<W, false>(step).is_none(),
            witness: operations::told_exactly_when_alive::<W, true>,
        },
        Self {
            id: "results-in-order",
            sentence: "The result of an overlapped operation is posted behind those of the earlier ones of its direction on its socket, unless it fails or is cut off and they go on.",
            why: "A reader who puts a stream together by that order would put it together wrong.",
            clauses: &["R8"],
            predicate: |step| operations::results_in_order::<W, false>(step).is_none(),
            witness: operations::results_in_order::<W, true>,
        },
    ];
}
