//! Counterexamples as Rust tests to paste.

use std::fmt::Write as _;

use closesocket_models::{Action, Counterexample, DefectSpec};

use crate::found::check::{CheckReport, ScenarioReport};
use crate::suite::suite;

/// The code: for each scenario its shortest counterexample as a test, or a
/// comment that there is none.
pub(super) fn code(check: &CheckReport) -> String {
    let tests = check.scenarios.iter().map(|it| match it.shortest() {
        Some(path) => test(it, path),
        None => format!("// {} violates nothing: there is no test.\n", it.title()),
    });
    tests.collect()
}

/// The code of a test.
fn test(report: &ScenarioReport, path: &Counterexample) -> String {
    let mut steps = String::new();
    for action in &path.actions {
        let _ = writeln!(steps, "        // {action}\n        {},", literal(*action));
    }
    let scenario = report.name;
    let spec = report.defect.and_then(|name| suite().defect(name));
    let about = spec.map_or_else(
        || "// It fails as long as the protocol violates this.".to_owned(),
        |spec| {
            format!(
                "// {}\n//\n// It fails as long as the model has the defect; with `None` in its place it\n// passes.",
                spec.summary
            )
        },
    );
    let name = spec.map_or(scenario, |it| it.name).replace('-', "_");
    let (needs, uses, found, defect, judged) = if suite().is_ours() {
        let uses = if spec.is_some() {
            "Defect, Scenario, "
        } else {
            "Scenario, "
        };
        (
            "`closesocket` and `closesocket-models`",
            uses,
            "Scenario::named",
            spec.map(|it| format!("Some(Defect::{:?})", it.defect)),
            "",
        )
    } else {
        let found = |it: &DefectSpec| format!("MINE.defect(\"{}\").map(|it| it.defect)", it.name);
        (
            "`closesocket` and `closesocket-models`, and `MINE`, which is your suite",
            "",
            "MINE.scenario",
            spec.map(found),
            ".judged_by(MINE.invariants)",
        )
    };
    let defect = defect.unwrap_or_else(|| "None".to_owned());
    format!(
        "\
{about}
// Needs the crates {needs}.
#[test]
fn {name}() {{
    #[allow(unused_imports)]
    use closesocket::protocol::{{Cause, OperationKind}};
    use closesocket_models::{{Action, CloseModel, {uses}What}};

    let steps = [
{steps}    ];
    let scenario = {found}(\"{scenario}\").expect(\"a scenario\");
    let model = CloseModel::new(scenario, {defect}).expect(\"it fits\"){judged};
    let way = model.follow(&steps);
    assert!(way.violates.is_empty(), \"{{way}}\");
}}
"
    )
}

/// An action as Rust code: what `Debug` writes, with the names of the enums.
fn literal(action: Action) -> String {
    format!("{action:?}")
        .replace("what: ", "what: What::")
        .replace("kind: ", "kind: OperationKind::")
        .replace("cause: ", "cause: Cause::")
}

#[cfg(test)]
mod tests {
    use closesocket::protocol::OperationKind;
    use closesocket_models::{Action, What};

    use super::literal;

    #[test]
    fn an_action_is_written_as_code() {
        let what = What::Register {
            kind: OperationKind::Recv,
            operation: 1,
        };
        let action = Action {
            thread: Some(2),
            what,
        };
        assert_eq!(
            literal(action),
            "Action { thread: Some(2), what: What::Register { kind: OperationKind::Recv, operation: 1 } }"
        );
    }
}
