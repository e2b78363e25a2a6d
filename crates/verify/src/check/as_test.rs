//! The shortest counterexample of a defect as a Rust test to paste.

use std::fmt::Write as _;

use closesocket_models::{Action, Counterexample, DefectSpec, check};

use super::Job;
use crate::Outcome;
use crate::out::errln;
use crate::output::Output;

/// Looks for the counterexample and prints the test.
pub(super) fn command(jobs: &[Job], output: &Output) -> Outcome {
    let mut code = String::new();
    for job in jobs {
        let Some(spec) = job.defect else { continue };
        let found = check(job.scenario, Some(spec.defect));
        let Some(path) = found.shortest_path() else {
            errln!("error: nothing catches {} in {}", spec.name, spec.scenario);
            return Outcome::Differs;
        };
        code += &test(spec, path);
    }
    if output.is_text() {
        crate::out::text(format_args!("{code}"));
    }
    output.deliver(Outcome::AsExpected, |_| Some(code.clone()), || None)
}

/// The code of the test.
fn test(spec: &DefectSpec, path: &Counterexample) -> String {
    let mut steps = String::new();
    for action in &path.actions {
        let _ = writeln!(steps, "        // {action}\n        {},", literal(*action));
    }
    let (name, defect, scenario) = (spec.name.replace('-', "_"), spec.defect, spec.scenario);
    format!(
        "\
// {summary}
//
// Needs the crates `closesocket` and `closesocket-models`. It fails as long as
// the model has the defect; with `None` in place of `Some(Defect::{defect:?})` it
// passes.
#[test]
fn {name}() {{
    #[allow(unused_imports)]
    use closesocket::protocol::{{Cause, OperationKind}};
    use closesocket_models::{{Action, CloseModel, Defect, Scenario, What}};

    let steps = [
{steps}    ];
    let scenario = Scenario::named(\"{scenario}\").expect(\"a scenario\");
    let way = CloseModel::new(scenario, Some(Defect::{defect:?})).follow(&steps);
    assert!(way.violates.is_empty(), \"{{way}}\");
}}
",
        summary = spec.summary,
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
