//! What each input does in each state of a socket, as a table in the
//! documentation.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Actions, Cause, CloseRequest, Connection, Error, Input, Linger, PendingOperations,
    Phase, SendSide, Socket, Take, Time, UnreadInput,
};

/// A deadline, and a time that is late enough for it.
const LATE: Time = Time::from_nanos(1_000);

/// Connected, with three bytes that wait and two on their way.
fn connected() -> Socket {
    Socket {
        unsent: 3,
        in_flight: 2,
        ..Socket::accepted(&Socket::new(
            8,
            AbortScope::Descriptor,
            UnreadInput::Discard,
        ))
    }
}

/// The states that decide differently, each with a name.
fn states() -> Vec<(&'static str, Socket)> {
    let new = Socket::new(8, AbortScope::Descriptor, UnreadInput::Discard);
    let of = |connection, backlog| Socket {
        connection,
        backlog,
        ..new
    };
    let sent = |send_side, unsent| Socket {
        send_side,
        unsent,
        ..connected()
    };
    let lost = of(Connection::Lost, 0);
    let last = |phase| Socket {
        phase,
        references: 0,
        ..sent(SendSide::Closing, 3)
    };
    let draining = Phase::Draining {
        deadline: Some(LATE),
    };
    let mut closed = last(draining);
    let _ = closed.connection_lost();
    vec![
        ("unconnected", new),
        ("listening", of(Connection::Listening, 1)),
        ("connecting", of(Connection::Connecting, 0)),
        ("connected", connected()),
        ("shutting down", sent(SendSide::ShuttingDown, 3)),
        ("closing", sent(SendSide::Closing, 3)),
        ("finished", sent(SendSide::Finished, 0)),
        ("lost", lost),
        (
            "lost, nothing left",
            Socket {
                receive_lost: true,
                ..lost
            },
        ),
        ("draining", last(draining)),
        ("closed", closed),
    ]
}

fn inputs() -> Vec<Input> {
    vec![
        Input::Listening,
        Input::Connecting,
        Input::ConnectFinished { connected: true },
        Input::ConnectFinished { connected: false },
        Input::BacklogJoined,
        Input::BacklogTaken,
        Input::BytesOffered { bytes: 9 },
        Input::ReceiveShut,
        Input::SendShut { pending: true },
        Input::SendShut { pending: false },
        Input::SendsEnded,
        Input::Transferred,
        Input::InputUnread(true),
        Input::Transmitted { bytes: 3 },
        Input::Acknowledged { bytes: 5 },
        Input::ConnectionLost,
        Input::ReceiveLost,
        Input::Expired { now: LATE },
    ]
}

/// The fields that differ, with what they are now.
fn changes(before: &Socket, after: &Socket) -> Vec<String> {
    let fields = |it: &Socket| {
        let text = format!("{it:#?}");
        let mut fields: Vec<String> = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("    ") {
                Some(part) if part.starts_with(' ') || part.starts_with(['}', ')']) => {
                    let last = fields.last_mut().unwrap();
                    last.push_str(part.trim());
                }
                Some(field) => fields.push(field.to_owned()),
                None => {}
            }
        }
        fields
    };
    let (before, after) = (fields(before), fields(after));
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b);
    changed
        .map(|(_, now)| {
            now.trim_end_matches(',')
                .replace(",}", "}")
                .replace(",)", ")")
        })
        .collect()
}

fn orders(actions: Actions) -> Vec<&'static str> {
    let asked = [
        (actions.send_fin, "**FIN**"),
        (actions.reset, "**reset**"),
        (actions.reset_backlog, "**reset the backlog**"),
        (actions.release, "**release**"),
    ];
    let asked = asked.into_iter().filter(|(asked, _)| *asked);
    asked.map(|(_, order)| order).collect()
}

/// Asks a socket for something; true if who asked has to wait.
type Ask = Box<dyn Fn(&mut Socket) -> Result<(Actions, bool), Error>>;

