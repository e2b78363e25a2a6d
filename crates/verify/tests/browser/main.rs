//! `cargo verify explore` in a real browser: what a user sees and clicks.
//!
//! Needs `chromium` and `chromedriver`. Where they are not installed the tests say
//! so and pass; with `CLOSESOCKET_REQUIRE_TOOLS` set they fail instead.

#![allow(clippy::expect_used, clippy::panic)]

mod driver;
#[path = "../skip/mod.rs"]
mod skip;

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

/// A browser, or a loud line that there is none.
fn browser(dark: bool) -> Option<Browser> {
    let browser = Browser::start(dark);
    skip::goes_on(browser.is_some(), "chromium and chromedriver");
    browser
}

/// The protocol's code points of the arrows.
const LEFT: char = '\u{e012}';
const RIGHT: char = '\u{e014}';

/// The step that is looked at.
fn here(browser: &Browser) -> u64 {
    let step = browser.run("return Number(document.querySelector('tr.here').dataset.step)");
    step.as_u64().expect("a step")
}

/// Waits until a step is looked at, and nothing is wrong with the page.
fn arrives(browser: &Browser, step: u64) {
    browser.wait(&format!("step {step}"), |it| {
        it.count("tr.here") == 1 && here(it) == step
    });
    assert_eq!(browser.console_errors(), [""; 0]);
}

/// What the page says of all invariants together.
fn counts(browser: &Browser) -> String {
    let text = browser.run("return document.getElementById('counts').innerText");
    text.as_str().expect("a text").to_owned()
}

/// Whether what is wrong on this step is to be seen in the pane of the lanes, from
/// its left to its right.
fn sees_the_object(browser: &Browser) -> bool {
    let seen = "const pane = document.querySelector('.pane'), left = pane.getBoundingClientRect().left; \
        const it = document.querySelector('td.object').getBoundingClientRect(); \
        return left <= it.left && it.right <= left + pane.clientWidth + 2";
    browser.run(seen) == true
}

/// That the legend shows each kind of line, and that of who waits with gaps.
fn shows_every_kind_of_line(browser: &Browser) {
    assert_eq!(browser.count(".legend [class^='line-']"), 4);
    let gaps =
        "return getComputedStyle(document.querySelector('.legend .line-waiting')).background";
    let gaps = browser.run(gaps);
    let gaps = gaps.as_str().expect("a style");
    assert!(gaps.contains("repeating-linear-gradient"), "{gaps}");
}

/// Whether nothing of the page is cut off at its right.
fn fits(browser: &Browser) -> bool {
    let root = "const it = document.documentElement; return it.scrollWidth <= it.clientWidth";
    browser.run(root) == true
}

