//! Names that somebody gives, and what to say of those that there are not.

use crate::suite::suite;

/// How alike two names must be for one to be meant by the other; the command line's
/// own suggestions have the same bound.
const ALIKE: f64 = 0.7;

/// The names of the scenarios.
pub(crate) fn scenarios() -> impl Iterator<Item = &'static str> {
    suite().scenarios.iter().map(|it| it.name)
}

/// The names of the defects.
pub(crate) fn defects() -> impl Iterator<Item = &'static str> {
    suite().defects.iter().map(|it| it.name)
}

/// That there is no such scenario, and what may be meant.
pub(crate) fn no_scenario(name: &str) -> String {
    let hint = a_defect(name).or_else(|| meant(name, scenarios()));
    unknown("scenario", name, hint)
}

/// That there is no such defect, and what may be meant.
pub(crate) fn no_defect(name: &str) -> String {
    let hint = a_scenario(name).or_else(|| meant(name, defects()));
    unknown("defect", name, hint)
}

/// What to write in place of a command that there is not, if it is a name.
pub(crate) fn as_command(name: &str) -> Option<String> {
    a_defect(name).or_else(|| a_scenario(name))
}

fn a_defect(name: &str) -> Option<String> {
    let found = defects().find(|it| *it == name)?;
    Some(format!(
        "that is a defect: `cargo verify check --defect {found}`"
    ))
}

fn a_scenario(name: &str) -> Option<String> {
    let found = scenarios().find(|it| *it == name)?;
    Some(format!("that is a scenario: `cargo verify check {found}`"))
}

fn meant(name: &str, names: impl Iterator<Item = &'static str>) -> Option<String> {
    let alike = names.map(|it| (strsim::jaro_winkler(name, it), it));
    let alike = alike.filter(|it| it.0 > ALIKE);
    let (_, best) = alike.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!("did you mean `{best}`?"))
}

fn unknown(kind: &str, name: &str, hint: Option<String>) -> String {
    let hint = hint.map(|it| format!(" ({it})")).unwrap_or_default();
    format!("there is no {kind} `{name}`{hint}")
}

#[cfg(test)]
mod tests {
    use super::{defects, no_defect, no_scenario, scenarios};

    #[test]
    fn a_slip_in_any_name_suggests_the_name() {
        for name in scenarios() {
            let said = no_scenario(&name[..name.len() - 1]);
            assert!(said.contains(&format!("mean `{name}`?")), "{said}");
        }
        for name in defects() {
            let said = no_defect(&name[1..]);
            assert!(said.contains(&format!("mean `{name}`?")), "{said}");
        }
        assert_eq!(no_scenario("qqq"), "there is no scenario `qqq`");
    }

    #[test]
    fn a_name_of_the_other_kind_is_known() {
        for name in defects() {
            assert!(no_scenario(name).contains("that is a defect"), "{name}");
        }
        for name in scenarios() {
            assert!(no_defect(name).contains("that is a scenario"), "{name}");
        }
    }
}
