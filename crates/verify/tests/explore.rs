//! The command line of `cargo verify explore` and of drawing, without a browser.

#![allow(clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use closesocket_models::{CloseModel, DefectSpec, ExplorerModel, Scenario};
use stateright::Model as _;

/// How long a command may take on a loaded machine before it counts as stuck.
const WATCHDOG: Duration = Duration::from_secs(60);

fn verify(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-verify"));
    command.args(arguments).env_remove("COLUMNS");
    command.stdin(Stdio::null());
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
    assert!(second.contains("/scenario/upcall-failure "), "{second}");
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
    ask(address, "GET", path)
}

/// In the first version of HTTP, which has no chunks to put together.
fn ask(address: &str, method: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("a connection");
    let timeout = connection.set_read_timeout(Some(WATCHDOG / 2));
    timeout.expect("a time limit");
    let request =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
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
    (0..300).map(connect).collect()
}

#[test]
fn connections_that_nobody_uses_hold_up_no_page() {
    let (child, line) = start(&["explore", "--address", "127.0.0.1:0"]);
    let _ended = Ended(child);
    let address = address_in(&line);
    let mut silent = idle(address);
    assert!(get(address, "/").contains("Closing a shared socket"));
    // One that stops in the middle of its request, and many that go away.
    let mut half = TcpStream::connect(address).expect("a connection");
    half.write_all(b"GET / HT").expect("it is sent");
    silent.extend(idle(address));
    assert!(get(address, "/scenario/upcall-failure").contains("<table class=\"lanes\">"));
    drop(silent);
    assert!(get(address, "/explore.js").starts_with("HTTP/1.1 200"));
}

#[test]
fn everything_is_at_one_port_and_every_address_is_relative() {
    let (child, line) = start(&["explore", "--address", "127.0.0.1:0"]);
    let _ended = Ended(child);
    let address = address_in(&line);
    let sent = get(address, "/defect/redeems-twice");
    assert!(sent.starts_with("HTTP/1.1 303"), "{sent}");
    let place = sent
        .split("Location: ")
        .nth(1)
        .and_then(|it| it.lines().next());
    let place = place.expect("a place");
    assert!(place.starts_with("redeems-twice?steps="), "{place}");
    let pages = [
        "/".to_owned(),
        format!("/defect/{place}"),
        "/scenario/upcall-failure?steps=".to_owned(),
        "/specification".to_owned(),
        "/scenario/nowhere".to_owned(),
    ];
    for page in &pages {
        let text = get(address, page);
        let links: Vec<_> = text
            .split(['"', '\''])
            .filter(|it| it.starts_with('/'))
            .collect();
        assert_eq!(links, [""; 0], "{page}");
        assert!(
            !text.contains("http:") && !text.contains("https:"),
            "{page}"
        );
        assert!(
            text.contains("<title>") && text.contains("explore.js"),
            "{page}"
        );
    }
    // A query without the steps of a place is none, and `at` stays on the path.
    assert!(get(address, &format!("/defect/{place}&at=6")).starts_with("HTTP/1.1 200"));
    for (page, status, says) in [
        ("/nothing", "404", "nothing at this address"),
        (
            "/scenario/nowhere",
            "404",
            "there is no scenario <code>nowhere</code>",
        ),
        ("/scenario/redeems-twice", "404", "that is a defect"),
        (
            "/scenario/upcall-failure/more",
            "404",
            "nothing at this address",
        ),
        ("/scenario/%3Cb%3E<b>", "404", "%3Cb%3E&lt;b&gt;"),
        (
            "/scenario/upcall-failure?steps=nowhere",
            "404",
            "after 0 steps there is no step",
        ),
        ("/scenario/upcall-failure?steps=<b>", "404", "&lt;b&gt;"),
        ("/scenario/upcall-failure?steps=&at=1", "400", "from 0 to 0"),
        ("/scenario/upcall-failure?steps=&at=x", "400", "from 0 to 0"),
        ("/.status", "404", "nothing at this address"),
    ] {
        let text = get(address, page);
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{page}: {text}"
        );
        assert!(text.contains(says), "{page}: {text}");
        assert!(!text.contains("<b>"), "{page}: {text}");
    }
    let posted = ask(address, "POST", "/");
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
}

/// What a page says of all invariants together.
fn counts(page: &str) -> &str {
    let counts = page.split("id=\"counts\">").nth(1).expect("counts");
    counts.split('<').next().expect("a sentence")
}

