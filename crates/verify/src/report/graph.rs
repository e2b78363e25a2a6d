//! The state graph of a scenario, as JSON of a documented form and as DOT.

use std::fmt::Write as _;

use closesocket_models::{Edge, Graph, Node};
use serde_json::{Value, json};

use crate::found::check::ScenarioReport;
use crate::found::code::Code;
use crate::found::world::world;

/// All of it as one object, a line for each node and each edge.
pub(crate) fn to_json(of: &ScenarioReport, graph: &Graph) -> String {
    let nodes = graph.nodes.iter().enumerate();
    let nodes = nodes.map(|(id, it)| node(id, it, of));
    let edges = graph.edges.iter().map(edge);
    format!(
        "{{\n\"schema\": 1,\n\"scenario\": {},\n\"defect\": {},\n\"states\": {},\n\"transitions\": {},\n\"nodes\": [\n{}\n],\n\"edges\": [\n{}\n]\n}}\n",
        json!(of.name),
        json!(of.defect),
        graph.nodes.len(),
        graph.edges.len(),
        lines(nodes),
        lines(edges),
    )
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values
        .map(|it| it.to_string())
        .collect::<Vec<_>>()
        .join(",\n")
}

fn node(id: usize, it: &Node, of: &ScenarioReport) -> Value {
    json!({ "id": id, "depth": it.depth, "state": world(of.scenario, &it.state) })
}

fn edge(it: &Edge) -> Value {
    json!({
        "from": it.from,
        "to": it.to,
        "thread": it.action.thread.map(|it| it + 1),
        "step": it.action.to_string(),
        "code": Code::of(it.action.what),
    })
}

/// All of it for Graphviz: the start a box, the end a double circle, a violation filled.
pub(crate) fn to_dot(of: &ScenarioReport, graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&of.title()));
    for (id, it) in graph.nodes.iter().enumerate() {
        let violated = of.invariants.iter();
        let violated: Vec<_> = violated
            .enumerate()
            .filter(|(index, _)| it.state.violated().contains(*index))
            .map(|(_, it)| it.id)
            .collect();
        let looks = match id {
            0 => " [shape=box, label=start]".to_owned(),
            _ if !violated.is_empty() => {
                let label = quoted(&violated.join(", "));
                format!(" [style=filled, fillcolor=salmon, label={label}]")
            }
            _ if it.state.rest().rested() => " [shape=doublecircle]".to_owned(),
            _ => String::new(),
        };
        let _ = writeln!(text, "  {id}{looks};");
    }
    for it in &graph.edges {
        let label = quoted(&it.action.to_string());
        let _ = writeln!(text, "  {} -> {} [label={label}];", it.from, it.to);
    }
    text + "}\n"
}

/// A text between quotation marks.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
