//! How values of the protocol are written: short texts that say what they are and
//! read back as the same value. Recordings and tables use them.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::word::{STEP, Word, WordPhase};
use super::{
    AbortScope, Actions, Cause, Connection, Descriptor, Direction, Ending, HandleKind, Limits,
    Linger, OperationKind, Phase, ProcessId, SendSide, Socket, Time, UnreadInput, Waiting,
};

/// A text that is no value of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}")]
#[non_exhaustive]
pub struct ParseError {
    /// The text.
    pub text: String,
    /// What it was to be.
    pub kind: &'static str,
}

/// Reads a value by a function that knows its form.
pub(crate) fn parse<T>(
    text: &str,
    kind: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ParseError> {
    read(text).ok_or_else(|| ParseError {
        text: text.to_owned(),
        kind,
    })
}

/// The two numbers around a separator.
pub(crate) fn pair<A: FromStr, B: FromStr>(text: &str, between: char) -> Option<(A, B)> {
    let (first, second) = text.split_once(between)?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Reads and writes values as their texts, for serde.
#[cfg(feature = "serde")]
macro_rules! serde_as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <alloc::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
#[cfg(all(feature = "serde", feature = "std"))]
pub(crate) use serde_as_text;

#[cfg(feature = "serde")]
serde_as_text!(
    AbortScope,
    Actions,
    Cause,
    Connection,
    Descriptor,
    Ending,
    HandleKind,
    Limits,
    Linger,
    OperationKind,
    Phase,
    ProcessId,
    SendSide,
    Socket,
    Time,
    UnreadInput,
    Waiting,
    Word,
    WordPhase,
);

/// Enums by a table of names.
macro_rules! names {
    ($type:ident: $($value:ident $name:literal),+ $(,)?) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$value => $name,)+ })
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                parse(text, stringify!($type), |text| match text {
                    $($name => Some(Self::$value),)+
                    _ => None,
                })
            }
        }
    };
}

names!(Cause: Call "call", Cleanup "cleanup", Death "death", Reclaimed "reclaimed");
names!(Waiting: Blocked "blocked", Overlapped "overlapped");
names!(OperationKind: Recv "recv", Send "send", Accept "accept", Connect "connect");
names!(HandleKind: Ifs "ifs", NonIfs "non-ifs");
names!(WordPhase: Free "free", Open "open", Sealed "sealed", Claimed "claimed");
names!(AbortScope: Descriptor "descriptor", LastReference "last-reference");
names!(UnreadInput: Discard "discard", Reset "reset");
names!(Connection:
    Unconnected "unconnected",
    Listening "listening",
    Connecting "connecting",
    Connected "connected",
    Lost "lost",
);
names!(SendSide:
    Open "open",
    ShuttingDown "shutting-down",
    Closing "closing",
    Finished "finished",
);
names!(Ending:
    Unconnected "unconnected",
    Graceful "graceful",
    Hard "hard",
    Expired "expired",
    Lost "lost",
    Unread "unread",
    HandedOver "handed-over",
);

impl FromStr for ProcessId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "process", |text| {
            text.strip_prefix('P')?.parse().ok().map(Self)
        })
    }
}

impl FromStr for Descriptor {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "descriptor", |text| {
            let (slot, generation) = pair(text, '.')?;
            Some(Self::new(slot, generation))
        })
    }
}

/// `GENERATION:PHASE+HOLDERS`.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}+{}",
            self.generation(),
            self.phase(),
            self.holders()
        )
    }
}

impl FromStr for Word {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "word", |text| {
            let (generation, rest) = text.split_once(':')?;
            let (phase, holders) = pair(rest, '+')?;
            let holders = Some(holders).filter(|it| *it < STEP)?;
            Some(Self::new(generation.parse().ok()?, phase, holders))
        })
    }
}

/// Nanoseconds by the provider's clock.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nanos().fmt(f)
    }
}

impl FromStr for Time {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "time", |text| text.parse().ok().map(Self::from_nanos))
    }
}

/// `on:SECONDS:LAST` or `off:LAST`, with the last nonzero time that was set. The seconds
/// of a close that says its own time may have milliseconds, as in `1.500`.
impl fmt::Display for Linger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.set_dont_linger(false).seconds().unwrap_or_default();
        let time = self.time();
        match (self.seconds(), time.subsec_millis()) {
            (Some(seconds), 0) => write!(f, "on:{seconds}:{last}"),
            (Some(_), millis) => write!(f, "on:{}.{millis:03}:{last}", time.as_secs()),
            (None, _) => write!(f, "off:{last}"),
        }
    }
}

