//! SARIF 2.1.0: the invariants as rules, violations as results that point at
//! the predicate and at the clauses, with the counterexample as a code flow.

use serde_json::{Value, json};

use super::cases::{Case, Verdict, findings};
use super::rules::{Rule, rule, rules};
use super::words::count;
use crate::found::Report;
use crate::found::code::Code;
use crate::outcome::Outcome;
use crate::places::{self, Place};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What the places are relative to.
const ROOT: &str = "%SRCROOT%";
/// Where a rule of the gate points to.
const GATE: Place = Place {
    file: "docs/verification.md",
    line: 1,
    text: "",
};

/// The whole log.
pub(super) fn render(report: &Report<'_>) -> Value {
    let rules: Vec<_> = rules().map(|it| describe(&it)).collect();
    let results: Vec<_> = findings(report).iter().map(result).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "closesocket-verify",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{
                "commandLine": report.command,
                "executionSuccessful": report.outcome != Outcome::Incomplete,
                "exitCode": report.outcome as u8,
            }],
            "originalUriBaseIds": { ROOT: { "description": { "text": "The root of the repository." } } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn describe(rule: &Rule) -> Value {
    let clauses: Vec<_> = rule
        .clauses
        .iter()
        .filter_map(|it| places::clause(it))
        .map(|it| format!("- {} ({}:{})", it.heading(), it.file, it.line))
        .collect();
    let help = match clauses.is_empty() {
        true => "See docs/verification.md.".to_owned(),
        false => format!("Clauses of the specification:\n{}", clauses.join("\n")),
    };
    json!({
        "id": rule.id,
        "name": rule.id,
        "shortDescription": { "text": rule.sentence },
        "fullDescription": { "text": format!("{} {}", rule.sentence, rule.why) },
        "help": { "text": help },
        "defaultConfiguration": { "level": "error" },
        "properties": { "clauses": rule.clauses, "why": rule.why },
    })
}

fn result(finding: &Case) -> Value {
    let clauses = rule(finding.rule).map_or(&[][..], |it| it.clauses);
    let index = rules().position(|it| it.id == finding.rule);
    let subject = finding.defect.and_then(places::defect);
    let scenario = finding.scenario.and_then(places::scenario);
    let code = places::predicate(finding.rule).or(scenario).unwrap_or(GATE);
    let clauses = clauses.iter().filter_map(|it| places::clause(it));
    let related: Vec<_> = clauses
        .map(|it| (it, format!("the clause {}", it.heading())))
        .chain(scenario.map(|it| (it, "the scenario".to_owned())))
        .chain(subject.map(|it| (it, "the defect".to_owned())))
        .enumerate()
        .map(|(id, (place, text))| location(place, &text, Some(id)))
        .collect();
    let mut value = json!({
        "ruleId": finding.rule,
        "ruleIndex": index,
        // What a defect has to break is shown, and is no error.
        "level": if finding.verdict == Verdict::Expected { "note" } else { "error" },
        "message": { "text": finding.message },
        "locations": [location(code, "what must hold", None)],
        "relatedLocations": related,
        "partialFingerprints": { "rule/v1": fingerprint(finding) },
    });
    if !finding.steps.is_empty() {
        value["codeFlows"] = json!([flow(finding, scenario.unwrap_or(code))]);
    }
    value
}

/// The same for the same finding in every run.
fn fingerprint(finding: &Case) -> String {
    let parts = [
        Some(finding.rule),
        finding.scenario,
        finding.defect,
        // What is no invariant's is told apart by its words.
        finding
            .scenario
            .is_none()
            .then_some(finding.message.as_str()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn location(place: Place, text: &str, id: Option<usize>) -> Value {
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": place.file, "uriBaseId": ROOT },
            "region": { "startLine": place.line },
        },
        "message": { "text": text },
    });
    if let Some(id) = id {
        value["id"] = json!(id);
    }
    value
}

/// The counterexample: a thread flow for each thread, and one for the
/// surroundings, put in order by the numbers of the steps. Each points to the code that
/// decides it, or else to `otherwise`.
fn flow(finding: &Case, otherwise: Place) -> Value {
    let mut threads = finding.threads.clone();
    threads.sort_unstable();
    threads.dedup();
    let flows: Vec<_> = threads
        .into_iter()
        .map(|thread| {
            let steps = finding.steps.iter().zip(&finding.threads).enumerate();
            let steps: Vec<_> = steps
                .filter(|(_, (_, who))| **who == thread)
                .map(|(index, (step, _))| {
                    let code = finding.code.get(index).copied().flatten();
                    let place = code.map_or(otherwise, Code::place);
                    json!({
                        "location": location(place, &format!("{}. {step}", index + 1), None),
                        "executionOrder": index + 1,
                    })
                })
                .collect();
            let name = thread.map_or("the surroundings".to_owned(), |it| format!("T{}", it + 1));
            json!({ "id": name, "locations": steps })
        })
        .collect();
    json!({
        "message": { "text": format!("the shortest way there, {}", count(finding.steps.len(), "step")) },
        "threadFlows": flows,
    })
}
