//! `cargo verify replay`: a recorded trace, judged.

use std::path::Path;

use closesocket_trace::{Replay, replay_file};
use serde::Serialize;

use crate::Outcome;
use crate::cli::Format;
use crate::out::{errln, outln};

/// The documented JSON of `replay`.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    replay: &'a Replay,
}

/// Reads, replays and prints.
pub(crate) fn command(file: &Path, format: Format) -> Outcome {
    let verdict = match replay_file(file) {
        Ok(verdict) => verdict,
        Err(error) => {
            errln!("error: {}: {error}", file.display());
            return Outcome::Usage;
        }
    };
    match format {
        Format::Json => crate::print_json(&Json {
            schema: 1,
            replay: &verdict,
        }),
        Format::Text => print_text(&verdict),
    }
    if verdict.accepted {
        Outcome::AsExpected
    } else {
        Outcome::Differs
    }
}

fn print_text(verdict: &Replay) {
    outln!(
        "{} events, {} connections: {}",
        verdict.events,
        verdict.connections,
        if verdict.accepted {
            "accepted by the protocol"
        } else {
            "REJECTED by the protocol"
        }
    );
    if let Some(problem) = &verdict.first_problem {
        outln!("{problem}");
    }
}
