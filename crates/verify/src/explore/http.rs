//! A small HTTP server: a thread each connection, one request each connection.
//!
//! A browser opens connections that it does not use. Nobody waits for those here:
//! a thread of its own does, for a while; and when there are many, the one that has
//! been silent longest makes room.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a connection may say nothing, in the middle of a request too.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many connections are waited for at once.
const CONNECTIONS: usize = 128;
/// The longest request, in bytes, without its body.
const LONGEST_REQUEST: u64 = 16 * 1024;
/// The longest body, in bytes: it is read and thrown away.
const LONGEST_BODY: u64 = 64 * 1024;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `GET`, `POST` or another.
    pub(super) method: String,
    /// The path, from its first slash on.
    pub(super) path: String,
    /// What follows the question mark.
    pub(super) query: String,
}

/// A whole answer, as it goes over the wire.
pub(super) struct Answer(Vec<u8>);

/// For every answer: it is made for whoever asks now, and a page takes nothing from
/// elsewhere and runs no script but ours, whatever stands in it.
const HEADERS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; \
    style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:\r\n\
    Connection: close\r\n";

impl Answer {
    /// An answer with a body of this kind.
    pub(super) fn new(status: &str, kind: &str, body: &str) -> Self {
        let length = body.len();
        Self(
            format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
                 {HEADERS}\r\n{body}"
            )
            .into_bytes(),
        )
    }

    /// Sends the browser to another address, from where it is: a relative one, so
    /// that it is right behind a forwarded port too.
    pub(super) fn see_other(location: &str) -> Self {
        let head = format!(
            "HTTP/1.1 303 See Other\r\nLocation: {location}\r\nContent-Length: 0\r\n{HEADERS}\r\n"
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
    let silent = Arc::new(Silent::default());
    for number in 0.. {
        let (connection, waits) = match listener.accept().and_then(|(connection, _)| {
            let waits = connection.try_clone()?;
            Ok((connection, waits))
        }) {
            Ok(both) => both,
            // Whoever came has gone, or there is no descriptor for now.
            Err(error) if is_passing(&error) => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            Err(error) => return error,
        };
        silent.add(number, waits);
        let (answer, silent) = (Arc::clone(&answer), Arc::clone(&silent));
        thread::spawn(move || {
            // Whoever asked may have gone.
            drop(talk(&connection, answer.as_ref(), || silent.remove(number)));
            silent.remove(number);
        });
    }
    io::Error::other("there are no more numbers for connections")
}

/// Whether another connection can be accepted after this.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    let kinds = [ConnectionAborted, ConnectionReset, Interrupted];
    // EMFILE and ENFILE have no kind.
    kinds.contains(&error.kind()) || matches!(error.raw_os_error(), Some(23 | 24))
}

/// The connections that have not asked for anything yet, by their numbers, the
/// oldest first.
#[derive(Default)]
struct Silent(Mutex<VecDeque<(u64, TcpStream)>>);

impl Silent {
    fn all(&self) -> MutexGuard<'_, VecDeque<(u64, TcpStream)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more. If there are too many, the oldest is ended, and with it its thread.
    fn add(&self, number: u64, connection: TcpStream) {
        let mut all = self.all();
        all.push_back((number, connection));
        if all.len() > CONNECTIONS
            && let Some((_, oldest)) = all.pop_front()
        {
            // It may have gone by itself.
            drop(oldest.shutdown(Shutdown::Both));
        }
    }

    /// One has asked, or gone.
    fn remove(&self, number: u64) {
        self.all().retain(|it| it.0 != number);
    }
}

/// Reads the request of a connection and answers it.
fn talk(
    mut connection: &TcpStream,
    answer: impl Fn(&Request) -> Answer,
    has_asked: impl Fn(),
) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = request(connection)?;
    has_asked();
    let answer = match request {
        Some(request) => answer(&request),
        None => Answer::new("400 Bad Request", "text/plain", "this is no request"),
    };
    connection.write_all(&answer.0)?;
    connection.shutdown(Shutdown::Write)?;
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
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
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
        if name.eq_ignore_ascii_case("content-length") {
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
        request.map(|it| (it.method, it.path, it.query))
    }

    #[test]
    fn a_request_is_read_with_its_query() {
        let asked = read("GET /a?b?c HTTP/1.1\r\nhOst: here:3\r\nX: y\r\n\r\n");
        let expected = ("GET".into(), "/a".into(), "b?c".into());
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
