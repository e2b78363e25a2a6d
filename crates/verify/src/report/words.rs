//! What is proved and what is not, in the words of every format.

use closesocket_models::DEEP;

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

/// `1 thread`, `2 threads`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {thing}{s}", grouped(number as u64))
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

#[cfg(test)]
mod tests {
    use super::{count, grouped};

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(3_192_250), "3,192,250");
        assert_eq!(count(1, "thread"), "1 thread");
        assert_eq!(count(1_000, "thread"), "1,000 threads");
    }
}
