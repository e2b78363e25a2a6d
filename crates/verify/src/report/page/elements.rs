//! What the parts of the page are made of.

use std::fmt::Write as _;

use closesocket_models::lanes::escape;

/// A verdict, told by a sign and words, and by its colour.
pub(crate) fn badge(good: bool, text: &str) -> String {
    let (class, sign) = if good {
        ("good", "\u{2713}")
    } else {
        ("bad", "\u{2717}")
    };
    format!("<span class=\"{class}\">{sign} {}</span>", escape(text))
}

/// Text in which back quotes mark code.
pub(crate) fn prose(text: &str) -> String {
    let parts = escape(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            0 => part.to_owned(),
            _ => format!("<code>{part}</code>"),
        })
        .collect()
}

/// Puts a part of the result on a card.
pub(super) fn card(out: &mut String, title: &str, good: bool, verdict: &str, lines: &[String]) {
    let badge = badge(good, verdict);
    let _ = writeln!(
        out,
        "<section class=\"card\"><h3>{} {badge}</h3>",
        escape(title)
    );
    for line in lines {
        let _ = writeln!(out, "<p>{}</p>", escape(line));
    }
    out.push_str("</section>\n");
}

/// Whether something is good, in words.
pub(super) const fn word(good: bool) -> &'static str {
    if good { "as expected" } else { "differs" }
}
