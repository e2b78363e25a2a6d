//! Two processes over the loopback: this program, called again.

use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use closesocket_frontier::{Cluster, Options, explore_anywhere};

use crate::toys::{Counters, Spied};

/// What one of the processes is asked for: `process,addresses,workers,top,idle,panics`.
const ASKED: &str = "FRONTIER_TEST_PROCESS";

/// Two addresses that are free now.
fn addresses() -> [String; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("an address"));
    listeners.map(|it| it.local_addr().expect("an address").to_string())
}

fn start(process: usize, addresses: &[String; 2], what: &str) -> Child {
    let [one, other] = addresses;
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "processes::one_of_two",
            "--ignored",
            "--nocapture",
        ])
        .env(ASKED, format!("{process},{one},{other},{what}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

fn end(child: Child) -> String {
    let Output { stdout, .. } = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&stdout);
    let said = text.lines().find_map(|it| it.split_once("SAID "));
    said.map_or_else(|| text.to_string(), |(_, said)| said.to_owned())
}

/// No test, but one of the two processes.
#[test]
#[ignore = "called by the other tests"]
fn one_of_two() {
    let asked = std::env::var(ASKED).expect("called by a test");
    let parts: Vec<&str> = asked.split(',').collect();
    let number = |at: usize| parts[at].parse().expect("a number");
    let space = Spied {
        top: u8::try_from(number(4)).expect("small"),
        idle: number(5) as u64,
        panics_at: Some(number(6)).filter(|it| *it > 0),
        ..Spied::default()
    };
    let options = Options {
        workers: number(3),
        name: parts.get(7).copied().unwrap_or("toy").to_owned(),
        cluster: Some(Cluster {
            addresses: vec![parts[1].to_owned(), parts[2].to_owned()],
            process: number(0),
            patience: Duration::from_secs(60),
        }),
        ..Options::default()
    };
    match explore_anywhere(&Arc::new(space), &options, &|_| {}) {
        Ok(it) => {
            let ways = it.found.iter().map(|it| {
                let steps = it.path.as_ref().map_or(0, |it| it.steps.len());
                (it.number, it.depth, steps)
            });
            let ways: Vec<_> = ways.collect();
            println!(
                "SAID {:?} {} {} {} {ways:?} {}",
                it.ending,
                it.unique_states,
                it.transitions,
                it.depth,
                it.own_states < it.unique_states
            );
        }
        Err(error) => {
            println!("SAID {error}");
            std::process::exit(3);
        }
    }
}

#[test]
fn two_processes_count_what_one_counts() {
    let toy = Counters { top: 12 };
    for workers in 1..=2 {
        let addresses = addresses();
        let what = format!("{workers},12,0,0");
        let both = [0, 1].map(|it| start(it, &addresses, &what));
        let (unique, transitions, depth) = (toy.unique(), toy.transitions(), toy.depth());
        let said =
            format!("Complete {unique} {transitions} {depth} [(5, 48, 48), (100, 3, 3)] true");
        assert_eq!(both.map(end), [said.clone(), said]);
    }
}

#[test]
fn a_process_that_is_killed_ends_the_other() {
    for killed in [0, 1] {
        let addresses = addresses();
        // Long enough for nobody to be through before the end.
        let mut both = [0, 1].map(|it| start(it, &addresses, "1,100,100,0"));
        std::thread::sleep(Duration::from_secs(1));
        both[killed].kill().expect("it runs");
        let [zero, one] = both;
        let (victim, left) = if killed == 0 {
            (zero, one)
        } else {
            (one, zero)
        };
        let said = end(left);
        assert_eq!(
            said,
            format!("process {killed} went away before the search was over")
        );
        end(victim);
    }
}

#[test]
fn a_process_that_panics_ends_the_other() {
    let addresses = addresses();
    let panics = start(0, &addresses, "1,30,0,40");
    let other = start(1, &addresses, "1,30,0,0");
    assert!(end(panics).starts_with("a worker panicked: "));
    assert_eq!(end(other), "process 0 went away before the search was over");
}

#[test]
fn processes_of_two_searches_do_not_meet() {
    let addresses = addresses();
    let one = start(0, &addresses, "1,5,0,0,this");
    let other = start(1, &addresses, "1,5,0,0,that");
    let said = [one, other].map(end);
    assert!(
        said[0].contains("that") || said[1].contains("this"),
        "{said:?}"
    );
}
