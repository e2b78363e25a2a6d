//! Counterexamples as Rust tests to paste.

use std::fmt::Write as _;

use closesocket_models::{Action, Counterexample};

use crate::found::check::{CheckReport, ScenarioReport};

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
    let spec = report
        .defect
        .and_then(|name| crate::suite::suite().defect(name));
    let (name, uses, defect, about) = match spec {
        Some(spec) => (
            spec.name,
            "Defect, ",
            format!("Some(Defect::{:?})", spec.defect),
            format!(
                "// {}\n//\n// It fails as long as the model has the defect; with `None` in its place it\n// passes.",
                spec.summary
            ),
        ),
        None => (
            scenario,
            "",
            "None".to_owned(),
            "// It fails as long as the protocol violates this.".to_owned(),
        ),
    };
    let name = name.replace('-', "_");
    format!(
        "\
{about}
// Needs the crates `closesocket` and `closesocket-models`.
#[test]
fn {name}() {{
    #[allow(unused_imports)]
    use closesocket::protocol::{{Cause, OperationKind}};
    use closesocket_models::{{Action, CloseModel, {uses}Scenario, What}};

    let steps = [
{steps}    ];
    let scenario = Scenario::named(\"{scenario}\").expect(\"a scenario\");
    let model = CloseModel::new(scenario, {defect}).expect(\"it fits\");
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
