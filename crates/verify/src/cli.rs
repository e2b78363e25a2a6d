//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Arg, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::check::CheckArguments;
use crate::output::{Format, Offer, Presentation};

/// Checks the close protocol that ships, and drives the real engine.
///
/// Without a command: explores every scenario of the model completely, proves the
/// invariants for any number, checks that every known defect is caught, then closes real TCP connections in every
/// way, and says what held.
#[derive(Debug, Parser)]
#[command(
    name = "cargo verify",
    bin_name = "cargo verify",
    version,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) presentation: Presentation,
}

/// The options of every command that a command has no use for: its help and its
/// completions do not offer them.
const UNUSED: &[(&str, &[&str])] = &[
    ("sweep", &["report"]),
    (
        "explore",
        &["formats", "output", "report", "quiet", "color"],
    ),
    ("run", &["report"]),
    ("replay", &["report", "quiet", "color"]),
    ("list", &["report", "quiet", "color"]),
    ("completions", &["formats", "report", "quiet", "color"]),
    ("man", &["formats", "report", "quiet", "color"]),
];

/// The commands that have not every format, and which their help lists.
const FORMATS: &[(&str, &str)] = &[
    ("prove", "text, json, junit or markdown"),
    ("defects", "text, json, junit or markdown"),
    ("sweep", "text or json"),
    (
        "run",
        "text or json, and junit or markdown unless there are --seconds or --crowd",
    ),
    ("replay", "text or json"),
    ("list", "text or json"),
];

/// The command line, in whose help each command has the options that it takes.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    for (name, unused) in UNUSED {
        let options = command.get_arguments();
        let unused = options.filter(|it| unused.contains(&it.get_id().as_str()));
        let hidden: Vec<Arg> = unused.map(|it| it.clone().hide(true)).collect();
        command = command.mut_subcommand(name, |it| it.args(hidden));
    }
    for (name, formats) in FORMATS {
        let help = format!(
            "How to write the result: {formats}. Can be given several times, each with an --output, of which the last may be left out [default: text]"
        );
        let formats = command
            .get_arguments()
            .filter(|it| it.get_id() == "formats");
        let format: Vec<Arg> = formats
            .map(|it| it.clone().hide_possible_values(true).help(help.clone()))
            .collect();
        command = command.mut_subcommand(name, |it| it.args(format));
    }
    command
}

/// How the command is called that these arguments name, as in `cargo verify check`. The
/// first is the program.
pub(crate) fn named(arguments: &[OsString]) -> String {
    let all = Cli::command();
    let mut words = arguments.iter().skip(1).filter_map(|it| it.to_str());
    match words.find_map(|it| all.find_subcommand(it)) {
        Some(it) => format!("cargo verify {}", it.get_name()),
        None => "cargo verify".to_owned(),
    }
}

