//! `regen diff`: shows what changed in the specs, clause by clause.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use super::{Context, complete, exit};
use crate::commands::diff::{Side, SpecsDiff};
use crate::report::diff as report;
use crate::report::graph::{GraphFormat, GraphPart, graph, tree};
use crate::report::words;
use crate::spec::{ClauseChange, conflicts};
use crate::store::{RevisionError, revision};
use crate::types::SpecId;
use crate::workspace::{CommandError, Workspace, load};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Git revisions, if the first name is not a spec; then specs, by id, path or glob. Default:
    /// working tree against what is promoted, all specs.
    #[arg(value_name = "FROM[..TO]|SPEC", add = ArgValueCandidates::new(complete::specs))]
    names: Vec<String>,
    /// Compare with what is promoted (default).
    #[arg(long, conflicts_with = "merge_base")]
    promoted: bool,
    /// Compare both sides with their merge base and show clauses that both changed.
    #[arg(long, requires = "names")]
    merge_base: bool,
    /// Only these specs, by id, path or glob.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1..)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    specs: Vec<String>,
    /// Output format. `dot` and `mermaid` draw what is out of date.
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    format: DiffFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    Human,
    Json,
    Markdown,
    Github,
    Dot,
    Mermaid,
}

impl DiffFormat {
    fn graph(self) -> Option<GraphFormat> {
        match self {
            Self::Dot => Some(GraphFormat::Dot),
            Self::Mermaid => Some(GraphFormat::Mermaid),
            Self::Human | Self::Json | Self::Markdown | Self::Github => None,
        }
    }
}

/// Compares.
pub fn diff(door: &Context, args: &DiffArgs) -> Result<u8, CommandError> {
    let workspace = load(&door.reading()?, None)?;
    let (range, specs) = parts(&workspace, args)?;
    let (from, to) = match range {
        None => (None, None),
        Some(range) => match range.split_once("..") {
            Some((from, to)) => (Some(from), Some(to.trim_start_matches('.'))),
            None => (Some(range), None),
        },
    };
    let head = |revision: &'static str, given: &str| -> String {
        if given.is_empty() { revision.to_owned() } else { given.to_owned() }
    };
    let from = from.map(|from| head("HEAD", from));
    let to = to.map(|to| head("HEAD", to));
    let side = |revision: Option<&String>| -> Result<Side, CommandError> {
        revision.map_or_else(|| Ok(workspace.now()), |revision| workspace.at(revision))
    };
    let now = side(to.as_ref())?;
    let mut clashes = Vec::new();
    let mut found = match (&from, args.merge_base) {
        (None, _) => workspace.compare(None, &now),
        (Some(from), false) => workspace.compare(Some(&workspace.at(from)?), &now),
        (Some(from), true) => {
            let other = to.as_deref().unwrap_or("HEAD");
            let base = workspace.at(&revision::merge_base(&workspace.places.root, from, other)?)?;
            clashes = conflicts(&base.specs, &now.specs, &workspace.at(from)?.specs);
            workspace.compare(Some(&base), &now)
        }
    };
    if !specs.is_empty() {
        // A removed spec has no file, so its id is shown.
        let gone = found.specs.iter().map(|spec| spec.spec.clone());
        let gone = gone.chain(workspace.standing.spec.keys().cloned()).collect();
        let only = workspace.select_among(&specs, &gone)?;
        found.specs.retain(|spec| only.contains(&spec.spec));
        let kept = |one: &str| found.specs.iter().any(|spec| spec.spec == *one);
        found.out_of_date.retain(|one| one.dependent || kept(&one.spec));
        let is_of = |clause: &str, id: &SpecId| {
            clause.rsplit_once('/').is_some_and(|(spec, _)| *id == *spec)
        };
        clashes.retain(|(ours, _)| only.iter().any(|id| is_of(&ours.clause, id)));
    }
    if let Some(format) = args.format.graph().filter(|_| !door.global.json) {
        door.print(&graph(&out_of_date(&now, &found), format));
    } else {
        show(door, args, &workspace, &now, &found, &clashes);
    }
    Ok(if clashes.is_empty() { exit::DONE } else { exit::SPEC_REFUSED })
}

