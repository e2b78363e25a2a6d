//! The examples do what their docs say, tried from outside: as processes, with
//! plain peers that know nothing of us.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod graceful;
mod tasks;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// After this long a peer that hears nothing has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An example that runs.
struct Example {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Example {
    /// Starts it; its first line says where it listens.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(executable(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut example = Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            child,
        };
        let line = example.line();
        let address = line.strip_prefix("listening on ");
        example.address = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        example
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the end, which must be a success; returns the last line.
    fn end(mut self) -> String {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest.lines().last().unwrap_or_default().to_owned()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

/// A test that fails leaves no process behind.
impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where the built example is. A test of the whole workspace has built it already:
/// asked for in the same way, nothing is built again.
fn executable(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let build = ["build", "--quiet", "--profile", "test", "--workspace"];
        let built = Command::new(env!("CARGO"))
            .args(build)
            .args(["--examples", "--locked"])
            .current_dir(root())
            .status();
        assert!(built.unwrap().success());
    });
    let tests = std::env::current_exe().unwrap();
    let target = tests.ancestors().nth(3).unwrap();
    target.join("debug/examples").join(name)
}

fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap()
}
