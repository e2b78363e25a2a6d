//! How values of the protocol are written in a trace: short texts that say what
//! they are and read back as the same value.

use closesocket::engine::{Descriptor, Error, ProcessId, SocketId};
use closesocket::protocol::word::{STEP, Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Actions, Cause, Connection, Direction, Ending, HandleKind, Limits, Linger,
    OperationKind, Phase, SendSide, Socket, Time, UnreadInput, Waiting,
};
use serde::{Deserialize, Deserializer, Serializer};

/// A value with a text.
pub(crate) trait Text: Sized {
    /// Its text.
    fn write(&self) -> String;
    /// The value of a text, if it is one.
    fn read(text: &str) -> Option<Self>;
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize<T: Text, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.write())
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn deserialize<'de, T: Text, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
    T::read(&text).ok_or_else(|| {
        let kind = std::any::type_name::<T>();
        let kind = kind.rsplit("::").next().unwrap_or(kind);
        serde::de::Error::custom(format!("`{text}` is no {kind}"))
    })
}

/// Enums by a table of names.
macro_rules! names {
    ($type:ty: $($value:pat => $name:literal = $make:expr),+ $(,)?) => {
        impl Text for $type {
            fn write(&self) -> String {
                match *self { $($value => $name,)+ }.to_owned()
            }
            fn read(text: &str) -> Option<Self> {
                match text { $($name => Some($make),)+ _ => None }
            }
        }
    };
}

names!(Cause:
    Cause::Call => "call" = Cause::Call,
    Cause::Cleanup => "cleanup" = Cause::Cleanup,
    Cause::Death => "death" = Cause::Death,
    Cause::Reclaimed => "reclaimed" = Cause::Reclaimed);
names!(Waiting:
    Waiting::Blocked => "blocked" = Waiting::Blocked,
    Waiting::Overlapped => "overlapped" = Waiting::Overlapped);
names!(OperationKind:
    OperationKind::Recv => "recv" = OperationKind::Recv,
    OperationKind::Send => "send" = OperationKind::Send,
    OperationKind::Accept => "accept" = OperationKind::Accept,
    OperationKind::Connect => "connect" = OperationKind::Connect);
names!(HandleKind:
    HandleKind::Ifs => "ifs" = HandleKind::Ifs,
    HandleKind::NonIfs => "non-ifs" = HandleKind::NonIfs);
names!(WordPhase:
    WordPhase::Free => "free" = WordPhase::Free,
    WordPhase::Open => "open" = WordPhase::Open,
    WordPhase::Sealed => "sealed" = WordPhase::Sealed,
    WordPhase::Claimed => "claimed" = WordPhase::Claimed);
names!(Connection:
    Connection::Unconnected => "unconnected" = Connection::Unconnected,
    Connection::Listening => "listening" = Connection::Listening,
    Connection::Connecting => "connecting" = Connection::Connecting,
    Connection::Connected => "connected" = Connection::Connected,
    Connection::Lost => "lost" = Connection::Lost);
names!(SendSide:
    SendSide::Open => "open" = SendSide::Open,
    SendSide::ShuttingDown => "shutting-down" = SendSide::ShuttingDown,
    SendSide::Closing => "closing" = SendSide::Closing,
    SendSide::Finished => "finished" = SendSide::Finished);
names!(Ending:
    Ending::Unconnected => "unconnected" = Ending::Unconnected,
    Ending::Graceful => "graceful" = Ending::Graceful,
    Ending::Hard => "hard" = Ending::Hard,
    Ending::Expired => "expired" = Ending::Expired,
    Ending::Lost => "lost" = Ending::Lost,
    Ending::Unread => "unread" = Ending::Unread,
    Ending::HandedOver => "handed-over" = Ending::HandedOver);
names!(AbortScope:
    AbortScope::Descriptor => "descriptor" = AbortScope::Descriptor,
    AbortScope::LastReference => "last-reference" = AbortScope::LastReference);