/// Understands the arguments, of which the first is the program.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// An address of this machine, of which only the port need be given.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => text
            .parse()
            .map_err(|_| "expected 3000, localhost:3000 or 127.0.0.1:3000".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Explore scenarios of the model and judge every invariant.
    Check(CheckArguments),
    /// Prove the invariants for any number of threads, calls, operations,
    /// duplicates and reuses, family by family.
    Prove,
    /// Check that every known defect is caught, by the invariants that it is
    /// pinned to, and that every invariant is broken by one; then the algorithms
    /// that were seen elsewhere, and that their repairs pass.
    Defects,
    /// Raise each bound of each scenario by one: the verdict must stay.
    Sweep {
        /// Give a search up after so many seconds; it then proves nothing.
        #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        limit_seconds: u64,
        /// Give a search up at so many states, of 16 bytes each and 80 for those that wait.
        #[arg(long, value_name = "N", default_value_t = 10_000_000)]
        limit_states: usize,
        /// Only scenarios that have at most so many states as they are.
        #[arg(long, value_name = "STATES")]
        up_to: Option<usize>,
    },
    /// Walk through the model in the browser, step by step.
    ///
    /// Serves a start page with every scenario and every defect until Ctrl-C.
    Explore {
        /// Lead to this scenario: at its shortest counterexample, if it has one.
        scenario: Option<String>,
        /// Lead to this defect, at its shortest counterexample.
        #[arg(long, value_name = "NAME", conflicts_with = "scenario")]
        defect: Option<String>,
        /// Where to serve [default: the first free port from 127.0.0.1:3000 on].
        /// The port alone, or localhost:PORT, is one of this machine.
        #[arg(long, value_name = "IP:PORT", value_parser = address)]
        address: Option<SocketAddr>,
        /// Open the page in the browser.
        #[arg(long)]
        open: bool,
    },
    /// Close real TCP connections in every way, on real threads.
    ///
    /// With --seconds: random connections, each with a random schedule of
    /// operations and a random close, to peers that read, stall, reset and
    /// vanish.
    Run(RunArguments),
    /// Replay a recorded trace through the protocol and the invariants.
    Replay {
        /// The trace, as `run --trace` and the recorder write it; - is standard input.
        file: PathBuf,
        /// Be content with a recording that was cut off, if nothing is wrong with
        /// what there is of it.
        #[arg(long)]
        prefix: bool,
    },
    /// Be the peers of a crowd.
    #[cfg(connections)]
    #[command(name = crate::run::PEERS_COMMAND, hide = true)]
    CrowdPeers {
        /// How many.
        connections: u64,
    },
    /// List the scenarios, the defects and the invariants.
    List,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

impl Command {
    /// Whether an end before its own is worth a word. That of the Explorer is how it is
    /// meant to end, and other processes end with the one that started them.
    pub(crate) const fn is_interrupted(&self) -> bool {
        match self {
            Self::Explore { .. } => false,
            #[cfg(connections)]
            Self::CrowdPeers { .. } => false,
            _ => true,
        }
    }

    /// What a command offers; `None` is the main job.
    pub(crate) const fn offer(command: Option<&Self>) -> Offer {
        use Format::{Json, Junit, Markdown, Sarif, Text};
        const EVERY: &[Format] = &[Text, Json, Junit, Markdown, Sarif];
        const TESTS: &[Format] = &[Text, Json, Junit, Markdown];
        const BOTH: &[Format] = &[Text, Json];
        let (command, formats, page) = match command {
            None => ("cargo verify", EVERY, true),
            Some(Self::Check(CheckArguments { as_test: true, .. })) => {
                ("cargo verify check --as-test", &[Text] as &[_], false)
            }
            Some(Self::Check(_)) => ("cargo verify check", EVERY, true),
            Some(Self::Prove) => ("cargo verify prove", TESTS, true),
            Some(Self::Defects) => ("cargo verify defects", TESTS, true),
            Some(Self::Run(RunArguments {
                crowd: None,
                seconds: None,
                ..
            })) => ("cargo verify run", TESTS, false),
            Some(Self::Run(RunArguments { crowd: None, .. })) => {
                ("cargo verify run --seconds", BOTH, false)
            }
            Some(Self::Run(_)) => ("cargo verify run --crowd", BOTH, false),
            Some(Self::Sweep { .. }) => ("cargo verify sweep", BOTH, false),
            Some(Self::Replay { .. }) => ("cargo verify replay", BOTH, false),
            Some(Self::List) => ("cargo verify list", BOTH, false),
            Some(Self::Explore { .. }) => ("cargo verify explore", &[Text] as &[_], false),
            Some(Self::Completions { .. }) => ("cargo verify completions", &[Text] as &[_], false),
            Some(Self::Man) => ("cargo verify man", &[Text] as &[_], false),
            #[cfg(connections)]
            Some(Self::CrowdPeers { .. }) => ("cargo verify", &[Text] as &[_], false),
        };
        Offer {
            command,
            formats,
            page,
        }
    }
}

/// How to run.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Connections to close in each way; with --seconds, how many are open
    /// at once at most [default: 1000; with --seconds, 128].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) connections: Option<u64>,
    /// Threads that open and close them [default: 4; with --crowd, 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(crate) threads: Option<u64>,
    /// Open and close random connections for so many seconds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// Choose the schedules of an earlier run; another seed each time if
    /// none is given.
    #[arg(long, value_name = "SEED", requires = "seconds")]
    pub(crate) seed: Option<u64>,
    /// Open so many connections at once, to peers in a process of their
    /// own, with a receive pending on each, and close them all at the same
    /// time.
    #[arg(long, value_name = "N", conflicts_with_all = ["connections", "seconds", "seed"], value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) crowd: Option<u64>,
    /// Do something wrong on purpose, to see the verdict fail.
    #[cfg(connections)]
    #[arg(long, hide = true, conflicts_with = "crowd")]
    pub(crate) sabotage: Option<crate::run::Sabotage>,
    /// Keep the trace of what the engine did in this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::{address, command};

    #[test]
    fn a_port_alone_is_an_address_of_this_machine() {
        let local = address("127.0.0.1:3000");
        assert_eq!(
            local.map(|it| it.to_string()),
            Ok("127.0.0.1:3000".to_owned())
        );
        for text in ["3000", "localhost:3000"] {
            assert_eq!(address(text), address("127.0.0.1:3000"), "{text}");
        }
        assert!(address("[::1]:3000").is_ok());
        for text in ["", "localhost", "70000", ":3000", "127.0.0.1"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn help_offers_only_what_a_command_takes() {
        let mut command = command();
        command.build();
        for command in command.get_subcommands_mut().filter(|it| !it.is_hide_set()) {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            let pages = ["check", "prove", "defects"].contains(&name.as_str());
            assert_eq!(help.contains("--report <"), pages, "{name}");
            let results = !["explore", "completions", "man"].contains(&name.as_str());
            assert_eq!(help.contains("--format <"), results, "{name}");
            assert!(!help.contains("--sabotage"), "{name}");
            assert_eq!(help.contains("sarif"), name == "check", "{name}: {help}");
            let tests = ["check", "prove", "defects", "run"].contains(&name.as_str());
            assert_eq!(help.contains("junit"), tests, "{name}: {help}");
            if name == "check" {
                let at = |option| help.find(option);
                assert!(at("--process <") < at("--format <"), "{help}");
            }
            assert!(
                help.contains(&format!("Usage: cargo verify {name}")),
                "{help}"
            );
        }
        assert!(
            !command
                .render_long_help()
                .to_string()
                .contains("crowd-peers")
        );
    }
}
