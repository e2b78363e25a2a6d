//! One descriptor's share of a socket: its pending operations, and who wants to
//! know when the socket gets ready.

use super::completion::Life;
use super::descriptors::Descriptors;
use super::event::Event;
use super::keeper::Keeper;
use super::operation::{Operations, Registered};
use super::readiness::{Interest, Readiness};
use super::{SocketId, System};
use crate::protocol::{Descriptor, PendingOperations, ProcessId, Take};

/// One descriptor's share of a socket: its pending operations and watches.
//= docs/specification.md#d4-duplication-shares-the-socket
//# - Each descriptor of a shared socket MUST be usable for operations independently of the others.
pub(super) struct Reference<S: System> {
    pub(super) process: ProcessId,
    /// Keeps the descriptors of the process for operations, which may outlive it;
    /// there is none before the first.
    pub(super) keeper: Option<Keeper<Descriptors<S>>>,
    pub(super) descriptor: Descriptor,
    /// The life of the process in which the descriptor was opened.
    pub(super) life: Life,
    /// False once closed; it then only waits for its operations to end
    /// (`AbortScope::LastReference`).
    pub(super) live: bool,
    /// Receives and accepts, in the order of registration.
    pub(super) reads: Operations<S::Primitives>,
    /// Sends and connects, in the order of registration.
    pub(super) writes: Operations<S::Primitives>,
    //= docs/specification.md#d7-other-descriptors-are-left-alone
    //# - Closing a descriptor MUST NOT remove or trigger a readiness registration that was made
    //# through another descriptor.
    //= docs/specification.md#s4-no-fd-close-for-the-closer
    //# - A readiness registration MUST end together with the descriptor through which it was made.
    pub(super) watches: Watches<S>,
    /// Of one that was taken out: the life of its process was over then.
    pub(super) over: bool,
}

impl<S: System> Reference<S> {
    pub(super) fn new(process: ProcessId, descriptor: Descriptor, life: Life) -> Self {
        Self {
            process,
            keeper: None,
            descriptor,
            life,
            live: true,
            reads: Operations::new(),
            writes: Operations::new(),
            watches: Watches::new(),
            over: false,
        }
    }

    /// Who has issued its operations; nobody, if there was none.
    pub(super) fn issuer(&self) -> Option<Issuer<S>> {
        let keeper = self.keeper.clone()?;
        Some((keeper, self.descriptor, self.life))
    }

    /// Whether it is this descriptor's.
    pub(super) fn is_of(&self, process: &Descriptors<S>, descriptor: Descriptor) -> bool {
        self.descriptor == descriptor && self.process == process.id
    }

    pub(super) fn has_operations(&self) -> bool {
        !self.reads.is_empty() || !self.writes.is_empty()
    }

    /// Whether a thread goes on with one of its operations, and whoever else works
    /// on the socket leaves that alone.
    pub(super) fn is_driven(&self) -> bool {
        let oldest = [&self.reads, &self.writes].map(Operations::front);
        oldest.into_iter().flatten().any(Registered::is_driven)
    }

    /// The operations outlive their descriptor, which is closed; its watches, which
    /// this returns, do not (O8, S4).
    fn left_behind(&mut self) -> Self {
        self.live = false;
        Self {
            live: false,
            watches: std::mem::replace(&mut self.watches, Watches::new()),
            ..Self::new(self.process, self.descriptor, self.life)
        }
    }
}

/// Through which descriptor of which process an operation was issued, and in
/// which life of it that was opened.
pub(super) type Issuer<S> = (Keeper<Descriptors<S>>, Descriptor, Life);

/// Somebody who wants to know when the socket gets ready.
pub(super) struct Watch<S: System> {
    /// Which watch, for its removal.
    pub(super) number: u64,
    pub(super) interest: Interest,
    pub(super) event: Event<S::Primitives>,
    /// What it was told and no call has re-armed since (R6).
    pub(super) told: Readiness,
    /// What it was told and nobody has asked for since, of an event registration.
    pub(super) happened: Readiness,
    /// The end of a connect is news to it.
    pub(super) connecting: bool,
}

/// Who watches through a descriptor: nobody, for most, and then it is a word.
#[expect(clippy::box_collection, reason = "a word where there is nobody")]
pub(super) struct Watches<S: System>(Option<Box<Vec<Watch<S>>>>);

