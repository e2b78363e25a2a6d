//! The sources of the workspace, for the tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file in this directory and below it, in order; none if there is no
/// such directory.
#[must_use]
pub fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    add(directory, &mut files);
    files.sort();
    files
}

fn add(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            add(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}
