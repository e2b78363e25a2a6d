//! Random schedules.

use closesocket::engine::Shutdown;

use super::random::Random;
use super::schedule::{
    Act, Ending, Habit, How, LONG_LINGER, Notice, Opening, PeerPlan, Schedule, Step, WayOut,
};

/// Every kind, with how often it is chosen in 1,024 times.
const WEIGHTED: [(u64, Ending); 15] = [
    (240, Ending::Graceful),
    (100, Ending::DontLinger),
    (140, Ending::Lingering),
    (1, Ending::Expiring),
    (150, Ending::Hard),
    (20, Ending::WouldBlock(WayOut::DontLinger)),
    (20, Ending::WouldBlock(WayOut::Hard)),
    (20, Ending::WouldBlock(WayOut::ShutDown)),
    (20, Ending::WouldBlock(WayOut::Again)),
    (70, Ending::Racing),
    (60, Ending::Blocked { sending: false }),
    (30, Ending::Blocked { sending: true }),
    (20, Ending::LingerCancelled),
    (65, Ending::Cleanup),
    (68, Ending::Death),
];

/// The schedule of a connection: a pure function of the seed and its number.
pub(super) fn schedule(seed: u64, number: u64) -> Schedule {
    let random = &mut Random::new(seed, number);
    let ending = random.pick(Ending::Graceful, &WEIGHTED);
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
        steps.push(Step::first(Act::Send { bytes, how }));
    }
    Schedule {
        number,
        opening,
        peer,
        steps,
        last_receives: if receives { random.below(4) } else { 0 },
        last_send,
        ending,
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

    use super::super::schedule::Ending;
    use super::{WEIGHTED, schedule};

    #[test]
    fn a_schedule_is_a_function_of_seed_and_number() {
        for number in 0..1_000 {
            assert_eq!(schedule(7, number), schedule(7, number));
        }
        let steps = |seed| -> Vec<_> {
            let schedules = (0..50).map(|number| schedule(seed, number));
            schedules.map(|it| (it.steps, it.ending)).collect()
        };
        assert_ne!(steps(7), steps(8), "the seed decides");
    }

    /// A change here means that seeds noted before replay other schedules.
    #[test]
    fn seeds_keep_their_schedules() {
        let text: String = (0..1_000)
            .map(|number| format!("{:?}", schedule(42, number)))
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
            let schedule = schedule(1, number);
            *endings.entry(schedule.ending).or_default() += 1;
            acts.extend(
                schedule
                    .steps
                    .iter()
                    .map(|step| std::mem::discriminant(&step.act)),
            );
        }
        assert_eq!(endings.len(), WEIGHTED.len(), "{endings:?}");
        assert_eq!(acts.len(), 10);
    }

    #[test]
    fn the_weights_add_up() {
        let sum: u64 = WEIGHTED.iter().map(|(weight, _)| weight).sum();
        assert_eq!(sum, 1_024);
    }
}
