//! Traceability: every MUST of the specification is cited by the code that
//! makes it true and by a check that proves it, every citation quotes the
//! specification, and `docs/traceability.md` shows it all.
//!
//! `UPDATE=1 cargo test -p closesocket-tests --test traceability` writes the
//! page anew. Duvet reads the same citations (`.duvet/config.toml`, `.ci/run`).

#![allow(clippy::unwrap_used, clippy::panic)]

mod citations;
mod page;
mod specification;

use std::fs;
use std::path::{Path, PathBuf};

use citations::{Citation, Kind, citations, citations_in};
use specification::{Requirement, musts, requirements};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read() -> (Vec<Requirement>, Vec<Citation>) {
    let specification = fs::read_to_string(root().join("docs/specification.md")).unwrap();
    (
        requirements(&specification),
        citations(&root()).unwrap_or_else(|wrong| panic!("{wrong}")),
    )
}

impl Requirement {
    fn is_cited_by(&self, citation: &Citation) -> bool {
        citation.section == self.section && citation.quote == self.sentence
    }
}

/// The requirements that lack an implementation or a test.
fn missing(requirements: &[Requirement], citations: &[Citation]) -> Vec<String> {
    let mut missing = Vec::new();
    for requirement in requirements.iter().filter(|it| it.is_a_must()) {
        let by = |kind| {
            let mut cited = citations.iter();
            cited.any(|it| it.kind == kind && requirement.is_cited_by(it))
        };
        if by(Kind::Exception) {
            continue;
        }
        for (kind, what) in [(Kind::Implementation, "code"), (Kind::Test, "check")] {
            if !by(kind) {
                let Requirement {
                    clause, sentence, ..
                } = requirement;
                missing.push(format!("no {what} cites {clause}: {sentence}"));
            }
        }
    }
    missing
}

/// The citations that quote nothing that the specification requires.
fn wrong(requirements: &[Requirement], citations: &[Citation]) -> Vec<String> {
    let quotes = |it: &Citation| requirements.iter().any(|one| one.is_cited_by(it));
    let excused = |it: &Citation| it.kind != Kind::Exception || !it.reason.is_empty();
    let named = |it: &Citation| !it.item.is_empty() || it.kind == Kind::Exception;
    citations
        .iter()
        .filter(|it| !(quotes(it) && excused(it) && named(it)))
        .map(|it| format!("{}:{}: {}#{}", it.file, it.line, it.quote, it.section))
        .collect()
}

#[test]
fn every_must_of_the_specification_is_a_requirement_of_a_clause() {
    let specification = fs::read_to_string(root().join("docs/specification.md")).unwrap();
    let requirements = requirements(&specification);
    let found = requirements.iter().filter(|it| it.is_a_must()).count();
    assert_eq!(found, musts(&specification));
    assert!(found > 100, "{found} are too few");
    for requirement in &requirements {
        let same = |it: &&Requirement| it.sentence == requirement.sentence;
        assert_eq!(
            requirements.iter().filter(same).count(),
            1,
            "{requirement:?}"
        );
    }
}

#[test]
fn every_requirement_is_cited_by_code_and_by_a_check() {
    let (requirements, citations) = read();
    let missing = missing(&requirements, &citations);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_citation_quotes_a_requirement() {
    let (requirements, citations) = read();
    let wrong = wrong(&requirements, &citations);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_citation_that_goes_or_changes_is_noticed() {
    let (requirements, citations) = read();
    let before = missing(&requirements, &citations).len();
    for requirement in requirements.iter().filter(|it| it.is_a_must()) {
        for kind in [Kind::Implementation, Kind::Test] {
            let (gone, left): (Vec<_>, Vec<_>) = citations
                .iter()
                .cloned()
                .partition(|it| it.kind == kind && requirement.is_cited_by(it));
            let expected = before + usize::from(!gone.is_empty());
            assert_eq!(missing(&requirements, &left).len(), expected);
        }
    }
    for at in 0..citations.len() {
        let mut changed = citations.clone();
        changed[at].quote.push_str(" Or so.");
        assert_eq!(wrong(&requirements, &changed).len(), 1);
    }
}

#[test]
fn a_comment_that_cannot_be_a_citation_is_an_error() {
    let target = "//= docs/specification.md#d8-release";
    let bad = [
        "//# A quote.".to_owned(),
        "//= docs/elsewhere.md#d8-release".to_owned(),
        "//= type=test".to_owned(),
        format!("{target}\n//= type=wish"),
        format!("{target}\n\n//# A quote."),
    ];
    for text in &bad {
        assert!(citations_in("a.rs", text).is_err(), "{text}");
    }
    let good = format!("mod a {{\n  {target}\n  //# A\n  //# quote.\n  pub const fn f() {{}}\n}}");
    let read = citations_in("a.rs", &good).unwrap();
    let [citation] = read.as_slice() else {
        panic!("{read:?}");
    };
    let quote = (citation.quote.as_str(), citation.item.as_str());
    assert_eq!(quote, ("A quote.", "f"));
}

#[test]
fn the_page_in_the_documentation_is_what_the_sources_say() {
    let (requirements, citations) = read();
    let page = page::page(&requirements, &citations);
    let path = root().join("docs/traceability.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/traceability.md is out of date: UPDATE=1 cargo test -p closesocket-tests --test \
         traceability writes it"
    );
}
