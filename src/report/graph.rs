//! The graph of what a change makes out of date, in the formats of drawing programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::types::{Reason, SpecId};

/// A target that is out of date.
#[derive(Clone, Debug)]
pub struct GraphPart<'a> {
    /// Its spec.
    pub spec: &'a SpecId,
    /// Its name, and what is to be done.
    pub words: String,
    /// Why.
    pub reason: &'a Reason,
    /// The specs that its spec depends on.
    pub depends: &'a [SpecId],
}

/// A format of graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// Renders a graph: a node for each spec, an edge from each to those that use its code.
pub fn graph(parts: &[GraphPart<'_>], format: GraphFormat) -> String {
    let mut nodes: BTreeMap<&SpecId, Vec<&GraphPart<'_>>> = BTreeMap::new();
    for part in parts {
        nodes.entry(part.spec).or_default().push(part);
    }
    let number = |id: &SpecId| nodes.keys().position(|other| *other == id);
    let mut out = match format {
        GraphFormat::Dot => "digraph regen {\n  rankdir=LR;\n  node [shape=box];\n".to_owned(),
        GraphFormat::Mermaid => "flowchart LR\n".to_owned(),
    };
    for (at, (id, parts)) in nodes.iter().enumerate() {
        let lines = [id.to_string()].into_iter();
        let lines = lines.chain(parts.iter().map(|part| part.words.clone()));
        let lines: Vec<_> = lines.map(|line| escaped(&line, format)).collect();
        let _ = match format {
            GraphFormat::Dot => writeln!(out, "  n{at} [label=\"{}\"];", lines.join("\\n")),
            GraphFormat::Mermaid => writeln!(out, "  n{at}[\"{}\"]", lines.join("<br>")),
        };
    }
    for (at, parts) in nodes.values().enumerate() {
        for other in parts[0].depends {
            let Some(from) = number(other) else { continue };
            let label = escaped(&why(other, parts), format);
            let _ = match format {
                GraphFormat::Dot => writeln!(out, "  n{from} -> n{at} [label=\"{label}\"];"),
                GraphFormat::Mermaid => writeln!(out, "  n{from} -->|\"{label}\"| n{at}"),
            };
        }
    }
    if format == GraphFormat::Dot {
        out.push_str("}\n");
    }
    out
}

/// What a spec makes of one that uses its code.
fn why(other: &SpecId, parts: &[&GraphPart<'_>]) -> String {
    let items: Vec<&str> = parts.iter().flat_map(|part| part.reason.items_of(other)).collect();
    if !items.is_empty() {
        format!("changed: {}", items.join(", "))
    } else if parts.iter().any(|part| part.reason.is_of(other)) {
        "its gates run again".to_owned()
    } else {
        "it waits".to_owned()
    }
}

fn escaped(text: &str, format: GraphFormat) -> String {
    match format {
        GraphFormat::Dot => text.replace('\\', "\\\\").replace('"', "\\\""),
        // Mermaid's own character references.
        GraphFormat::Mermaid => {
            text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;")
        }
    }
}
