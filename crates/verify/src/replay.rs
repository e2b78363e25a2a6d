//! `cargo verify replay`: a recorded trace, judged.

use std::path::Path;

use closesocket_trace::{Replay, replay_file};
use serde::Serialize;

use crate::Outcome;
use crate::cli::Format;
use crate::out::errln;
use crate::output::Output;

/// The documented JSON of `replay`.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    replay: &'a Replay,
}

/// Reads, replays and prints.
pub(crate) fn command(file: &Path, output: &Output) -> Outcome {
    let verdict = match replay_file(file) {
        Ok(verdict) => verdict,
        Err(error) => {
            errln!("error: {}: {error}", file.display());
            return Outcome::Usage;
        }
    };
    if output.is_text() {
        crate::out::text(format_args!("{}", text(&verdict)));
    }
    let outcome = if verdict.accepted {
        Outcome::AsExpected
    } else {
        Outcome::Differs
    };
    let render = |format| match format {
        Format::Text => Some(text(&verdict)),
        _ => crate::output::json(&Json {
            schema: 1,
            replay: &verdict,
        }),
    };
    output.deliver(outcome, render, || None)
}

fn text(verdict: &Replay) -> String {
    let judged = if verdict.accepted {
        "accepted by the protocol"
    } else {
        "REJECTED by the protocol"
    };
    let mut text = format!(
        "{} events, {} connections: {judged}\n",
        verdict.events, verdict.connections
    );
    if let Some(problem) = &verdict.first_problem {
        text += &format!("{problem}\n");
    }
    text
}