/// The range of revisions, if the first name is one, and the specs.
fn parts<'a>(
    workspace: &Workspace,
    args: &'a DiffArgs,
) -> Result<(Option<&'a str>, Vec<String>), CommandError> {
    let gone: BTreeSet<SpecId> = workspace.standing.spec.keys().cloned().collect();
    let is_spec = |name: &String| {
        !name.contains("..") && workspace.select_among(std::slice::from_ref(name), &gone).is_ok()
    };
    let root = &workspace.places.root;
    let is_revision = |name: &str| revision::commit(root, name).is_ok();
    let first = args.names.first();
    let range = match first {
        None => None,
        Some(name) if args.promoted || (is_spec(name) && !args.merge_base) => {
            if !args.promoted && is_revision(name) {
                let why = format!("`{name}` is both a spec and a Git revision");
                let hint = format!("`--spec {name}` for the spec, `{name}..` for the revision");
                return Err(CommandError::usage(why).hint(hint));
            }
            None
        }
        Some(name) => Some(name.as_str()),
    };
    // Neither: probably a spec's name, mistyped.
    if let Some(name) = range.filter(|name| !name.contains("..")) {
        match revision::commit(root, name) {
            Err(RevisionError::Refused(_)) => {
                let why = format!("`{name}` is neither a Git revision nor a spec");
                return Err(workspace.nearest_to(name, CommandError::usage(why)));
            }
            other => drop(other?),
        }
    }
    let specs = args.names.iter().skip(usize::from(range.is_some())).chain(&args.specs);
    Ok((range, specs.cloned().collect()))
}

/// What is out of date.
fn out_of_date<'a>(now: &'a Side, found: &'a SpecsDiff) -> Vec<GraphPart<'a>> {
    let depends = |id: &SpecId| {
        let spec = now.specs.iter().find(|spec| spec.id == *id);
        spec.map_or(&[][..], |spec| &spec.depends)
    };
    let parts = found.out_of_date.iter().map(|one| GraphPart {
        spec: &one.spec,
        target: &one.target,
        words: words::reason(Some(&one.reason)),
        reason: Some(&one.reason),
        depends: depends(&one.spec),
    });
    parts.collect()
}

/// The tree of specs that depend on changed ones.
fn dependents(now: &Side, found: &SpecsDiff) -> String {
    let is_dependent = |part: &GraphPart<'_>| {
        found.out_of_date.iter().any(|one| one.dependent && one.spec == *part.spec)
    };
    let mut parts = out_of_date(now, found);
    let below: BTreeSet<SpecId> = parts
        .iter()
        .filter(|part| is_dependent(part))
        .flat_map(|part| part.depends)
        .cloned()
        .collect();
    parts.retain(|part| is_dependent(part) || below.contains(part.spec));
    tree(&parts)
}

fn show(
    door: &Context,
    args: &DiffArgs,
    workspace: &Workspace,
    now: &Side,
    found: &SpecsDiff,
    clashes: &[(ClauseChange, ClauseChange)],
) {
    let format = if door.global.json { DiffFormat::Json } else { args.format };
    let clash = |(ours, theirs): &(ClauseChange, ClauseChange)| {
        format!("both sides changed `{}`: {}", ours.clause, report::against(ours, theirs))
    };
    match format {
        DiffFormat::Json => {
            let conflicts: Vec<_> = clashes
                .iter()
                .map(|(ours, theirs)| json!({ "ours": ours, "theirs": theirs }))
                .collect();
            door.json(&json!({
                "type": "diff",
                "specs": found.specs,
                "out_of_date": found.out_of_date,
                "tests": found.tests,
                "conflicts": conflicts,
            }));
            return;
        }
        DiffFormat::Markdown => door.print(&report::markdown(found)),
        DiffFormat::Github => door.print(&report::annotations(found)),
        DiffFormat::Human if found.specs.is_empty() => {
            if !door.global.quiet {
                let folder = &workspace.harness.harness.specs;
                door.say(&format!("no clause in {folder}/ changed"));
            }
        }
        _ => door.show(&report::human(found, &dependents(now, found), door.paint)),
    }
    for pair in clashes {
        match format {
            DiffFormat::Markdown => door.print(&report::conflict_markdown(&clash(pair))),
            DiffFormat::Github => door.print(&report::conflict(&pair.0, &clash(pair))),
            _ => door.say(&format!("{}: {}", door.paint.bad("conflict"), clash(pair))),
        }
    }
}
