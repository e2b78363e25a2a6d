//! The start page.

use std::fmt::Write;

use closesocket_models::lanes::escape;

use super::board::{LARGEST, Standing, Verdicts, entries};
use crate::check::Job;
use crate::report::{every_invariant, grouped};

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--text:#1a1a1a;--soft:#595f66;--link:#00568a;\
--wrong:#a84300;--good:#006b4f;--edge:#d3d9de;--band:#f3f5f7}\
@media (prefers-color-scheme:dark){:root{--ground:#14181d;--text:#eceff1;--soft:#a7b0b8;\
--link:#7cc4f0;--wrong:#ff9a57;--good:#4fd3ab;--edge:#343c45;--band:#1c2229}}\
body{background:var(--ground);color:var(--text);font:15px/1.45 system-ui,'DejaVu Sans',sans-serif;\
max-width:1500px;margin:0 auto;padding:20px 28px}\
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:28px 0 6px}\
a{color:var(--link)}code{font:13px ui-monospace,'DejaVu Sans Mono',monospace}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:6px 16px 6px 0;border-top:1px solid var(--edge)}\
thead th{border-top:0;color:var(--soft);font-weight:600}\
tbody tr:hover{background:var(--band)}\
tbody th{font-weight:600;white-space:nowrap}\
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
td.verdict{min-width:230px}\
.expected{color:var(--good)}.differs{color:var(--wrong);font-weight:bold}.unchecked,.soft{color:var(--soft)}\
.expected::before{content:'✓ '}.differs::before{content:'✗ '}.unchecked::before{content:'… '}";

/// Fills in the verdicts as they come.
const SCRIPT: &str = "\
async function refresh(){\
const answer=await fetch('/verdicts');const verdicts=await answer.json();\
for(const it of verdicts.standings){const cell=document.getElementById(it.path);\
if(cell){cell.className=it.class;cell.textContent=it.text}}\
if(!verdicts.done)setTimeout(refresh,500)}\
refresh().catch(()=>{});";

/// The page that lists everything that can be explored.
pub(super) fn start(verdicts: &Verdicts) -> String {
    let entries = entries();
    let (scenarios, defects): (Vec<_>, Vec<_>) = entries
        .iter()
        .zip(&verdicts.standings)
        .partition(|(entry, _)| entry.defect.is_none());
    let scenarios: String = scenarios.into_iter().map(scenario).collect();
    let defects: String = defects.into_iter().map(defect).collect();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>closesocket: scenarios and defects</title><link rel=\"icon\" href=\"data:,\">\
         <style>{STYLE}</style></head><body>\
         <h1>Closing a shared socket</h1>\
         <p>Every scenario is a small world of threads, descriptors and sockets that the model \
         explores completely; every defect is a known mistake that must be caught. Open one to \
         walk through it step by step. The verdicts are computed while this page is open; what \
         is expected is pinned in the catalogue. Scenarios of more than {} states are left to \
         <code>cargo verify check</code>.</p>\
         <h2>Scenarios</h2><table><thead><tr><th>scenario<th>what happens\
         <th>states (pinned)<th>verdict</tr></thead><tbody>{scenarios}</tbody></table>\
         <h2>Defects</h2><p>Each opens at its shortest counterexample.</p>\
         <table><thead><tr><th>defect<th>what is wrong\
         <th>expected to violate<th>verdict</tr></thead><tbody>{defects}</tbody></table>\
         <h2>Invariants</h2><table><thead><tr><th>invariant<th>what must hold<th>or else\
         </tr></thead><tbody>{}</tbody></table>\
         <script>{SCRIPT}</script></body></html>",
        grouped(LARGEST as u64),
        invariants()
    )
}

fn scenario((entry, standing): (&Job, &Standing)) -> String {
    let scenario = entry.scenario;
    format!(
        "<tr><th><a href=\"{}\">{}</a></th><td>{}</td><td class=\"number\">{}</td>{}</tr>",
        escape(&standing.path),
        escape(scenario.name),
        escape(scenario.summary),
        grouped(scenario.states as u64),
        verdict(standing)
    )
}

fn defect((entry, standing): (&Job, &Standing)) -> String {
    let Some(defect) = entry.defect else {
        return String::new();
    };
    format!(
        "<tr><th><a href=\"{}\">{}</a></th><td>{} <span class=\"soft\">In {}.</span></td>\
         <td>{}</td>{}</tr>",
        escape(&standing.path),
        escape(defect.name),
        escape(defect.summary),
        escape(defect.scenario),
        escape(&defect.violates.join(", ")),
        verdict(standing)
    )
}

fn verdict(standing: &Standing) -> String {
    format!(
        "<td class=\"verdict\"><span id=\"{}\" class=\"{}\">{}</span></td>",
        escape(&standing.path),
        standing.class,
        escape(&standing.text)
    )
}

fn invariants() -> String {
    let mut rows = String::new();
    for it in every_invariant() {
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            "<tr><th>{}</th><td>{} <span class=\"soft\">{}</span></td><td>{}</td></tr>",
            escape(it.id),
            escape(it.sentence),
            escape(&it.clauses.join(", ")),
            escape(it.why)
        );
    }
    rows
}
