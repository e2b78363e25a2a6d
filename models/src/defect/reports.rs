//! Public reports of the same faults in other implementations.

use std::fmt;

use super::Defect;

/// A report in a public tracker on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The project, as `owner/name`.
    pub project: &'static str,
    /// The number of the issue or pull request.
    pub number: u32,
}

impl Report {
    pub(crate) const fn new(project: &'static str, number: u32) -> Self {
        Self { project, number }
    }

    /// Where it can be read; a pull request is found there as well.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://github.com/{}/issues/{}", self.project, self.number)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.project, self.number)
    }
}

/// The defects that a public report shows. Each report was read; it tells of this
/// fault in another program, not of ours.
pub const REPORTS: &[(Defect, Report)] = &[
    // A socket read goes to a number that was closed and given again.
    (Defect::ResolvesByValue, Report::new("ponylang/lori", 307)),
    // A write uses the number after a close and another open.
    (Defect::ResolvesAgain, Report::new("golang/go", 7970)),
    // A second close of a number that another thread may have by then.
    (
        Defect::SealIgnoresGeneration,
        Report::new("mz-automation/lib60870", 52),
    ),
    // A generation of twelve bits is cut off, and a stale handle, there of a
    // renderer, is valid again.
    (Defect::GenerationsWrap, Report::new("Navidtm/engine", 65)),
    // A receive stalls for ever when its socket is closed.
    (Defect::ForgetsToAbort, Report::new("axboe/liburing", 932)),
    // A completion and a cancel both finish an operation.
    (
        Defect::AbortsWhatCompleted,
        Report::new("Cloudef/zig-aio", 52),
    ),
    (
        Defect::CancelsWhatCompleted,
        Report::new("ClickHouse/silk", 55),
    ),
    // A close shuts down what a duplicate still uses.
    (
        Defect::ClosesAtAnyReference,
        Report::new("libuv/libuv", 1204),
    ),
    // Two threads drop a count and look at it afterwards, so its author supposes.
    (
        Defect::DecidesBeforeTheLock,
        Report::new("apache/pulsar", 15508),
    ),
    // What is queued at the close is never sent.
    (
        Defect::ForgetsToDrain,
        Report::new("microsoft/demikernel", 1431),
    ),
    // Linger 0 ends with a FIN.
    (
        Defect::HardCloseDrains,
        Report::new("espressif/esp-idf", 10258),
    ),
    // A linger time that has passed sends no reset.
    (
        Defect::ExpiresWithoutReset,
        Report::new("apache/nuttx", 8129),
    ),
    // A blocking close returns before the send buffer is empty.
    (
        Defect::ReturnsWithoutWaiting,
        Report::new("Haivision/srt", 97),
    ),
    // A close that waits has a lock that others need.
    (Defect::WaitsUnderLock, Report::new("grpc/grpc-java", 12489)),
    // Nobody wakes the close.
    (
        Defect::WaiterSleepsOn,
        Report::new("tokio-rs/tokio-uring", 122),
    ),
    // A close that failed is tried again, and hits the next owner of the number.
    (
        Defect::RepeatsFailedUpcalls,
        Report::new("wahern/cqueues", 56),
    ),
    // A listener's established connections are not closed with it.
    (Defect::BacklogForgotten, Report::new("embox/embox", 2982)),
    // What had arrived cannot be read after a reset.
    (
        Defect::LossRefusesReceives,
        Report::new("zephyrproject-rtos/zephyr", 112_028),
    ),
    // The FIN goes out before earlier data.
    (
        Defect::FinOvertakesSends,
        Report::new("shadow/shadow", 3100),
    ),
    // A later read is served before an earlier one.
    (
        Defect::CompletesOutOfOrder,
        Report::new("dotnet/corefx", 6832),
    ),
];
