//! `cargo verify explore`: every scenario and every defect in the browser.
//!
//! stateright's Explorer shows one model at one address. So there is a start page
//! with an address of its own ([`start`]), which starts the Explorer of a model
//! when somebody asks for it ([`server`]); or, if the command names a model, that
//! model's Explorer alone.

mod board;
mod http;
mod page;
mod server;
mod start;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;

use closesocket_models::{CloseModel, ExplorerModel};

use crate::check::Job;
use crate::out::{errln, outln};
use crate::outcome::Outcome;
use server::Failure;

/// What to explore, and where.
pub(crate) struct Options<'a> {
    /// The scenario, for its Explorer alone.
    pub(crate) scenario: Option<&'a str>,
    /// The defect, for its Explorer alone.
    pub(crate) defect: Option<&'a str>,
    /// Where to serve; the first free port from the standard one on if not given.
    pub(crate) address: Option<SocketAddr>,
    /// Start the browser.
    pub(crate) open: bool,
}

/// Serves until it is stopped.
pub(crate) fn command(options: &Options<'_>) -> Outcome {
    let model = match choose(options.scenario, options.defect) {
        Ok(model) => model,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    let Err(failure) = serve(model, options);
    errln!("error: {failure}");
    Outcome::Usage
}

/// The named model; `None` if none is named.
fn choose(scenario: Option<&str>, defect: Option<&str>) -> Result<Option<CloseModel>, String> {
    let Some(job) = Job::named(scenario, defect)? else {
        return Ok(None);
    };
    let model = CloseModel::new(job.scenario, job.defect.map(|spec| spec.defect));
    model.map(Some).map_err(|unfit| unfit.to_string())
}

/// Serves as long as it can.
fn serve(model: Option<CloseModel>, options: &Options<'_>) -> Result<Infallible, Failure> {
    server::refuse_replaced_page()?;
    end_on_signal()?;
    let place = server::listen(options.address)?;
    if server::is_public(place.address) {
        errln!(
            "note: {} is no loopback address: whoever can reach it can look, and use this machine's time",
            place.address
        );
    }
    let Some(model) = model else {
        let start = start::Start::new(place);
        announce("scenarios and defects", &start.url(), options.open);
        return Err(start.serve());
    };
    let explorer = ExplorerModel::new(model);
    let entrance = explorer.entrance().to_owned();
    let what = match options.defect {
        None => model.scenario().name.to_owned(),
        Some(name) => format!("{} with the defect {name}", model.scenario().name),
    };
    let running = server::explore(explorer, place)?;
    let url = format!("{}{entrance}", server::url(running.address));
    announce(&what, &url, options.open);
    Err(running.wait())
}

/// Says where to look, and looks.
fn announce(what: &str, url: &str, open: bool) {
    outln!("{what}: {url} (Ctrl-C ends it)");
    if open {
        open_browser(url.to_owned());
    }
}

/// Ends the process with 0 when it is interrupted: that is how it is meant to end.
#[cfg(unix)]
fn end_on_signal() -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]);
    let mut signals = signals.map_err(Failure::Signals)?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            std::process::exit(Outcome::AsExpected as i32);
        }
    });
    Ok(())
}

/// Where there are no signals Ctrl-C ends it, with the system's own code.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn end_on_signal() -> Result<(), Failure> {
    Ok(())
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
