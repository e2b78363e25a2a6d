//! How `cargo verify check` searches: which checker, how many workers, on which
//! machines, in how much memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use closesocket_models::{Checker, Checkpoint, Cluster, Limits, Options};

use super::job::Job;

/// How to search.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SearchArguments {
    /// Which checker explores; both must agree.
    #[arg(long, value_name = "CHECKER", default_value = "frontier")]
    pub(crate) checker: CheckerName,
    /// Threads that search one scenario [default: all processors if there is only one
    /// scenario, and a large one; otherwise one each, side by side].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    /// Stop with exit code 3 where tables and queues would take more than this, in
    /// bytes, or with K, M or G behind the number.
    #[arg(long, value_name = "LIMIT", value_parser = bytes)]
    pub(crate) memory: Option<usize>,
    /// Keep how far the search of one scenario is in this file, and go on from there
    /// if there is one; removed when the search is complete.
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The least time from one writing of the checkpoint to the next.
    #[arg(long, value_name = "N", default_value_t = 60, requires = "checkpoint")]
    pub(crate) checkpoint_seconds: u64,
    /// Search one scenario by several processes: the file has host:port of each, a
    /// line each.
    #[arg(long, value_name = "FILE", requires = "process")]
    pub(crate) hosts: Option<PathBuf>,
    /// Which line of the hosts this process is, from 0 on.
    #[arg(long, value_name = "I", requires = "hosts")]
    pub(crate) process: Option<usize>,
}

/// A checker by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckerName {
    /// Our own, nearest states first.
    #[default]
    Frontier,
    /// stateright's, depth first.
    Stateright,
}

/// From so many states on all processors search one scenario.
const LARGE: usize = 200_000;
/// How long the other processes may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the jobs are searched.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) checker: Checker,
    pub(crate) options: Options,
    /// One job after the other.
    pub(crate) in_turn: bool,
}

impl Search {
    /// As nobody asked for anything else.
    pub(crate) fn plain(jobs: &[Job]) -> Self {
        let alone = match jobs {
            [job] => job.scenario.states >= LARGE,
            _ => false,
        };
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            checker: Checker::Frontier,
            options: Options {
                workers: if alone { processors() } else { 1 },
                ..Options::default()
            },
            in_turn: false,
        }
    }

    /// As was asked for; or what is wrong with it.
    pub(crate) fn of(asked: &SearchArguments, jobs: &[Job]) -> Result<Self, String> {
        let mut search = Self::plain(jobs);
        let options = &mut search.options;
        if asked.checker == CheckerName::Stateright {
            search.checker = Checker::Stateright;
            let others = [
                asked.workers.is_some(),
                asked.memory.is_some(),
                asked.checkpoint.is_some(),
                asked.hosts.is_some(),
            ];
            if others.contains(&true) {
                let why =
                    "stateright's checker takes no --workers, --memory, --checkpoint or --hosts";
                return Err(why.to_owned());
            }
        }
        if (asked.checkpoint.is_some() || asked.hosts.is_some()) && jobs.len() != 1 {
            let why = "--checkpoint and --hosts are for one scenario: name it";
            return Err(why.to_owned());
        }
        if let Some(workers) = asked.workers {
            options.workers = workers.into();
            search.in_turn = workers > 1;
        }
        options.limits.memory = asked.memory.unwrap_or(Limits::NONE.memory);
        options.checkpoint = asked.checkpoint.as_ref().map(|file| Checkpoint {
            file: file.clone(),
            every: Duration::from_secs(asked.checkpoint_seconds),
        });
        if let (Some(file), Some(process)) = (&asked.hosts, asked.process) {
            options.cluster = Some(cluster(file, process)?);
        }
        Ok(search)
    }
}

fn cluster(file: &Path, process: usize) -> Result<Cluster, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let addresses: Vec<String> = lines.map(str::to_owned).collect();
    if let Some(wrong) = addresses.iter().find(|it| !it.contains(':')) {
        return Err(format!("{name}: `{wrong}` is no host:port"));
    }
    if process >= addresses.len() {
        let count = addresses.len();
        return Err(format!(
            "{name} has {count} hosts, so there is no process {process}"
        ));
    }
    Ok(Cluster {
        addresses,
        process,
        patience: PATIENCE,
    })
}

/// A number of bytes.
fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || "expected a number of bytes, as 512M or 4G".to_owned();
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if !unit.is_ascii_digit() => (&text[..at], unit.to_ascii_uppercase()),
        _ => (text, ' '),
    };
    let shift = match unit {
        ' ' => 0,
        'K' => 10,
        'M' => 20,
        'G' => 30,
        _ => return Err(wrong()),
    };
    let number: usize = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn a_number_of_bytes_may_have_a_unit() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("3k"), Ok(3 << 10));
        assert_eq!(bytes("512M"), Ok(512 << 20));
        assert_eq!(bytes("4G"), Ok(4 << 30));
        for text in [
            "",
            "G",
            "1.5G",
            "-1",
            "4T",
            "99999999999999999999",
            "9999999999999G",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
