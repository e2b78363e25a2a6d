//! What is wrong when an invariant does not hold: which part of it broke, and of
//! which object.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;

use super::world::{DescriptorState, World};
use crate::protocol::ProcessId;

/// Something that an invariant speaks of, by the index that the [`World`] has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// A socket.
    Socket(usize),
    /// The life of a descriptor: one occupant of a slot.
    Descriptor {
        /// The slot.
        slot: usize,
        /// Which occupant of the slot.
        generation: u32,
        /// Whose table the slot is in.
        process: ProcessId,
    },
    /// An operation.
    Operation(usize),
    /// A duplication record.
    Record(usize),
    /// A thread, counted from 0 and named from 1.
    Thread(usize),
    /// A process.
    Process(ProcessId),
}

/// Why an invariant does not hold of a step: the first object for which it does
/// not, and what is wrong with it. Shows itself as one sentence without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// What it is that is wrong.
    pub object: Object,
    /// What is wrong with it, in words behind its name: which part of the invariant
    /// broke. `{}` stands for [`Witness::other`].
    pub what: &'static str,
    /// What else it concerns.
    pub other: Option<Object>,
}

impl Object {
    /// What kind of object it is, in one word.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Socket(_) => "socket",
            Self::Descriptor { .. } => "descriptor",
            Self::Operation(_) => "operation",
            Self::Record(_) => "record",
            Self::Thread(_) => "thread",
            Self::Process(_) => "process",
        }
    }

    /// The present occupant of a slot.
    #[inline(always)]
    pub(super) fn occupant<W: World>(world: &W, slot: usize) -> Self {
        Self::descriptor(world, slot, world.descriptor(slot).generation)
    }

    /// The first descriptor or record that really refers to a socket.
    pub(super) fn referring<W: World>(world: &W, socket: usize) -> Option<Self> {
        let descriptor = (0..world.slots()).find(|&slot| {
            let it = world.descriptor(slot);
            it.socket == socket && it.state == DescriptorState::Open
        });
        let record = || {
            (0..world.records()).find(|&record| {
                let it = world.record(record);
                it.socket == socket && it.unredeemed
            })
        };
        let descriptor = descriptor.map(|slot| Self::occupant(world, slot));
        descriptor.or_else(|| record().map(Self::Record))
    }

    /// The occupant of a slot with this generation.
    #[inline(always)]
    pub(super) fn descriptor<W: World>(world: &W, slot: usize, generation: u32) -> Self {
        Self::Descriptor {
            slot,
            generation,
            process: world.descriptor(slot).process,
        }
    }
}

impl Witness {
    /// This is wrong with an object.
    #[must_use]
    pub const fn new(object: Object, what: &'static str) -> Self {
        Self {
            object,
            what,
            other: None,
        }
    }

    /// This is wrong with an object; `{}` in it stands for the other.
    #[must_use]
    pub const fn with(object: Object, what: &'static str, other: Object) -> Self {
        Self {
            object,
            what,
            other: Some(other),
        }
    }

    /// The sentence, with the names that somebody has for the objects.
    #[must_use]
    pub fn in_names(&self, name: impl Fn(Object) -> String) -> String {
        let object = name(self.object);
        match (self.what.split_once("{}"), self.other) {
            (Some((before, behind)), Some(other)) => {
                format!("{object} {before}{}{behind}", name(other))
            }
            _ => format!("{object} {}", self.what),
        }
    }

    /// What is wrong, unless it holds. The objects are asked for only then.
    #[inline(always)]
    pub(super) fn unless(holds: bool, found: impl FnOnce() -> Self) -> Option<Self> {
        if holds { None } else { Some(found()) }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Socket(index) | Self::Operation(index) | Self::Record(index) => {
                write!(f, "{} {index}", self.kind())
            }
            Self::Descriptor {
                slot, generation, ..
            } => write!(f, "descriptor {slot}.{generation}"),
            Self::Thread(index) => write!(f, "T{}", index + 1),
            Self::Process(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_names(|object| object.to_string()))
    }
}
