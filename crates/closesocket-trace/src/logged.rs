//! The engine's steps as `tracing` events.

use closesocket::engine::{Observation, Order, Probe, SocketId};
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
        let told =
            of_a_descriptor(observation) || of_a_record(observation) || of_a_socket(observation);
        if !told {
            trace!(target: "closesocket", step = ?observation);
        }
    }
}

/// The life of a descriptor; false if the step is none of it.
fn of_a_descriptor(observation: Observation) -> bool {
    match observation {
        Observation::Opened {
            process,
            descriptor,
            socket,
            ..
        } => {
            debug!(target: "closesocket", %process, %descriptor, %socket, "opened");
        }
        Observation::Committed {
            process,
            descriptor,
            socket,
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
        Observation::CloseRefused {
            process,
            descriptor,
            cause,
            error,
            ..
        } => {
            debug!(target: "closesocket", %process, %descriptor, ?cause, %error, "not closed");
        }
        Observation::HandleReturned {
            process,
            descriptor,
            succeeded: true,
        } => {
            debug!(target: "closesocket", %process, %descriptor, "handle given back");
        }
        Observation::HandleReturned {
            process,
            descriptor,
            succeeded: false,
        } => {
            warn!(
                target: "closesocket",
                %process, %descriptor, "handle not given back, its slot is retired"
            );
        }
        Observation::SweepBegan { process, cause, .. } => {
            debug!(target: "closesocket", %process, ?cause, "process is ending");
        }
        Observation::SweepEnded { process } => {
            debug!(target: "closesocket", %process, "process has ended");
        }
        _ => return false,
    }
    true
}

/// The life of a duplication record; false if the step is none of it.
fn of_a_record(observation: Observation) -> bool {
    match observation {
        Observation::Duplicated {
            process,
            descriptor,
            socket,
            record,
            target,
            ..
        } => {
            debug!(
                target: "closesocket",
                %process, %descriptor, %socket, record, to = %target, "duplicated"
            );
        }
        Observation::Redeemed {
            socket, record, by, ..
        } => {
            debug!(target: "closesocket", %socket, record, %by, "record redeemed");
        }
        Observation::Reclaimed {
            process,
            socket,
            record,
            last,
            ..
        } => {
            debug!(target: "closesocket", %process, %socket, record, last, "record reclaimed");
        }
        _ => return false,
    }
    true
}

/// The life of a socket; false if the step is none of it.
fn of_a_socket(observation: Observation) -> bool {
    match observation {
        Observation::Changed { socket, input, .. } => return of_a_connection(socket, input),
        Observation::Taken {
            operation,
            aborted: Some(cause),
            ..
        } => {
            debug!(target: "closesocket", %operation, ?cause, "aborted");
        }
        Observation::Ordered {
            socket,
            order: Order::Fin,
            ..
        } => {
            debug!(target: "closesocket", %socket, "finished sending");
        }
        Observation::Ordered {
            socket,
            order: Order::Reset,
            ..
        } => {
            debug!(target: "closesocket", %socket, "reset");
        }
        Observation::Ordered {
            socket,
            order: Order::ResetBacklog,
            ..
        } => {
            debug!(target: "closesocket", %socket, "backlog reset");
        }
        Observation::LingerEnded {
            socket, drained, ..
        } => {
            debug!(target: "closesocket", %socket, drained, "stopped waiting for the drain");
        }
        Observation::Released { socket, .. } => {
            debug!(target: "closesocket", %socket, "released");
        }
        _ => return false,
    }
    true
}

/// The life of a connection; false if the change is none of it.
fn of_a_connection(socket: SocketId, input: Input) -> bool {
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
