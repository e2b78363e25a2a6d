//! The command line of `cargo verify explore` and of drawing, without a browser.

#![allow(clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command may take on a loaded machine before it counts as stuck.
const WATCHDOG: Duration = Duration::from_secs(60);

fn verify(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-verify"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs to the end, which must come: a server that should have failed would not.
fn run(arguments: &[&str]) -> Output {
    end_of(verify(arguments))
}

fn end_of(mut command: Command) -> Output {
    let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("it starts");
    let begin = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begin.elapsed() > WATCHDOG {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("its output")
}

/// The one line that an error is.
fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Starts a server, and gives the line it prints.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = verify(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = child.stdout.take().expect("a pipe");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    (child, line)
}

#[test]
fn an_address_that_is_asked_for_and_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for scenario in [None, Some("upcall-failure")] {
        let mut arguments = vec!["explore", "--address", &address];
        arguments.extend(scenario);
        let text = error(&run(&arguments));
        assert!(
            text.contains(&address) && text.contains("--address"),
            "{text}"
        );
    }
}

#[test]
fn without_an_address_two_servers_find_two_ports() {
    let (mut one, first) = start(&["explore"]);
    let (mut two, second) = start(&["explore", "upcall-failure"]);
    let _ = (one.kill(), one.wait(), two.kill(), two.wait());
    assert!(
        first.starts_with("scenarios and defects: http://127.0.0.1:3"),
        "{first}"
    );
    assert!(
        second.starts_with("upcall-failure: http://127.0.0.1:3"),
        "{second}"
    );
    let port = |line: &str| line.split(['/', ':']).nth(5).map(str::to_owned);
    assert_ne!(port(&first), port(&second), "{first}{second}");
}

#[test]
fn an_interrupt_ends_it_with_success() {
    for arguments in [
        &["explore", "--address", "127.0.0.1:0"][..],
        &["explore", "upcall-failure", "--address", "127.0.0.1:0"][..],
    ] {
        let (mut child, line) = start(arguments);
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success(), "{line}");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{line}");
    }
}

/// A child that does not outlive the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// The address in the line that a server prints.
fn address_in(line: &str) -> &str {
    let rest = line.split("http://").nth(1).expect("an address");
    rest.split('/').next().expect("a host")
}

/// What a server answers, all of it.
fn get(address: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("a connection");
    let timeout = connection.set_read_timeout(Some(WATCHDOG / 2));
    timeout.expect("a time limit");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection
        .write_all(request.as_bytes())
        .expect("it is sent");
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer);
    read.unwrap_or_else(|error| panic!("{path} is not answered: {error}"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Connections that say nothing, as a browser opens them.
fn idle(address: &str) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(address).expect("a connection");
    (0..20).map(connect).collect()
}

#[test]
fn connections_that_nobody_uses_hold_up_no_page() {
    let (child, line) = start(&["explore", "--address", "127.0.0.1:0"]);
    let _ended = Ended(child);
    let start_page = address_in(&line);
    let mut silent = idle(start_page);
    assert!(get(start_page, "/").contains("Closing a shared socket"));
    assert!(get(start_page, "/verdicts").contains("standings"));
    assert!(get(start_page, "/nothing").starts_with("HTTP/1.1 404"));
    let sent = get(start_page, "/scenario/upcall-failure");
    assert!(sent.starts_with("HTTP/1.1 303"), "{sent}");
    let explorer = address_in(&sent);
    silent.extend(idle(explorer));
    let pages = [
        ("/", "<html"),
        ("/app.css", "200"),
        ("/app.js", "200"),
        ("/knockout-3.5.0.js", "200"),
        ("/.status", "unique_state_count"),
        ("/.states/", "\"state\""),
        ("/.states/0/0", "\"action\""),
    ];
    for (path, says) in pages {
        let answer = get(explorer, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains(says), "{path}: {answer}");
    }
    // One that stops in the middle of its request, and many that go away.
    let mut half = TcpStream::connect(explorer).expect("a connection");
    half.write_all(b"GET / HT").expect("it is sent");
    drop(silent);
    assert!(get(explorer, "/.status").contains("unique_state_count"));
}

#[test]
fn an_explorer_that_others_can_reach_says_so() {
    let said = |address: &str| {
        let mut command = verify(&["explore", "upcall-failure", "--address", address]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let output = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let _ = child.kill();
        let output = child.wait_with_output().expect("its output");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let public = said("0.0.0.0:0");
    assert_eq!(public.lines().count(), 1, "{public}");
    assert!(public.contains("is no loopback address"), "{public}");
    assert_eq!(said("127.0.0.1:0"), "");
}

#[test]
fn names_that_are_not_there_are_one_line() {
    assert!(error(&run(&["explore", "nothing"])).contains("`nothing`"));
    assert!(error(&run(&["explore", "--defect", "nothing"])).contains("`nothing`"));
    assert!(error(&run(&["explore", "--address", "nowhere"])).contains("nowhere"));
}

#[test]
fn a_defect_is_drawn_on_the_terminal_and_in_a_file() {
    let file = std::env::temp_dir().join(format!("closesocket-{}.svg", std::process::id()));
    let name = file.to_str().expect("a name");
    let output = run(&["check", "--defect", "aborts-first-only", "--svg", name]);
    let svg = std::fs::read_to_string(&file);
    let _ = std::fs::remove_file(&file);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("the shortest way there, 7 steps:"), "{text}");
    assert!(
        text.contains("the shortest way there, 7 steps, is the same"),
        "{text}"
    );
    for line in [
        "◆────✕ sealed ────■ closed",
        " !! violates no-operation-orphaned",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let svg = svg.expect("a file");
    assert!(svg.starts_with("<svg ") && svg.contains("commits the close of slot 0"));

    let nowhere = run(&[
        "check",
        "--defect",
        "aborts-first-only",
        "--svg",
        "/nowhere/x.svg",
    ]);
    assert!(error(&nowhere).contains("/nowhere/x.svg"));
}

#[cfg(target_os = "linux")]
#[test]
fn open_starts_the_browser_at_the_page() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("closesocket-open-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let (program, seen) = (folder.join("xdg-open"), folder.join("seen"));
    let script = format!(
        "#!/bin/sh\necho \"$1\" > {0}.new\nmv {0}.new {0}\n",
        seen.display()
    );
    std::fs::write(&program, script).expect("a program");
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, all).expect("it can be run");
    let path = std::env::var("PATH").expect("a path");
    let mut child = verify(&["explore", "--open", "--address", "127.0.0.1:0"])
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let begin = Instant::now();
    while !seen.exists() && begin.elapsed() < WATCHDOG {
        thread::sleep(Duration::from_millis(10));
    }
    let url = std::fs::read_to_string(&seen);
    let _ = (child.kill(), child.wait(), std::fs::remove_dir_all(&folder));
    let url = url.expect("the browser was started");
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
}

#[test]
fn a_folder_that_would_replace_the_page_is_an_error() {
    let folder = std::env::temp_dir().join(format!("closesocket-ui-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("ui")).expect("a folder");
    let mut command = verify(&["explore", "--address", "127.0.0.1:0"]);
    command.current_dir(&folder);
    let output = end_of(command);
    let _ = std::fs::remove_dir_all(&folder);
    assert!(error(&output).contains("`ui`"));
}
