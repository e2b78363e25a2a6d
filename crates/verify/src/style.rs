//! Colours, where a person sees them and wants them.

use std::io::IsTerminal;

use clap::ValueEnum;

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

/// Whether standard output is coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style(bool);

impl Style {
    /// As `--color` says; `auto` asks the terminal, `NO_COLOR` and `TERM`.
    pub(crate) fn new(color: Color) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        Self(match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
        })
    }

    /// Without colours, for files.
    pub(crate) const PLAIN: Self = Self(false);

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
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Color, Style};

    #[test]
    fn only_a_coloured_style_adds_anything() {
        assert_eq!(Style::new(Color::Never).bad("x"), "x");
        assert_eq!(Style::new(Color::Always).bad("x"), "\x1b[31;1mx\x1b[0m");
    }
}
