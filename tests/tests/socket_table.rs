//! What each input does in each state of a socket, as a table in the
//! documentation.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use closesocket::protocol::{
    AbortScope, Actions, Connection, Input, Phase, SendSide, Socket, Time, UnreadInput,
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

/// What comes of an input, in words.
fn cell(before: &Socket, input: Input) -> String {
    let mut after = *before;
    match after.apply(input) {
        Err(error) => {
            assert_eq!(after, *before, "{input:?} failed and changed it");
            format!("*{error:?}*")
        }
        Ok(outcome) => {
            let mut words: Vec<String> = changes(before, &after);
            words.extend(orders(outcome.actions).into_iter().map(str::to_owned));
            words.join("; ")
        }
    }
}

fn page() -> String {
    let mut page = String::from(
        "# What happens to a socket\n\n\
         Each input of the protocol (`protocol::Input`) in each state that decides differently: what it\n\
         changes, in **bold** what it orders of the transport, in *italics* how it is refused. Nothing is\n\
         said where nothing changes. The options (`Linger`, `Limits`, `Nonblocking`) are set in every\n\
         state alike, and left out. A test writes this page and compares it.\n\n\
         `connected`, `shutting down`, `closing` and `draining` have three bytes that wait and two on their\n\
         way, in a window of eight; `finished` has only the two. `draining` has lost its last reference, and\n\
         its deadline is reached in `Expired`.\n",
    );
    for (name, state) in states() {
        let _ = write!(
            page,
            "\n## {name}\n\n| input | what comes of it |\n|---|---|\n"
        );
        for input in inputs() {
            let text = cell(&state, input);
            if !text.is_empty() {
                let _ = writeln!(page, "| `{input:?}` | {text} |");
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