names!(UnreadInput:
    UnreadInput::Discard => "discard" = UnreadInput::Discard,
    UnreadInput::Reset => "reset" = UnreadInput::Reset);

fn pair<A: std::str::FromStr, B: std::str::FromStr>(text: &str, between: char) -> Option<(A, B)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

impl Text for ProcessId {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        text.strip_prefix('P')?.parse().ok().map(Self)
    }
}

impl Text for Descriptor {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        let (slot, generation) = pair(text, '.')?;
        Some(Self::new(slot, generation))
    }
}

impl Text for SocketId {
    fn write(&self) -> String {
        self.to_string()
    }
    fn read(text: &str) -> Option<Self> {
        let (cell, generation) = pair(text, '.')?;
        Some(Self::of(cell, generation))
    }
}

impl Text for Word {
    fn write(&self) -> String {
        let phase = self.phase().write();
        format!("{}:{phase}+{}", self.generation(), self.holders())
    }
    fn read(text: &str) -> Option<Self> {
        let (generation, rest) = text.split_once(':')?;
        let (phase, holders) = rest.split_once('+')?;
        let holders = holders.parse().ok().filter(|it| *it < STEP)?;
        let phase = WordPhase::read(phase)?;
        Some(Self::new(generation.parse().ok()?, phase, holders))
    }
}

impl Text for Time {
    fn write(&self) -> String {
        self.nanos().to_string()
    }
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::from_nanos)
    }
}

impl Text for Error {
    fn write(&self) -> String {
        match self {
            // How many bytes the call was told is not in a trace.
            Self::SendInterrupted { .. } => Self::Interrupted.write(),
            other => format!("{other:?}"),
        }
    }
    fn read(text: &str) -> Option<Self> {
        Error::ALL
            .into_iter()
            .find(|error| format!("{error:?}") == text)
    }
}

/// `none`, or the text of the value.
impl<T: Text> Text for Option<T> {
    fn write(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), T::write)
    }
    fn read(text: &str) -> Option<Self> {
        match text {
            "none" => Some(None),
            text => T::read(text).map(Some),
        }
    }
}

/// `on:SECONDS:LAST` or `off:LAST`, with the last nonzero time that was set.
impl Text for Linger {
    fn write(&self) -> String {
        let last = self.set_dont_linger(false).seconds().unwrap_or_default();
        match self.seconds() {
            Some(seconds) => format!("on:{seconds}:{last}"),
            None => format!("off:{last}"),
        }
    }
    fn read(text: &str) -> Option<Self> {
        let off = Self::off();
        if let Some(last) = text.strip_prefix("off:") {
            let last = last.parse().ok().filter(|last| *last > 0)?;
            return Some(off.set_on(last).set_dont_linger(true));
        }
        let (seconds, last) = pair(text.strip_prefix("on:")?, ':')?;
        (last > 0).then(|| off.set_on(last).set_on(seconds))
    }
}

/// The actions that are asked for, with `+` between them, or `nothing`.
impl Text for Actions {
    fn write(&self) -> String {
        let names = [
            (self.send_fin, "fin"),
            (self.reset, "reset"),
            (self.reset_backlog, "reset-backlog"),
            (self.release, "release"),
        ];
        let names: Vec<_> = names
            .iter()
            .filter(|(asked, _)| *asked)
            .map(|(_, name)| *name)
            .collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join("+")
        }
    }
    fn read(text: &str) -> Option<Self> {
        let mut actions = Self::default();
        if text == "nothing" {
            return Some(actions);
        }
        for name in text.split('+') {
            match name {
                "fin" => actions.send_fin = true,
                "reset" => actions.reset = true,
                "reset-backlog" => actions.reset_backlog = true,
                "release" => actions.release = true,
                _ => return None,
            }
        }
        Some(actions)
    }
}

