//! The server of the start page. It starts an Explorer for each model that
//! somebody asks for, at a free port of the same host, and sends the browser there.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use closesocket_models::{CloseModel, ExplorerModel};

use super::board::{self, Board};
use super::http::{self, Answer, Request};
use super::page;
use super::server::{self, Failure, Place, Running};
use crate::check::Job;

const FOUND: &str = "200 OK";
const FAILED: &str = "500 Internal Server Error";

/// The start page and its Explorers.
#[derive(Clone)]
pub(super) struct Start {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    board: Board,
    explorers: Arc<Mutex<HashMap<String, Explorer>>>,
}

/// An Explorer that was asked for.
struct Explorer {
    running: Running,
    entrance: String,
}

impl Start {
    /// Answers at this place, once it is [served](Self::serve), and checks the small
    /// scenarios in the background.
    pub(super) fn new(place: Place) -> Self {
        Self {
            listener: Arc::new(place.listener),
            address: place.address,
            board: Board::checking(),
            explorers: Arc::default(),
        }
    }

    /// Where the start page is.
    pub(super) fn url(&self) -> String {
        server::url(self.address)
    }

    /// Answers until the server fails.
    pub(super) fn serve(self) -> Failure {
        let address = self.address;
        let listener = Arc::clone(&self.listener);
        // Starting an Explorer takes a moment, in which others are answered.
        drop(http::serve(&listener, move |request| self.answer(request)));
        Failure::Ended(address)
    }

    fn answer(&self, request: &Request) -> Answer {
        if request.method != "GET" {
            return Answer::plain("405 Method Not Allowed", "only GET");
        }
        match request.path.as_str() {
            "/" => {
                let page = page::start(&self.board.verdicts());
                Answer::new(FOUND, "text/html; charset=utf-8", page.as_bytes())
            }
            "/verdicts" => match serde_json::to_vec(&self.board.verdicts()) {
                Ok(json) => Answer::new(FOUND, "application/json", &json),
                Err(_) => Answer::plain(FAILED, "the verdicts cannot be written"),
            },
            path => match board::entries()
                .into_iter()
                .find(|it| board::path(it) == path)
            {
                Some(entry) => self.send_to(&entry, &self.host(request)),
                None => {
                    let text = "there is nothing here; the list is at /";
                    Answer::plain("404 Not Found", text)
                }
            },
        }
    }

    /// The host by which the browser reached this page, without the port. It goes
    /// into addresses, so it is taken only if it looks like a host.
    fn host(&self, request: &Request) -> String {
        host_of(&request.host).map_or_else(|| host_of_url(&self.url()), str::to_owned)
    }

    /// Sends the browser to the Explorer of an entry, which is started if it does
    /// not run yet.
    fn send_to(&self, entry: &Job, host: &str) -> Answer {
        let mut explorers = self
            .explorers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let path = board::path(entry);
        if !explorers
            .get(&path)
            .is_some_and(|it| it.running.is_serving())
        {
            match self.start(entry, host) {
                Ok(explorer) => drop(explorers.insert(path.clone(), explorer)),
                Err(failure) => return Answer::plain(FAILED, &failure.to_string()),
            }
        }
        let Some(explorer) = explorers.get(&path) else {
            return Answer::plain(FAILED, "the Explorer is gone");
        };
        let port = explorer.running.address.port();
        Answer::see_other(&format!("http://{host}:{port}/{}", explorer.entrance))
    }

    fn start(&self, entry: &Job, host: &str) -> Result<Explorer, Failure> {
        let model = CloseModel::new(entry.scenario, entry.defect.map(|it| it.defect))?;
        let home = format!("http://{host}:{}/", self.address.port());
        let model = ExplorerModel::new(model).with_home(home);
        let entrance = model.entrance().to_owned();
        let mut free = self.address;
        free.set_port(0);
        let running = server::explore(model, server::listen(Some(free))?)?;
        Ok(Explorer { running, entrance })
    }
}

/// The host of a `Host` header, without the port, if it is a name or an address.
fn host_of(header: &str) -> Option<&str> {
    let end = match header.rfind(']') {
        Some(bracket) => bracket + 1,
        None => header.find(':').unwrap_or(header.len()),
    };
    let host = header.get(..end)?;
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(fits)).then_some(host)
}

/// The host of one of our own addresses.
fn host_of_url(url: &str) -> String {
    let rest = url.trim_start_matches("http://").trim_end_matches('/');
    host_of(rest).unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{host_of, host_of_url};

    #[test]
    fn a_host_is_taken_without_its_port_and_only_if_it_is_one() {
        assert_eq!(host_of("localhost:3000"), Some("localhost"));
        assert_eq!(host_of("example.org"), Some("example.org"));
        assert_eq!(host_of("[::1]:3000"), Some("[::1]"));
        for wrong in ["", ":3000", "a/b", "a\"b", "a\r\nb", "a b", "<x>"] {
            assert_eq!(host_of(wrong), None, "{wrong:?}");
        }
        assert_eq!(host_of_url("http://127.0.0.1:3000/"), "127.0.0.1");
    }
}
