//! The text of the specification, for links to its clauses.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

use super::frame::frame;
use crate::report::{prose, specification as text_of_it};

/// The page, if the sources have the text: each clause has its id.
pub(in crate::explore) fn specification() -> Option<String> {
    let mut body = String::from("<main class=\"text\">\n");
    for block in text_of_it()?.split("\n\n") {
        // A heading stands on a line of its own above its first list.
        let mut rest = block.trim_matches('\n');
        while rest.starts_with('#') {
            let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
            heading(&mut body, line);
            rest = below;
        }
        // Writing to a string cannot fail.
        let _ = match rest.get(..2) {
            None => Ok(()),
            Some("- ") => writeln!(body, "<ul>{}</ul>", items(rest)),
            Some(start) if start.starts_with('|') => writeln!(body, "<pre>{}</pre>", escape(rest)),
            Some(_) => writeln!(body, "<p>{}</p>", prose(rest)),
        };
    }
    body += "</main>\n";
    Some(frame("./", "closesocket: the specification", &body))
}

fn heading(body: &mut String, line: &str) {
    let level = line.chars().take_while(|it| *it == '#').count().clamp(1, 6);
    let text = line.trim_start_matches('#').trim();
    let id = text.split(' ').next().unwrap_or_default();
    let id = if level == 3 {
        format!(" id=\"{}\"", escape(id))
    } else {
        String::new()
    };
    let _ = writeln!(body, "<h{level}{id}>{}</h{level}>", escape(text));
}

/// The items of a list; each goes on until the next begins.
fn items(list: &str) -> String {
    let list = list.trim_start_matches("- ");
    let items = list
        .split("\n- ")
        .map(|it| format!("<li>{}</li>", prose(it)));
    items.collect()
}
