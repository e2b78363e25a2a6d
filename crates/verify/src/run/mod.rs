//! `cargo verify run`: the real engine, real threads and real TCP connections
//! to plain peers that know nothing of us.
//!
//! `plan` says how much, the schedules what is done with each connection; the
//! `driver` and its `worker`s do it; `verdict` judges; `print` shows.

mod census;
mod connection;
mod counter;
mod crowd;
mod driver;
mod elsewhere;
mod ending;
mod fixed_schedules;
mod helper;
mod limit;
mod listeners;
mod memory;
mod opening;
mod operations;
mod peer;
mod plan;
mod print;
mod progress;
mod random;
mod random_schedules;
mod schedule;
mod steps;
mod system;
mod tally;
mod tools;
mod traced;
mod verdict;
mod worker;

pub(crate) use elsewhere::{COMMAND as PEERS_COMMAND, command as be_peers};
pub(crate) use plan::{Plan, Sabotage};
pub(crate) use print::{command, fixed_ways, print, text};
pub(crate) use traced::Traced;
