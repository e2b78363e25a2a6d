//! The libraries as they would be published, and a program of somebody's own that
//! is made from them: that of `docs/embedding.md`, with the workflow beside it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outside, root, target};

/// Packs every library, unpacks it, and names each with where it is.
fn packages() -> Vec<(String, String)> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let _ = fs::remove_dir_all(&place);
    let packed = Command::new(env!("CARGO"))
        .args(["package", "--workspace", "--exclude", "closesocket-tests"])
        .args(["--no-verify", "--allow-dirty", "--offline", "--target-dir"])
        .arg(&place)
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&packed.stderr);
    assert!(packed.status.success(), "{said}");
    let mut found = Vec::new();
    for entry in fs::read_dir(place.join("package")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|it| it != "crate") {
            continue;
        }
        let unpacked = Command::new("tar")
            .arg("xzf")
            .arg(&file)
            .current_dir(&place)
            .status();
        assert!(unpacked.unwrap().success());
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (name, _) = stem.rsplit_once('-').unwrap();
        let path = place.join(&stem).display().to_string();
        found.push((name.to_owned(), path));
    }
    found.sort();
    found
}

/// The program in the documentation.
fn program() -> String {
    let page = fs::read_to_string(root().join("docs/embedding.md")).unwrap();
    let section = page.split("\n## Your own suite\n").nth(1).unwrap();
    let block = section.split("```rust,ignore\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// The arguments that the workflow gives to it.
fn arguments() -> Vec<String> {
    let workflow = fs::read_to_string(root().join("docs/workflow-own.yml")).unwrap();
    let lines = workflow.lines().map(str::trim);
    let options = lines.filter(|it| it.starts_with("--format") || it.starts_with("--report"));
    let words = options.flat_map(str::split_whitespace);
    words
        .map(|it| it.replace("\"$GITHUB_STEP_SUMMARY\"", "summary.md"))
        .collect()
}

/// What speaks against the invariant of its own.
const WITNESS: &str = "socket 0 has no entry to free any more";

/// The Explorer shows the defect with the invariant of its own.
fn assert_shown(program: &Path) {
    let explore = ["explore", "--defect", "our-double-release"];
    let mut server = Command::new(program)
        .args(explore)
        .args(["--address", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = server.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let url = line.split("http://").nth(1).unwrap();
    let address = url.split('/').next().unwrap();
    let get = |path: &str| {
        let mut connection = TcpStream::connect(address).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    let sent = get("/defect/our-double-release");
    let place = sent
        .split("Location: ")
        .nth(1)
        .and_then(|it| it.lines().next());
    let first = place.map_or(sent.clone(), |it| get(&format!("/defect/{it}")));
    // An invariant of the table breaks sooner: the next counterexample is ours.
    let next = first.split("data-keys=\"c\" href=\"").nth(1);
    let next = next.and_then(|it| it.split('"').next());
    let page = next.map_or(first.clone(), |it| {
        get(&format!("/defect/our-double-release{it}"))
    });
    let status = get("/.status");
    let _ = (server.kill(), server.wait());
    for part in [
        "data-invariant=\"released-at-most-once\"",
        "violates released-at-most-once",
        WITNESS,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        page.contains("Our table would free another connection&#39;s entry."),
        "{page}"
    );
    assert!(
        status.contains("[\"Always\",\"released-at-most-once\",\"0/"),
        "{status}"
    );
}

/// The defect of its own.
const OWN_DEFECT: &str = "our-early-acknowledgement";

/// What `--as-test` prints for both defects compiles in the program, and fails with
/// what each violates.
fn assert_pasted(mine: &Outside, run: impl Fn(&[&str]) -> (Option<i32>, String)) {
    let mut code = program();
    for defect in ["our-double-release", OWN_DEFECT] {
        let (ended, test) = run(&["check", "--as-test", "--defect", defect]);
        assert_eq!(ended, Some(0), "{test}");
        code += &test;
    }
    fs::write(mine.0.join("src/main.rs"), code).unwrap();
    let (_, said) = mine.cargo(&["test", "--bin", "mine", "--no-fail-fast"]);
    assert!(said.contains("0 passed; 2 failed"), "{said}");
    for violated in [
        "violates released-exactly-once",
        "violates peer-receives-a-prefix",
    ] {
        assert!(said.contains(violated), "{violated}: {said}");
    }
    fs::write(mine.0.join("src/main.rs"), program()).unwrap();
}

#[test]
fn a_program_made_of_the_packages_checks_scenarios_of_its_own() {
    let packages = packages();
    assert!(packages.len() >= 6, "{packages:?}");
    let (mut dependencies, mut patches) = (String::new(), String::new());
    for (name, path) in &packages {
        dependencies += &format!("{name} = \"0.1.0\"\n");
        patches += &format!("{name} = {{ path = {path:?} }}\n");
    }
    let manifest = format!("[dependencies]\n{dependencies}\n[patch.crates-io]\n{patches}");
    // Every library is built, named or not.
    let all = packages.iter().map(|(name, _)| name.replace('-', "_"));
    let uses: String = all.map(|it| format!("use {it} as _;\n")).collect();
    let sources = [("src/main.rs", &*program()), ("src/lib.rs", &*uses)];
    let mine = Outside::new("mine", &manifest, &sources);
    let (fine, said) = mine.cargo(&["build"]);
    assert!(fine, "{said}");
    let program = target().join("debug/mine");
    let run = |arguments: &[&str]| {
        let output = Command::new(&program)
            .args(arguments)
            .current_dir(&mine.0)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    // As the workflow does it, and as cargo calls a subcommand.
    let arguments = arguments();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    assert!(words.len() > 6, "{words:?}");
    let (code, said) = run(&[&["verify"], &words[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let sarif = fs::read_to_string(mine.0.join("verify.sarif")).unwrap();
    assert!(sarif.contains("released-at-most-once"), "{sarif}");
    let page = fs::read_to_string(mine.0.join("verify-page/index.html")).unwrap();
    for defect in ["our-double-release", OWN_DEFECT] {
        assert!(page.contains(defect), "{defect}: {page}");
    }
    // A counterexample of the invariant of its own, as lanes.
    let drawn = [
        "check",
        "--defect",
        "our-double-release",
        "--svg",
        "drawn.svg",
    ];
    let (code, said) = run(&drawn);
    assert_eq!(code, Some(0), "{said}");
    let line = format!("released-at-most-once after 7 steps: {WITNESS}");
    assert!(said.contains(&line), "{said}");
    assert!(fs::metadata(mine.0.join("drawn.svg")).unwrap().len() > 1000);
    // The defect of its own: in the matrix, as lanes, and as a test that can be pasted.
    let (code, said) = run(&["defects"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(OWN_DEFECT), "{said}");
    assert!(said.contains("defects: 2, all caught"), "{said}");
    let (code, said) = run(&["check", "--defect", OWN_DEFECT]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("two-closes with our-early-acknowledgement"),
        "{said}"
    );
    assert_pasted(&mine, run);
    assert_shown(&program);
    // What is ours is not theirs.
    let (code, said) = run(&["check", "--scenario", "system-handles"]);
    assert_eq!(code, Some(2), "{said}");
}
