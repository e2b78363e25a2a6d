//! Variants of sending and receiving: with several buffers, looking only,
//! counting. Thin layers over the calls that they vary.

use std::io::{IoSlice, IoSliceMut};

use super::System;
use super::process::Admission;
use super::progress::{Section, Side};
use super::provider::Process;
use super::readiness::Interest;
use super::transport::{Endpoint as _, Received};
use crate::protocol::{Descriptor, Error, OperationKind, Socket};

impl<S: System> Process<S> {
    /// As [`Process::send`] of all these bytes, one buffer behind the other
    /// (`WSASend` with several `WSABUF`): nothing of another send comes between
    /// them. They are gathered first.
    ///
    /// # Errors
    /// As [`Process::send`].
    pub fn send_vectored(
        &self,
        descriptor: Descriptor,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Error> {
        let mut filled = buffers.iter().filter(|it| !it.is_empty());
        match (filled.next(), filled.next()) {
            (None, _) => self.send(descriptor, &[]),
            (Some(only), None) => self.send(descriptor, only),
            _ => {
                let parts: Vec<&[u8]> = buffers.iter().map(|it| &**it).collect();
                self.send(descriptor, &parts.concat())
            }
        }
    }

    /// As [`Process::recv`], into these buffers, one after the other (`WSARecv` with
    /// several `WSABUF`): nothing of another receive comes between.
    ///
    /// # Errors
    /// As [`Process::recv`].
    pub fn recv_vectored(
        &self,
        descriptor: Descriptor,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error> {
        if let [only] = buffers {
            return self.recv(descriptor, only);
        }
        let mut all = vec![0; buffers.iter().map(|it| it.len()).sum()];
        let received = self.recv(descriptor, &mut all)?;
        let mut rest = all.get(..received).unwrap_or_default();
        for buffer in buffers {
            let (here, behind) = rest.split_at(rest.len().min(buffer.len()));
            buffer[..here.len()].copy_from_slice(here);
            rest = behind;
        }
        Ok(received)
    }

    /// Copies what the next receive would get, and leaves it there (`MSG_PEEK`);
    /// otherwise as [`Process::recv`]. What earlier receives wait for is theirs: it
    /// is not seen.
    ///
    /// # Errors
    /// As [`Process::recv`]; [`Error::NotSupported`] if the transport cannot look.
    pub fn peek(&self, descriptor: Descriptor, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            let admission = self.state.admit(descriptor)?;
            let (found, limit) = admission.section(|section| {
                section.may_look(&admission)?;
                let found = section.look_at_input(buffer)?;
                if found.is_none() && section.may_not_wait() {
                    return Err(Error::WouldBlock);
                }
                let limits = section.socket.machine.limits;
                Ok((found, limits.of(OperationKind::Recv)))
            })?;
            drop(admission);
            if let Some(found) = found {
                return Ok(found);
            }
            let ready = self.select(&[(descriptor, Interest::READABLE)], limit)?;
            match ready.first() {
                None => return Err(Error::TimedOut),
                Some((_, ready)) if ready.closed => return Err(Error::Interrupted),
                Some(_) => {}
            }
        }
    }

    /// How many received bytes wait (`FIONREAD`). A receive of as many does not
    /// wait; none says nothing of the end.
    ///
    /// # Errors
    /// [`Error::NotSocket`]; [`Error::NotConnected`]; [`Error::ShutDown`] behind a
    /// shutdown of the receive side; [`Error::NotSupported`] if the transport
    /// cannot tell.
    pub fn available(&self, descriptor: Descriptor) -> Result<usize, Error> {
        let admission = self.state.admit(descriptor)?;
        admission.section(|section| {
            section.may_look(&admission)?;
            let endpoint = section.socket.endpoint.as_mut();
            endpoint.ok_or(Error::NotSocket)?.available()
        })
    }
}

impl<S: System> Section<'_, S> {
    /// Whether a receive may start; this is none, so it re-arms nothing (R6).
    fn may_look(&mut self, admission: &Admission<'_, S>) -> Result<(), Error> {
        let through = self
            .socket
            .reference(admission.process, admission.descriptor);
        let live = through.is_some();
        Socket::may_start(&self.socket.machine, OperationKind::Recv, live)
    }

    /// What a receive would get, if no earlier one waits.
    fn look_at_input(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        if buffer.is_empty() {
            return Ok(Some(0));
        }
        if self.front(Side::Reads).is_some() {
            return Ok(None);
        }
        let endpoint = self.socket.endpoint.as_mut().ok_or(Error::NotSocket)?;
        match endpoint.peek(buffer) {
            Ok(Received::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Received::End) => Ok(Some(0)),
            Ok(Received::Nothing) => Ok(None),
            Err(Error::NotSupported) => Err(Error::NotSupported),
            Err(error) => {
                self.receive_failed(None, error);
                Err(error)
            }
        }
    }
}
