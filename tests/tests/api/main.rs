//! The public interface of each library is what `docs/api/` says, so that a change
//! of it is seen. `UPDATE=1 cargo test -p closesocket-tests --test api` writes the
//! pages anew.
//!
//! Whatever is `pub` can be reached (the lint `unreachable_pub` sees to it), so the
//! public items of the sources are the interface, and what is re-exported says
//! under which path. What a macro makes is not seen.

#![allow(clippy::unwrap_used)]

mod strip;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use closesocket_tests::sources::rust_files;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().unwrap()
}

/// The libraries of the workspace: their names and where they are.
fn libraries() -> Vec<(String, PathBuf)> {
    let crates = fs::read_dir(root().join("crates")).unwrap();
    let crates = crates.map(|it| it.unwrap().path());
    let mut found: Vec<_> = crates
        .chain([root().join("models")])
        .filter(|it| it.join("src/lib.rs").exists())
        .map(|it| {
            let manifest = fs::read_to_string(it.join("Cargo.toml")).unwrap();
            let name = manifest.split('"').nth(1).unwrap().to_owned();
            (name, it.join("src"))
        })
        .collect();
    found.sort();
    found
}

/// The public items of a library, file by file.
fn interface(sources: &Path) -> String {
    let mut page = String::new();
    let files = rust_files(sources);
    let parsed = files
        .iter()
        .map(|it| syn::parse_file(&fs::read_to_string(it).unwrap()).unwrap());
    let mut parsed: Vec<_> = parsed.collect();
    let public = strip::public_types(&parsed);
    for (path, file) in files.iter().zip(&mut parsed) {
        strip::to_interface(&mut file.items, &public);
        if !file.items.is_empty() {
            let name = path.strip_prefix(sources).unwrap().display().to_string();
            file.attrs.clear();
            let _ = write!(page, "// {name}\n\n{}\n", prettyplease::unparse(file));
        }
    }
    page
}

#[test]
fn the_public_interface_is_the_one_that_is_written_down() {
    let libraries = libraries();
    assert!(libraries.len() >= 5, "{libraries:?}");
    for (name, sources) in libraries {
        let page = root().join(format!("docs/api/{name}.txt"));
        let now = interface(&sources);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&page, &now).unwrap();
        }
        let written = fs::read_to_string(&page).unwrap_or_default();
        let differs = now.lines().zip(written.lines()).find(|(a, b)| a != b);
        assert!(
            now == written,
            "the public interface of {name} has changed, first at {differs:?}: if that is meant, \
             say it in CHANGELOG.md and write docs/api anew with UPDATE=1"
        );
    }
}
