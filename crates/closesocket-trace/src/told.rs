//! An observation in the words of the rules, for people.

use closesocket::engine::observe::{Observation, Order, Step};
use closesocket::protocol::Input;

use crate::words::{a, by, count};

/// What an observation says, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What its thread does, in one sentence without its subject: "commits the close
    /// of P0/0.1, the last reference".
    pub sentence: String,
    /// What that does to a descriptor and to a socket.
    pub touches: Vec<Touch>,
}

/// What a step does to a descriptor or a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Which kind it is.
    pub kind: Touched,
    /// Its name in the trace.
    pub name: String,
    /// What is new about it, in a word or two.
    pub what: String,
    /// Where that leaves it.
    pub life: Life,
}

/// What a step can touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A process's descriptor.
    Descriptor,
    /// A socket.
    Socket,
}

/// Where something is in its life after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It begins here.
    Begins,
    /// It goes on as it was.
    GoesOn,
    /// Its end has begun: sealed, draining.
    Ending,
    /// It is over: free again, released.
    Over,
}

/// Says an observation in words.
#[must_use]
pub fn told(observation: &Observation) -> Told {
    let names = Names(observation);
    let (sentence, of_descriptor, of_socket) = match observation.step {
        Step::Began { .. } => ("makes the provider".to_owned(), None, None),
        Step::SweepBegan { cause, .. } => {
            let sentence = format!("begins the {cause} of {}", names.process());
            (sentence, None, None)
        }
        Step::SweepEnded => (format!("ends the sweep of {}", names.process()), None, None),
        Step::Committed { .. }
        | Step::CloseRefused { .. }
        | Step::CloseReturned { .. }
        | Step::LingerEnded { .. }
        | Step::SealMissed
        | Step::Reclaimed { .. } => of_close(&names),
        Step::Opened { .. }
        | Step::Entered { .. }
        | Step::Left { .. }
        | Step::Claimed { .. }
        | Step::HandleReturned { .. }
        | Step::Recycled { .. } => of_descriptor(&names),
        Step::Created { .. }
        | Step::Changed { .. }
        | Step::Ordered { .. }
        | Step::Released
        | Step::Duplicated { .. }
        | Step::Redeemed { .. } => of_socket(&names),
        _ => of_operation(&names),
    };
    let mut touches = Vec::new();
    if let (Some(name), Some((what, life))) = (names.descriptor_name(), of_descriptor) {
        touches.push(Touch {
            kind: Touched::Descriptor,
            name,
            what,
            life,
        });
    }
    if let (Some(name), Some((what, life))) = (names.socket_name(), of_socket) {
        touches.push(Touch {
            kind: Touched::Socket,
            name,
            what,
            life,
        });
    }
    Told { sentence, touches }
}

/// What was ordered, in words that follow "must" and, in the past, a thread.
pub(crate) const fn order(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Fin => ("send a FIN", "sent a FIN"),
        Order::Reset => ("reset", "reset the connection"),
        Order::ResetBacklog => ("reset the backlog", "reset the backlog"),
        _ => ("do something else", "did something else"),
    }
}

/// The sentence, and what is new about the descriptor and about the socket.
type Said = (String, Option<(String, Life)>, Option<(String, Life)>);

