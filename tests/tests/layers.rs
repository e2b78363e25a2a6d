//! Imports run one way: below each module, those in it do not import each other
//! in a circle (`docs/architecture.md`).

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use closesocket_tests::sources::rust_files;

/// A module by its path in its crate.
type Module = Vec<String>;

fn module_of(file: &Path, src: &Path) -> Module {
    let inside = file.strip_prefix(src).unwrap().with_extension("");
    let parts = inside.iter().map(|it| it.to_str().unwrap().to_owned());
    let mut module: Module = parts.collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

/// The source without comments and without its unit tests.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = shipped
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What the tree of paths that starts here names, each as a list.
fn names(tree: &str) -> Vec<Module> {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        let (mut depth, mut start, mut all) = (0, 0, Vec::new());
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    all.extend(names(&group[start..at]));
                    start = at + 1;
                    if letter == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
        return all;
    }
    let end = tree.find(|it: char| !it.is_alphanumeric() && it != '_');
    let (name, rest) = tree.split_at(end.unwrap_or(tree.len()));
    if name.is_empty() {
        return vec![Module::new()];
    }
    let below = match rest.strip_prefix("::") {
        Some(rest) => names(rest),
        None => vec![Module::new()],
    };
    let with_name = |path: Module| [vec![name.to_owned()], path].concat();
    below.into_iter().map(with_name).collect()
}

/// The modules that this one names, in their crate.
fn imports(module: &Module, text: &str, all: &BTreeSet<Module>) -> BTreeSet<Module> {
    let code = code(text);
    let mut found = BTreeSet::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|it: char| it.is_alphanumeric() || it == ':' || it == '_') {
                continue;
            }
            let mut base = if start == "crate::" {
                Module::new()
            } else {
                module[..module.len().saturating_sub(1)].to_vec()
            };
            let mut rest = &code[at + start.len()..];
            while let Some(above) = rest.strip_prefix("super::") {
                base.pop();
                rest = above;
            }
            for path in names(rest) {
                let mut path = [base.clone(), path].concat();
                while !path.is_empty() && !all.contains(&path) {
                    path.pop();
                }
                found.insert(path);
            }
        }
    }
    found.remove(module);
    found
}

/// Below which module which of its modules import which, leaving out what a
/// module and those in it say of each other.
fn edges(src: &Path) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
    let files = rust_files(src);
    let all: BTreeSet<Module> = files.iter().map(|it| module_of(it, src)).collect();
    let mut edges: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in &files {
        let from = module_of(file, src);
        for to in imports(&from, &fs::read_to_string(file).unwrap(), &all) {
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(into)) = (from.get(common), to.get(common)) {
                let below = edges.entry(to[..common].to_vec()).or_default();
                below.entry(from.clone()).or_default().insert(into.clone());
            }
        }
    }
    edges
}

/// A way from a module back to itself, if there is one.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        imports: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|it| it == at) {
            return Some(way[start..].to_vec());
        }
        if !done.contains(at) {
            way.push(at.to_owned());
            for next in imports.get(at).into_iter().flatten() {
                if let Some(found) = walk(next, imports, way, done) {
                    return Some(found);
                }
            }
            way.pop();
            done.insert(at.to_owned());
        }
        None
    }
    let mut done = BTreeSet::new();
    let mut starts = imports.keys();
    starts.find_map(|start| walk(start, imports, &mut Vec::new(), &mut done))
}

fn assert_one_way(crate_name: &str) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(crate_name)
        .join("src");
    let edges = edges(&src);
    assert!(!edges.is_empty(), "{crate_name}: nothing imports anything");
    for (below, imports) in edges {
        let found = circle(&imports);
        let found = found.map(|it| it.join(" -> "));
        assert_eq!(found, None, "{crate_name}, below `{}`", below.join("::"));
    }
}

#[test]
fn no_modules_of_the_core_import_each_other_in_a_circle() {
    assert_one_way("crates/closesocket");
}

#[test]
fn no_modules_of_the_crates_around_the_core_import_each_other_in_a_circle() {
    assert_one_way("crates/closesocket-tcp");
    assert_one_way("crates/closesocket-trace");
    assert_one_way("crates/closesocket-conformance");
    assert_one_way("crates/closesocket-async");
}

#[test]
fn no_modules_of_the_model_and_the_tools_import_each_other_in_a_circle() {
    assert_one_way("models");
    assert_one_way("crates/frontier");
    assert_one_way("crates/verify");
    assert_one_way("tests");
}

#[test]
fn a_circle_is_found_and_what_only_looks_like_one_is_not() {
    let all: BTreeSet<Module> = [vec![], vec!["a".into()], vec!["b".into()], vec!["c".into()]]
        .into_iter()
        .collect();
    let of = |name: &str, text: &str| imports(&vec![name.to_owned()], text, &all);
    let a = of("a", "use super::{b::Thing, Root};\nlet it = super::c::f();");
    assert_eq!(a, [vec![], vec!["b".into()], vec!["c".into()]].into());
    assert_eq!(
        of("b", "// use super::a::It;\nuse crate::c;"),
        [vec!["c".into()]].into()
    );
    let tests = "#[cfg(test)]\nmod tests {\n use super::super::a::It;\n}";
    assert_eq!(of("c", tests), BTreeSet::new());
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            let into = graph.entry((*from).to_owned()).or_default();
            into.insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    let back = graph(&[("a", "b"), ("b", "c"), ("c", "b")]);
    assert_eq!(circle(&back), Some(vec!["b".to_owned(), "c".to_owned()]));
}
