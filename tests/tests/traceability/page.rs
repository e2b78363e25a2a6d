//! The page that shows what each requirement is cited by.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use closesocket::protocol::invariant::Invariant;
use closesocket_models::{DEFECTS, View};

use crate::citations::{Citation, Kind};
use crate::specification::{Requirement, anchor};

const INTRODUCTION: &str = "\
# Traceability

Which code makes each sentence of the [specification](specification.md) true, and which checks
prove it. This page is generated from the citations in the sources, the table of invariants and the
catalogue of defects; a test fails when it is not what they say. How to cite and how to generate it:
[tests](tests.md#traceability).

- **Code**: what implements the sentence.
- **Interleavings**: tests of the engine under loom, every schedule.
- **Properties**: what random histories are judged by: the oracle, the ledgers, the invariants, the
  replay of traces.
- **Conformance and TCP**: scenarios over connections in memory, TCP/IPv4 and TCP/IPv6, tests of the
  TCP transport, and tests of single rules.

Below a clause stand the invariants of the model that prove it. Each is judged in every scenario of
the model (`cargo verify list`). The defects are deviations that are seen to violate it, and the
scenario is the one that shows it; defects of the interleaving tests are planted in the atomics
and locks that the engine runs on.
";

/// The column of the page that a citation belongs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Code,
    Interleavings,
    Properties,
    Conformance,
}

impl Column {
    const ALL: [Self; 4] = [
        Self::Code,
        Self::Interleavings,
        Self::Properties,
        Self::Conformance,
    ];

    fn of(citation: &Citation) -> Self {
        let file = citation.file.as_str();
        let judges_histories = [
            "tests/src/",
            "crates/closesocket-trace/tests/",
            "crates/closesocket/src/protocol/invariant/",
        ];
        if citation.kind != Kind::Test {
            Self::Code
        } else if file.starts_with("tests/tests/interleavings/") {
            Self::Interleavings
        } else if judges_histories.iter().any(|it| file.starts_with(it))
            || file.ends_with("_against_oracle.rs")
        {
            Self::Properties
        } else {
            Self::Conformance
        }
    }
}

/// Whether the test runs with a planted defect and must fail.
fn shows_a_defect(citation: &Citation) -> bool {
    citation.item.contains("_is_caught_by_")
}

/// The whole page.
pub(crate) fn page(requirements: &[Requirement], citations: &[Citation]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let count = |kind| citations.iter().filter(|it| it.kind == kind).count();
    let (by_code, by_checks) = (count(Kind::Implementation), count(Kind::Test));
    let exceptions = count(Kind::Exception);
    let musts = requirements.iter().filter(|it| it.is_a_must()).count();
    let others = requirements.len() - musts;
    let _ = writeln!(
        page,
        "\n{musts} sentences say MUST, {others} SHOULD or MAY; code cites them {by_code} times, \
         checks {by_checks} times; {exceptions} are exceptions."
    );
    let (mut chapter, mut rest) = ("", requirements);
    while let Some(first) = rest.first() {
        let clause = rest.iter().take_while(|it| it.heading == first.heading);
        let (here, after) = rest.split_at(clause.count());
        rest = after;
        if first.chapter != chapter {
            chapter = &first.chapter;
            let _ = writeln!(page, "\n## {chapter}");
        }
        add_clause(&mut page, here, citations);
    }
    page
}

fn add_clause(page: &mut String, clause: &[Requirement], citations: &[Citation]) {
    let Some(Requirement { heading, .. }) = clause.first() else {
        return;
    };
    let place = anchor(heading);
    let _ = writeln!(page, "\n### [{heading}](specification.md#{place})\n");
    let _ = writeln!(
        page,
        "| Sentence | Code | Interleavings | Properties | Conformance and TCP |"
    );
    let _ = writeln!(page, "|---|---|---|---|---|");
    let mut planted = Vec::new();
    for requirement in clause {
        let cites = |it: &&Citation| requirement.is_cited_by(it);
        let (defects, plain): (Vec<_>, Vec<_>) = citations
            .iter()
            .filter(cites)
            .partition(|it| shows_a_defect(it));
        planted.extend(defects);
        let _ = write!(page, "| {} |", requirement.sentence);
        for column in Column::ALL {
            let here: Vec<_> = plain
                .iter()
                .copied()
                .filter(|it| Column::of(it) == column)
                .collect();
            let _ = write!(page, " {} |", cell(&here));
        }
        page.push('\n');
    }
    add_defects(page, &clause[0].clause, &planted);
}

/// What is seen to break the checks of a clause.
fn add_defects(page: &mut String, clause: &str, planted: &[&Citation]) {
    let table = Invariant::<View<'static>>::TABLE;
    let proves = |it: &&Invariant<_>| it.clauses.contains(&clause);
    let invariants: Vec<_> = table.iter().filter(proves).collect();
    if invariants.is_empty() && planted.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n| Check | Defect that it catches | Scenario |");
    let _ = writeln!(page, "|---|---|---|");
    for invariant in invariants {
        for defect in DEFECTS {
            if defect.violates.contains(&invariant.id) {
                let (id, name, scenario) = (invariant.id, defect.name, defect.scenario);
                let _ = writeln!(page, "| invariant `{id}` | `{name}` | `{scenario}` |");
            }
        }
    }
    for citation in planted {
        let file = link(&citation.file);
        let _ = writeln!(page, "| interleavings, {file} | `{}` | |", citation.item);
    }
}

/// The places of these citations, by file.
fn cell(citations: &[&Citation]) -> String {
    let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for citation in citations {
        let items = files.entry(&citation.file).or_default();
        let item = match citation.kind {
            Kind::Exception => format!("an exception: {}", citation.reason),
            Kind::Implementation | Kind::Test => format!("`{}`", citation.item),
        };
        if !items.contains(&item) {
            items.push(item);
        }
    }
    let mut lines = files
        .iter()
        .map(|(file, items)| format!("{}: {}", link(file), items.join(", ")));
    let first = lines.next().unwrap_or_else(|| "–".to_owned());
    lines.fold(first, |all, line| all + "<br>" + &line)
}

/// A link to a file, named by the part of its path that tells it.
fn link(file: &str) -> String {
    let common = [
        "crates/closesocket/src/",
        "crates/",
        "tests/tests/",
        "tests/src/",
    ];
    let short = common.iter().find_map(|it| file.strip_prefix(it));
    format!("[`{}`](../{file})", short.unwrap_or(file))
}
