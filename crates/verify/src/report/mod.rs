//! A result in the formats that others read: CI, editors, browsers.

mod cases;
pub(crate) mod graph;
pub(crate) mod itf;
mod junit;
mod markdown;
mod page;
mod rules;
mod sarif;
mod words;

use crate::found::Report;
use crate::output::Format;
pub(crate) use crate::places::{clause, specification};
pub(crate) use page::{STYLE, badge, prose, render as page};
pub(crate) use rules::{Rule, every_invariant, rule};
pub(crate) use words::{Bounds, NOT_COVERED, count, grouped, proved};

/// Writes what was found, in a format that is made from its cases; the others are
/// the command's own.
pub(crate) fn render(report: &Report<'_>, format: Format) -> Option<String> {
    match format {
        Format::Text | Format::Json => None,
        Format::Junit => Some(junit::render(report)),
        Format::Markdown => Some(markdown::render(report)),
        Format::Sarif => crate::output::json(&sarif::render(report)),
    }
}

#[cfg(test)]
mod tests {
    use closesocket_models::{CloseModel, check_within, search};
    use closesocket_models::{DefectSpec, Limits, Outcome as Found, Scenario, Verdict, check};
    use roxmltree::Document;

    use closesocket_models::lanes::escape;

    use super::{page, render, sarif};
    use crate::found::Report;
    use crate::found::check::{CheckReport, ScenarioReport};
    use crate::outcome::Outcome;
    use crate::output::Format;

    /// A check of a small scenario, of which `spoil` says something else than
    /// was found.
    fn spoilt(spoil: impl FnOnce(&mut Found)) -> CheckReport {
        let defective = defective();
        let sound = CloseModel::new(defective.scenario(), None).expect("it fits");
        let mut found = check(&sound);
        spoil(&mut found);
        CheckReport::new(vec![ScenarioReport::new(&defective, None, found)])
    }

    fn defective() -> CloseModel {
        let spec = DefectSpec::named("redeems-twice").expect("a defect");
        let scenario = Scenario::named(spec.scenario).expect("a scenario");
        CloseModel::new(scenario, Some(spec.defect)).expect("it fits")
    }

    /// A shortest counterexample, whatever of.
    fn path() -> Verdict {
        let found = search(&defective())
            .counterexamples
            .into_iter()
            .flatten()
            .next();
        Verdict::Violated(found.expect("a counterexample"))
    }

    fn report(check: &CheckReport) -> Report<'_> {
        Report {
            check: Some(check),
            ..Report::new("cargo verify", check.outcome())
        }
    }

    /// Failures and errors of JUnit, results of SARIF that are errors.
    fn counts(report: &Report<'_>) -> (usize, usize, usize) {
        let text = render(report, Format::Junit).expect("JUnit");
        let document = Document::parse(&text).expect("XML");
        let count = |tag| {
            document
                .descendants()
                .filter(|it| it.has_tag_name(tag))
                .count()
        };
        let log = sarif::render(report);
        let results = log["runs"][0]["results"].as_array().expect("results");
        let errors = results.iter().filter(|it| it["level"] == "error").count();
        (count("failure"), count("error"), errors)
    }

    #[test]
    fn what_is_as_expected_is_green_everywhere() {
        let check = spoilt(|_| {});
        assert_eq!(counts(&report(&check)), (0, 0, 0));
        let text = render(&report(&check), Format::Markdown).expect("Markdown");
        assert!(text.contains("**Proved:**"), "{text}");
    }

    #[test]
    fn a_violation_is_red_everywhere_and_shows_the_way_there() {
        let check = spoilt(|found| found.verdicts[0].1 = path());
        assert_eq!(counts(&report(&check)), (1, 0, 1));
        for format in [Format::Junit, Format::Markdown, Format::Sarif] {
            let text = render(&report(&check), format).expect("a format");
            assert!(text.contains("redeems record"), "{format:?}: {text}");
            let witness = "record 0 was redeemed a second time, by T3 in P1";
            assert!(text.contains(witness), "{format:?}: {text}");
            assert!(!text.contains("Proved"), "{format:?}: {text}");
        }
        let page = page(&report(&check));
        let text = render(&report(&check), Format::Markdown).expect("Markdown");
        for text in [&text, &page] {
            let first = text.find("an invariant is VIOLATED");
            assert!(first.is_some_and(|it| it < 200), "{text}");
            assert!(!text.contains("differs"), "{text}");
        }
        assert!(page.contains("<h2>Findings</h2>") && page.contains("<svg "));
        assert!(page.contains("D5 What counts as a reference"));
        assert!(!page.contains("Proved"));
    }

    #[test]
    fn another_count_of_states_is_red_everywhere() {
        let check = spoilt(|found| found.unique_states += 1);
        assert_eq!(counts(&report(&check)), (1, 0, 1));
    }

    #[test]
    fn a_search_that_was_cut_off_is_green_nowhere() {
        let scenario = Scenario::named("system-handles").expect("a scenario");
        let limits = Limits {
            states: 10,
            ..Limits::NONE
        };
        let model = CloseModel::new(scenario, None).expect("it fits");
        let check = spoilt(|found| *found = check_within(&model, limits));
        let report = report(&check);
        assert_eq!(report.outcome, Outcome::Incomplete);
        // Each invariant, and the count of states.
        let all = closesocket::protocol::invariant::COUNT + 1;
        assert_eq!(counts(&report), (0, all, 1));
        let text = render(&report, Format::Markdown).expect("Markdown");
        assert!(
            text.contains("incomplete") && !text.contains("Proved"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_could_not_start_is_red_everywhere() {
        let check = spoilt(|_| {});
        let report = Report {
            outcome: Outcome::Differs,
            run: Some(Err("no <sockets> & no \u{1} threads")),
            ..report(&check)
        };
        assert_eq!(counts(&report), (0, 1, 1));
        let text = render(&report, Format::Markdown).expect("Markdown");
        assert!(text.contains("not started") && !text.contains("<sockets>"));
        assert!(!page(&report).contains("<sockets>"));
    }

    #[test]
    fn text_cannot_end_what_it_stands_in() {
        assert_eq!(
            escape("<a b='\"'> & \u{0}"),
            "&lt;a b=&#39;&quot;&#39;&gt; &amp; \u{fffd}"
        );
    }
}
