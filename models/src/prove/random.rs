//! Random small worlds of a family.

use super::call::{Kind, OPERATIONS};
use super::family::Family;
use crate::model::CloseModel;
use crate::scenario::{Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, ThreadSpec};
use crate::state::{RECORDS, small};
use closesocket::protocol::{Connection, Linger};

/// Numbers that look random, the same in every run.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: &str) -> Self {
        let bytes = seed.bytes().map(u64::from);
        Self(bytes.fold(0x9e37_79b9_7f4a_7c15, |all, it| {
            (all ^ it).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// A number below another; 0 of none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let upper = usize::try_from(self.0 >> 33).unwrap_or_default();
        upper.checked_rem(end).unwrap_or_default()
    }

    fn one_of<T: Copy>(&mut self, all: &[T], otherwise: T) -> T {
        all.get(self.below(all.len())).copied().unwrap_or(otherwise)
    }

    fn small_below(&mut self, end: usize) -> u8 {
        small(self.below(end))
    }
}

/// A world of up to four threads with up to six calls each.
pub(super) fn random_world(family: &Family, random: &mut Random) -> CloseModel {
    loop {
        let scenario = scenario(family, random);
        let fits = family.refuses(&scenario).is_none();
        // A model is of a scenario that lives for ever; there are as many as were
        // asked for.
        if fits
            && scenario.validate().is_ok()
            && let Ok(model) = CloseModel::new(Box::leak(Box::new(scenario)), None)
        {
            return model;
        }
    }
}

fn scenario(family: &Family, random: &mut Random) -> Scenario {
    let at_start = 1 + random.below(2);
    let sockets: Vec<SocketSpec> = (0..at_start + random.below(2))
        .map(|_| socket(family, random))
        .collect();
    let slots: Vec<SlotSpec> = (0..1 + random.below(4))
        .map(|index| SlotSpec {
            process: random.small_below(2),
            socket: match index {
                _ if index < at_start => Some(small(index)),
                _ if random.below(2) == 0 => Some(random.small_below(at_start)),
                _ => None,
            },
        })
        .collect();
    let mut script = Script {
        random,
        slots: &slots,
        made: at_start.min(slots.len()),
        sockets: sockets.len(),
        operations: Vec::new(),
        records: 0,
    };
    let threads: Vec<ThreadSpec> = (0..1 + script.random.below(4))
        .map(|_| script.thread(family))
        .collect();
    Scenario {
        name: family.name,
        summary: family.summary,
        operations: script.operations.leak(),
        sockets: sockets.leak(),
        slots: slots.leak(),
        threads: threads.leak(),
        surroundings: family.surroundings,
        states: 0,
    }
}

fn socket(family: &Family, random: &mut Random) -> SocketSpec {
    let all = family.socket();
    let lingers = [
        Linger::off(),
        Linger::off().set_on(0),
        Linger::off().set_on(1),
    ];
    let connected = all.connection == Connection::Connected;
    let queued = random.below(1 + usize::from(all.window));
    SocketSpec {
        linger: random.one_of(&lingers, Linger::off()),
        queued: if connected { small(queued) } else { 0 },
        joins: if connected {
            0
        } else {
            random.small_below(1 + usize::from(all.joins))
        },
        inputs: random.small_below(3),
        acknowledges: random.below(4) > 0,
        ..*all
    }
}

/// Threads in the making: operations, records and sockets are named once.
struct Script<'a> {
    random: &'a mut Random,
    slots: &'a [SlotSpec],
    made: usize,
    sockets: usize,
    operations: Vec<OperationSpec>,
    records: usize,
}

impl Script<'_> {
    fn thread(&mut self, family: &Family) -> ThreadSpec {
        let process = self.random.small_below(2);
        let calls: Vec<Call> = (0..1 + self.random.below(6))
            .filter_map(|_| {
                let kind = self.random.one_of(family.calls, Kind::Close);
                self.call(kind, process)
            })
            .collect();
        ThreadSpec {
            process,
            calls: calls.leak(),
        }
    }

    fn call(&mut self, kind: Kind, process: u8) -> Option<Call> {
        let mine: Vec<u8> = (0..self.slots.len())
            .filter(|&it| self.slots[it].process == process)
            .map(small)
            .collect();
        let handle = match mine.get(self.random.below(mine.len())) {
            Some(slot) if self.random.below(3) > 0 => Handle::First(*slot),
            _ => Handle::Own,
        };
        Some(match kind {
            Kind::Close => Call::Close(handle),
            Kind::LingerOff => Call::SetLinger(handle, None),
            Kind::LingerHard => Call::SetLinger(handle, Some(0)),
            Kind::LingerTimed => Call::SetLinger(handle, Some(1)),
            Kind::ShutDown => Call::ShutDownSend(handle),
            Kind::CancelThrough => Call::CancelThrough(handle),
            Kind::Startup => Call::Startup,
            Kind::Cleanup => Call::Cleanup,
            Kind::Die => Call::Die,
            Kind::Duplicate if self.records < RECORDS => {
                self.records += 1;
                Call::Duplicate {
                    through: handle,
                    target: self.random.small_below(2),
                    record: small(self.records - 1),
                }
            }
            Kind::Redeem => Call::Redeem {
                record: self.random.small_below(RECORDS),
            },
            Kind::Open if self.made < self.sockets => {
                self.made += 1;
                Call::Open {
                    socket: small(self.made - 1),
                }
            }
            Kind::Cancel | Kind::CancelForeign if !self.operations.is_empty() => Call::Cancel {
                operation: self.random.small_below(self.operations.len()),
            },
            _ => {
                let spec = kind.operation()?;
                let operation = self.operations.len();
                if operation == OPERATIONS {
                    return None;
                }
                self.operations.push(spec);
                Call::Start {
                    operation: small(operation),
                    through: handle,
                }
            }
        })
    }
}
