//! Files that are written whole, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::out::errln;

/// Held while a file is written, so that nobody ends the process half-way.
pub(crate) static WRITING: Mutex<()> = Mutex::new(());

/// A file that will be written. What stands there under this name stays until the
/// new content is complete: it is written beside it and renamed. That it can be
/// written is tried before the work begins, so that a wrong name does not cost a run.
#[derive(Debug)]
pub(crate) struct Target {
    name: PathBuf,
    /// What is no plain file, as a pipe or a device, cannot be replaced by one.
    stream: Option<File>,
}

impl Target {
    /// The file of this name, which need not exist.
    ///
    /// # Errors
    /// One line: the name, and why it cannot be written.
    pub(crate) fn at(name: &Path) -> Result<Self, String> {
        let stream = open(name).map_err(|error| unwritable(name, &error))?;
        let name = name.to_path_buf();
        Ok(Self { name, stream })
    }

    /// The name as it was given.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Writes the content, or says why not.
    pub(crate) fn write(&self, text: &str) -> bool {
        let _whole = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &self.stream {
            Some(stream) => {
                let mut stream: &File = stream;
                stream.write_all(text.as_bytes())
            }
            None => replace(&self.name, text),
        };
        if let Err(error) = &written {
            errln!("error: {}", unwritable(&self.name, error));
        }
        written.is_ok()
    }
}

/// Opens what is no plain file; tries whether a plain one can be replaced.
fn open(name: &Path) -> io::Result<Option<File>> {
    match fs::metadata(name) {
        Ok(found) if !found.is_file() => OpenOptions::new().write(true).open(name).map(Some),
        Ok(_) => {
            // One that is protected against writing is not replaced either.
            OpenOptions::new().write(true).open(name)?;
            try_beside(name)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => try_beside(name),
        Err(error) => Err(error),
    }
}

fn try_beside(name: &Path) -> io::Result<Option<File>> {
    let beside = beside(name)?;
    File::create(&beside)?;
    fs::remove_file(&beside).map(|()| None)
}

/// Where the content is written first: in the same directory, so that the rename is
/// one step. A link stays one: what it leads to is replaced.
fn beside(name: &Path) -> io::Result<PathBuf> {
    let file = name.file_name().ok_or(ErrorKind::InvalidInput)?;
    let file = format!(".{}.{}.tmp", file.to_string_lossy(), std::process::id());
    Ok(behind_links(name).with_file_name(file))
}

fn behind_links(name: &Path) -> PathBuf {
    fs::canonicalize(name).unwrap_or_else(|_| name.to_path_buf())
}

fn replace(name: &Path, text: &str) -> io::Result<()> {
    let beside = beside(name)?;
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, behind_links(name)));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Why a file or a directory cannot be written, in one line.
pub(crate) fn unwritable(name: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", name.display())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::Target;

    /// An empty directory of its own.
    fn directory(name: &str) -> PathBuf {
        let name = format!("verify-file-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("a directory");
        directory
    }

    #[test]
    fn what_was_there_stays_until_the_new_content_is_complete() {
        let directory = directory("replaced");
        let name = directory.join("result.json");
        fs::write(&name, "old").expect("a file");
        let target = Target::at(&name).expect("it can be written");
        let read = || fs::read_to_string(&name).expect("a file");
        assert_eq!(read(), "old");
        // Whoever has the old one open reads it to its end.
        let mut before = fs::File::open(&name).expect("a file");
        assert!(target.write("new"));
        assert_eq!(read(), "new");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut before, &mut text).expect("text");
        assert_eq!(text, "old");
        let left = fs::read_dir(&directory).expect("a directory").count();
        assert_eq!(left, 1, "nothing else is left");
        fs::remove_dir_all(directory).expect("removed");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_a_device_is_written_directly() {
        let directory = directory("links");
        let (link, name) = (directory.join("link"), directory.join("file"));
        fs::write(&name, "old").expect("a file");
        std::os::unix::fs::symlink("file", &link).expect("a link");
        assert!(Target::at(&link).expect("writable").write("new"));
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(fs::read_to_string(&name).expect("a file"), "new");
        fs::remove_dir_all(directory).expect("removed");
        let device = Target::at("/dev/null".as_ref()).expect("writable");
        assert!(device.write("nothing") && device.stream.is_some());
    }

    #[test]
    fn what_cannot_be_written_is_known_before_the_work_and_is_not_made() {
        let directory = directory("refused");
        assert!(Target::at(&directory).is_err(), "a directory");
        assert!(Target::at(&directory.join("nowhere/file")).is_err());
        drop(Target::at(&directory.join("new")).expect("writable"));
        let left = fs::read_dir(&directory).expect("a directory").count();
        assert_eq!(
            left, 0,
            "nothing is made before there is something to write"
        );
        fs::remove_dir_all(directory).expect("removed");
    }
}
