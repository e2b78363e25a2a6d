//! A small HTTP server: a thread each connection, one request each connection.
//!
//! A browser opens connections that it does not use. Nobody waits for those here:
//! a thread of its own does, for a while.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a connection may say nothing, in the middle of a request too.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many connections are waited for at once; more are closed as they come.
const CONNECTIONS: usize = 512;
/// The longest request, in bytes, without its body.
const LONGEST_REQUEST: u64 = 16 * 1024;
/// The longest body, in bytes: it is read and thrown away.
const LONGEST_BODY: u64 = 64 * 1024;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `GET`, `POST` or another.
    pub(super) method: String,
    /// The path, with what follows it.
    pub(super) path: String,
    /// The host by which this server was reached; empty if that is not said.
    pub(super) host: String,
}

/// A whole answer, as it goes over the wire.
pub(super) struct Answer(pub(super) Vec<u8>);

impl Answer {
    /// An answer with a body of this kind.
    pub(super) fn new(status: &str, kind: &str, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Self([head.as_bytes(), body].concat())
    }

    /// An answer in plain words.
    pub(super) fn plain(status: &str, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.as_bytes())
    }

    /// Sends the browser to another address.
    pub(super) fn see_other(location: &str) -> Self {
        // Whoever asked chose the host, and it was looked at; still no line of it
        // may become a header of its own.
        let location: String = location.chars().filter(|it| !it.is_control()).collect();
        let head = format!(
            "HTTP/1.1 303 See Other\r\nLocation: {location}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        Self(head.into_bytes())
    }
}

/// Answers every request at this listener, until it fails.
pub(super) fn serve(
    listener: &TcpListener,
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> io::Error {
    let answer = Arc::new(answer);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let connection = match listener.accept() {
            Ok((connection, _)) => connection,
            // Whoever came has gone, or there is no descriptor for now.
            Err(error) if is_passing(&error) => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            Err(error) => return error,
        };
        let place = Place::of(&open);
        let answer = Arc::clone(&answer);
        if open.load(Ordering::Relaxed) > CONNECTIONS {
            continue;
        }
        thread::spawn(move || {
            // Whoever asked may have gone.
            drop(talk(&connection, answer.as_ref()));
            drop(place);
        });
    }
}

/// Whether another connection can be accepted after this.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    let kinds = [ConnectionAborted, ConnectionReset, Interrupted];
    // EMFILE and ENFILE have no kind.
    kinds.contains(&error.kind()) || matches!(error.raw_os_error(), Some(23 | 24))
}

/// A connection that is counted as long as it is open.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn of(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads the request of a connection and answers it.
fn talk(mut connection: &TcpStream, answer: impl Fn(&Request) -> Answer) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let answer = match request(connection)? {
        Some(request) => answer(&request),
        None => Answer::plain("400 Bad Request", "this is no request"),
    };
    connection.write_all(&answer.0)?;
    connection.shutdown(std::net::Shutdown::Write)?;
    // Closing with something unread would be a reset, which can overtake the
    // answer.
    let mut rest = connection.take(LONGEST_BODY);
    io::copy(&mut rest, &mut io::sink())?;
    Ok(())
}

/// Reads a request with its body; `None` if it is none.
fn request(from: impl Read) -> io::Result<Option<Request>> {
    let mut from = BufReader::new(from.take(LONGEST_REQUEST));
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        host: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(None);
        };
        if name.eq_ignore_ascii_case("host") {
            request.host = value.trim().to_owned();
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let left = LONGEST_REQUEST.min(length);
    io::copy(&mut from.take(left), &mut io::sink())?;
    Ok(Some(request))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_REQUEST, request};

    fn read(text: &str) -> Option<(String, String, String)> {
        let request = request(text.as_bytes()).expect("a text can be read");
        request.map(|it| (it.method, it.path, it.host))
    }

    #[test]
    fn a_request_is_read_with_its_host() {
        let asked = read("GET /a?b HTTP/1.1\r\nhOst: here:3\r\nX: y\r\n\r\n");
        let expected = ("GET".into(), "/a?b".into(), "here:3".into());
        assert_eq!(asked, Some(expected));
        let posted = read("POST /.run HTTP/1.1\r\nContent-Length: 2\r\n\r\nab");
        assert_eq!(posted, Some(("POST".into(), "/.run".into(), String::new())));
    }

    #[test]
    fn what_is_no_request_is_none() {
        let long = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(1 << 20));
        assert!(long.len() as u64 > LONGEST_REQUEST);
        for wrong in [
            "",
            "\r\n\r\n",
            "GET /",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nno\r\n\r\n",
            &long,
        ] {
            assert_eq!(read(wrong), None, "{wrong:.40}");
        }
    }
}
