//! The server of the start page. It starts an Explorer for each model that
//! somebody asks for, at a free port of the same host, and sends the browser there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use closesocket_models::{CloseModel, ExplorerModel};
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server};

use super::board::{Board, Entry};
use super::page;
use super::server::{self, Failure, Place, Running};

/// The start page and its Explorers.
#[derive(Clone)]
pub(super) struct Start {
    server: Arc<Server>,
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
    pub(super) fn new(place: Place) -> Result<Self, Failure> {
        let address = place.address;
        let server = Server::from_listener(place.listener, None);
        let server = server.map_err(|_| Failure::Ended(address))?;
        Ok(Self {
            server: Arc::new(server),
            address,
            board: Board::checking(),
            explorers: Arc::default(),
        })
    }

    /// Where the start page is.
    pub(super) fn url(&self) -> String {
        server::url(self.address)
    }

    /// Answers until the server fails.
    pub(super) fn serve(&self) -> Failure {
        while let Ok(request) = self.server.recv() {
            let this = self.clone();
            // Starting an Explorer takes a moment, in which others are answered.
            thread::spawn(move || {
                let response = this.answer(&request);
                // Whoever asked may have gone.
                drop(request.respond(response));
            });
        }
        Failure::Ended(self.address)
    }

    fn answer(&self, request: &Request) -> ResponseBox {
        if *request.method() != Method::Get {
            return plain(405, "only GET");
        }
        match request.url() {
            "/" => html(page::start(&self.board.verdicts())),
            "/verdicts" => match serde_json::to_vec(&self.board.verdicts()) {
                Ok(json) => with_type(Response::from_data(json).boxed(), "application/json"),
                Err(_) => plain(500, "the verdicts cannot be written"),
            },
            path => match Entry::all().into_iter().find(|it| it.path() == path) {
                Some(entry) => self.send_to(&entry, &self.host(request)),
                None => plain(404, "there is nothing here; the list is at /"),
            },
        }
    }

    /// The host by which the browser reached this page, without the port. It goes
    /// into addresses, so it is taken only if it looks like a host.
    fn host(&self, request: &Request) -> String {
        let headers = request.headers().iter();
        let mut hosts = headers.filter(|it| it.field.equiv("Host"));
        let host = hosts.next().map(|it| it.value.as_str()).unwrap_or_default();
        host_of(host).map_or_else(|| host_of_url(&self.url()), str::to_owned)
    }

    /// Sends the browser to the Explorer of an entry, which is started if it does
    /// not run yet.
    fn send_to(&self, entry: &Entry, host: &str) -> ResponseBox {
        let mut explorers = self
            .explorers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let path = entry.path();
        if !explorers
            .get(&path)
            .is_some_and(|it| it.running.is_serving())
        {
            match self.start(entry, host) {
                Ok(explorer) => drop(explorers.insert(path.clone(), explorer)),
                Err(failure) => return plain(500, &failure.to_string()),
            }
        }
        let Some(explorer) = explorers.get(&path) else {
            return plain(500, "the Explorer is gone");
        };
        let port = explorer.running.address.port();
        let location = format!("http://{host}:{port}/{}", explorer.entrance);
        match Header::from_bytes("Location", location) {
            Ok(header) => Response::empty(303).with_header(header).boxed(),
            Err(()) => plain(500, "the Explorer has no address"),
        }
    }

    fn start(&self, entry: &Entry, host: &str) -> Result<Explorer, Failure> {
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

fn html(text: String) -> ResponseBox {
    with_type(
        Response::from_string(text).boxed(),
        "text/html; charset=utf-8",
    )
}

fn plain(status: u16, text: &str) -> ResponseBox {
    let response = Response::from_string(text).with_status_code(status).boxed();
    with_type(response, "text/plain; charset=utf-8")
}

fn with_type(response: ResponseBox, kind: &str) -> ResponseBox {
    match Header::from_bytes("Content-Type", kind) {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
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