#[test]
fn no_page_says_that_all_holds_where_something_is_violated() {
    let (child, line) = start(&["explore", "--address", "127.0.0.1:0"]);
    let _ended = Ended(child);
    let address = address_in(&line);
    let defects = ["redeems-twice", "hard-close-drains", "timer-forgotten"];
    for defect in defects {
        let page = format!("/defect/{defect}");
        let begin = Instant::now();
        let place = loop {
            let sent = get(address, &page);
            if let Some(place) = sent.split("Location: ").nth(1) {
                break place.lines().next().expect("a line").to_owned();
            }
            assert!(begin.elapsed() < WATCHDOG, "{sent}");
        };
        let steps = place.matches('.').count() + 1;
        for at in 0..=steps {
            let text = get(address, &format!("/defect/{place}&at={at}"));
            let counts = counts(&text);
            let here = counts.contains("violated here");
            assert_eq!(here, at == steps, "{defect} at {at}: {counts}");
            let ahead = counts.contains("violated on another step of this path");
            assert!(here || ahead, "{defect} at {at}: {counts}");
            assert!(text.contains("class=\"witness\""), "{defect} at {at}");
            assert_eq!(text.contains("id=\"violated\""), here, "{defect} at {at}");
        }
        // The start of another path of it: the search has found what it violates.
        let text = get(address, &format!("{page}?steps="));
        assert!(counts(&text).contains("violated elsewhere"), "{text}");
    }
}

/// The JSON of an answer.
fn json(answer: &str) -> serde_json::Value {
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// The JSON of an answer, without the ways to violations: stateright's need not be
/// the shortest, and ours are.
fn without_ways(mut json: serde_json::Value) -> serde_json::Value {
    fn strip(json: &mut serde_json::Value) {
        if let Some(properties) = json.get_mut("properties").and_then(|it| it.as_array_mut()) {
            for way in properties.iter_mut().filter_map(|it| it.get_mut(2)) {
                if way.is_string() {
                    *way = "a way".into();
                }
            }
        }
        json.as_array_mut().into_iter().flatten().for_each(strip);
    }
    strip(&mut json);
    json
}

#[test]
fn the_service_answers_as_statrights_own_does() {
    for (name, defect) in [
        ("upcall-failure", None),
        ("upcall-failure", Some("releases-after-failed-upcall")),
    ] {
        let spec = defect.map(|it| DefectSpec::named(it).expect(it));
        let scenario = spec.map_or(name, |it| it.scenario);
        let scenario = Scenario::named(scenario).expect(scenario);
        let model = CloseModel::new(scenario, spec.map(|it| it.defect)).expect("it fits");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let theirs = free.local_addr().expect("an address");
        drop(free);
        thread::spawn(move || drop(ExplorerModel::new(model).checker().serve(theirs)));
        let theirs = theirs.to_string();
        let begin = Instant::now();
        while TcpStream::connect(&theirs).is_err() {
            assert!(
                begin.elapsed() < WATCHDOG,
                "stateright's service does not start"
            );
        }
        let arguments = match defect {
            None => vec!["explore", name, "--address", "127.0.0.1:0"],
            Some(it) => vec!["explore", "--defect", it, "--address", "127.0.0.1:0"],
        };
        let (child, line) = start(&arguments);
        let _ended = Ended(child);
        let ours = address_in(&line);
        ask(&theirs, "POST", "/.runtocompletion");
        assert!(ask(ours, "POST", "/.runtocompletion").starts_with("HTTP/1.1 200"));
        let status = |address: &str| loop {
            let mut status = json(&get(address, "/.status"));
            if status["done"] == true {
                // A path that a search is at, and how deep it went, are its own.
                status["recent_path"].take();
                status["max_depth"].take();
                return without_ways(status);
            }
            assert!(begin.elapsed() < WATCHDOG, "{status}");
            thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status(ours), status(&theirs), "{name}");
        for path in [
            "/.states",
            "/.states/",
            "/.states/0",
            "/.states/0/1/0",
            "/.states/0/0/",
        ] {
            let states = |address: &str| without_ways(json(&get(address, path)));
            assert_eq!(states(ours), states(&theirs), "{name}: {path}");
        }
        for path in ["/.states/one", "/.states/0/99", "/.states/1"] {
            let (ours, theirs) = (get(ours, path), get(&theirs, path));
            assert!(
                [&ours, &theirs]
                    .iter()
                    .all(|it| it[8..].starts_with(" 404"))
            );
            assert_eq!(
                ours.split("\r\n\r\n").nth(1),
                theirs.split("\r\n\r\n").nth(1),
                "{path}"
            );
        }
    }
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
    let widest = |text: &str| {
        let drawn = text.lines().filter(|it| it.contains(['│', '┃', '┊']));
        drawn.map(|it| it.chars().count()).max()
    };
    assert!(widest(&text) <= Some(80), "{text}");
    let wide = verify(&["check", "--defect", "aborts-first-only"])
        .env("COLUMNS", "120")
        .output();
    let wide = String::from_utf8(wide.expect("it runs").stdout).expect("text");
    assert!(widest(&wide) > Some(80), "{wide}");
    let violates = " !! violates no-operation-orphaned";
    assert!(wide.contains(violates), "{wide}");
    for text in [&text, &wide] {
        assert!(text.contains("◆───!✕ sealed ────○ draining"), "{text}");
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