#[test]
fn a_newcomer_comes_from_the_start_page_to_a_counterexample() {
    let Some(browser) = browser(false) else {
        return;
    };
    let explorer = Explorer::start(&[]);
    browser.open(&explorer.url);
    assert!(browser.text().contains("Closing a shared socket"));
    for (kind, thing) in [("scenarios", "scenario"), ("defects", "defect")] {
        let links = format!("tbody a[href^='{thing}/']");
        assert_eq!(browser.count(&links), pinned(kind));
    }
    // The verdicts come while the page is open, and what differs is said first.
    browser.wait("a verdict", |it| it.count("tbody .good") > 0);
    let first = format!("0 of {} scenarios violated", pinned("scenarios"));
    browser.wait_for(&first);
    let summary = "return document.querySelector('h1').nextElementSibling.id";
    assert_eq!(browser.run(summary), "summary");
    browser.screenshot("start-1280-light", 1280, 1000);
    assert_eq!(browser.console_errors(), [""; 0]);

    browser.click("redeems-twice");
    arrives(&browser, 6);
    let title = browser.run("return document.title");
    assert_eq!(title, "\u{2717} redeems-twice: step 6");
    let text = browser.text();
    for part in [
        "A record can be redeemed again.",
        "violated on step 6",
        "record 0 was redeemed a second time, by T3 in P1.",
        "Or else: Another user of a shared socket",
        "T3 in P1 redeems record 0 into slot 3",
        "violates no-release-before-last-reference",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    browser.wait("the end of the search", |it| it.count("[data-busy]") == 0);
    assert_eq!(
        counts(&browser),
        format!(
            "1 violated here, {} hold in every run up to its violation.",
            COUNT - 1
        )
    );
    assert_eq!(
        browser.count("table.lanes tr.row"),
        7,
        "the start and 6 steps"
    );
    assert_eq!(browser.count("tr.wrong"), 1);
    // The object is marked, and its lane down to there.
    assert_eq!(browser.count("td.object"), 1);
    assert_eq!(browser.count("td.witness-lane"), 7);
    // Each of the steps is one thread's.
    assert_eq!(browser.count("td.thread > .mark"), 6);
    // What is violated stands before everything else.
    let first = "return document.querySelector('main').firstElementChild.id";
    assert_eq!(browser.run(first), "violated");
    browser.screenshot("counterexample-1280-light", 1280, 1000);
    // Also where the lanes do not fit.
    for width in [600, 1280, 1920] {
        browser.resize(width, 1000);
        browser.reload();
        arrives(&browser, 6);
        assert!(sees_the_object(&browser), "not at {width} pixels");
    }
    shows_every_kind_of_line(&browser);

    browser.click("D5");
    browser.wait_for("What counts as a reference");
    assert_eq!(browser.count("#D5:target"), 1);
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
fn keys_and_clicks_lead_along_a_path_and_the_address_says_where() {
    let Some(browser) = browser(true) else {
        return;
    };
    let explorer = Explorer::start(&["--defect", "aborts-first-only"]);
    let page = format!("{}?", explorer.url);
    browser.open(&explorer.url);
    arrives(&browser, 7);
    assert_eq!(browser.count("#violated .finding"), 2);
    let whole = browser.url();
    assert!(whole.starts_with(&page), "{whole}");
    browser.wait("the end of the search", |it| it.count("[data-busy]") == 0);

    // Back by key: the way ahead stays, and the page does not forget what it violates.
    browser.press(LEFT);
    arrives(&browser, 6);
    assert_eq!(browser.url(), format!("{whole}&at=6"));
    assert_eq!(browser.count("tr.ahead"), 1);
    assert_eq!(browser.count("#violated"), 0);
    let (rest, held) = (COUNT - 2, "hold in every run up to its violation");
    let says = format!("2 violated on another step of this path, {rest} {held}.");
    assert_eq!(counts(&browser), says);
    browser.press(LEFT);
    arrives(&browser, 5);
    browser.reload();
    arrives(&browser, 5);
    browser.press(RIGHT);
    arrives(&browser, 6);

    // A row leads to its step, wherever it is clicked.
    browser.click_at("tr[data-step='3'] td.socket");
    arrives(&browser, 3);
    // The steps that are possible there, each with a mark in the lane of who takes it.
    let next = browser.count("tr.next");
    assert!(next > 1, "{next}");
    assert_eq!(browser.count("tr.next .take"), next);
    // One that is not the path's leads away from it; the first thread takes it.
    let away = "tr.next:not(:has(a[href*='at=4'])) .button";
    browser.click_at(away);
    arrives(&browser, 4);
    assert_eq!(browser.count("tr.ahead"), 0);
    let says = format!("2 violated elsewhere, {rest} {held}.");
    assert_eq!(counts(&browser), says);
    browser.press('c');
    arrives(&browser, 7);
    assert_eq!(browser.url(), whole);

    // Lanes are hidden one by one, or all in which nothing happens.
    let lanes = browser.count("thead .lane");
    browser.press('i');
    browser.wait("fewer lanes", |it| it.count("thead .lane") == lanes - 1);
    browser.click_at("thead .thread .hide");
    browser.wait("fewer lanes", |it| it.count("thead .lane") == lanes - 2);
    assert!(
        browser.url().ends_with("&hide=T1&fold"),
        "{}",
        browser.url()
    );
    browser.press(LEFT);
    arrives(&browser, 6);
    assert_eq!(browser.count("thead .lane"), lanes - 2, "it stays so");
    browser.click("+ T1");
    browser.wait("the lane", |it| it.count("thead .lane") == lanes - 1);

    assert!(browser.text().contains("\u{2717} what is wrong"));
    // Dark as the system is, then light, on the next page too.
    let ground = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.run(ground), "rgb(20, 24, 29)");
    for width in [600, 1280, 1920] {
        browser.resize(width, 1000);
        assert!(fits(&browser), "it is cut off at {width} pixels");
        browser.screenshot(&format!("path-{width}-dark"), width, 1000);
    }
    browser.press('d');
    assert_eq!(browser.run(ground), "rgb(255, 255, 255)");
    browser.press('h');
    browser.wait_for("Closing a shared socket");
    assert_eq!(browser.run(ground), "rgb(255, 255, 255)");
    assert_eq!(browser.console_errors(), [""; 0]);
}

#[test]
fn a_scenario_is_walked_from_its_start_to_where_nothing_can_happen() {
    let Some(browser) = browser(false) else {
        return;
    };
    let explorer = Explorer::start(&["system-handles"]);
    browser.open(&explorer.url);
    arrives(&browser, 0);
    // The search ends while one looks.
    browser.wait_for(&format!("{COUNT} hold in every run"));
    assert!(browser.text().contains("as expected"));
    let mut steps = 0;
    while browser.count("tr.next") > 0 {
        if browser.count("tr.next") == 1 {
            browser.press(RIGHT);
        } else {
            browser.press('1');
        }
        steps += 1;
        arrives(&browser, steps);
        assert_eq!(browser.count("tr.row"), steps + 1);
        assert_eq!(counts(&browser), format!("{COUNT} hold in every run."));
    }
    assert!(steps > 10, "{steps}");
    assert!(browser.text().contains("this run has ended"));
    assert!(browser.text().contains("nothing can happen any more"));
    for width in [600, 1280, 1920] {
        browser.resize(width, 1000);
        assert!(fits(&browser), "it is cut off at {width} pixels");
        browser.screenshot(&format!("path-{width}-light"), width, 1000);
    }
}