fn of_close(names: &Names<'_>) -> Said {
    let descriptor = names.descriptor();
    match names.0.step {
        Step::Committed {
            cause,
            last,
            wait,
            aborted,
            actions,
            ..
        } => {
            let why = match cause {
                closesocket::protocol::Cause::Call => String::new(),
                cause => format!(" for {}", by(cause)),
            };
            let mut sentence = format!("commits the close of {descriptor}{why}");
            sentence += if last { ", the last reference" } else { "" };
            if aborted > 0 {
                sentence += &format!(", aborts {aborted}");
            }
            if last {
                sentence += &format!(", orders {actions}");
            }
            sentence += if wait { ", is going to wait" } else { "" };
            let socket = last.then(|| ("last closed".to_owned(), Life::Ending));
            (sentence, Some(("sealed".to_owned(), Life::Ending)), socket)
        }
        Step::Reclaimed { record, last, .. } => {
            let end = if last { ", the last reference" } else { "" };
            let life = if last { Life::Ending } else { Life::GoesOn };
            let sentence = format!("reclaims record {record} of {}{end}", names.socket());
            (
                sentence,
                None,
                Some((format!("record {record} gone"), life)),
            )
        }
        Step::CloseRefused { error, .. } => {
            let what = ("not closed".to_owned(), Life::GoesOn);
            let sentence = format!("is refused the close of {descriptor}: {error}");
            (sentence, Some(what), None)
        }
        Step::CloseReturned { error, .. } => {
            let how = error.map_or("success".to_owned(), |it| it.to_string());
            let sentence = format!("returns from the close of {descriptor}: {how}");
            (sentence, Some(("returned".to_owned(), Life::Ending)), None)
        }
        Step::LingerEnded { drained } => {
            let how = if drained { "drained" } else { "cancelled" };
            let sentence = format!("has waited for the drain of {}: {how}", names.socket());
            (sentence, None, Some((how.to_owned(), Life::Ending)))
        }
        _ => (
            format!("finds another word than it expected as it seals {descriptor}"),
            Some(("not sealed".to_owned(), Life::GoesOn)),
            None,
        ),
    }
}

fn of_descriptor(names: &Names<'_>) -> Said {
    let descriptor = names.descriptor();
    let (sentence, what, life) = match names.0.step {
        Step::Opened { .. } => {
            let socket = names.socket();
            let sentence = format!("opens {descriptor} of {socket}");
            (sentence, "open".to_owned(), Life::Begins)
        }
        Step::Entered { admitted: true, .. } => {
            let sentence = format!("enters {descriptor}");
            (sentence, "entered".to_owned(), Life::GoesOn)
        }
        Step::Entered { .. } => {
            let sentence = format!("finds {descriptor} closed, and backs out");
            (sentence, "refused".to_owned(), Life::GoesOn)
        }
        Step::Left { holders } => {
            let sentence = format!("leaves {descriptor}");
            (sentence, format!("-{holders}"), Life::GoesOn)
        }
        Step::Claimed { won } => {
            let (does, what) = match won {
                true => ("claims", "claimed"),
                false => ("does not win the claim of", "not claimed"),
            };
            (
                format!("{does} {descriptor}"),
                what.to_owned(),
                Life::Ending,
            )
        }
        Step::HandleReturned { succeeded } => {
            let (does, what) = match succeeded {
                true => ("gives the handle of", "handle back"),
                false => ("fails to give the handle of", "handle kept"),
            };
            let sentence = format!("{does} {descriptor} back");
            (sentence, what.to_owned(), Life::Ending)
        }
        Step::Recycled { retired } => {
            let what = if retired { "retired" } else { "freed" };
            let sentence = format!("has the slot of {descriptor} {what}");
            (sentence, what.to_owned(), Life::Over)
        }
        _ => (String::new(), String::new(), Life::GoesOn),
    };
    (sentence, Some((what, life)), None)
}

fn of_socket(names: &Names<'_>) -> Said {
    let socket = names.socket();
    let (sentence, what, life) = match names.0.step {
        Step::Created { .. } => {
            let sentence = format!("makes {socket}");
            (sentence, "made".to_owned(), Life::Begins)
        }
        Step::Changed { input, .. } => {
            let what = input_in_words(input);
            (format!("notes of {socket}: {what}"), what, Life::GoesOn)
        }
        Step::Ordered { order: it } => {
            let (must, did) = order(it);
            let sentence = format!("orders {socket} to {must}");
            (sentence, did.to_owned(), Life::Ending)
        }
        Step::Released => {
            let sentence = format!("releases {socket}");
            (sentence, "released".to_owned(), Life::Over)
        }
        Step::Duplicated { record, target } => {
            let descriptor = names.descriptor();
            let sentence = format!("duplicates {descriptor} as record {record} for {target}");
            (sentence, format!("record {record}"), Life::GoesOn)
        }
        Step::Redeemed { record } => {
            let by = names.process();
            let sentence = format!("redeems record {record} of {socket} for {by}");
            (sentence, format!("record {record} redeemed"), Life::GoesOn)
        }
        _ => (String::new(), String::new(), Life::GoesOn),
    };
    (sentence, None, Some((what, life)))
}

