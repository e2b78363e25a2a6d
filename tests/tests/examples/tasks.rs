//! Servers for tasks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::{Example, PATIENCE, root};

fn read_to_end(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_sent_to_the_echo_server_comes_back_and_its_close_says_drained() {
    let mut server = Example::start("echo", &[]);
    for _ in 0..3 {
        let mut stream = server.connect();
        let sent = vec![7; 1_000_000];
        let echoed = std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_to_end(&stream));
            (&stream).write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            reader.join().unwrap()
        });
        assert!(echoed == sent);
        stream.flush().unwrap();
        let said = server.line();
        assert!(said.ends_with("Ok(1000000), Ok(Drained)"), "{said}");
        let peer = stream.local_addr().unwrap();
        assert!(said.starts_with(&format!("Some({peer})")), "{said}");
    }
}

#[test]
fn an_echo_server_is_at_most_20_lines_and_the_others_at_most_80() {
    let examples = root().join("crates/closesocket-async/examples");
    for (name, most) in [("echo", 20), ("chat", 80), ("c10k", 80)] {
        let text = std::fs::read_to_string(examples.join(name).with_extension("rs"));
        let lines = text.unwrap().lines().count();
        assert!(lines <= most, "{name}: {lines}");
    }
}

#[test]
fn guests_of_the_chat_hear_each_other_and_lose_nothing_at_the_end() {
    let mut server = Example::start("chat", &[]);
    let guests: Vec<_> = (0..3).map(|_| BufReader::new(server.connect())).collect();
    // A guest hears what is said when he is there: the first is told until he is.
    let [mut first, mut second, mut third] = guests.try_into().unwrap_or_else(|_| panic!());
    let mut line = String::new();
    let patience = Some(Duration::from_millis(50));
    for listener in [&mut first, &mut third] {
        listener.get_ref().set_read_timeout(patience).unwrap();
        loop {
            second.get_ref().write_all(b"hello\n").unwrap();
            if listener.read_line(&mut line).is_ok() {
                break;
            }
        }
        listener.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    }
    assert!(line.ends_with("hello\n"), "{line}");
    let said: String = (0..500).map(|number| format!("line {number}\n")).collect();
    second.get_ref().write_all(said.as_bytes()).unwrap();
    // One hears the last line; then the evening ends, and nobody has lost any.
    let mut heard = String::new();
    while !heard.ends_with("line 499\n") {
        assert!(first.read_line(&mut heard).unwrap() > 0);
    }
    drop(server.input.take());
    let mut rest = String::new();
    third.read_to_string(&mut rest).unwrap();
    for text in [&heard, &rest] {
        let lines = text.lines().filter_map(|it| it.split_once(": line "));
        let numbers: Vec<usize> = lines.map(|(_, it)| it.parse().unwrap()).collect();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    }
    for guest in [&mut first, &mut second] {
        guest.read_to_string(&mut String::new()).unwrap();
    }
    assert_eq!(server.line(), "3 got everything, 0 cut off");
    server.end();
}

#[test]
fn ten_thousand_idle_connections_wait_on_one_thread() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).ok();
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = usize::try_from(most.saturating_sub(64).min(10_000)).unwrap();
    if count < 10_000 {
        println!("this system lets it have {count} connections only");
    }
    let mut server = Example::start("c10k", &[&count.to_string()]);
    let streams: Vec<_> = (0..count).map(|_| server.connect()).collect();
    let idle = server.line();
    assert!(idle.starts_with(&format!("{count} idle, ")), "{idle}");
    println!("{idle}");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.child.id()));
    assert_eq!(
        tasks.unwrap().count(),
        2,
        "the tasks' thread and the reactor's"
    );
    for (mut stream, byte) in streams.iter().zip((0..=255).cycle()) {
        stream.write_all(&[byte]).unwrap();
        assert_eq!(read_to_end(stream), [byte]);
    }
    assert_eq!(server.line(), format!("{count} drained"));
    server.end();
}
