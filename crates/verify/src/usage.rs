//! What is said of a command line that is wrong: one clear line.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::names;
use crate::out::{self, errln};
use crate::outcome::Outcome;

/// Help and version go to the reader; anything else is one clear line, which names the
/// help of the command, as in `cargo verify check`.
pub(crate) fn usage(error: &clap::Error, command: &str) -> Outcome {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        out::text(format_args!("{error}"));
        return Outcome::AsExpected;
    }
    let text = error.to_string();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let hint = meant(error)
        .map(|it| format!(" ({it})"))
        .unwrap_or_default();
    errln!("{}{hint}; see `{command} --help`", lines.join(" "));
    Outcome::Usage
}

/// What may be meant by a word that is not known.
fn meant(error: &clap::Error) -> Option<String> {
    if let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(known) = names::as_command(name)
    {
        return Some(known);
    }
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let best = match kinds.into_iter().find_map(|kind| error.get(kind))? {
        ContextValue::String(one) => one,
        // The last one is the most alike.
        ContextValue::Strings(several) => several.last()?,
        _ => return None,
    };
    Some(format!("did you mean `{best}`?"))
}
