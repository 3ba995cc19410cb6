//! Checks across specs, and admission.

use std::collections::{BTreeMap, BTreeSet};

use super::front::is_near;
use super::{depends, integration};
use crate::types::{AdmittedSpec, Binding, Harness, Problem, Severity, Spec, SpecId};

/// Checks a guard's name and arguments.
pub type GuardCheck = fn(&str, &[String]) -> Option<Problem>;

/// A parsed spec with its problems.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The spec.
    pub spec: Spec,
    /// Its problems so far.
    pub problems: Vec<Problem>,
}

/// Admits valid specs. Gives all problems of all specs. `guard` checks a guard's name and
/// arguments.
///
/// A spec is refused for its own errors and for those of its dependencies.
pub fn admit(
    parsed: Vec<Parsed>,
    harness: &Harness,
    guard: GuardCheck,
) -> (Vec<AdmittedSpec>, Vec<Problem>) {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &parsed {
        files.entry(&one.spec.id).or_default().push(&one.spec.file);
    }
    let mut packages: BTreeMap<String, Vec<&Spec>> = BTreeMap::new();
    for one in &parsed {
        packages.entry(one.spec.id.word()).or_default().push(&one.spec);
    }
    let cycles = cycles(&parsed);
    let mut problems: Vec<Problem> = Vec::new();
    let find = |id: &SpecId| parsed.iter().map(|one| &one.spec).find(|spec| spec.id == *id);
    for one in &parsed {
        problems.extend(one.problems.iter().cloned());
        let mut across = across(one, harness, guard, &files);
        across.extend(same_package(&one.spec, &packages));
        across.extend(depends::check(&one.spec, &find, harness));
        across.extend(integration::check(&one.spec, &find, harness));
        problems.extend(across.into_iter().map(|problem| problem.file(&one.spec.file)));
        if let Some(cycle) = cycles.get(one.spec.id.as_str()) {
            let message = format!("circular dependency: {}", cycle.join(" -> "));
            let problem = Problem::error("spec::cycle", message)
                .help("remove one `depends`")
                .file(&one.spec.file);
            problems.push(problem);
        }
    }
    refuse_dependents(&parsed, &mut problems);
    let admitted =
        parsed.into_iter().filter_map(|one| AdmittedSpec::new(one.spec, &problems)).collect();
    (admitted, problems)
}

fn across(
    one: &Parsed,
    harness: &Harness,
    guard: GuardCheck,
    files: &BTreeMap<&str, Vec<&str>>,
) -> Vec<Problem> {
    let spec = &one.spec;
    let mut problems = Vec::new();
    if let Some(same) = files.get(spec.id.as_str()).filter(|same| same.len() > 1) {
        let message = format!("the id `{}` is used by {}", spec.id, same.join(" and "));
        problems.push(
            Problem::error("spec::duplicate_id", message)
                .help("set a different `id` in one of them"),
        );
    }
    for name in &spec.depends {
        if !files.contains_key(name.as_str()) {
            let message = format!("unknown spec `{name}` in `depends`");
            let own = spec.id.as_str();
            let is_like = |id: &&&str| **id != own && name.len() > 3 && is_near(id, name);
            let near = files.keys().find(is_like);
            let help = match near {
                Some(id) => format!("did you mean `{id}`?"),
                None => "restore its file, or name the spec that has its code now".to_owned(),
            };
            problems.push(Problem::error("spec::unknown_dependency", message).help(help));
        }
    }
    let has_none = spec.targets.is_empty() && !spec.integration;
    if has_none && harness.harness.default_targets.is_empty() {
        let known: Vec<_> = harness.target.keys().map(|name| name.as_str()).collect();
        let help = format!(
            "set `targets: [{}]` in its front matter, or `[harness] default_targets` in harness.toml",
            known.join(", ")
        );
        let message = "no target and no default target";
        problems.push(Problem::error("spec::no_target", message).help(help));
    }
    if let Some(twice) =
        (1..spec.targets.len()).find(|n| spec.targets[..*n].contains(&spec.targets[*n]))
    {
        let message = format!("the target `{}` is listed twice", spec.targets[twice]);
        problems.push(Problem::error("spec::duplicate_target", message).help("list it once"));
    }
    for name in &spec.targets {
        if !harness.target.contains_key(name) {
            let known: Vec<_> = harness.target.keys().map(|name| name.as_str()).collect();
            let message = format!("the target `{name}` is not in harness.toml");
            let help = format!("known targets: {}", known.join(", "));
            problems.push(Problem::error("spec::unknown_target", message).help(help));
        }
    }
    for clause in &spec.clauses {
        for binding in &clause.bindings {
            let problem = match binding {
                Binding::Guard { name, args } => guard(name, args),
                Binding::Bench { name, .. } => {
                    let message = format!("`bench: {name}` is not measured yet");
                    Some(Problem::error("spec::bench", message).warning())
                }
                Binding::TestId { .. } => None,
            };
            problems.extend(problem.map(|mut problem| {
                (problem.span, problem.line) = (Some(clause.span), clause.line);
                problem
            }));
        }
    }
    problems
}

