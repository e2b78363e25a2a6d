//! What is done with each connection: a list of decisions that is a pure
//! function of the seed and the connection's number.

use closesocket::engine::Shutdown;

use super::random::Random;

/// Seconds; more than any drain to a peer that reads takes.
pub(super) const LONG_LINGER: u16 = 60;
/// Seconds; to be outlived by a peer that never reads.
pub(super) const SHORT_LINGER: u16 = 1;

/// Everything that is decided about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) number: u64,
    pub(super) opening: Opening,
    pub(super) peer: PeerPlan,
    pub(super) steps: Vec<Step>,
    /// Overlapped receives that are started just before the end.
    pub(super) last_receives: u64,
    /// The size of an overlapped send that is started just before the end.
    pub(super) last_send: Option<usize>,
    pub(super) ending: Ending,
}

/// How a connection comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A blocking connect.
    Connect,
    /// An overlapped connect, from an address that was bound before.
    ConnectOverlapped,
    /// An accept that was started before the peer connects.
    AcceptOverlapped,
    /// Another thread is blocked in an accept.
    AcceptBlocking,
    /// An accept after a select has said that it will not block.
    AcceptSelected,
}

/// What the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeerPlan {
    pub(super) habit: Habit,
    /// Bytes that it sends at once.
    pub(super) sends: usize,
    /// It sends a FIN behind them.
    pub(super) half_closes: bool,
    /// Small pieces that it sends later, one at a time.
    pub(super) late_pieces: u64,
}

/// How the peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Everything, as it comes.
    Reads,
    /// A little at a time.
    Slowly { piece: usize },
    /// Nothing for so many milliseconds, then as it comes.
    Stalls { millis: u64 },
    /// As it comes for so many milliseconds, then it resets the connection.
    Resets { millis: u64 },
    /// As it comes for so many milliseconds, then it is gone.
    Vanishes { millis: u64 },
    /// Nothing, ever.
    Sleeps,
}

impl Habit {
    /// Whether the peer stays until everything has come.
    pub(super) const fn reads_all(self) -> bool {
        matches!(
            self,
            Self::Reads | Self::Slowly { .. } | Self::Stalls { .. }
        )
    }
}

/// How an operation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Blocking,
    Nonblocking,
    Overlapped(Notice),
}

/// How an overlapped operation reports its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Queue,
    Event,
    Routine,
}

/// Something done with an open connection, through the reference that `through`
/// picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) through: u64,
    pub(super) act: Act,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Send {
        bytes: usize,
        how: How,
    },
    Receive {
        bytes: usize,
        how: How,
    },
    Select,
    Linger(Option<u16>),
    DontLinger(bool),
    /// A thread is blocked in a receive and cancelled.
    CancelReceive,
    /// Duplicates to another process, or within the same.
    Share {
        other: bool,
    },
    /// Closes a reference that is not the last.
    CloseReference,
    /// Uses a descriptor after its close.
    UseClosed,
    ShutDown(Shutdown),
}

/// How the last reference is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Ending {
    Graceful,
    DontLinger,
    Lingering,
    /// The linger time passes first.
    Expiring,
    Hard,
    /// The first close is refused; this is the way out of it (L1).
    WouldBlock(WayOut),
    /// Two threads close at once.
    Racing,
    /// While another thread is blocked in a receive or send.
    Blocked {
        sending: bool,
    },
    /// The wait for the drain is cancelled.
    LingerCancelled,
    Cleanup,
    Death,
}

/// What a user does when a close would block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum WayOut {
    DontLinger,
    Hard,
    ShutDown,
    Again,
}

