//! `cargo verify replay`: a recorded trace, judged.

use std::path::Path;

use closesocket_models::lanes::Drawing;
use closesocket_trace::words::count;
use closesocket_trace::{Replay, replay_file};
use serde_json::json;

use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::Output;

/// Reads, replays and prints. A recording that was cut off proves nothing of its
/// end; with `prefix` that is not asked.
pub(crate) fn command(file: &Path, prefix: bool, output: &Output) -> Outcome {
    let (file, name) = if file == Path::new("-") {
        (Path::new("/dev/stdin"), "standard input".to_owned())
    } else {
        (file, file.display().to_string())
    };
    let verdict = match replay_file(file) {
        Ok(verdict) => verdict,
        Err(error) => {
            errln!("error: {name}: {error}");
            return Outcome::Usage;
        }
    };
    let value = json!({ "schema": 1, "replay": verdict });
    let text = || text(&verdict, output.style.columns);
    output.tell(outcome(&verdict, prefix), text, &value)
}

/// Content with a prefix or not.
fn outcome(verdict: &Replay, prefix: bool) -> Outcome {
    if verdict.first_problem.is_some() {
        Outcome::Differs
    } else if verdict.accepted || (prefix && verdict.is_sound()) {
        Outcome::AsExpected
    } else {
        Outcome::Incomplete
    }
}

fn text(verdict: &Replay, columns: usize) -> String {
    let judged = match (&verdict.first_problem, &verdict.cut_off) {
        (Some(_), _) => "REJECTED by the protocol",
        (None, None) => "accepted by the protocol",
        (None, Some(_)) => "CUT OFF, and what could be judged is as the protocol says",
    };
    let mut text = format!(
        "{}, {}, {} to their end: {judged}\n",
        count(verdict.events, "event"),
        count(verdict.sockets, "socket"),
        count(verdict.connections, "connection")
    );
    if let Some(it) = &verdict.cut_off {
        let (line, reason, left) = (it.line, &it.reason, verdict.events - it.judged);
        text += &format!(
            "cut off at line {line}: {reason}; {} judged, {left} not\n",
            count(it.judged, "event")
        );
    }
    if let Some(problem) = &verdict.first_problem {
        if let Some(drawing) = Drawing::of_problem(problem) {
            text += &format!("\n{}\n", drawing.to_text(columns));
        }
        text += &format!("{problem}\n");
    }
    text
}
