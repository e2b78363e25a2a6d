//! The errors that `docs/commands.md` lists, the manual and the completions.

#![allow(clippy::unwrap_used)]

mod skip;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn verify(arguments: &[&str]) -> Output {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("commands");
    fs::create_dir_all(&directory).unwrap();
    Command::new(env!("CARGO_BIN_EXE_cargo-verify"))
        .args(arguments)
        .current_dir(directory)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn errors_are_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = fs::read_to_string(page).unwrap();
    let errors = page.split("## Errors").nth(1).unwrap();
    let rows = errors.lines().filter_map(|line| {
        let (command, says) = line.strip_prefix("| `cargo verify ")?.split_once("` | ")?;
        Some((command, says.strip_suffix(" |")?))
    });
    let mut count = 0;
    for (command, says) in rows {
        let arguments: Vec<_> = command.split_whitespace().collect();
        let output = verify(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert_eq!(said.lines().count(), 1, "{command}: {said}");
        assert!(said.contains(says), "{command}: {said}");
        assert_eq!(output.stdout, b"", "{command}");
        count += 1;
    }
    assert!(count >= 17, "{count} errors are too few");
}

/// Command lines that are wrong, each in its own way.
const WRONG: &[&str] = &[
    "chek",
    "defect",
    "explor",
    "redeems-twice",
    "lingering-wait",
    "help",
    "--verbose",
    "--format",
    "--format yaml",
    "--format json --format junit",
    "--output a.txt --output b.txt",
    "--output nowhere/file",
    "--color sometimes",
    "--report",
    "check nowhere",
    "check lingering-wat",
    "check redeems-twice",
    "check lingering-wait nowhere",
    "check --scenario",
    "check --scenario redeems-twice",
    "check --scenari lingering-wait",
    "check --defect",
    "check --defect lingering-wait",
    "check --defect redeem-twice",
    "check --defect redeems-twice --defect redeems-twice",
    "check lingering-wait --defect redeems-twice",
    "check --as-test --format json",
    "check --as-test --report page",
    "check --svg",
    "check lingering-wait --svg nowhere/drawn.svg",
    "check lingering-wait --itf",
    "check lingering-wait --itf nowhere/a.itf.json",
    "check --as-test --itf a.itf.json",
    "check lingering-wait --trace",
    "check lingering-wait --trace nowhere/a.jsonl",
    "check --as-test --trace a.jsonl",
    "check --graph all.json",
    "check lingering-wait nested-linger --graph all.json",
    "check lingering-wait --graph all",
    "check lingering-wait --graph all.txt",
    "check lingering-wait --graph all.json --reduced",
    "check lingering-wait --graph all.json --graph-states many",
    "check lingering-wait --graph-states 5",
    "check --as-test --graph all.json",
    "check lingering-wait --workers 0",
    "check lingering-wait --memory 1T",
    "check lingering-wait --process 0",
    "check lingering-wait --hosts nowhere",
    "check lingering-wait --checker tlc",
    "check lingering-wait --checkpoint-seconds 1",
    "check --quiet=yes",
    "check --format sarif --output nowhere/file",
    "defects redeems-twice",
    "defects --format sarif",
    "sweep --limit-seconds 0",
    "sweep --limit-seconds soon",
    "sweep --limit-states -1",
    "sweep --up-to many",
    "sweep --report page",
    "sweep --format junit",
    "explore nowhere",
    "explore redeems-twice",
    "explore --defect nothing",
    "explore lingering-wait --defect redeems-twice",
    "explore lingering-wait nested-linger",
    "explore --address localhost",
    "explore --address 70000",
    "explore --address 127.0.0.1",
    "explore --format json",
    "run --connections 0",
    "run --connections many",
    "run --threads 257",
    "run --seconds 0",
    "run --seconds 86401",
    "run --seed 1",
    "run --crowd 0",
    "run --crowd 5 --seconds 5",
    "run --trace nowhere/trace",
    "run --report page",
    "run --seconds 1 --format junit",
    "run --sabotage nothing",
    "replay",
    "replay nowhere",
    "replay -",
    "replay a b",
    "replay nowhere --format markdown",
    "list everything",
    "list --format junit",
    "completions",
    "completions nosuchshell",
    "man check",
    "man --format json",
];

const COMMANDS: [&str; 10] = [
    "check",
    "prove",
    "defects",
    "sweep",
    "explore",
    "run",
    "replay",
    "list",
    "completions",
    "man",
];

#[test]
fn whatever_is_wrong_with_a_command_line_is_one_clear_line() {
    assert!(WRONG.len() >= 60, "{} are too few", WRONG.len());
    for line in WRONG {
        let arguments: Vec<_> = line.split_whitespace().collect();
        let output = verify(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(said.starts_with("error: "), "{line}: {said}");
        assert!(!said.contains("  "), "{line}: {said}");
        // The help that is named is that of the command.
        let named = said
            .split("see `")
            .nth(1)
            .filter(|it| it.contains(" --help`"));
        let command = line.split(' ').find(|it| COMMANDS.contains(it));
        let of = command.map_or_else(String::new, |it| format!(" {it}"));
        let expected = format!("cargo verify{of} --help`\n");
        assert!(named.is_none_or(|it| it == expected), "{line}: {said}");
        assert_eq!(output.stdout, b"", "{line}");
    }
}

#[test]
fn no_option_makes_a_failure_a_success() {
    let check = ["check", "--scenario", "record-redeemed-twice"];
    // Nothing is violated there: no test, no drawing, and both say so.
    let output = verify(&[&check[..], &["--as-test"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let printed = String::from_utf8(output.stdout).unwrap();
    let nothing = "// record-redeemed-twice violates nothing: there is no test.\n";
    assert_eq!(printed, nothing);
    let output = verify(&[&check[..], &["--svg", "none.svg", "--quiet"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing to draw in none.svg"), "{said}");
    // What proves nothing says so, however little of it there is.
    let sweep = ["sweep", "--up-to", "330", "--limit-states", "400"];
    let output = verify(&sweep);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("| holds |") && table.contains("| incomplete |"));
    assert_eq!(output.status.code(), Some(3), "{table}");
    // And of nothing there is no table.
    let output = verify(&["sweep", "--up-to", "1"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let nothing = "no scenario has 1 state or fewer: no bound is raised\n";
    assert_eq!((said.as_str(), output.status.code()), (nothing, Some(3)));
    // An option that would do nothing is refused.
    let output = verify(&["run", "--crowd", "5", "--sabotage", "lost-byte"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_manual_and_the_completions_have_every_command() {
    let commands = [
        "check", "defects", "sweep", "explore", "run", "replay", "list", "man",
    ];
    let all = [
        &["man"][..],
        &["completions", "bash"],
        &["completions", "zsh"],
        &["completions", "fish"],
        &["completions", "powershell"],
        &["completions", "elvish"],
    ];
    for arguments in all {
        let output = verify(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        for command in commands {
            assert!(text.contains(command), "{arguments:?}: {command}");
        }
        assert!(text.contains("scenario"), "{arguments:?}");
        for hidden in ["sabotage", "crowd-peers"] {
            assert!(!text.contains(hidden), "{arguments:?}: {hidden}");
        }
    }
}

/// Where a shell finds the completions: a directory with the file that it loads.
fn completions(shell: &str, name: &str) -> std::path::PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{shell}-completions"));
    fs::create_dir_all(&directory).unwrap();
    let output = verify(&["completions", shell]);
    fs::write(directory.join(name), output.stdout).unwrap();
    directory
}

/// Whether the shell is here, to try its completions.
fn has(shell: &str) -> bool {
    let found = Command::new(shell).args(["-c", "exit 0"]).status();
    skip::goes_on(found.is_ok_and(|it| it.success()), shell)
}

/// What comes after these words, and what must not.
const TYPED: [(&str, &str, &str); 7] = [
    ("", "check", "crowd-peers"),
    ("che", "check", "explore"),
    ("check --def", "--defect", "--scenario"),
    (
        "check --defect redeems-t",
        "redeems-twice",
        "lingering-wait",
    ),
    ("check --scenario linger", "lingering-wait", "redeems-twice"),
    ("explore linger", "lingering-wait", "redeems-twice"),
    ("run --s", "--seconds", "--sabotage"),
];

fn assert_completed(shell: &str, typed: &str, offered: &str, yes: &str, no: &str) {
    let offered: Vec<_> = offered.split_whitespace().collect();
    let what = format!("{shell}: cargo verify {typed}<TAB>: {offered:?}");
    assert!(offered.contains(&yes), "{what} has no {yes}");
    assert!(!offered.contains(&no), "{what} has {no}");
}

#[test]
fn bash_completes_after_cargo_verify_and_leaves_the_rest_to_cargo() {
    if !has("bash") {
        return;
    }
    let file = completions("bash", "cargo-verify.bash").join("cargo-verify.bash");
    let ask = |line: &str| {
        let script = format!(
            r#"
            before() {{ COMPREPLY=(left-to-cargo); }}
            complete -F before cargo
            source '{}'
            COMP_LINE='cargo {line}' COMP_POINT=${{#COMP_LINE}}
            read -ra COMP_WORDS <<<"$COMP_LINE"
            [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            [[ $(complete -p cargo) =~ -F\ ([^ ]+) ]]
            "${{BASH_REMATCH[1]}}" cargo "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
            printf '%s\n' "${{COMPREPLY[@]}}"
            "#,
            file.display()
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &script])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{line}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (typed, yes, no) in TYPED {
        assert_completed("bash", typed, &ask(&format!("verify {typed}")), yes, no);
    }
    assert_eq!(ask("build --rel"), "left-to-cargo\n");
}

#[test]
fn zsh_completes_after_cargo_verify() {
    if !has("zsh") {
        return;
    }
    let directory = completions("zsh", "_cargo-verify");
    // As cargo's own completions do: what follows `cargo` is handed on.
    let cargo = "#compdef cargo\n_arguments -C '1: :(verify build)' '*:: :->args'\n\
        [[ $state == args ]] && _call_function ret _cargo-${words[1]}\n";
    fs::write(directory.join("_cargo"), cargo).unwrap();
    for (typed, yes, no) in TYPED {
        // What would be shown is printed in place: nothing is on a terminal here.
        let script = format!(
            r#"
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell "PS1='' TERM=dumb; fpath=('{}' \$fpath); autoload -U compinit; compinit -u -D"
            zpty -w shell "compadd() {{ builtin compadd -O offered \"\$@\"; print -rl -- \"offered:\${{^offered[@]}}\"; builtin compadd \"\$@\"; }}"
            zpty -w shell 'print rea''dy'
            zpty -r shell seen '*ready*'
            zpty -n -w shell $'cargo verify {typed}\t'
            sleep 1.5
            while zpty -rt shell seen; do print -r -- "$seen"; done
            zpty -d shell
            "#,
            directory.display()
        );
        let output = Command::new("zsh")
            .args(["-f", "-c", &script])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let offered = said.lines().filter_map(|it| it.split_once("offered:"));
        let offered: Vec<_> = offered.map(|it| it.1.trim()).collect();
        assert_completed("zsh", typed, &offered.join("\n"), yes, no);
    }
}
