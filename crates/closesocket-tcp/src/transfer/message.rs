//! The record on its way: twelve bytes and two of the kernel's descriptors.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use closesocket::protocol::{Error, TransferState};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recv, recvmsg, sendmsg,
};

use crate::error::winsock;

/// What every record begins with; the last byte is the version.
const MAGIC: [u8; 4] = *b"CSR\x01";
const LENGTH: usize = 12;
/// The connection, and the ticket.
const DESCRIPTORS: usize = 2;

/// What a record says.
///
/// | bytes | |
/// |---|---|
/// | 0–3 | [`MAGIC`] |
/// | 4 | the flags of [`TransferState`], in its order from the lowest bit |
/// | 5–7 | 0 |
/// | 8–11 | the target's process id, little-endian |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) target: u32,
    pub(super) transfer_state: TransferState,
}

impl Message {
    fn encode(self) -> [u8; LENGTH] {
        let TransferState {
            listening,
            hard,
            nonblocking,
            send_shut,
            receive_shut,
        } = self.transfer_state;
        let flags = [listening, hard, nonblocking, send_shut, receive_shut];
        let flags = flags
            .into_iter()
            .rev()
            .fold(0, |bits, flag| bits << 1 | u8::from(flag));
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = flags;
        bytes[8..].copy_from_slice(&self.target.to_le_bytes());
        bytes
    }

    fn decode(bytes: [u8; LENGTH]) -> Option<Self> {
        let [m0, m1, m2, m3, flags, 0, 0, 0, t0, t1, t2, t3] = bytes else {
            return None;
        };
        if [m0, m1, m2, m3] != MAGIC || flags >= 1 << 5 {
            return None;
        }
        let flag = |bit: u8| flags & (1 << bit) != 0;
        Some(Self {
            target: u32::from_le_bytes([t0, t1, t2, t3]),
            transfer_state: TransferState {
                listening: flag(0),
                hard: flag(1),
                nonblocking: flag(2),
                send_shut: flag(3),
                receive_shut: flag(4),
            },
        })
    }

    /// Sends it with these descriptors, without waiting.
    pub(super) fn send(
        self,
        stream: &UnixStream,
        descriptors: [BorrowedFd<'_>; DESCRIPTORS],
    ) -> Result<(), Error> {
        let bytes = self.encode();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        loop {
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
                return Err(Error::NoBuffers);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match sendmsg(stream, &[IoSlice::new(&bytes)], &mut control, flags) {
                // The kernel takes so few bytes whole or not at all.
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(stream_error(error)),
            }
        }
    }

    /// Receives the next record, and its descriptors as our own.
    ///
    /// A message with the words of a record and other descriptors ends alone.
    /// Other words end the stream: where the next record begins cannot be told.
    pub(super) fn receive(stream: &UnixStream) -> Result<(Self, [OwnedFd; DESCRIPTORS]), Error> {
        let seen = look(stream)?;
        if seen.length == 0 {
            return Err(Error::NotConnected);
        }
        let message = Self::decode(seen.bytes).filter(|_| seen.length == LENGTH);
        let Some(message) = message else {
            end(stream);
            return Err(Error::InvalidArgument);
        };
        if seen.truncated && seen.descriptors.len() <= DESCRIPTORS {
            return Err(Error::TooManyDescriptors);
        }
        // A look goes on to the descriptors of the next message if its own has
        // none.
        let its_own = take(stream)?;
        match seen.descriptors.try_into() {
            Ok(descriptors) if its_own => Ok((message, descriptors)),
            _ => Err(Error::InvalidArgument),
        }
    }
}

/// What a look at the stream shows.
struct Seen {
    bytes: [u8; LENGTH],
    /// How many of the bytes there are; 0 at the end of the stream.
    length: usize,
    /// Copies of our own.
    descriptors: Vec<OwnedFd>,
    /// There were more, for which there is no room, here or in the process.
    truncated: bool,
}

/// Looks at the next record, which stays where it is: if there is no room for
/// its descriptors, it must not be lost.
fn look(stream: &UnixStream) -> Result<Seen, Error> {
    let mut bytes = [0; LENGTH];
    // With room for one too many, to tell such a message from a process that
    // has no room.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS + 1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC;
    let seen = loop {
        let mut into = [IoSliceMut::new(&mut bytes)];
        match recvmsg(stream, &mut into, &mut control, flags) {
            Err(Errno::INTR) => {}
            seen => break seen.map_err(stream_error)?,
        }
    };
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(those) = message {
            descriptors.extend(those);
        }
    }
    Ok(Seen {
        bytes,
        length: seen.bytes,
        descriptors,
        truncated: seen.flags.contains(ReturnFlags::CTRUNC),
    })
}

/// Takes the record that was looked at out of the stream; true if it had
/// descriptors. The kernel drops them: we have our own.
fn take(stream: &UnixStream) -> Result<bool, Error> {
    let mut bytes = [0; LENGTH];
    loop {
        let mut into = [IoSliceMut::new(&mut bytes)];
        let mut nowhere = RecvAncillaryBuffer::default();
        match recvmsg(stream, &mut into, &mut nowhere, RecvFlags::DONTWAIT) {
            Ok(taken) => return Ok(taken.flags.contains(ReturnFlags::CTRUNC)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(stream_error(error)),
        }
    }
}

/// Receives nothing more from the stream: its sender is told, and what is in it
/// is dropped, records with their references.
fn end(stream: &UnixStream) {
    // It fails when the stream has ended already.
    let _ = stream.shutdown(Shutdown::Read);
    let mut bytes = [0; 256];
    loop {
        match recv(stream, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// What an error of the Unix socket means to whoever transfers.
fn stream_error(error: Errno) -> Error {
    match error {
        Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => Error::NotConnected,
        // Too many descriptors are on their way already.
        Errno::TOOMANYREFS => Error::NoBuffers,
        error => winsock(&error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_reads_back_and_others_are_refused() {
        for flags in 0..1 << 5 {
            let mut bytes = [0; LENGTH];
            bytes[..4].copy_from_slice(&MAGIC);
            bytes[4] = flags;
            bytes[8..].copy_from_slice(&0x0102_0304_u32.to_le_bytes());
            let message = Message::decode(bytes).unwrap();
            assert_eq!(message.target, 0x0102_0304);
            assert_eq!(message.encode(), bytes);
            for place in [0, 1, 2, 3, 5, 6, 7] {
                let mut spoilt = bytes;
                spoilt[place] ^= 1;
                assert_eq!(Message::decode(spoilt), None, "byte {place}");
            }
            bytes[4] |= 1 << 5;
            assert_eq!(Message::decode(bytes), None);
        }
    }
}