impl Ending {
    /// Every kind, with how often it is chosen in 1,024 times.
    const WEIGHTED: [(u64, Self); 15] = [
        (240, Self::Graceful),
        (100, Self::DontLinger),
        (140, Self::Lingering),
        (1, Self::Expiring),
        (150, Self::Hard),
        (20, Self::WouldBlock(WayOut::DontLinger)),
        (20, Self::WouldBlock(WayOut::Hard)),
        (20, Self::WouldBlock(WayOut::ShutDown)),
        (20, Self::WouldBlock(WayOut::Again)),
        (70, Self::Racing),
        (60, Self::Blocked { sending: false }),
        (30, Self::Blocked { sending: true }),
        (20, Self::LingerCancelled),
        (65, Self::Cleanup),
        (68, Self::Death),
    ];

    /// What it is called in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::DontLinger => "dontlinger",
            Self::Lingering => "lingering",
            Self::Expiring => "linger-expired",
            Self::Hard => "hard",
            Self::WouldBlock(_) => "would-block",
            Self::Racing => "two-closes",
            Self::Blocked { .. } => "blocked-call",
            Self::LingerCancelled => "linger-cancelled",
            Self::Cleanup => "cleanup",
            Self::Death => "death",
        }
    }

    /// Whether it resets the connection instead of sending what is queued.
    pub(super) const fn is_hard(self) -> bool {
        matches!(
            self,
            Self::Hard | Self::Expiring | Self::WouldBlock(WayOut::Hard)
        )
    }

    /// Whether the connection is that of a process of its own, which ends.
    pub(super) const fn ends_process(self) -> bool {
        matches!(self, Self::Cleanup | Self::Death)
    }

    /// Whether there has to be unsent data.
    const fn needs_unsent(self) -> bool {
        matches!(
            self,
            Self::Expiring
                | Self::WouldBlock(_)
                | Self::LingerCancelled
                | Self::Blocked { sending: true }
        )
    }
}

impl Schedule {
    /// The schedule of a connection.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let random = &mut Random::new(seed, number);
        let ending = random.pick(Ending::Graceful, &Ending::WEIGHTED);
        let opening = random.pick(
            Opening::Connect,
            &[
                (4, Opening::Connect),
                (2, Opening::ConnectOverlapped),
                (2, Opening::AcceptOverlapped),
                (1, Opening::AcceptBlocking),
                (1, Opening::AcceptSelected),
            ],
        );
        let peer = peer(random, ending);
        let mut steps = steps(random, ending);
        let shut_down = steps.iter().find_map(|step| match step.act {
            Act::ShutDown(how) => Some(how),
            _ => None,
        });
        let sends = matches!(shut_down, None | Some(Shutdown::Receive));
        let receives = matches!(shut_down, None | Some(Shutdown::Send));
        let big = random.between(100_000, 300_000);
        let last_send = (sends && !ending.needs_unsent() && random.once_in(5))
            .then(|| usize::try_from(big).unwrap_or_default());
        if ending.needs_unsent() {
            let how = How::Nonblocking;
            let bytes = 450_000;
            let act = Act::Send { bytes, how };
            steps.push(Step { through: 0, act });
        }
        Self {
            number,
            opening,
            peer,
            steps,
            last_receives: if receives { random.below(4) } else { 0 },
            last_send,
            ending,
        }
    }
}

fn peer(random: &mut Random, ending: Ending) -> PeerPlan {
    let millis = random.below(9);
    let stall = random.between(2, 25);
    let long_stall = random.between(20, 60);
    let piece = usize::try_from(random.between(1_000, 40_000)).unwrap_or(1);
    let habit = match ending {
        Ending::Expiring => Habit::Sleeps,
        _ if ending.needs_unsent() => Habit::Stalls { millis: long_stall },
        _ => random.pick(
            Habit::Reads,
            &[
                (58, Habit::Reads),
                (12, Habit::Slowly { piece }),
                (16, Habit::Stalls { millis: stall }),
                (7, Habit::Resets { millis }),
                (7, Habit::Vanishes { millis }),
            ],
        ),
    };
    let sends = if random.once_in(2) {
        random.between(1, 12_000)
    } else {
        0
    };
    PeerPlan {
        habit,
        sends: usize::try_from(sends).unwrap_or_default(),
        half_closes: ending != Ending::Expiring && random.once_in(8),
        late_pieces: if random.once_in(8) {
            random.between(1, 8)
        } else {
            0
        },
    }
}

