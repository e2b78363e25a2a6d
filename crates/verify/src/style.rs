//! Colours, where a person sees them and wants them.

use std::io::IsTerminal;

/// Whether standard output is coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style(bool);

impl Style {
    /// As the terminal and `NO_COLOR` say.
    pub(crate) fn of_output() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        Self(std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb)
    }

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
    use super::Style;

    #[test]
    fn only_a_coloured_style_adds_anything() {
        assert_eq!(Style(false).bad("x"), "x");
        assert_eq!(Style(true).bad("x"), "\x1b[31;1mx\x1b[0m");
    }
}
