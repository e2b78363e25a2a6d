//! What is proved and what is not, in the words of every format.

use closesocket_models::DEEP;
pub(crate) use closesocket_trace::words::{count, grouped};

use crate::found::check::CheckReport;
use crate::suite::suite;

/// The largest of everything in the scenarios that were explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    threads: usize,
    slots: usize,
    sockets: usize,
    operations: usize,
    window: u8,
}

impl Bounds {
    /// Those of a check.
    pub(crate) fn of(check: &CheckReport) -> Self {
        let explored = suite()
            .scenarios
            .iter()
            .chain(DEEP)
            .filter(|it| check.scenarios.iter().any(|seen| seen.name == it.name));
        explored.fold(Self::default(), |most, it| Self {
            threads: most.threads.max(it.threads.len()),
            slots: most.slots.max(it.slots.len()),
            sockets: most.sockets.max(it.sockets.len()),
            operations: most.operations.max(it.operations.len()),
            window: it
                .sockets
                .iter()
                .fold(most.window, |most, socket| most.max(socket.window)),
        })
    }

    /// In one line.
    pub(crate) fn sentence(self) -> String {
        format!(
            "at most {}, {}, {}, {}, windows of {}",
            count(self.threads, "thread"),
            count(self.slots, "descriptor slot"),
            count(self.sockets, "socket"),
            count(self.operations, "operation"),
            count(usize::from(self.window), "chunk"),
        )
    }
}

/// What a green check has proved, in one sentence.
pub(crate) fn proved(check: &CheckReport) -> String {
    let invariants = check.scenarios.first().map_or(0, |it| it.invariants.len());
    let by = if check.is_reduced() {
        ", by its canonical states alone (--reduced: docs/model.md says why they are enough)"
    } else {
        ""
    };
    format!(
        "each of {} holds in every step of every run of {}{by}",
        count(invariants, "invariant"),
        count(check.scenarios.len(), "scenario")
    )
}

/// What no check of the model covers, and what does.
pub(crate) const NOT_COVERED: [&str; 4] = [
    "larger worlds than these bounds: `cargo verify sweep` raises each of them by one (docs/scope.md)",
    "memory orderings of the engine: the interleaving tests of `cargo test`",
    "byte contents and the kernel's TCP: `cargo verify run`",
    "Microsoft's implementation: nothing was ever compared with it",
];