/// Another spec whose crate or package has the same name.
fn same_package(spec: &Spec, packages: &BTreeMap<String, Vec<&Spec>>) -> Option<Problem> {
    let other = packages.get(&spec.id.word())?.iter().find(|other| other.id != spec.id)?;
    let message = format!(
        "the ids `{}` ({}) and `{}` ({}) differ only by `-`, `_` and `/`, so their packages \
         would have one name",
        spec.id, spec.file, other.id, other.file
    );
    let problem = Problem::error("spec::same_package", message);
    Some(problem.help("set a different `id` in one of them"))
}

/// Refuses specs whose dependencies are refused.
fn refuse_dependents(parsed: &[Parsed], problems: &mut Vec<Problem>) {
    let bad = |problems: &[Problem], file: &str| {
        problems.iter().any(|p| p.severity == Severity::Error && p.file == file)
    };
    loop {
        let mut found = None;
        for one in parsed.iter().filter(|one| !bad(problems, &one.spec.file)) {
            let refused = parsed.iter().find(|other| {
                one.spec.depends.contains(&other.spec.id) && bad(problems, &other.spec.file)
            });
            if let Some(other) = refused {
                let message = format!("it depends on `{}`, which is refused", other.spec.id);
                found =
                    Some(Problem::error("spec::refused_dependency", message).file(&one.spec.file));
            }
        }
        match found {
            Some(problem) => problems.push(problem),
            None => return,
        }
    }
}

/// The cycle of each spec in one.
fn cycles(parsed: &[Parsed]) -> BTreeMap<&str, Vec<&str>> {
    let edges: BTreeMap<&str, Vec<&str>> = parsed
        .iter()
        .map(|p| (p.spec.id.as_str(), p.spec.depends.iter().map(|id| id.as_str()).collect()))
        .collect();
    let mut found = BTreeMap::new();
    for start in edges.keys() {
        if let Some(path) = path_back(start, &edges) {
            found.insert(*start, path);
        }
    }
    found
}

/// A shortest path from a spec to itself, by breadth-first search.
fn path_back<'a>(start: &'a str, edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut queue = std::collections::VecDeque::from([vec![start]]);
    while let Some(path) = queue.pop_front() {
        for next in path.last().and_then(|last| edges.get(last)).into_iter().flatten() {
            let mut longer = path.clone();
            longer.push(next);
            if *next == start {
                return Some(longer);
            }
            if seen.insert(*next) {
                queue.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Parsed, admit};
    use crate::spec::parse;
    use crate::types::Problem;

    fn codes(specs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let parsed = specs.iter().map(|(file, text)| {
            let (spec, problems, _) = parse(file, text.as_bytes());
            Parsed { spec, problems }
        });
        let text = "[harness]\ndefault_targets=[\"rust\"]\n[generator]\nmodel=\"m\"\n[target.rust]\ntoolchain=\"rust\"\n";
        let harness = crate::config::parse("h", text).expect("is right");
        let (admitted, problems) = admit(parsed.collect(), &harness, |name, _| {
            (name != "forbid_unsafe").then(|| Problem::error("spec::guard", "no such guard"))
        });
        (
            admitted.iter().map(|spec| spec.id.to_string()).collect(),
            problems.into_iter().map(|problem| problem.code).collect(),
        )
    }

    #[test]
    fn problems_across_specs_refuse_them_and_their_dependents() {
        let (ids, found) = codes(&[("specs/a.md", "---\ndepends: [b]\n---\n"), ("specs/b.md", "")]);
        assert_eq!((ids.len(), found.len()), (2, 0));
        for (text, code) in [
            ("---\ndepends: [x]\n---\n", "spec::unknown_dependency"),
            ("---\ndepends: [a]\n---\n", "spec::cycle"),
            ("---\ntargets: [go]\n---\n", "spec::unknown_target"),
            ("---\ntargets: [rust, rust]\n---\n", "spec::duplicate_target"),
            ("- a `guard: no_such`\n", "spec::guard"),
            ("---\nid: a\n---\n", "spec::duplicate_id"),
        ] {
            let (ids, found) =
                codes(&[("specs/b.md", text), ("specs/a.md", "---\ndepends: [b]\n---\n")]);
            assert!(found.contains(&code.to_owned()), "{text}: {found:?}");
            assert!(ids.is_empty(), "{text}: {ids:?}");
        }
    }
}
