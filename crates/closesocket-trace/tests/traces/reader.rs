//! The reader refuses what is no complete trace, and says where and why.

use crate::common::World;
use closesocket_trace::{ReadError, Recorder, read, replay, to_text};

fn text() -> String {
    let recorder = Recorder::in_memory();
    let world = World::plain(&recorder);
    world.open().unwrap();
    to_text(&world.end(&recorder))
}

fn error(text: &str) -> ReadError {
    read(text.as_bytes()).unwrap_err()
}

/// The lines with one of them replaced.
fn with_line(text: &str, line: usize, replacement: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[line - 1] = replacement;
    lines.join("\n")
}

#[test]
fn a_complete_trace_is_read() {
    assert!(replay(&read(text().as_bytes()).unwrap()).accepted);
}

#[test]
fn what_has_no_header_is_no_trace() {
    for no_header in [
        "",
        "\n",
        "hello",
        "{}",
        "{\"schema\":2,\"trace\":\"other\"}",
    ] {
        assert!(
            matches!(error(no_header), ReadError::Header { .. }),
            "{no_header}"
        );
    }
    for other in [1, 3] {
        let header = format!("{{\"schema\":{other},\"trace\":\"closesocket\"}}");
        let refused = error(&with_line(&text(), 1, &header));
        assert!(matches!(refused, ReadError::Schema { found } if found == other));
    }
}

#[test]
fn a_malformed_line_is_named() {
    for bad in [
        "",
        "null",
        "{\"thread\":1}",
        "{\"thread\":1,\"number\":2,\"nanos\":0,\"did\":{\"flown\":{}}}",
        "{\"thread\":1,\"number\":2,\"nanos\":0,\"did\":{\"sweep-ended\":{\"process\":\"0\"}}}",
        "{\"thread\":1,\"number\":2,\"nanos\":0,\"did\":{\"sweep-ended\":{\"process\":\"P0\",\"more\":1}}}",
        "{\"thread\":1,\"number\":2,\"nanos\":0,\"more\":1,\"did\":{\"sweep-ended\":{\"process\":\"P0\"}}}",
    ] {
        let found = error(&with_line(&text(), 3, bad));
        assert!(
            matches!(found, ReadError::Line { line: 3, .. }),
            "{bad}: {found}"
        );
    }
}

#[test]
fn a_gap_in_a_thread_is_named() {
    let whole = text();
    let mut lines: Vec<&str> = whole.lines().collect();
    lines.remove(2);
    let expected = |it: &ReadError| {
        matches!(
            it,
            ReadError::Number {
                line: 3,
                expected: 2,
                found: 3,
                ..
            }
        )
    };
    assert!(expected(&error(&lines.join("\n"))));
}

#[test]
fn a_recording_that_was_cut_off_is_refused() {
    let whole = text();
    let lines = whole.lines().count();
    let cut: Vec<&str> = whole.lines().take(lines - 1).collect();
    let found = error(&cut.join("\n"));
    assert!(matches!(found, ReadError::Truncated { line } if line == lines as u64));
    let twice = format!("{whole}{{}}\n");
    assert!(matches!(error(&twice), ReadError::AfterEnd { .. }));
    let miscounted = with_line(&whole, lines, "{\"end\":{\"events\":3}}");
    assert!(matches!(
        error(&miscounted),
        ReadError::Count { said: 3, .. }
    ));
}

#[test]
fn what_is_no_text_is_refused() {
    let mut bytes = text().into_bytes();
    bytes[100] = 0xff;
    assert!(matches!(
        read(bytes.as_slice()).unwrap_err(),
        ReadError::Io { .. } | ReadError::Line { .. }
    ));
}

#[test]
fn a_trace_without_a_connection_is_hollow() {
    let recorder = Recorder::in_memory();
    let records = World::plain(&recorder).end(&recorder);
    let verdict = replay(&records);
    assert!(!verdict.accepted);
    assert!(verdict.first_problem.unwrap().reason.contains("hollow"));
}
