//! A result in the formats that others read: CI, editors, browsers.

mod finding;
mod junit;
mod markdown;
mod page;
mod places;
mod sarif;
mod words;

use crate::Outcome;
use crate::check::CheckReport;
use crate::cli::Format;
use crate::defects::DefectsReport;
use crate::run::RunReport;
use finding::Finding;
pub(crate) use finding::rule;
pub(crate) use places::clause;
pub(crate) use words::{Bounds, NOT_COVERED, grouped, proved};

/// What a command has found. A part that it does not have is absent.
#[derive(Clone, Copy)]
pub(crate) struct Report<'a> {
    /// How the command is called, as in `cargo verify check`.
    pub(crate) command: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) check: Option<&'a CheckReport>,
    pub(crate) defects: Option<&'a DefectsReport>,
    /// What was seen of real connections, or why they could not be closed.
    pub(crate) run: Option<Result<&'a RunReport, &'a str>>,
}

impl Report<'_> {
    /// In a format that is made from the findings; the others are the
    /// command's own.
    pub(crate) fn render(&self, format: Format) -> Option<String> {
        match format {
            Format::Text | Format::Json => None,
            Format::Junit => Some(junit::render(self)),
            Format::Markdown => Some(markdown::render(self)),
            Format::Sarif => crate::output::json(&sarif::render(self)),
        }
    }

    /// The page for the browser.
    pub(crate) fn page(&self) -> String {
        page::render(self)
    }

    /// The verdict in words.
    fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::AsExpected => "as expected",
            Outcome::Incomplete => "incomplete: nothing is proved",
            Outcome::Differs | Outcome::Usage => "differs from what is expected",
        }
    }

    /// Everything that was violated or differs, in a fixed order.
    fn findings(&self) -> Vec<Finding> {
        finding::all(self)
    }
}

/// Text as it can stand in XML and HTML. Characters that XML does not have
/// become replacement characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(it),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}
