//! The engine's steps as `tracing` events.

use std::fmt;

use closesocket::engine::SocketId;
use closesocket::engine::observe::{Observation, Order, Probe, Step};
use closesocket::protocol::Input;
use tracing::{debug, trace, warn};

/// A probe that tells `tracing` what the engine does, under the target
/// `closesocket`. Give it to a provider, or with a recorder as a pair.
///
/// - `WARN`: a drain was reset because its time had passed (L table); a handle
///   could not be given back (H4).
/// - `DEBUG`: the lives of descriptors and sockets: opened, shared, closed and
///   how, aborted, released.
/// - `TRACE`: every other step, each entering and leaving of a call included.
///
/// Descriptors, sockets and operations are named as in traces. What a
/// subscriber spends is spent inside the engine's critical sections, and it
/// must not call the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingProbe;

impl Probe for TracingProbe {
    fn observe(&self, observation: Observation) {
        if !of_a_descriptor(observation) && !of_a_socket(observation) {
            trace!(target: "closesocket", step = ?observation);
        }
    }
}

/// A part of an observation that may be missing.
struct Part<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |it| it.fmt(f))
    }
}

/// The life of a descriptor, a record or a process; false if the step is none of
/// it.
fn of_a_descriptor(observation: Observation) -> bool {
    let process = Part(observation.process);
    let descriptor = Part(observation.descriptor);
    let socket = Part(observation.at.map(|it| it.socket));
    match observation.step {
        Step::Opened { .. } => {
            debug!(target: "closesocket", %process, %descriptor, %socket, "opened");
        }
        Step::Committed {
            cause,
            last,
            wait,
            aborted,
            ..
        } => {
            debug!(
                target: "closesocket",
                %process, %descriptor, %socket, ?cause, last, wait, aborted, "closed"
            );
        }
        Step::CloseRefused { cause, error } => {
            debug!(target: "closesocket", %process, %descriptor, ?cause, %error, "not closed");
        }
        Step::HandleReturned { succeeded: true } => {
            debug!(target: "closesocket", %process, %descriptor, "handle given back");
        }
        Step::HandleReturned { succeeded: false } => {
            warn!(
                target: "closesocket",
                %process, %descriptor, "handle not given back, its slot is retired"
            );
        }
        Step::SweepBegan { cause, .. } => {
            debug!(target: "closesocket", %process, ?cause, "process is ending");
        }
        Step::SweepEnded => {
            debug!(target: "closesocket", %process, "process has ended");
        }
        Step::Duplicated { record, target } => {
            debug!(
                target: "closesocket",
                %process, %descriptor, %socket, record, to = %target, "duplicated"
            );
        }
        Step::Redeemed { record } => {
            debug!(target: "closesocket", %socket, record, by = %process, "record redeemed");
        }
        Step::Reclaimed { record, last, .. } => {
            debug!(target: "closesocket", %process, %socket, record, last, "record reclaimed");
        }
        _ => return false,
    }
    true
}

/// The life of a socket; false if the step is none of it.
fn of_a_socket(observation: Observation) -> bool {
    let socket = Part(observation.at.map(|it| it.socket));
    match observation.step {
        Step::Changed { input, .. } => return of_a_connection(&socket, input),
        Step::Taken {
            operation,
            aborted: Some(cause),
            ..
        } => {
            debug!(target: "closesocket", %operation, ?cause, "aborted");
        }
        Step::Ordered { order: Order::Fin } => {
            debug!(target: "closesocket", %socket, "finished sending");
        }
        Step::Ordered {
            order: Order::Reset,
        } => {
            debug!(target: "closesocket", %socket, "reset");
        }
        Step::Ordered {
            order: Order::ResetBacklog,
        } => {
            debug!(target: "closesocket", %socket, "backlog reset");
        }
        Step::LingerEnded { drained } => {
            debug!(target: "closesocket", %socket, drained, "stopped waiting for the drain");
        }
        Step::Released => {
            debug!(target: "closesocket", %socket, "released");
        }
        _ => return false,
    }
    true
}

/// The life of a connection; false if the change is none of it.
fn of_a_connection(socket: &Part<SocketId>, input: Input) -> bool {
    match input {
        Input::Expired { .. } => {
            warn!(target: "closesocket", %socket, "drain reset, its time has passed");
        }
        Input::ConnectionLost | Input::ReceiveLost => {
            debug!(target: "closesocket", %socket, "connection lost");
        }
        Input::ConnectFinished { connected } => {
            debug!(target: "closesocket", %socket, connected, "connect has ended");
        }
        _ => return false,
    }
    true
}