impl<S: System> Watches<S> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Watch<S>> {
        self.0.iter().flat_map(|it| it.iter())
    }

    /// The watch of this number.
    pub(super) fn find_mut(&mut self, number: u64) -> Option<&mut Watch<S>> {
        let watches = self.0.as_mut()?;
        watches.iter_mut().find(|it| it.number == number)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Watch<S>> {
        self.0.iter_mut().flat_map(|it| it.iter_mut())
    }

    pub(super) fn push(&mut self, watch: Watch<S>) {
        self.0.get_or_insert_default().push(watch);
    }

    /// Removes the watch of this number.
    pub(super) fn remove(&mut self, number: u64) {
        if let Some(watches) = &mut self.0 {
            watches.retain(|watch| watch.number != number);
        }
    }

    /// All of them.
    pub(super) fn all(self) -> impl Iterator<Item = Watch<S>> + use<S> {
        self.0.into_iter().flat_map(|it| *it)
    }
}

/// The number of a descriptor's event registration; selects have others.
pub(super) const EVENT_SELECT: u64 = 0;

impl<S: System> Watch<S> {
    pub(super) fn new(number: u64, interest: Interest, event: &Event<S::Primitives>) -> Self {
        Self {
            number,
            interest,
            event: event.clone(),
            told: Readiness::default(),
            happened: Readiness::default(),
            connecting: false,
        }
    }

    /// Whether this readiness is news to it (R6); from now on it is not.
    //= docs/specification.md#r6-readiness-is-news
    //# - A readiness event MUST be signalled when its condition becomes true.
    pub(super) fn learns(&mut self, ready: Readiness) -> bool {
        let now = self.interest.of(ready);
        let news = now.without(self.told);
        self.told = now;
        self.happened = self.happened.or(news);
        news != Readiness::default()
    }

    /// Whether it waits for acknowledgements: for room, if there is none, or for all
    /// of them.
    pub(super) const fn for_acknowledgements(&self, full: bool) -> bool {
        self.interest.sent || (full && self.interest.writable)
    }

    /// Its descriptor was closed: the event to set. A select wakes (O8); a
    /// registration dies without a word, since nothing is posted to the closer
    /// (S4).
    //= docs/specification.md#o8-readiness-waits
    //# - A wait for readiness, such as select or poll, that names the closed descriptor MUST
    //# wake up.
    //= docs/specification.md#s4-no-fd-close-for-the-closer
    //# - A close MUST NOT cause FD_CLOSE to be posted to the closer.
    pub(super) fn descriptor_closed(self) -> Option<Event<S::Primitives>> {
        (self.number != EVENT_SELECT).then_some(self.event)
    }
}

/// What a close takes out of a socket's references.
pub(super) struct Taker<'a, S: System> {
    pub(super) socket: SocketId,
    pub(super) references: &'a mut Vec<Reference<S>>,
    /// The closing descriptor; `None` when a record is reclaimed.
    pub(super) closing: Option<(&'a Descriptors<S>, Descriptor)>,
    /// Where what is taken goes.
    pub(super) taken: &'a mut Vec<Reference<S>>,
}

impl<S: System> PendingOperations for Taker<'_, S> {
    type Taken = ();

    //= docs/specification.md#d7-other-descriptors-are-left-alone
    //# - Closing a descriptor MUST NOT end or alter an operation that was issued through
    //# another descriptor.
    #[inline]
    fn take(&mut self, take: Take) {
        if take == Take::EveryReference {
            *self.taken = std::mem::take(self.references);
            let outlived = self.taken.iter().filter(|it| !it.live);
            outlived
                .filter_map(|it| it.keeper.as_ref())
                .for_each(|process| process.outlived.remove(self.socket));
            return;
        }
        let closing = self.closing;
        let is_closing = |it: &Reference<S>| {
            closing.is_some_and(|(process, descriptor)| it.live && it.is_of(process, descriptor))
        };
        let Some(index) = self.references.iter().position(is_closing) else {
            return;
        };
        let only = self.references.len() == 1;
        let reference = &mut self.references[index];
        let has_operations = reference.has_operations();
        if take == Take::Nothing && has_operations {
            self.taken.push(reference.left_behind());
            return;
        }
        // Most have nothing to be ended.
        let ends = has_operations || !reference.watches.is_empty();
        if ends && only {
            // In the memory that they are in; it comes back when they have ended.
            *self.taken = std::mem::take(self.references);
            return;
        }
        if ends {
            self.taken.push(self.references.swap_remove(index));
            return;
        }
        // Dropped where it is: moved out, it would wait for its own last writes.
        let last = self.references.len() - 1;
        if index < last {
            self.references.swap(index, last);
        }
        self.references.truncate(last);
    }
}
