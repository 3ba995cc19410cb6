//! The graph of what a change makes out of date: as a tree for a terminal, and in the formats of
//! drawing programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::types::{Reason, SpecId};

/// A target of a spec.
#[derive(Clone, Debug)]
pub struct GraphPart<'a> {
    /// Its spec.
    pub spec: &'a SpecId,
    /// Its name.
    pub target: &'a str,
    /// What is to be done, and why.
    pub words: String,
    /// Why it is out of date; `None` if it is up to date.
    pub reason: Option<&'a Reason>,
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
    let nodes = nodes(parts.iter().filter(|part| part.reason.is_some()));
    let number = |id: &SpecId| nodes.keys().position(|other| *other == id);
    let mut out = match format {
        GraphFormat::Dot => "digraph regen {\n  rankdir=LR;\n  node [shape=box];\n".to_owned(),
        GraphFormat::Mermaid => "flowchart LR\n".to_owned(),
    };
    for (at, (id, parts)) in nodes.iter().enumerate() {
        let lines = [id.to_string()].into_iter();
        let words = |part: &&GraphPart<'_>| format!("{}: {}", part.target, part.words);
        let lines = lines.chain(parts.iter().map(words));
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

fn nodes<'a, 'b>(
    parts: impl Iterator<Item = &'b GraphPart<'a>>,
) -> BTreeMap<&'a SpecId, Vec<&'b GraphPart<'a>>> {
    let mut nodes: BTreeMap<&SpecId, Vec<&GraphPart<'_>>> = BTreeMap::new();
    for part in parts {
        nodes.entry(part.spec).or_default().push(part);
    }
    nodes
}

/// Renders a tree, a line for each target: below each spec those that use its code, with what its
/// change makes of them. What is below a spec is drawn once.
pub fn tree(parts: &[GraphPart<'_>]) -> String {
    let works = |part: &&GraphPart<'_>| part.reason.is_some();
    let at_work: BTreeSet<&SpecId> = parts.iter().filter(works).map(|part| part.spec).collect();
    let mut tree = TreeDrawing { nodes: nodes(parts.iter()), ..TreeDrawing::default() };
    let mut roots: Vec<&SpecId> = Vec::new();
    for part in parts {
        if tree.nodes[part.spec].first().is_none_or(|first| !std::ptr::eq(*first, part)) {
            continue;
        }
        let above = part.depends.iter().filter(|other| at_work.contains(other));
        let above: Vec<_> = above.filter(|_| at_work.contains(part.spec)).collect();
        if above.is_empty() {
            roots.push(part.spec);
        }
        for other in above {
            tree.users.entry(other).or_default().push(part.spec);
        }
    }
    for root in roots {
        tree.draw(root, None, "", true);
    }
    let width = tree.lines.iter().map(|[name, ..]| name.chars().count()).max().unwrap_or(0).max(20);
    let line = |[name, target, text]: &[String; 3]| format!("{name:<width$} {target:<10} {text}");
    tree.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A tree that is being drawn.
#[derive(Default)]
struct TreeDrawing<'a, 'b> {
    nodes: BTreeMap<&'a SpecId, Vec<&'b GraphPart<'a>>>,
    users: BTreeMap<&'a SpecId, Vec<&'a SpecId>>,
    drawn: BTreeSet<&'a SpecId>,
    /// Name, target and words.
    lines: Vec<[String; 3]>,
}

impl<'a> TreeDrawing<'a, '_> {
    fn draw(&mut self, id: &'a SpecId, above: Option<&SpecId>, indent: &str, is_last: bool) {
        let users = self.users.get(id).cloned().unwrap_or_default();
        let again = !self.drawn.insert(id) && !users.is_empty();
        let parts = &self.nodes[id];
        for (at, part) in parts.iter().enumerate() {
            let ends = is_last && at + 1 == parts.len();
            let branch = above.map_or("", |_| if ends { "└─ " } else { "├─ " });
            let mut text = above.map_or_else(|| part.words.clone(), |above| edge(above, part));
            if again {
                text += " · see above";
            }
            self.lines.push([format!("{indent}{branch}{id}"), part.target.to_owned(), text]);
        }
        if again {
            return;
        }
        let indent = indent.to_owned() + above.map_or("", |_| if is_last { "   " } else { "│  " });
        for (at, user) in users.iter().enumerate() {
            self.draw(user, Some(id), &indent, at + 1 == users.len());
        }
    }
}

/// What is to be done with a target, because of the spec above it and for reasons of its own.
fn edge(above: &SpecId, part: &GraphPart<'_>) -> String {
    let Some(reason) = part.reason else { return part.words.clone() };
    let why = why(above, &[part]);
    match part.words.split_once(" · ") {
        Some((does, _)) if reason.is_of(above) => format!("{does} · {why}"),
        _ => format!("{} · {why}", part.words),
    }
}

/// What a spec makes of one that uses its code.
fn why(other: &SpecId, parts: &[&GraphPart<'_>]) -> String {
    let reasons = || parts.iter().filter_map(|part| part.reason);
    let items: Vec<&str> = reasons().flat_map(|reason| reason.items_of(other)).collect();
    if !items.is_empty() {
        format!("changed: {}", items.join(", "))
    } else if reasons().any(|reason| reason.is_of(other) && reason.revalidates()) {
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
