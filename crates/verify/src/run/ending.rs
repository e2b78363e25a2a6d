//! Closing the last reference, in every way.

use std::time::{Duration, Instant};

use closesocket::engine::{Error, Shutdown};

use super::connection::{Connection, Reference, set_nonblocking};
use super::random::Pattern;
use super::schedule::{Ending, Habit, LONG_LINGER, SHORT_LINGER, WayOut};
use super::system::PATIENCE;
use super::tools::Tools;

/// Bytes of the send that a close finds blocked.
const BLOCKED_SEND: usize = 300_000;

type Closed = Result<(), Error>;

impl Connection {
    /// Ends the connection in the way that was decided.
    pub(super) fn end(&mut self, tools: &Tools) -> Result<(), String> {
        let at = self.reference(0)?;
        let linger = match self.schedule.ending {
            Ending::Lingering | Ending::WouldBlock(_) | Ending::LingerCancelled => {
                Some(LONG_LINGER)
            }
            Ending::Expiring => Some(SHORT_LINGER),
            Ending::Hard => Some(0),
            _ => None,
        };
        if self.schedule.ending != Ending::Crowd {
            set_linger(&at, linger)?;
            let queued = at.process.queued(at.descriptor);
            self.unacknowledged = queued.map_err(|error| format!("queued failed: {error:?}"))? > 0;
        }
        if !matches!(self.schedule.ending, Ending::WouldBlock(_)) {
            self.expect_aborts(&at);
        }
        match self.schedule.ending {
            Ending::DontLinger => {
                set_linger(&at, Some(LONG_LINGER))?;
                at.process
                    .set_dont_linger(at.descriptor, true)
                    .map_err(|error| format!("DONTLINGER failed: {error:?}"))?;
                self.close(&at)?;
            }
            Ending::Lingering if self.schedule.peer.habit == Habit::Waits => {
                self.close_before_peer_reads(tools, &at)?;
            }
            Ending::Graceful
            | Ending::Lingering
            | Ending::Expiring
            | Ending::Hard
            | Ending::Shared
            | Ending::Crowd => self.close(&at)?,
            Ending::WouldBlock(way) => self.close_would_block(&at, way)?,
            Ending::Racing => close_twice(tools, &at)?,
            Ending::Blocked { sending } => self.close_under_call(tools, &at, sending)?,
            Ending::LingerCancelled => close_and_cancel(tools, &at)?,
            Ending::Cleanup | Ending::Death => return self.end_process(tools, &at),
        }
        self.let_peer_read();
        self.references.clear();
        self.closed.push(at);
        if self.schedule.ending != Ending::Crowd {
            self.use_closed()?;
        }
        self.ended = Some(Instant::now());
        Ok(())
    }

    fn close(&self, at: &Reference) -> Result<(), String> {
        let began = Instant::now();
        require("the last close", at.process.close(at.descriptor), &[Ok(())])?;
        let seconds = began.elapsed().as_secs();
        if self.schedule.ending == Ending::Expiring && seconds < u64::from(SHORT_LINGER) {
            return Err("a lingering close returned before its time".to_owned());
        }
        Ok(())
    }

