//! What workers send each other: states that were reached, to their owner.

use std::cell::OnceCell;
use std::io::Write;
use std::marker::PhantomData;

use timely::Accountable;
use timely::bytes::arc::Bytes;
use timely::communication::Push;
use timely::dataflow::channels::pushers::exchange::Distributor;
use timely::dataflow::channels::{ContainerBytes, Message, Stamp};

use crate::bytes::{Codec, Wire as _};
use crate::share::Reached;

/// States for one worker.
pub(crate) struct Parcel<S, C> {
    /// Which; `None` of one that could not be read.
    pub(crate) to: Option<usize>,
    pub(crate) reached: Reached<S>,
    bytes: OnceCell<Vec<u8>>,
    codec: PhantomData<fn() -> C>,
}

impl<S, C> Parcel<S, C> {
    pub(crate) const fn new(to: Option<usize>, reached: Reached<S>) -> Self {
        Self {
            to,
            reached,
            bytes: OnceCell::new(),
            codec: PhantomData,
        }
    }
}

impl<S, C> Default for Parcel<S, C> {
    fn default() -> Self {
        Self::new(None, Reached::new())
    }
}

/// One parcel is one record: only full ones are sent.
impl<S, C> Accountable for Parcel<S, C> {
    fn record_count(&self) -> i64 {
        1
    }
}

impl<S, C: Codec<S>> Parcel<S, C> {
    fn bytes(&self) -> &Vec<u8> {
        self.bytes.get_or_init(|| {
            let mut to = Vec::new();
            (self.to.unwrap_or(usize::MAX) as u64).write(&mut to);
            (self.reached.len() as u64).write(&mut to);
            let numbers = self.reached.fingerprints.iter();
            for number in numbers.chain(&self.reached.before) {
                number.write(&mut to);
            }
            for state in &self.reached.states {
                C::write(state, &mut to);
            }
            to.resize(to.len().next_multiple_of(8), 0);
            to
        })
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let to = usize::try_from(u64::read(from)?).ok()?;
        let len = u64::read(from)?;
        let mut reached = Reached::new();
        for _ in 0..len {
            reached.fingerprints.push(u64::read(from)?);
        }
        for _ in 0..len {
            reached.before.push(u64::read(from)?);
        }
        for _ in 0..len {
            reached.states.push(C::read(from)?);
        }
        Some(Self::new(Some(to), reached))
    }
}

impl<S, C: Codec<S>> ContainerBytes for Parcel<S, C> {
    fn from_bytes(bytes: Bytes) -> Self {
        Self::read(&mut &bytes[..]).unwrap_or_default()
    }

    fn length_in_bytes(&self) -> usize {
        self.bytes().len()
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        // The writer is a buffer that was measured for it; what it does not take
        // the other side does not understand, and says so.
        let _ = writer.write_all(self.bytes());
    }
}

/// Each parcel goes to whom it is for.
pub(crate) struct Post;

impl<S, C> Distributor<Parcel<S, C>> for Post {
    fn partition<T: Clone, P: Push<Message<T, Parcel<S, C>>>>(
        &mut self,
        parcel: &mut Parcel<S, C>,
        stamp: &Stamp<T>,
        pushers: &mut [P],
    ) {
        if let Some(pusher) = parcel.to.and_then(|to| pushers.get_mut(to)) {
            Message::push_at(parcel, stamp.clone(), pusher);
        }
    }

    fn flush<T: Clone, P: Push<Message<T, Parcel<S, C>>>>(&mut self, _: &Stamp<T>, _: &mut [P]) {}
}