fn of_operation(names: &Names<'_>) -> Said {
    let refused = |error: Option<closesocket::engine::Error>| {
        error.map_or_else(String::new, |it| format!(": {it}"))
    };
    let (sentence, what) = match names.0.step {
        Step::Started { operation, error } => {
            let descriptor = names.descriptor();
            let may = if error.is_some() { "may not" } else { "may" };
            let how = refused(error);
            (
                format!("{may} start {} through {descriptor}{how}", a(operation)),
                None,
            )
        }
        Step::Registered {
            operation, does, ..
        } => {
            let sentence = format!("registers {does} {operation}");
            (sentence, Some(format!("#{} pending", operation.number)))
        }
        Step::Cancelled { operation, error } => {
            let sentence = format!("cancels {operation}{}", refused(error));
            (sentence, None)
        }
        Step::Taken {
            operation,
            aborted,
            error,
            ..
        } => {
            let number = operation.number;
            match aborted {
                Some(cause) => (
                    format!("takes {operation} out, aborted by {}", by(cause)),
                    Some(format!("#{number} aborted")),
                ),
                None => (
                    format!("takes {operation} out{}", refused(error)),
                    Some(format!("#{number} taken out")),
                ),
            }
        }
        Step::Delivered {
            operation,
            posted,
            error,
        } => {
            let does = if posted { "posts" } else { "ends" };
            let sentence = format!("{does} {operation}{}", refused(error));
            (sentence, Some(format!("#{} ended", operation.number)))
        }
        Step::Resumed { operation } => (format!("goes on from {operation}"), None),
        ref other => (format!("{other:?}"), None),
    };
    (sentence, None, what.map(|it| (it, Life::GoesOn)))
}

/// What happened to a socket, in a few words.
fn input_in_words(input: Input) -> String {
    match input {
        Input::Linger(linger) => match linger.seconds() {
            Some(seconds) => format!("linger {seconds} s"),
            None => "no linger".to_owned(),
        },
        Input::Limits(_) => "limits".to_owned(),
        Input::Nonblocking(on) => (if on { "nonblocking" } else { "blocking" }).to_owned(),
        Input::Listening => "listening".to_owned(),
        Input::Connecting => "connecting".to_owned(),
        Input::ConnectFinished { connected: true } => "connected".to_owned(),
        Input::ConnectFinished { connected: false } => "not connected".to_owned(),
        Input::BacklogJoined => "backlog + 1".to_owned(),
        Input::BacklogTaken => "backlog - 1".to_owned(),
        Input::BytesOffered { bytes } => format!("{} offered", count(bytes, "byte")),
        Input::ReceiveShut => "receive shut".to_owned(),
        Input::SendShut { .. } => "send shut".to_owned(),
        Input::SendsEnded => "sends ended".to_owned(),
        Input::Transferred => "transferred".to_owned(),
        Input::InputUnread(true) => "unread input".to_owned(),
        Input::InputUnread(false) => "input read".to_owned(),
        Input::Transmitted { bytes } => format!("{} sent", count(bytes, "byte")),
        Input::Acknowledged { bytes } => format!("{} acknowledged", count(bytes, "byte")),
        Input::ConnectionLost => "connection lost".to_owned(),
        Input::ReceiveLost => "receive side lost".to_owned(),
        Input::Expired { .. } => "out of time".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The names of what an observation speaks of.
struct Names<'a>(&'a Observation);

impl Names<'_> {
    fn descriptor_name(&self) -> Option<String> {
        let (process, descriptor) = (self.0.process?, self.0.descriptor?);
        Some(format!("{process}/{descriptor}"))
    }

    fn socket_name(&self) -> Option<String> {
        let operation = match self.0.step {
            Step::Delivered { operation, .. } | Step::Resumed { operation } => Some(operation),
            _ => None,
        };
        let at = self.0.at.map(|it| it.socket);
        Some(at.or_else(|| Some(operation?.socket))?.to_string())
    }

    fn descriptor(&self) -> String {
        self.descriptor_name()
            .unwrap_or_else(|| "a descriptor".to_owned())
    }

    fn socket(&self) -> String {
        let name = self.socket_name();
        name.map_or_else(|| "a socket".to_owned(), |it| format!("socket {it}"))
    }

    fn process(&self) -> String {
        let process = self.0.process;
        process.map_or_else(|| "a process".to_owned(), |it| it.to_string())
    }
}
