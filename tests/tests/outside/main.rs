//! Crates outside the workspace, as those who embed this have them.

#![allow(clippy::unwrap_used)]

mod no_std;
mod packages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap()
}

/// Where such crates are built, all of them: beside the workspace's own place, which
/// may be in use.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside")
}

/// A package of its own, with these versions of what it takes from the registry.
struct Outside(PathBuf);

impl Outside {
    /// Makes it of a manifest, without the package's name, and sources by their path.
    fn new(name: &str, manifest: &str, sources: &[(&str, &str)]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n{manifest}"
        );
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let files = [("Cargo.toml", &*manifest), ("Cargo.lock", &*lock)];
        for (path, text) in files.iter().chain(sources) {
            let file = directory.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(directory)
    }

    /// Runs cargo there; whether that went well, and what it said.
    fn cargo(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .arg("--offline")
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }
}
