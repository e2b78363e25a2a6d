//! Rules about the workspace itself.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_core_depends_on_thiserror_and_its_macro_only() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "-p",
            "closesocket",
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let allowed = [
        "closesocket",
        "thiserror",
        "thiserror-impl",
        "proc-macro2",
        "quote",
        "syn",
        "unicode-ident",
    ];
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.contains(&"thiserror"), "the tree was read: {names:?}");
    for name in names {
        assert!(allowed.contains(&name), "the core depends on {name}");
    }
}

/// The manifests of the libraries, each with where it is.
fn libraries() -> Vec<(PathBuf, String)> {
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let crates = crates.map(|it| it.unwrap().path());
    let manifests = crates
        .chain([root().join("models")])
        .map(|it| it.join("Cargo.toml"));
    let read: Vec<_> = manifests
        .map(|it| (it.clone(), std::fs::read_to_string(it).unwrap()))
        .collect();
    assert!(read.len() >= 6, "{read:?}");
    read
}

#[test]
fn every_library_has_what_its_package_needs() {
    for (path, manifest) in libraries() {
        for field in [
            "description = ",
            "version.workspace",
            "rust-version.workspace",
            "license.workspace",
            "readme.workspace",
            "keywords",
            "categories",
        ] {
            let has = manifest.lines().any(|line| line.starts_with(field));
            assert!(has, "{}: no {field}", path.display());
        }
        assert!(!manifest.contains("publish"), "{}", path.display());
        // A package names what it needs by a version.
        assert!(!manifest.contains("path = \"../"), "{}", path.display());
    }
    let workspace = read("Cargo.toml");
    let paths = workspace.lines().filter(|line| line.contains("path = \""));
    for line in paths {
        assert!(line.contains("version = \""), "{line}");
    }
}

/// What is not TCP builds everywhere: it takes the TCP crate for tests or, on
/// Linux, if it is wanted.
#[test]
fn nothing_but_the_tcp_crate_needs_linux() {
    for (path, manifest) in libraries() {
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            } else if line.starts_with("closesocket-tcp") {
                let for_tests = section.contains("dev-dependencies");
                let on_linux = section.contains("target_os = \"linux\"");
                assert!(for_tests || on_linux, "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_readme_shows_the_example_that_runs() {
    let example = read("crates/closesocket/examples/shared_close.rs");
    let body = example.split_once("\n\n").unwrap().1;
    assert!(
        read("README.md").contains(body.trim()),
        "the README's example is another one"
    );
}

#[test]
fn the_core_forbids_unsafe_code() {
    assert!(read("crates/closesocket/src/lib.rs").contains("#![forbid(unsafe_code)]"));
}

#[test]
fn every_clause_that_an_invariant_names_is_in_the_specification() {
    use closesocket::protocol::invariant::Invariant;
    use closesocket_models::View;
    let specification = read("docs/specification.md");
    for invariant in Invariant::<View<'static>>::TABLE {
        assert!(
            specification.contains(&format!("`{}`", invariant.id)),
            "{}",
            invariant.id
        );
        for clause in invariant.clauses {
            let heading = format!("\n### {clause} ");
            assert!(
                specification.contains(&heading),
                "{clause} of {}",
                invariant.id
            );
        }
    }
}

//= docs/specification.md#e2-what-an-error-carries
//# - Every error MUST map to one Winsock code.
//= docs/specification.md#e2-what-an-error-carries
//# - Every error MUST map to the `std::io::ErrorKind` that the table below gives for its code.
#[test]
fn the_error_table_of_the_specification_is_that_of_the_code() {
    use closesocket::protocol::Error;
    let specification = read("docs/specification.md");
    for error in Error::ALL {
        let row = format!("| {} | `{:?}` |", error.code(), error.kind());
        assert!(specification.contains(&row), "{error:?}: no row with {row}");
    }
}

//= docs/specification.md#l-t1-do-not-linger
//# - A provider that sets a limit to background drains SHOULD document it.
#[test]
fn the_limit_of_background_drains_is_documented() {
    use closesocket::engine::Config;
    let limit = Config::default().drain_limit;
    assert_eq!(limit, Some(std::time::Duration::from_secs(120)));
    let documentation = read("crates/closesocket/src/engine/config.rs");
    assert!(documentation.contains("/// The default is two minutes."));
}

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - The documentation of a provider that supports such transfer MUST state that lingering waits,
//# would-block results and linger expiry are not available on a transferred socket.
#[test]
fn the_limits_of_a_transferred_socket_are_documented() {
    let documentation = read("crates/closesocket-tcp/src/transfer.rs");
    let documentation: Vec<&str> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .flat_map(str::split_whitespace)
        .collect();
    let says = "Lingering waits, would-block results and linger expiry are **not available**.";
    assert!(documentation.join(" ").contains(says));
}

#[test]
fn every_planted_defect_still_applies_to_the_source() {
    let mut patches = 0;
    for entry in std::fs::read_dir(root().join("tests/planted")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "patch") {
            patches += 1;
            // The checkout may be another user's, which git would refuse.
            let check = Command::new("git")
                .args(["-c", "safe.directory=*", "apply", "--check"])
                .arg(&path)
                .current_dir(root())
                .status();
            match check {
                Ok(check) => assert!(check.success(), "{} no longer applies", path.display()),
                Err(error) => {
                    println!("SKIPPED: git cannot be asked: {error}");
                    return;
                }
            }
        }
    }
    assert!(patches >= 14, "only {patches} planted defects");
}
