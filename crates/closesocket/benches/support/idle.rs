//! A transport that does nothing: what is left is the engine.

use std::sync::Weak;

use closesocket::engine::Error;
use closesocket::engine::net::{Connecting, Endpoint, Events, Found, Received, Token, Transport};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};

/// What is built on it by default.
pub(crate) type OverIdle = (Idle, Std, SystemClock, NoProbe);

/// A network that connects at once, carries nothing, and acknowledges everything.
#[derive(Clone, Copy)]
pub(crate) struct Idle;

impl Transport for Idle {
    type Endpoint = Idle;

    fn attach(&self, _: Weak<dyn Events>) {}

    fn open(&self, _: Token) -> Result<Idle, Error> {
        Ok(Idle)
    }
}

impl Endpoint for Idle {
    type Address = ();

    fn bind(&mut self, (): &()) -> Result<(), Error> {
        Ok(())
    }

    fn local_address(&self) -> Result<(), Error> {
        Ok(())
    }

    fn listen(&mut self, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn connect(&mut self, (): &()) -> Result<Connecting, Error> {
        Ok(Connecting::Done)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        Ok(Connecting::Done)
    }

    fn accept(&mut self) -> Result<Option<Idle>, Error> {
        Ok(None)
    }

    fn register(&mut self, _: Token) -> Result<(), Error> {
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        Ok(bytes.len())
    }

    fn receive(&mut self, _: &mut [u8]) -> Result<Received, Error> {
        Ok(Received::Nothing)
    }

    fn look(&mut self) -> Result<Found, Error> {
        Ok(Found::Nothing)
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        Ok(0)
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn shut_down_receive(&mut self) {}

    fn reset(&mut self) {}
}
