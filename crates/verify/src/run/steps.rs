//! What is done with an open connection, one step at a time.

use std::time::Duration;

use closesocket::engine::completions::Interest;
use closesocket::engine::{Error, Shutdown};

use super::connection::{Connection, Reference};
use super::crowd::Crowd;
use super::operations::Kind;
use super::schedule::{Act, How, Notice};
use super::tools::Tools;

/// References that a connection has at most.
const MOST_REFERENCES: usize = 4;
/// Bytes of a send that fills up; more than the peer's kernel takes while the peer
/// does not read.
const FILLING: usize = 196_784;
/// How long a select waits at most.
const SELECT: Duration = Duration::from_millis(1);

impl Connection {
    /// Does the next thing. False if it has to wait for something, or there is
    /// nothing left to do.
    pub(super) fn advance(&mut self, tools: &Tools) -> Result<bool, String> {
        if self.ended.is_some() {
            return Ok(false);
        }
        if let Some(step) = self.schedule.steps.get(self.next_step).copied() {
            let gathered = tools.shared.crowd.is_none_or(Crowd::is_gathered);
            if step.act == Act::AwaitCrowd && !gathered {
                return Ok(false);
            }
            self.next_step += 1;
            let at = self.reference(step.through)?;
            self.act(tools, &at, step.act)?;
            return Ok(true);
        }
        if self.references.len() > 1 {
            return self.close_reference(self.references.len() - 1);
        }
        if !self.last_operations_started {
            self.last_operations_started = true;
            self.start_last_operations(tools)?;
            return Ok(true);
        }
        self.end(tools)?;
        Ok(true)
    }

    fn start_last_operations(&mut self, tools: &Tools) -> Result<(), String> {
        let at = self.reference(0)?;
        let notices = [Notice::Queue, Notice::Event, Notice::Routine];
        for (_, notice) in (0..self.schedule.last_receives).zip(notices) {
            self.receive(&tools.notices, &at, 512, How::Overlapped(notice))?;
        }
        match self.schedule.last_send {
            Some(bytes) => self.send(&tools.notices, &at, bytes, How::Overlapped(Notice::Queue)),
            None => Ok(()),
        }
    }

    fn act(&mut self, tools: &Tools, at: &Reference, act: Act) -> Result<(), String> {
        let words = |error: Error| format!("{act:?} failed: {error:?}");
        let (process, descriptor) = (&at.process, at.descriptor);
        match act {
            Act::Send { bytes, how } => self.send(&tools.notices, at, bytes, how),
            Act::Receive { bytes, how } => self.receive(&tools.notices, at, bytes, how),
            Act::Select => {
                let interest = Interest {
                    readable: true,
                    ..Interest::WRITABLE
                };
                let ready = process.select(&[(descriptor, interest)], Some(SELECT));
                ready.map(|_| ()).map_err(words)
            }
            Act::Linger(seconds) => process.set_linger(descriptor, seconds).map_err(words),
            Act::DontLinger(dont) => process.set_dont_linger(descriptor, dont).map_err(words),
            Act::CancelReceive => self.cancel_receive(tools, at),
            Act::Share { other } => self.share(tools, at, other),
            Act::CloseReference | Act::CloseOldest if self.references.len() < 2 => Ok(()),
            Act::CloseReference => self.close_reference(self.references.len() - 1).map(|_| ()),
            Act::CloseOldest => self.close_reference(0).map(|_| ()),
            Act::UseClosed => self.use_closed(),
            Act::ShutDown(how) => self.shut_down(at, how),
            Act::Fill => self.fill(tools, at),
            Act::Arrive => tools.shared.crowd.map_or(Ok(()), Crowd::arrive),
            Act::AwaitCrowd => Ok(()),
        }
    }

    /// Sends until bytes stay unacknowledged: kernels take megabytes at first.
    fn fill(&mut self, tools: &Tools, at: &Reference) -> Result<(), String> {
        loop {
            let before = self.accepted;
            self.send(&tools.notices, at, FILLING, How::Nonblocking)?;
            let queued = at.process.queued(at.descriptor);
            let queued = queued.map_err(|error| format!("queued failed: {error:?}"))?;
            if queued > 0 || self.accepted - before < FILLING as u64 {
                return Ok(());
            }
        }
    }

    fn cancel_receive(&mut self, tools: &Tools, at: &Reference) -> Result<(), String> {
        let (process, descriptor) = (at.process.clone(), at.descriptor);
        let order = self.order();
        let call = tools.helper.make(move || {
            let mut buffer = vec![0; 256];
            (process.recv(descriptor, &mut buffer), buffer)
        });
        let (result, buffer) = tools.helper.cancel(&at.process, &call)?;
        self.note_received(order, "a cancelled receive", result, buffer)
    }

    fn share(&mut self, tools: &Tools, at: &Reference, other: bool) -> Result<(), String> {
        if self.references.len() >= MOST_REFERENCES {
            return Ok(());
        }
        let target = if other {
            tools.shared.other
        } else {
            &at.process
        };
        let record = at
            .process
            .duplicate(at.descriptor, target.id())
            .map_err(|error| format!("a duplication failed: {error:?}"))?;
        let descriptor = target
            .redeem(record)
            .map_err(|error| format!("a record was not redeemed: {error:?}"))?;
        if target.redeem(record) != Err(Error::InvalidArgument) {
            return Err("a record was redeemed twice".to_owned());
        }
        self.references.push(Reference {
            process: target.clone(),
            descriptor,
        });
        Ok(())
    }

    /// Closes the reference at this place, if no send through it is pending: one
    /// that is cut short would leave a hole in what later ones send.
    fn close_reference(&mut self, place: usize) -> Result<bool, String> {
        let Some(at) = self.references.get(place).cloned() else {
            return Ok(false);
        };
        let sending = self.operations.values().any(|it| {
            matches!(it.kind, Kind::Send { .. }) && it.through == at.name() && !it.closed
        });
        if sending {
            return Ok(false);
        }
        self.references.remove(place);
        self.expect_aborts(&at);
        at.process
            .close(at.descriptor)
            .map_err(|error| format!("closing a reference failed: {error:?}"))?;
        self.closed.push(at);
        Ok(true)
    }

    pub(super) fn use_closed(&self) -> Result<(), String> {
        for Reference {
            process,
            descriptor,
        } in &self.closed
        {
            let uses = [
                process.close(*descriptor),
                process.queued(*descriptor).map(|_| ()),
                process.send(*descriptor, b"stray").map(|_| ()),
                process.recv(*descriptor, &mut [0; 16]).map(|_| ()),
            ];
            if let Some(result) = uses.iter().find(|it| **it != Err(Error::NotSocket)) {
                return Err(format!("a closed descriptor was used: {result:?}"));
            }
        }
        Ok(())
    }

    fn shut_down(&mut self, at: &Reference, how: Shutdown) -> Result<(), String> {
        self.send_shut |= how != Shutdown::Receive;
        self.receive_shut |= how != Shutdown::Send;
        match at.process.shutdown(at.descriptor, how) {
            Ok(()) => Ok(()),
            Err(error) => self.require_lost("a shutdown", error),
        }
    }
}
