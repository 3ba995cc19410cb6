//! Finds what changed in specs, configuration and lockfile since acceptance.

use std::collections::{BTreeMap, BTreeSet};

use super::flaw::{Flaw, FlawKind, quoted};
use crate::plan;
use crate::types::lockfile::LOCK_VERSION;
use crate::types::{Plan, Problem, Reason, RelPath, Severity, Spec, SpecId, TargetName};
use crate::workspace::{CommandError, Workspace, today};

impl Workspace {
    /// Refused specs.
    pub(super) fn refusals(&self) -> Vec<Flaw> {
        let refused = self.problems.iter().filter(|p| p.severity == Severity::Error);
        let flaw = |problem: &Problem| {
            let spec = self.files.get(&problem.file).cloned().unwrap_or_default();
            let mut problem = problem.clone();
            let help = problem.help.take().unwrap_or_default();
            let command = format!("regen lint {}", quoted(&spec));
            problem.help =
                Some(if help.is_empty() { command } else { format!("{command}: {help}") });
            Flaw {
                kind: FlawKind::SpecRefused,
                spec,
                target: TargetName::default(),
                clause: None,
                problem,
            }
        };
        refused.map(flaw).collect()
    }

    /// Targets that were accepted for other inputs than the current ones.
    pub(super) fn stale(&self, plan: &Plan) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        for job in &plan.jobs {
            let Some(spec) = self.spec(&job.spec) else { continue };
            for part in &job.parts {
                let at = (&job.spec, &part.target);
                if part.held {
                    let message = format!(
                        "`{}` is held at an earlier tree by a rollback; it was not accepted for this spec",
                        part.target
                    );
                    let flaw = Flaw::new(at, "held", message).at(&spec.file);
                    flaws.push(flaw.hint(format!("regen run --force --spec {}", quoted(&spec.id))));
                }
                if let Some(reason) = &part.reason {
                    flaws.extend(self.of_reason(spec, &part.target, reason));
                }
            }
        }
        flaws
    }

    fn of_reason(&self, spec: &Spec, target: &TargetName, reason: &Reason) -> Vec<Flaw> {
        let at = (&spec.id, target);
        let hint = format!("regen --spec {}", quoted(&spec.id));
        let flaw = |code: &str, message: String| Flaw::new(at, code, message).hint(&hint);
        match reason {
            Reason::Clauses { names } => names
                .iter()
                .map(|name| match spec.clauses.iter().find(|clause| clause.id.name() == name) {
                    Some(clause) => {
                        let message =
                            format!("`{}` changed since `{target}` was promoted", clause.id);
                        flaw("clause", message).span(&spec.file, clause.span, clause.line)
                    }
                    None => {
                        let message = format!(
                            "`{target}` was promoted with `{}/{name}`, which was removed",
                            spec.id
                        );
                        flaw("clause", message).at(&spec.file)
                    }
                })
                .collect(),
            Reason::Gates { changed } => changed
                .iter()
                .map(|name| {
                    let of_spec = ["demanded clauses", "uncited clauses", plan::CODE, plan::PROOF];
                    let file = if self.places.root.join(name).is_file() {
                        name.as_str()
                    } else if of_spec.iter().any(|start| name.starts_with(start)) {
                        &spec.file
                    } else {
                        "harness.toml"
                    };
                    let message =
                        format!("{name} changed since `{}` · `{target}` was accepted", spec.id);
                    flaw("judges", message).at(file)
                })
                .collect(),
            Reason::NothingPromoted if spec.integration => {
                let message = format!("`{}` was not verified with what it depends on", spec.id);
                vec![flaw("not_promoted", message).at(&spec.file)]
            }
            Reason::NothingPromoted => {
                vec![flaw("not_promoted", format!("`{target}` is not promoted")).at(&spec.file)]
            }
            Reason::Context => {
                let message = format!("the prose changed since `{target}` was promoted");
                vec![flaw("context", message).at(&spec.file)]
            }
            _ => {
                let message = format!(
                    "`{}` · `{target}` was promoted with another configuration, other `depends` or other \
                     clauses of a dependency",
                    spec.id
                );
                vec![flaw("target", message).at("harness.toml")]
            }
        }
    }

    /// Expired waivers.
    pub(super) fn waivers(&self) -> Vec<Flaw> {
        let today = today();
        let mut flaws = Vec::new();
        for spec in &self.read {
            for clause in &spec.clauses {
                let Some(waiver) = clause.waiver.as_ref().filter(|w| w.until < today) else {
                    continue;
                };
                let message = format!("the waiver of `{}` ended on {}", clause.id, waiver.until);
                let flaw = Flaw::of_spec(&spec.id, "waiver", message);
                let hint = format!("regen lint --fix {}", quoted(&spec.id));
                flaws.push(flaw.span(&spec.file, waiver.span, waiver.line).hint(hint));
            }
        }
        flaws
    }

    /// Flaws of the lockfile itself.
    pub(super) fn lock(&self) -> Vec<Flaw> {
        let flaw = |message: String| {
            Flaw::of_workspace("lock", message).at("regen.lock").hint("regen check --fix-lock")
        };
        let mut flaws = Vec::new();
        if let Some(older) = self.older.as_ref().filter(|older| older.version != LOCK_VERSION) {
            flaws.push(flaw(format!(
                "the lockfile has format {}; this regen writes format {}",
                older.version, LOCK_VERSION
            )));
        } else if !self.is_canonical {
            flaws.push(flaw("the lockfile is not in canonical form".to_owned()));
        }
        let read: BTreeMap<&SpecId, &Spec> =
            self.read.iter().map(|spec| (&spec.id, spec)).collect();
        for (id, standing) in &self.standing.spec {
            let known = read.get(id);
            let targets = known.map(|spec| plan::targets(spec, &self.harness)).unwrap_or_default();
            for (name, entry) in &standing.target {
                let at = (id, name);
                if !targets.contains(name) {
                    let why =
                        if known.is_some() { "no longer has this target" } else { "was removed" };
                    let message = format!("{} is promoted, but the spec `{id}` {why}", entry.path);
                    let hint = match RelPath::parse(&entry.path) {
                        Ok(_) if known.is_none() => format!("regen remove {id}"),
                        Ok(path) => {
                            let path = quoted(path.as_str());
                            format!("rm -r {path} {path}.* && regen check --fix-lock")
                        }
                        // An invalid path could make `rm -r` delete other files.
                        Err(_) => "regen check --fix-lock".to_owned(),
                    };
                    flaws.push(Flaw::new(at, "gone", message).at("regen.lock").hint(hint));
                }
                let path = self.harness.target.get(name);
                let path = path.map(|t| format!("{}/{}", t.unit(id), t.leaf(name)));
                if path.is_some_and(|path| path != *entry.path) {
                    flaws.push(flaw(format!(
                        "the path of `{id}` · `{name}` differs from its configured output"
                    )));
                }
            }
        }
        flaws
    }

    /// Levels with too few covered clauses.
    pub(super) fn thresholds(
        &self,
        only: Option<&BTreeSet<SpecId>>,
    ) -> Result<Vec<Flaw>, CommandError> {
        if self.harness.trace == Default::default() {
            return Ok(Vec::new());
        }
        let matrix = self.trace_without_ledger(only)?;
        let flaw = |message: String| {
            Flaw::of_workspace("trace", message).at("harness.toml").hint("regen trace")
        };
        Ok(matrix.below(&self.harness.trace).into_iter().map(flaw).collect())
    }
}
