//! The one way to standard output and standard error.
//!
//! `println!` panics when the reader of a pipe has gone, as `head` does. Here
//! the program ends quietly then, with the code that a shell gives to what a
//! broken pipe ended: not 0, because nobody has seen the verdict.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use crate::outcome::Outcome;

/// The exit code after a broken pipe: 128 and the number of SIGPIPE.
pub(crate) const BROKEN_PIPE: i32 = 141;

/// Writes a line to standard output, as `println!` does.
macro_rules! outln {
    ($($argument:tt)*) => { $crate::out::text(format_args!("{}\n", format_args!($($argument)*))) };
}

/// Writes a line to standard error, as `eprintln!` does.
macro_rules! errln {
    ($($argument:tt)*) => { $crate::out::complain(format_args!($($argument)*)) };
}

pub(crate) use {errln, outln};

/// Writes a text to standard output, in one call, so that the lines of two
/// threads do not mix. Ends the program if that is not possible.
pub(crate) fn text(text: fmt::Arguments<'_>) {
    let written = write(&mut io::stdout().lock(), text);
    let Err(error) = written else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        complain(format_args!(
            "error: standard output cannot be written: {error}"
        ));
    }
    std::process::exit(code(error.kind()));
}

/// Writes a line to standard error. There is nobody to tell if that fails.
pub(crate) fn complain(line: fmt::Arguments<'_>) {
    let _ = write(&mut io::stderr().lock(), format_args!("{line}\n"));
}

fn write(to: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    to.write_all(text.to_string().as_bytes())?;
    to.flush()
}

/// The exit code after standard output failed.
fn code(error: ErrorKind) -> i32 {
    if error == ErrorKind::BrokenPipe {
        BROKEN_PIPE
    } else {
        Outcome::Usage as i32
    }
}