impl FromStr for Linger {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "linger option", |text| {
            let off = Self::off();
            if let Some(last) = text.strip_prefix("off:") {
                let last = last.parse().ok().filter(|last| *last > 0)?;
                return Some(off.set_on(last).set_dont_linger(true));
            }
            let (time, last) = text.strip_prefix("on:")?.split_once(':')?;
            let last = last.parse().ok().filter(|last| *last > 0)?;
            let set = off.set_on(last);
            let Some((seconds, millis)) = time.split_once('.') else {
                return Some(set.set_on(time.parse().ok()?));
            };
            let seconds: u16 = seconds.parse().ok()?;
            let millis: u16 = millis.parse().ok().filter(|it| (1..1000).contains(it))?;
            let millis = u64::from(seconds) * 1000 + u64::from(millis);
            let linger = set.set_on_for(Duration::from_millis(millis));
            // Nobody else has written it.
            (linger.to_string() == text).then_some(linger)
        })
    }
}

/// The actions that are asked for, with `+` between them, or `nothing`.
impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.send_fin, "fin"),
            (self.reset, "reset"),
            (self.reset_backlog, "reset-backlog"),
            (self.release, "release"),
        ];
        let asked = names.iter().filter(|(asked, _)| *asked);
        let names: Vec<_> = asked.map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "nothing" } else { "" })?;
        f.write_str(&names.join("+"))
    }
}

impl FromStr for Actions {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "actions", |text| {
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
        })
    }
}

/// `open`, `draining`, `draining:NANOS` with the deadline, or `closed:HOW`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Draining { deadline: None } => f.write_str("draining"),
            Self::Draining {
                deadline: Some(deadline),
            } => write!(f, "draining:{deadline}"),
            Self::Closed(ending) => write!(f, "closed:{ending}"),
        }
    }
}

impl FromStr for Phase {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "phase", |text| match text.split_once(':') {
            None if text == "open" => Some(Self::Open),
            None if text == "draining" => Some(Self::Draining { deadline: None }),
            Some(("draining", deadline)) => Some(Self::Draining {
                deadline: Some(deadline.parse().ok()?),
            }),
            Some(("closed", how)) => how.parse().ok().map(Self::Closed),
            _ => None,
        })
    }
}

/// `limits:RECEIVE:SEND`, in milliseconds.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [receive, send] = [Direction::Receive, Direction::Send].map(|it| self.millis(it));
        write!(f, "limits:{receive}:{send}")
    }
}

impl FromStr for Limits {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "time limits", |text| {
            let (receive, send) = pair(text.strip_prefix("limits:")?, ':')?;
            Some(Self::from_millis(receive, send))
        })
    }
}

/// The word for a transferred socket (D9).
const TRANSFERRED: &str = "transferred";

const fn flag(set: bool, name: &'static str) -> &'static str {
    if set { name } else { "-" }
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

/// Sixteen words, one for each field, in their order. The last two are left out
/// unless they are set.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} {} {} {} {} {} {} {} {}",
            self.phase,
            self.connection,
            self.linger,
            flag(self.nonblocking, "nonblocking"),
            self.abort_scope,
            self.unread_input,
            self.references,
            self.window,
            self.unsent,
            self.in_flight,
            self.send_side,
            receive_side(self.receive_shut, self.receive_lost),
            flag(self.input_unread, "unread"),
            self.backlog,
        )?;
        if self.transferred {
            write!(f, " {TRANSFERRED}")?;
        }
        if self.limits != Limits::NONE {
            write!(f, " {}", self.limits)?;
        }
        Ok(())
    }
}

impl FromStr for Socket {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text, "socket", read_socket)
    }
}

fn read_socket(text: &str) -> Option<Socket> {
    let mut words: Vec<&str> = text.split(' ').collect();
    let mut limits = Limits::NONE;
    if words.len() > 14
        && let Some(set) = words.last().and_then(|it| it.parse().ok())
    {
        limits = set;
        words.pop();
    }
    let transferred = words.len() == 15 && words.last() == Some(&TRANSFERRED);
    if transferred {
        words.pop();
    }
    let words: [&str; 14] = words.try_into().ok()?;
    let is = |text: &str, name: &str| match text {
        "-" => Some(false),
        text => (text == name).then_some(true),
    };
    let sides = [(false, false), (true, false), (false, true), (true, true)];
    let (receive_shut, receive_lost) = sides
        .into_iter()
        .find(|(shut, lost)| receive_side(*shut, *lost) == words[11])?;
    Some(Socket {
        phase: words[0].parse().ok()?,
        connection: words[1].parse().ok()?,
        linger: words[2].parse().ok()?,
        nonblocking: is(words[3], "nonblocking")?,
        abort_scope: words[4].parse().ok()?,
        unread_input: words[5].parse().ok()?,
        references: words[6].parse().ok()?,
        window: words[7].parse().ok()?,
        unsent: words[8].parse().ok()?,
        in_flight: words[9].parse().ok()?,
        send_side: words[10].parse().ok()?,
        receive_shut,
        receive_lost,
        input_unread: is(words[12], "unread")?,
        backlog: words[13].parse().ok()?,
        transferred,
        limits,
    })
}
