//! Where the result goes: in which formats, to which files, in which colours.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::file::{Target, unwritable};
use crate::out::errln;
use crate::outcome::Outcome;
use crate::style::{Color, Style};

/// How the result is shown, and where. In a command's help behind its own options.
#[derive(Debug, Args)]
#[command(next_display_order = 100)]
pub(crate) struct Presentation {
    /// How to write the result; can be given several times, each with an
    /// --output, of which the last may be left out [default: text].
    #[arg(
        long = "format",
        value_name = "FORMAT",
        value_enum,
        global = true,
        hide_default_value = true
    )]
    pub(crate) formats: Vec<Format>,
    /// Write the result to this file, in the --format of the same place; text
    /// for people goes to standard output then.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) output: Vec<PathBuf>,
    /// Write a page for the browser, index.html, into this directory.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) report: Option<PathBuf>,
    /// Say only what is wrong, and the verdict; no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Whether to use colours; auto heeds the terminal and NO_COLOR.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
}

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For scripts; see docs/commands.md.
    Json,
    /// Test results: a suite each scenario, a case each invariant.
    Junit,
    /// A summary for the page of a CI run.
    Markdown,
    /// SARIF 2.1.0: violations, with their clauses and counterexamples.
    Sarif,
}

impl Format {
    /// What it is called on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
        }
    }
}

/// What a command can give besides text for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// How the command is called, as in `cargo verify check`.
    pub(crate) command: &'static str,
    pub(crate) formats: &'static [Format],
    /// Whether there is a page for `--report`.
    pub(crate) page: bool,
}

/// Where the result goes. Files are tried before the work begins.
#[derive(Debug)]
pub(crate) struct Output {
    /// What goes to standard output.
    printed: Format,
    files: Vec<(Format, Target)>,
    page: Option<Target>,
    quiet: bool,
    pub(crate) style: Style,
}

/// The page in the directory of `--report`.
const PAGE: &str = "index.html";

impl Output {
    /// As the command line says, if the command offers that.
    ///
    /// # Errors
    /// One line about what the command does not offer, what is contradictory, or
    /// which file cannot be written.
    pub(crate) fn open(wanted: &Presentation, offer: Offer) -> Result<Self, String> {
        let (formats, names) = (&wanted.formats, &wanted.output);
        for format in formats {
            if !offer.formats.contains(format) {
                let all: Vec<_> = offer.formats.iter().map(|it| it.name()).collect();
                return Err(format!(
                    "`{}` has no format {}: it has {}",
                    offer.command,
                    format.name(),
                    all.join(", ")
                ));
            }
        }
        if wanted.report.is_some() && !offer.page {
            return Err(format!("`{}` has no page for --report", offer.command));
        }
        // One --output alone is for the text.
        let formats = match (formats.len(), names.len()) {
            (0, 1) => &vec![Format::Text],
            _ => formats,
        };
        if names.len() > formats.len() {
            return Err("each --output needs a --format".to_owned());
        }
        if formats.len() > names.len() + 1 {
            return Err("each --format but the last needs an --output".to_owned());
        }
        let printed = formats.get(names.len()).copied().unwrap_or(Format::Text);
        let mut files = Vec::new();
        for (format, name) in formats.iter().zip(names) {
            if files
                .iter()
                .any(|(_, other): &(_, Target)| other.name() == name)
            {
                return Err(format!("{} is named twice", name.display()));
            }
            files.push((*format, Target::at(name)?));
        }
        let page = wanted.report.as_deref().map(|directory| {
            fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
            Target::at(&directory.join(PAGE))
        });
        Ok(Self {
            printed,
            files,
            page: page.transpose()?,
            quiet: wanted.quiet,
            style: Style::new(wanted.color),
        })
    }

    /// Whether standard output is for people.
    pub(crate) fn is_text(&self) -> bool {
        self.printed == Format::Text
    }

    /// Whether people are told what goes well, and not only the end.
    pub(crate) fn is_chatty(&self) -> bool {
        self.is_text() && !self.quiet
    }

    /// Whether progress is not to be told.
    #[cfg(connections)]
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A bar of this length. It hides itself where standard error is no
    /// terminal, and where nobody wants to see it.
    pub(crate) fn progress(&self, length: u64, template: &str) -> ProgressBar {
        let bar = ProgressBar::new(length);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar
    }

    /// Prints the result of a command that has no more than a text and its JSON, and
    /// writes the files.
    pub(crate) fn tell(
        &self,
        outcome: Outcome,
        text: impl Fn() -> String,
        value: &impl serde::Serialize,
    ) -> Outcome {
        if self.is_text() {
            crate::out::text(format_args!("{}", text()));
        }
        let render = |format| match format {
            Format::Text => Some(text()),
            _ => json(value),
        };
        self.deliver(outcome, render, || None)
    }

    /// Prints the result and writes the files. `render` has nothing to say in
    /// formats that the command does not offer. Text on standard output is not
    /// rendered: it was printed along the way.
    ///
    /// Returns the outcome, which a file that cannot be written spoils if
    /// nothing else did.
    pub(crate) fn deliver(
        &self,
        outcome: Outcome,
        render: impl Fn(Format) -> Option<String>,
        page: impl FnOnce() -> Option<String>,
    ) -> Outcome {
        let mut written = true;
        for (format, target) in &self.files {
            written &= target.write(&render(*format).unwrap_or_default());
        }
        if let Some(target) = &self.page {
            written &= target.write(&page().unwrap_or_default());
        }
        if self.printed != Format::Text {
            let text = render(self.printed).unwrap_or_default();
            crate::out::text(format_args!("{text}"));
        }
        outcome.or(if written {
            Outcome::AsExpected
        } else {
            Outcome::Usage
        })
    }
}

/// A result for scripts, ending in a line break.
pub(crate) fn json(value: &impl serde::Serialize) -> Option<String> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => Some(text + "\n"),
        Err(error) => {
            errln!("error: the result cannot be written: {error}");
            None
        }
    }
}