/// `open`, `draining`, `draining:NANOS` with the deadline, or `closed:HOW`.
impl Text for Phase {
    fn write(&self) -> String {
        match self {
            Self::Open => "open".to_owned(),
            Self::Draining { deadline: None } => "draining".to_owned(),
            Self::Draining {
                deadline: Some(deadline),
            } => format!("draining:{}", deadline.nanos()),
            Self::Closed(ending) => format!("closed:{}", ending.write()),
        }
    }
    fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "open" => Some(Self::Open),
            None if text == "draining" => Some(Self::Draining { deadline: None }),
            Some(("draining", deadline)) => Some(Self::Draining {
                deadline: Some(Time::read(deadline)?),
            }),
            Some(("closed", how)) => Ending::read(how).map(Self::Closed),
            _ => None,
        }
    }
}

/// The word for a transferred socket (D9).
const TRANSFERRED: &str = "transferred";

/// `limits:RECEIVE:SEND`, in milliseconds.
impl Text for Limits {
    fn write(&self) -> String {
        let [receive, send] = [Direction::Receive, Direction::Send].map(|it| self.millis(it));
        format!("limits:{receive}:{send}")
    }
    fn read(text: &str) -> Option<Self> {
        let (receive, send) = text.strip_prefix("limits:")?.split_once(':')?;
        Some(Self::from_millis(receive.parse().ok()?, send.parse().ok()?))
    }
}

/// Sixteen words, one for each field of the machine, in its order. The last two
/// are left out unless they are set.
impl Text for Socket {
    fn write(&self) -> String {
        let flag = |set: bool, name: &'static str| if set { name } else { "-" };
        let mut words = vec![
            self.phase.write(),
            self.connection.write(),
            self.linger.write(),
            flag(self.nonblocking, "nonblocking").to_owned(),
            self.abort_scope.write(),
            self.unread_input.write(),
            self.references.to_string(),
            self.window.to_string(),
            self.unsent.to_string(),
            self.in_flight.to_string(),
            self.send_side.write(),
            receive_side(self.receive_shut, self.receive_lost).to_owned(),
            flag(self.input_unread, "unread").to_owned(),
            self.backlog.to_string(),
        ];
        if self.transferred {
            words.push(TRANSFERRED.to_owned());
        }
        if self.limits != Limits::NONE {
            words.push(self.limits.write());
        }
        words.join(" ")
    }

    fn read(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split(' ').collect();
        let mut limits = Limits::NONE;
        if words.len() > 14
            && let Some(set) = words.last().copied().and_then(Limits::read)
        {
            limits = set;
            words.pop();
        }
        let transferred = words.len() == 15 && words.last() == Some(&TRANSFERRED);
        if transferred {
            words.pop();
        }
        let words: [&str; 14] = words.try_into().ok()?;
        let flag = |text: &str, name: &str| match text {
            "-" => Some(false),
            text => (text == name).then_some(true),
        };
        let sides = [(false, false), (true, false), (false, true), (true, true)];
        let (receive_shut, receive_lost) = sides
            .into_iter()
            .find(|(shut, lost)| receive_side(*shut, *lost) == words[11])?;
        Some(Self {
            phase: Phase::read(words[0])?,
            connection: Connection::read(words[1])?,
            linger: Linger::read(words[2])?,
            nonblocking: flag(words[3], "nonblocking")?,
            abort_scope: AbortScope::read(words[4])?,
            unread_input: UnreadInput::read(words[5])?,
            references: words[6].parse().ok()?,
            window: words[7].parse().ok()?,
            unsent: words[8].parse().ok()?,
            in_flight: words[9].parse().ok()?,
            send_side: SendSide::read(words[10])?,
            receive_shut,
            receive_lost,
            input_unread: flag(words[12], "unread")?,
            backlog: words[13].parse().ok()?,
            transferred,
            limits,
        })
    }
}

/// The receive side in one word.
const fn receive_side(shut: bool, lost: bool) -> &'static str {
    match (shut, lost) {
        (false, false) => "-",
        (true, false) => "receive-shut",
        (false, true) => "receive-lost",
        (true, true) => "receive-shut-lost",
    }
}
