//! `cargo verify explore` in a real browser: what a user sees and clicks.
//!
//! Needs `chromium` and `chromedriver`. Where they are not installed the tests say
//! so and pass; with `CLOSESOCKET_REQUIRE_BROWSER` set they fail instead.

#![allow(clippy::expect_used, clippy::panic)]

mod driver;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use closesocket::protocol::invariant::COUNT;
use driver::Browser;

/// `cargo verify explore` at a free port. Ends when it is dropped.
struct Explorer {
    process: Child,
    url: String,
}

impl Explorer {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
            .arg("explore")
            .args(arguments)
            .args(["--address", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let output = process.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let mut words = line.split_whitespace();
        let url = words
            .find(|it| it.starts_with("http://"))
            .expect("an address");
        let url = url.to_owned();
        Self { process, url }
    }
}

impl Drop for Explorer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A browser, or a loud line why there is none.
fn browser(dark: bool) -> Option<Browser> {
    let browser = Browser::start(dark);
    if browser.is_none() {
        let required = std::env::var_os("CLOSESOCKET_REQUIRE_BROWSER").is_some();
        assert!(!required, "chromium and chromedriver are not installed");
        // Past the capture of the test's output: a skipped test must be seen.
        let line = "SKIPPED: chromium and chromedriver are not installed; nothing was looked at\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    }
    browser
}

#[test]
fn a_newcomer_comes_from_the_start_page_to_a_counterexample() {
    let Some(browser) = browser(false) else {
        return;
    };
    let explorer = Explorer::start(&[]);
    browser.open(&explorer.url);
    assert!(browser.text().contains("Closing a shared socket"));
    assert_eq!(
        browser.count("tbody a[href^='/scenario/']"),
        pinned("scenarios")
    );
    assert_eq!(
        browser.count("tbody a[href^='/defect/']"),
        pinned("defects")
    );
    browser.wait("a scenario to be checked", |it| it.count(".expected") > 0);
    browser.screenshot("start-1280-light", 1280, 1000);
    assert_eq!(browser.console_errors(), [""; 0]);

    browser.click("redeems-twice");
    browser.wait_for(&judged("step 6", 1));
    let text = browser.text();
    for part in [
        "A record can be redeemed again.",
        "The shortest counterexample, 6 steps",
        "T3 in P1 redeems record 0 into slot 3",
        "violates no-release-before-last-reference",
        "✗ violated",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(browser.count("svg.lanes g.row"), 7, "the start and 6 steps");
    assert_eq!(browser.count("svg.lanes g.wrong-row"), 1);
    // Each of the steps is one thread's.
    assert_eq!(browser.count("svg.lanes circle.mark.thread"), 6);
    browser.screenshot("counterexample-1280-light", 1280, 1500);
    assert_eq!(browser.console_errors(), [""; 0]);

    browser.click("All scenarios and defects");
    browser.wait_for("Closing a shared socket");
    assert_eq!(browser.url(), explorer.url);
}

/// How many entries `cargo verify list` has of a kind.
fn pinned(kind: &str) -> u64 {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(["list", "--format", "json"])
        .output()
        .expect("it runs");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let entries = list[kind].as_array().expect(kind);
    u64::try_from(entries.len()).expect("a count")
}

#[test]
fn clicks_lead_along_a_path_and_every_step_is_drawn_and_judged() {
    let Some(browser) = browser(true) else {
        return;
    };
    let explorer = Explorer::start(&["two-processes-share-a-socket"]);
    browser.open(&explorer.url);
    browser.wait_for(&judged("the start", 0));
    assert_eq!(browser.count("svg.lanes g.row"), 1);
    let steps = [
        ("T1 enters descriptor 0.1", "T1 in P0 enters descriptor 0.1"),
        ("T2 enters descriptor 1.1", "T2 in P1 enters descriptor 1.1"),
        ("T3 enters descriptor 0.1", "T3 in P0 enters descriptor 0.1"),
        ("T3 registers recv #2", "T3 in P0 registers recv #2 of"),
        ("T1 registers send #0", "T1 in P0 registers send #0 of"),
        ("T1 leaves slot 0 (1 holds)", "T1 in P0 leaves"),
        ("T1 looks at slot 0 to close it", "T1 in P0 looks at slot 0"),
        ("T2 registers recv #1", "T2 in P1 registers recv #1 of"),
        (
            "T1 takes the lock to close slot 0",
            "T1 in P0 takes the lock",
        ),
        ("T4 looks at slot 1 to close it", "T4 in P1 looks at slot 1"),
        (
            "T1 commits the close of slot 0",
            "T1 in P0 commits the close",
        ),
        (
            "T1 delivers the abort of send #0",
            "T1 in P0 delivers the abort",
        ),
        (
            "T1 delivers the abort of recv #2",
            "T1 in P0 delivers the abort",
        ),
    ];
    for (index, (action, sentence)) in steps.iter().enumerate() {
        browser.click(action);
        let step = index + 1;
        browser.wait_for(&judged(&format!("step {step}"), 0));
        assert!(browser.text().contains(sentence), "{sentence}");
        let rows = browser.count("svg.lanes g.row");
        assert_eq!(rows, u64::try_from(step + 1).expect("small"));
    }
    let text = browser.text();
    for part in [
        "sealed",
        "#2 aborted",
        "1 reference",
        "woken",
        "operation 2: Ended",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let colours = "const it = document.querySelector('svg.lanes .ground');\
                   return getComputedStyle(it).fill";
    assert_eq!(browser.run(colours), "rgb(20, 24, 29)", "the dark ground");
    let fits = "const it = document.querySelector('.closesocket');\
                return it.scrollWidth <= it.clientWidth";
    assert_eq!(browser.run(fits), true, "it is cut off at 1,280 pixels");
    browser.screenshot("path-1280-dark", 1280, 1500);
    browser.screenshot("path-1920-dark", 1920, 1200);
    assert_eq!(browser.console_errors(), [""; 0]);
}

#[test]
fn a_defect_opens_at_its_counterexample() {
    let Some(browser) = browser(false) else {
        return;
    };
    let explorer = Explorer::start(&["--defect", "aborts-first-only"]);
    assert!(explorer.url.contains("/#/steps/0/"), "{}", explorer.url);
    browser.open(&explorer.url);
    browser.wait_for("violates no-operation-orphaned");
    browser.wait_for(&judged("step 7", 2));
    assert_eq!(browser.count("td.violated"), 2);
    // Blocking, and aborted or not.
    let text = browser.text();
    assert!(
        text.contains("blocks") && text.contains("#0 aborted"),
        "{text}"
    );
    assert!(!text.contains("#1 aborted"), "{text}");
    browser.screenshot("counterexample-1920-light", 1920, 1300);
    assert_eq!(browser.console_errors(), [""; 0]);
}

/// What the page says of a place at which so many invariants are violated.
fn judged(place: &str, violated: usize) -> String {
    let hold = COUNT - violated;
    format!("Evaluated on {place}: {hold} of {COUNT} invariants hold")
}
