//! Colours, where a person sees them and wants them, and how wide lines may be.

use std::io::IsTerminal;

use clap::ValueEnum;
use console::Term;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether standard output is coloured, and how wide drawings may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    coloured: bool,
    /// The columns of a drawing.
    pub(crate) columns: usize,
}

/// Where it is not known how wide a terminal is, and in files.
const COLUMNS: usize = 80;

impl Style {
    /// As `--color` says; `auto` asks the terminal, `NO_COLOR` and `TERM`.
    pub(crate) fn new(color: Color) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let coloured = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
        };
        let said = std::env::var("COLUMNS").ok();
        let terminal = Term::stdout().size_checked().map(|it| it.1.into());
        Self {
            coloured,
            columns: columns(said.as_deref(), terminal),
        }
    }

    /// Without colours, for files.
    pub(crate) const PLAIN: Self = Self {
        coloured: false,
        columns: COLUMNS,
    };

    /// What is as it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint(text, "32")
    }

    /// What is not.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint(text, "31;1")
    }

    /// What matters less.
    pub(crate) fn faint(self, text: &str) -> String {
        self.paint(text, "2")
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What `COLUMNS` says, if that is a number; else as the terminal is.
fn columns(said: Option<&str>, terminal: Option<usize>) -> usize {
    let said = said.and_then(|it| it.parse().ok());
    said.or(terminal).filter(|it| *it > 0).unwrap_or(COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::{Color, Style, columns};

    #[test]
    fn lines_are_as_wide_as_columns_says_or_the_terminal_is() {
        assert_eq!(columns(Some("132"), Some(100)), 132);
        assert_eq!(columns(Some("wide"), Some(100)), 100);
        assert_eq!(columns(None, Some(100)), 100);
        assert_eq!(columns(None, Some(0)), 80);
        assert_eq!(columns(None, None), 80);
    }

    #[test]
    fn only_a_coloured_style_adds_anything() {
        assert_eq!(Style::new(Color::Never).bad("x"), "x");
        assert_eq!(Style::new(Color::Always).bad("x"), "\x1b[31;1mx\x1b[0m");
    }
}
