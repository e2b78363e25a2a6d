//! Numbers and states as bytes: for other processes, and for checkpoints.

/// A state that can be written down and read again, exactly.
pub trait Wire: Sized {
    /// Appends it.
    fn write(&self, to: &mut Vec<u8>);

    /// Takes it from the front; `None` if it is not there.
    fn read(from: &mut &[u8]) -> Option<Self>;
}

impl Wire for u64 {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let (first, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(Self::from_le_bytes(*first))
    }
}

/// How the states of a search become bytes, if they can.
pub(crate) trait Codec<S>: Clone + Send + 'static {
    /// Appends a state.
    fn write(state: &S, to: &mut Vec<u8>);

    /// Takes a state from the front.
    fn read(from: &mut &[u8]) -> Option<S>;
}

/// By [`Wire`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsBytes;

impl<S: Wire> Codec<S> for AsBytes {
    fn write(state: &S, to: &mut Vec<u8>) {
        state.write(to);
    }

    fn read(from: &mut &[u8]) -> Option<S> {
        S::read(from)
    }
}

/// They cannot, and need not in one process without a checkpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InMemory;

impl<S> Codec<S> for InMemory {
    fn write(_: &S, _: &mut Vec<u8>) {}

    fn read(_: &mut &[u8]) -> Option<S> {
        None
    }
}
