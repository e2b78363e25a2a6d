//! The lines of a trace file, as serde writes and reads them. `docs/trace.md`
//! documents them.

use std::time::Duration;

use closesocket::engine::{
    Descriptor, Error, Observation, OperationId, Order, ProcessId, SocketId,
};
use closesocket::protocol::word::Word;
use closesocket::protocol::{
    Actions, Cause, HandleKind, Input, Limits, Linger, OperationKind, Socket, Time, Waiting,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Record;
use crate::text::{self, Text};

/// The version of the format.
pub(crate) const SCHEMA: u32 = 2;
/// What the header says it is.
pub(crate) const NAME: &str = "closesocket";

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) schema: u32,
    pub(crate) trace: String,
}

/// A line that is no record and counts those before it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Mark {
    /// Nobody was at work here: what comes later happened later.
    Cut { events: u64 },
    /// The last line.
    End { events: u64 },
}

/// Every other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    thread: u32,
    number: u64,
    nanos: u64,
    #[serde(with = "ObservationDef")]
    did: Observation,
}

impl From<Record> for Line {
    fn from(record: Record) -> Self {
        Self {
            thread: record.thread,
            number: record.number,
            nanos: record.nanos,
            did: record.observation,
        }
    }
}

impl From<Line> for Record {
    fn from(line: Line) -> Self {
        Self {
            thread: line.thread,
            number: line.number,
            nanos: line.nanos,
            observation: line.did,
        }
    }
}

impl Text for OperationId {
    fn write(&self) -> String {
        format!("{}#{}", self.socket.write(), self.number)
    }
    fn read(text: &str) -> Option<Self> {
        let (socket, number) = text.split_once('#')?;
        Some(Self {
            socket: SocketId::read(socket)?,
            number: number.parse().ok()?,
        })
    }
}

/// `SOCKET@SEQUENCE`.
impl Text for (SocketId, u64) {
    fn write(&self) -> String {
        format!("{}@{}", self.0.write(), self.1)
    }
    fn read(text: &str) -> Option<Self> {
        let (socket, sequence) = text.split_once('@')?;
        Some((SocketId::read(socket)?, sequence.parse().ok()?))
    }
}

/// `PROCESS/LIFE`.
impl Text for (ProcessId, u64) {
    fn write(&self) -> String {
        format!("{}/{}", self.0.write(), self.1)
    }
    fn read(text: &str) -> Option<Self> {
        let (process, life) = text.split_once('/')?;
        Some((ProcessId::read(process)?, life.parse().ok()?))
    }
}

/// Nanoseconds.
mod nanos {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        it: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let nanos = it.map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX));
        nanos.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_nanos))
    }
}

/// Mirrors [`Observation`] for serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Observation", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
enum ObservationDef {
    Began {
        #[serde(with = "text")]
        handle_kind: HandleKind,
        #[serde(with = "nanos")]
        drain_limit: Option<Duration>,
    },
    Opened {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        life: u64,
        #[serde(with = "text")]
        before: Word,
    },
    Entered {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        before: Word,
        holders: u64,
        admitted: bool,
    },
    Left {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        before: Word,
        holders: u64,
    },
    SealMissed {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        before: Word,
    },
    Committed {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        life: u64,
        #[serde(with = "text")]
        before: Word,
        #[serde(with = "text")]
        cause: Cause,
        #[serde(with = "text")]
        now: Time,
        last: bool,
        wait: bool,
        may_wait: bool,
        #[serde(with = "text")]
        actions: Actions,
        aborted: usize,
        #[serde(with = "text")]
        machine: Socket,
    },
    CloseRefused {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        cause: Cause,
        #[serde(with = "text")]
        error: Error,
        #[serde(with = "text")]
        under: Option<(SocketId, u64)>,
    },
    CloseReturned {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        committed: bool,
        waited: bool,
        #[serde(with = "text")]
        error: Option<Error>,
    },
    Created {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        #[serde(with = "text")]
        machine: Socket,
    },
    Changed {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        #[serde(with = "InputDef")]
        input: Input,
        by: Option<u64>,
        #[serde(with = "text")]
        machine: Socket,
    },
    Ordered {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        #[serde(with = "OrderDef")]
        order: Order,
    },
    Released {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
    },
    Started {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        #[serde(with = "text")]
        operation: OperationKind,
        #[serde(with = "text")]
        error: Option<Error>,
    },
    Registered {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        operation: OperationId,
        sequence: u64,
        #[serde(with = "text")]
        does: OperationKind,
        #[serde(with = "text")]
        waiting: Waiting,
    },
    Cancelled {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        through: Option<Descriptor>,
        #[serde(with = "text")]
        operation: OperationId,
        sequence: u64,
        #[serde(with = "text")]
        error: Option<Error>,
    },
    Taken {
        #[serde(with = "text")]
        operation: OperationId,
        sequence: u64,
        #[serde(with = "text")]
        aborted: Option<Cause>,
        #[serde(with = "text")]
        error: Option<Error>,
        #[serde(with = "text")]
        silent: Option<(ProcessId, u64)>,
    },
    Delivered {
        #[serde(with = "text")]
        operation: OperationId,
        posted: bool,
        #[serde(with = "text")]
        error: Option<Error>,
        under: Option<u64>,
    },
    Resumed {
        #[serde(with = "text")]
        operation: OperationId,
    },
    LingerEnded {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        drained: bool,
    },
    Claimed {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        before: Word,
        won: bool,
    },
    HandleReturned {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        succeeded: bool,
    },
    Recycled {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        before: Word,
        retired: bool,
    },
    Duplicated {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        descriptor: Descriptor,
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        record: u64,
        #[serde(with = "text")]
        target: ProcessId,
    },
    Redeemed {
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        record: u64,
        #[serde(with = "text")]
        by: ProcessId,
    },
    Reclaimed {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        socket: SocketId,
        sequence: u64,
        record: u64,
        #[serde(with = "text")]
        now: Time,
        last: bool,
        #[serde(with = "text")]
        actions: Actions,
        aborted: usize,
        #[serde(with = "text")]
        machine: Socket,
    },
    SweepBegan {
        #[serde(with = "text")]
        process: ProcessId,
        #[serde(with = "text")]
        cause: Cause,
        life: u64,
    },
    SweepEnded {
        #[serde(with = "text")]
        process: ProcessId,
    },
}

/// Mirrors [`Input`] for serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Input", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
enum InputDef {
    Linger(#[serde(with = "text")] Linger),
    Limits(#[serde(with = "text")] Limits),
    Nonblocking(bool),
    Listening,
    Connecting,
    ConnectFinished {
        connected: bool,
    },
    BacklogJoined,
    BacklogTaken,
    BytesOffered {
        bytes: usize,
    },
    ReceiveShut,
    SendShut {
        pending: bool,
    },
    SendsEnded,
    Transferred,
    InputUnread(bool),
    Transmitted {
        bytes: u32,
    },
    Acknowledged {
        bytes: u32,
    },
    ConnectionLost,
    ReceiveLost,
    Expired {
        #[serde(with = "text")]
        now: Time,
    },
}

/// Mirrors [`Order`] for serde.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Order", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
enum OrderDef {
    Fin,
    Reset,
    ResetBacklog,
}
