//! `cargo verify explore`: every scenario and every defect in the browser.
//!
//! One server at one port ([`site`]): a start page, a page for each scenario and each
//! defect, and for each of them what stateright's Explorer service answers ([`api`]).
//! Everything that a page says of a place is in its address ([`walk`]); what searches
//! find is kept ([`board`]).

mod api;
mod board;
mod http;
mod page;
mod server;
mod site;
mod walk;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use crate::check::Job;
use crate::interrupt;
use crate::out::{errln, outln};
use crate::outcome::Outcome;
use server::Failure;
use site::Site;

/// What to explore, and where.
pub(crate) struct Options<'a> {
    /// The scenario, to open its page.
    pub(crate) scenario: Option<&'a str>,
    /// The defect, to open its page.
    pub(crate) defect: Option<&'a str>,
    /// Where to serve; the first free port from the standard one on if not given.
    pub(crate) address: Option<SocketAddr>,
    /// Start the browser.
    pub(crate) open: bool,
}

/// Serves until it is stopped.
pub(crate) fn command(options: &Options<'_>) -> Outcome {
    let job = match Job::named(options.scenario, options.defect) {
        Ok(job) => job,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    let Err(failure) = serve(job, options);
    errln!("error: {failure}");
    Outcome::Usage
}

/// Serves as long as it can.
fn serve(job: Option<Job>, options: &Options<'_>) -> Result<Infallible, Failure> {
    // That is how it is meant to end.
    interrupt::on_signal(|_| Outcome::AsExpected as i32).map_err(Failure::Signals)?;
    let place = server::listen(options.address)?;
    if server::is_public(place.address) {
        errln!(
            "note: {} is no loopback address: whoever can reach it can look, and use this machine's time",
            place.address
        );
    }
    let start = server::url(place.address);
    let (what, path) = match job {
        None => ("scenarios and defects".to_owned(), String::new()),
        Some(job) => (title(&job), page::path(&job)),
    };
    let site = Site::new(job);
    announce(&what, &format!("{start}{path}"), options.open);
    let error = http::serve(&place.listener, move |request| site.answer(request));
    Err(Failure::Ended(place.address, error))
}

fn title(job: &Job) -> String {
    match job.defect {
        None => job.scenario.name.to_owned(),
        Some(defect) => format!("{} with the defect {}", job.scenario.name, defect.name),
    }
}

/// Says where to look, and looks.
fn announce(what: &str, url: &str, open: bool) {
    outln!("{what}: {url} (Ctrl-C ends it)");
    if open {
        open_browser(url.to_owned());
    }
}

/// Starts the browser. That it cannot be started is worth a line, no more.
fn open_browser(url: String) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    thread::spawn(move || {
        let started = Command::new(program)
            .arg(&url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match started {
            Ok(status) if status.success() => {}
            Ok(status) => errln!("note: `{program}` could not open the browser: {status}"),
            Err(error) => errln!("note: `{program}` could not be started: {error}"),
        }
    });
}