    /// A lingering close that waits for a peer which begins to read only then. The
    /// aborts are delivered before the close starts to wait.
    fn close_before_peer_reads(&self, tools: &Tools, at: &Reference) -> Result<(), String> {
        let (process, descriptor) = (at.process.clone(), at.descriptor);
        let (queued, began) = (tools.notices.queued(), Instant::now());
        let close = tools.helper.make(move || process.close(descriptor));
        while tools.notices.queued() == queued && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_micros(200));
        }
        self.let_peer_read();
        require("the last close", tools.helper.wait(&close)?, &[Ok(())])
    }

    /// A close that may be refused, and the way out of it. The peer may have
    /// taken everything by now.
    fn close_would_block(&mut self, at: &Reference, way: WayOut) -> Result<(), String> {
        let (process, descriptor) = (&at.process, at.descriptor);
        set_nonblocking(at, true)?;
        let first = process.close(descriptor);
        require(
            "a nonblocking close",
            first,
            &[Ok(()), Err(Error::WouldBlock)],
        )?;
        self.would_block = first.is_err();
        self.expect_aborts(at);
        if first.is_ok() {
            return Ok(());
        }
        let alive = process.queued(descriptor).map(|_| ());
        require("a call after a refused close", alive, &[Ok(())])?;
        let begin = Instant::now();
        let way_out = match way {
            WayOut::DontLinger => process.set_dont_linger(descriptor, true),
            WayOut::Hard => process.set_linger(descriptor, Some(0)),
            WayOut::ShutDown => {
                self.send_shut = true;
                process.shutdown(descriptor, Shutdown::Send)
            }
            WayOut::Again => Ok(()),
        };
        require("the way out of a refused close", way_out, &[Ok(())])?;
        loop {
            let again = process.close(descriptor);
            let patient = way == WayOut::Again && begin.elapsed() < PATIENCE;
            match again {
                Err(Error::WouldBlock) if patient => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                result => return require("the close after a refused one", result, &[Ok(())]),
            }
        }
    }

    fn close_under_call(
        &mut self,
        tools: &Tools,
        at: &Reference,
        sending: bool,
    ) -> Result<(), String> {
        let (process, descriptor) = (at.process.clone(), at.descriptor);
        let bytes = Pattern::of_engine(self.number()).bytes(self.offered, BLOCKED_SEND);
        let order = self.order();
        let call = tools.helper.make(move || {
            let mut buffer = vec![0; 256];
            let result = if sending {
                process.send(descriptor, &bytes)
            } else {
                process.recv(descriptor, &mut buffer)
            };
            (result, buffer)
        });
        std::thread::yield_now();
        self.close(at)?;
        let (result, buffer) = tools.helper.wait(&call)?;
        match (sending, result) {
            (_, Err(Error::NotSocket)) => Ok(()),
            (true, Ok(accepted)) => {
                self.accepted += accepted as u64;
                Ok(())
            }
            (true, Err(error @ (Error::Interrupted | Error::SendInterrupted { .. }))) => {
                self.accepted += error.accepted() as u64;
                Ok(())
            }
            (true, Err(error)) => self.require_lost("a send under a close", error),
            (false, result) => self.note_received(order, "a receive under a close", result, buffer),
        }
    }

    fn end_process(&mut self, tools: &Tools, at: &Reference) -> Result<(), String> {
        let process = &at.process;
        if self.schedule.ending == Ending::Cleanup {
            require("a cleanup", process.cleanup(), &[Ok(())])?;
            let closed = process.close(at.descriptor);
            require("a close after it", closed, &[Err(Error::NotInitialised)])?;
        } else {
            process.die();
        }
        for operation in self.operations.values() {
            if let super::operations::Kind::Send { offered } = operation.kind {
                self.uncertain += offered as u64;
            }
        }
        let silenced = std::mem::take(&mut self.operations);
        tools.silent.borrow_mut().end(silenced);
        self.references.clear();
        self.ended = Some(Instant::now());
        Ok(())
    }
}

/// Two threads close one descriptor at once: one of them does.
fn close_twice(tools: &Tools, at: &Reference) -> Result<(), String> {
    let (process, descriptor) = (at.process.clone(), at.descriptor);
    let theirs = tools.helper.make(move || process.close(descriptor));
    let ours = at.process.close(at.descriptor);
    let theirs = tools.helper.wait(&theirs)?;
    let no = Err(Error::NotSocket);
    match (ours, theirs) {
        (Ok(()), it) | (it, Ok(())) if it == no => Ok(()),
        both => Err(format!("two closes gave {both:?}")),
    }
}

/// A lingering close whose wait is cancelled, or has ended before.
fn close_and_cancel(tools: &Tools, at: &Reference) -> Result<(), String> {
    let (process, descriptor) = (at.process.clone(), at.descriptor);
    let close = tools.helper.make(move || process.close(descriptor));
    let closed = tools.helper.cancel(&at.process, &close)?;
    let either = [Ok(()), Err(Error::Interrupted)];
    require("a cancelled close", closed, &either)
}

fn set_linger(at: &Reference, seconds: Option<u16>) -> Result<(), String> {
    at.process
        .set_linger(at.descriptor, seconds)
        .map_err(|error| format!("the linger option failed: {error:?}"))
}

fn require(what: &str, result: Closed, allowed: &[Closed]) -> Result<(), String> {
    if allowed.contains(&result) {
        Ok(())
    } else {
        Err(format!("{what} gave {result:?}"))
    }
}
