//! Other implementations' algorithms, below the matrix of our own defects.

use std::fmt::Write as _;

use closesocket_models::{FIELD_MODELS, search_field};

use crate::style::Style;

/// What is not as it is pinned, a sentence each: what an algorithm as it was
/// reported violates, or that its repair violates anything.
pub(super) fn problems() -> Vec<String> {
    let reported = FIELD_MODELS
        .iter()
        .filter_map(|it| search_field(it, false).difference(it));
    let repaired = FIELD_MODELS.iter().filter_map(|it| {
        let violated = search_field(it, true).violated();
        let what = violated.join(", ");
        (!violated.is_empty()).then(|| format!("{} violates {what} when repaired", it.name))
    });
    reported.chain(repaired).collect()
}

/// The algorithms, a line each.
pub(super) fn table(style: Style) -> String {
    let mut out = String::from("\n  seen elsewhere, each passes when repaired:\n");
    let names = FIELD_MODELS.iter().map(|it| it.name.len());
    let width = names.max().unwrap_or(0);
    for it in FIELD_MODELS {
        let found = search_field(it, false);
        let steps = found.shown(it).map_or(0, <[_]>::len);
        let violated = style.good(&found.violated().join(", "));
        let report = style.faint(&it.report.to_string());
        let _ = writeln!(
            out,
            "  {:<width$}  {steps:>2} steps  {violated}  {report}",
            it.name
        );
    }
    out
}