/// Every input, and closes of the last reference and of another, each with a name.
fn asked() -> Vec<(String, Ask)> {
    let mut asked: Vec<(String, Ask)> = Vec::new();
    for input in inputs() {
        let ask = move |it: &mut Socket| {
            let outcome = unless_refused(it, |it| it.apply(input))?;
            Ok((outcome.actions, false))
        };
        asked.push((format!("`{input:?}`"), Box::new(ask)));
    }
    let off = Linger::off();
    for (name, linger, blocks) in [
        ("close", off, true),
        ("close, linger 0", off.set_on(0), true),
        ("close, linger 5 s", off.set_on(5), true),
        ("close, linger 5 s, nonblocking", off.set_on(5), false),
    ] {
        let ask = move |it: &mut Socket| {
            it.set_linger(linger);
            it.set_nonblocking(!blocks);
            close(it)
        };
        asked.push((name.to_owned(), Box::new(ask)));
    }
    let one_of_two = |it: &mut Socket| {
        it.references += 1;
        close(it)
    };
    asked.push((
        "close of another reference".to_owned(),
        Box::new(one_of_two),
    ));
    asked
}

struct NoOperations;

impl PendingOperations for NoOperations {
    type Taken = ();

    fn take(&mut self, _: Take) {}
}

//= docs/specification.md#l3-a-failed-close-leaves-no-trace
//= type=test
//# - A close that fails before its commit MUST leave the descriptor, its operations and its
//# socket as they were.
fn close(socket: &mut Socket) -> Result<(Actions, bool), Error> {
    let request = CloseRequest {
        cause: Cause::Call,
        now: Time::ZERO,
        drain_limit: None,
        may_wait: true,
    };
    let open = Word::new(1, WordPhase::Open, 0);
    let commit = unless_refused(socket, |it| {
        it.close(request, open, 1, &mut NoOperations, |_| Ok::<(), Error>(()))
    })?;
    Ok((commit.actions, commit.wait))
}

/// What is refused changes nothing.
fn unless_refused<T>(
    socket: &mut Socket,
    ask: impl FnOnce(&mut Socket) -> Result<T, Error>,
) -> Result<T, Error> {
    let before = *socket;
    let done = ask(socket);
    assert!(done.is_ok() || *socket == before, "refused, and changed");
    done
}

/// What comes of it, in words.
fn cell(before: &Socket, ask: &Ask) -> String {
    let mut after = *before;
    let (actions, waits) = match ask(&mut after) {
        Err(error) => return format!("*{error:?}*"),
        Ok(done) => done,
    };
    // The options were set for it.
    after.linger = before.linger;
    after.nonblocking = before.nonblocking;
    let mut words: Vec<String> = changes(before, &after);
    words.extend(orders(actions).into_iter().map(str::to_owned));
    words.extend(waits.then(|| "the caller waits".to_owned()));
    words.join("; ")
}

fn page() -> String {
    let mut page = String::from(
        "# What happens to a socket\n\n\
         Each input of the protocol (`protocol::Input`), and a close, in each state that decides\n\
         differently: what it changes, in **bold** what it orders of the transport, in *italics* how it is\n\
         refused. Nothing is said where nothing changes, as in a close that is not the last. The options\n\
         (`Linger`, `Limits`, `Nonblocking`) are set in every state alike, and left out. A test writes this\n\
         page and compares it.\n\n\
         `connected`, `shutting down`, `closing` and `draining` have three bytes that wait and two on their\n\
         way, in a window of eight; `finished` has only the two. `draining` has lost its last reference, and\n\
         its deadline is reached in `Expired`.\n",
    );
    for (name, state) in states() {
        let _ = write!(
            page,
            "\n## {name}\n\n| input | what comes of it |\n|---|---|\n"
        );
        for (asked, ask) in asked() {
            let closes_again = state.references == 0 && asked.starts_with("close");
            let text = cell(&state, &ask);
            if !text.is_empty() && !closes_again {
                let _ = writeln!(page, "| {asked} | {text} |");
            }
        }
    }
    page
}

#[test]
fn the_table_of_states_and_inputs_is_what_the_machine_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/socket.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/socket.md is out of date: UPDATE=1 cargo test -p closesocket-tests --test socket_table writes it"
    );
}
