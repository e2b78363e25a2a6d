//! What Explorer shows of a path, as a piece of its page.

use super::ExplorerModel;
use crate::defect::DefectSpec;
use crate::judged::Judged;
use crate::lanes::{Drawing, escape};

/// Explorer's page gives a third of its width to lists, with the properties before
/// the steps to take: the lanes need more, and the steps come first. The rest is
/// for what is shown here; its class keeps the rules from the rest of the page.
const STYLE: &str = "\
@media (min-width:1024px){.main-flex-left{flex:0 0 300px}.main-flex-right{min-width:0;\
flex:1 1 0;margin-left:12px;margin-right:12px}}\
.main-flex-left{display:flex;flex-direction:column;overflow-wrap:anywhere}\
.main-flex-left>.heading-with-controls:nth-of-type(2),.main-flex-left>h3,\
.main-flex-left>h3+ul{order:1}\
.closesocket svg.lanes{max-width:100%;height:auto}\
.closesocket{--ground:#fff;--text:#1a1a1a;--soft:#595f66;--link:#00568a;--wrong:#a84300;\
--good:#006b4f;--edge:#d3d9de;font:13px system-ui,'DejaVu Sans',sans-serif;color:var(--text);\
background:var(--ground);padding:10px;border-radius:6px;overflow-x:auto}\
@media (prefers-color-scheme:dark){.closesocket{--ground:#14181d;--text:#eceff1;--soft:#a7b0b8;\
--link:#7cc4f0;--wrong:#ff9a57;--good:#4fd3ab;--edge:#343c45}}\
.closesocket a{color:var(--link);text-decoration:underline}\
.closesocket p{white-space:normal;margin:2px 0 8px}\
.closesocket table{border-collapse:collapse;margin-top:10px}\
.closesocket caption{text-align:left;font-weight:bold;padding-bottom:4px}\
.closesocket td,.closesocket th{text-align:left;vertical-align:top;padding:3px 10px 3px 0;\
border-top:1px solid var(--edge)}\
.closesocket th{font-weight:600;white-space:nowrap}\
.closesocket .holds{color:var(--good);white-space:nowrap}\
.closesocket .violated{color:var(--wrong);font-weight:bold;white-space:nowrap}\
.closesocket .soft{color:var(--soft)}";

/// The piece of the page.
pub(super) fn page(model: &ExplorerModel, drawing: &Drawing, judged: &[Judged]) -> String {
    format!(
        "<style>{STYLE}</style><div class=\"closesocket\">{}{}{}</div>",
        heading(model),
        drawing.to_svg(),
        table(model, judged, drawing.rows.len() - 1)
    )
}

fn heading(model: &ExplorerModel) -> String {
    let scenario = model.model.scenario;
    let mut text = String::from("<p>");
    if let Some(home) = &model.home {
        text += &format!("{} · ", link(home, "All scenarios and defects"));
    }
    text += &format!(
        "<b>{}</b>: {}</p>",
        escape(scenario.name),
        escape(scenario.summary)
    );
    if let Some(defect) = model.model.defect.and_then(DefectSpec::of) {
        let (name, summary) = (escape(defect.name), escape(defect.summary));
        text += &format!("<p>with the defect <b>{name}</b>: {summary} ");
        if let Some(way) = model.shortest() {
            let shortest = format!("The shortest counterexample, {} steps", way.steps);
            text += &link(&way.place, &shortest);
        }
        text += "</p>";
    }
    text
}

/// Every invariant, the violated ones first.
fn table(model: &ExplorerModel, judged: &[Judged], step: usize) -> String {
    let of = if step == 0 {
        "the start".to_owned()
    } else {
        format!("step {step}")
    };
    let (holding, violated): (Vec<&Judged>, Vec<&Judged>) =
        judged.iter().partition(|it| it.holds());
    let mut text = format!(
        "<table><caption>Evaluated on {of}: {} of {} invariants hold</caption>",
        holding.len(),
        judged.len()
    );
    for it in violated.into_iter().chain(holding) {
        let (class, verdict) = if it.holds() {
            ("holds", "✓ holds")
        } else {
            ("violated", "✗ violated")
        };
        text += &format!(
            "<tr><td class=\"{class}\">{verdict}</td><th>{}</th><td>{}{} \
             <span class=\"soft\">{}</span>{}</td></tr>",
            escape(it.id),
            it.breach.as_ref().map_or_else(String::new, |breach| {
                format!("<b>{}.</b> ", escape(&breach.to_string()))
            }),
            escape(it.sentence),
            escape(&it.clauses.join(", ")),
            way(model, it.id)
        );
    }
    text + "</table>"
}

/// The link to the shortest way to break an invariant, if the defect breaks it.
fn way(model: &ExplorerModel, id: &str) -> String {
    let way = model.ways.iter().find(|it| it.id == id);
    way.map_or_else(String::new, |it| {
        let text = format!("violated in {} steps", it.steps);
        format!(" {}", link(&it.place, &text))
    })
}

fn link(to: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(to), escape(text))
}
