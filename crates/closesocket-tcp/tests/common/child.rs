//! Tests that need an operating system process of their own: the test executable
//! runs one of its tests again, which finds a role in its environment.

use std::any::type_name;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::thread;

use super::PATIENCE;
use super::world::{holdings, until_holdings_are};

const ROLE: &str = "CLOSESOCKET_TEST_ROLE";

/// The role that this process was started for.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Runs a test alone in a process, for what concerns the whole process. The body
/// is a closure of the calling test.
#[track_caller]
pub(crate) fn alone<B: FnOnce()>(body: B) {
    alone_as(test_of::<B>(), body);
}

#[track_caller]
fn alone_as(test: &str, body: impl FnOnce()) {
    if role().is_some() {
        return body();
    }
    let output = command(test, "alone").output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{test} failed:\n{out}{err}");
    assert!(out.contains("1 passed"), "{test} is no test:\n{out}");
}

/// As [`alone`], and no descriptor or thread is left over.
#[track_caller]
pub(crate) fn alone_and_clean<B: FnOnce()>(body: B) {
    alone_as(test_of::<B>(), || {
        let before = holdings();
        body();
        until_holdings_are(before);
    });
}

/// The path of the test that a closure is in: its type is named after it.
pub(crate) fn test_of<B>() -> &'static str {
    let path = type_name::<B>().trim_end_matches("::{{closure}}");
    path.split_once("::").unwrap().1
}

fn command(test: &str, role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role);
    command
}

/// A process that plays a role, with a line of talk in either direction.
pub(crate) struct Actor {
    pub(crate) process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Lines of an actor begin so, since the test runner writes there too.
const MARK: &str = "actor: ";

impl Actor {
    /// Starts the role in the test of this path. Without orders it ends.
    pub(crate) fn start(test: &str, role: &str) -> Self {
        let mut process = command(test, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            orders: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// The next line that the actor says.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            let bytes = self.answers.read_line(&mut line).unwrap();
            assert_ne!(bytes, 0, "the actor has gone");
            // The test runner leaves its own line open.
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    #[track_caller]
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
    }

    /// Orders, and hears the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.hear()
    }

    /// Kills it with SIGKILL, and waits until it is dead.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it end by itself.
    #[track_caller]
    pub(crate) fn leave(mut self) {
        self.orders = None;
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It is dead already if all went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ends this actor when it has taken far too long, so that whoever waits for its
/// answer does not wait for ever.
pub(crate) fn watch_out() {
    thread::spawn(|| {
        thread::sleep(3 * PATIENCE);
        exit(1);
    });
}

/// Says a line to whoever started this actor.
pub(crate) fn say(line: &str) {
    println!("{MARK}{line}");
}

/// The next order; none when nobody gives orders any more.
pub(crate) fn next_order() -> Option<String> {
    let mut line = String::new();
    let bytes = std::io::stdin().read_line(&mut line).unwrap();
    (bytes > 0).then(|| line.trim_end().to_owned())
}