fn steps(random: &mut Random, ending: Ending) -> Vec<Step> {
    let count = if ending.needs_unsent() {
        random.below(2)
    } else {
        random.below(7)
    };
    let mut steps: Vec<Step> = (0..count).map(|_| step(random)).collect();
    if !ending.needs_unsent() && random.once_in(8) {
        let how = random.pick(
            Shutdown::Send,
            &[
                (2, Shutdown::Send),
                (1, Shutdown::Receive),
                (1, Shutdown::Both),
            ],
        );
        let act = Act::ShutDown(how);
        let through = random.below(8);
        steps.push(Step { through, act });
    }
    steps
}

fn step(random: &mut Random) -> Step {
    let notice = random.pick(
        Notice::Queue,
        &[(2, Notice::Queue), (1, Notice::Event), (1, Notice::Routine)],
    );
    let how = random.pick(
        How::Blocking,
        &[
            (2, How::Blocking),
            (1, How::Nonblocking),
            (2, How::Overlapped(notice)),
        ],
    );
    let small = usize::try_from(random.between(1, 4_000)).unwrap_or(1);
    let big = usize::try_from(random.between(20_000, 200_000)).unwrap_or(1);
    let read = usize::try_from(random.between(1, 8_000)).unwrap_or(1);
    let other = random.once_in(2);
    let linger = random.pick(None, &[(1, None), (1, Some(0)), (2, Some(LONG_LINGER))]);
    let act = random.pick(
        Act::Select,
        &[
            (34, Act::Send { bytes: small, how }),
            (12, Act::Send { bytes: big, how }),
            (24, Act::Receive { bytes: read, how }),
            (8, Act::Select),
            (4, Act::Linger(linger)),
            (4, Act::DontLinger(other)),
            (3, Act::CancelReceive),
            (9, Act::Share { other }),
            (8, Act::CloseReference),
            (3, Act::UseClosed),
        ],
    );
    Step {
        through: random.below(8),
        act,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    #[test]
    fn a_schedule_is_a_function_of_seed_and_number() {
        for number in 0..1_000 {
            assert_eq!(Schedule::of(7, number), Schedule::of(7, number));
        }
        let steps = |seed| -> Vec<_> {
            let schedules = (0..50).map(|number| Schedule::of(seed, number));
            schedules.map(|it| (it.steps, it.ending)).collect()
        };
        assert_ne!(steps(7), steps(8), "the seed decides");
    }

    /// A change here means that seeds noted before replay other schedules.
    #[test]
    fn seeds_keep_their_schedules() {
        let text: String = (0..1_000)
            .map(|number| format!("{:?}", Schedule::of(42, number)))
            .collect();
        // FNV-1a.
        let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        assert_eq!(hash, 0x4D23_EA9D_F619_CE05);
    }

    #[test]
    fn everything_is_chosen() {
        let mut endings: BTreeMap<Ending, u32> = BTreeMap::new();
        let mut acts = HashSet::new();
        for number in 0..20_000 {
            let schedule = Schedule::of(1, number);
            *endings.entry(schedule.ending).or_default() += 1;
            acts.extend(
                schedule
                    .steps
                    .iter()
                    .map(|step| std::mem::discriminant(&step.act)),
            );
        }
        assert_eq!(endings.len(), Ending::WEIGHTED.len(), "{endings:?}");
        assert_eq!(acts.len(), 10);
    }

    #[test]
    fn the_weights_add_up() {
        let sum: u64 = Ending::WEIGHTED.iter().map(|(weight, _)| weight).sum();
        assert_eq!(sum, 1_024);
    }
}
