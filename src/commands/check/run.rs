//! Checks a workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::flaw::Flaw;
use super::policy;
use super::touched::Touched;
use super::trees::{Compared, Units, compare};
use crate::plan::{self, LiveTree};
use crate::store::files;
use crate::types::{Harness, Plan, Policy, SpecId, TargetName};
use crate::workspace::{
    CommandError, ErrorKind, Workspace, WorkspaceLayout, load_as_accepted, load_config,
};

/// One target that was checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// Its file.
    pub file: String,
    /// The tree that the lock file names.
    pub tree: Option<crate::types::Digest>,
    /// Who wrote it.
    pub origin: Option<String>,
    /// How many clauses it was accepted for.
    pub clauses: usize,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckOutcome {
    /// What is wrong, in order of file and line.
    pub flaws: Vec<Flaw>,
    /// What was looked at.
    pub checked: Vec<Checked>,
    /// Files below `generated/` that were compared.
    pub files: usize,
    /// Whether a spec is refused.
    pub refused: bool,
}

/// What is to be checked.
#[derive(Debug, Default)]
pub struct CheckOptions {
    /// A revision: only what differs from where this branch left it.
    pub against: Option<String>,
    /// Further demands.
    pub policy: Option<Policy>,
}

/// The folder that holds nothing but units, if there is one.
fn folder(harness: &Harness) -> Option<String> {
    let target = harness.target.values().find(|target| target.is_generated())?;
    target.unit("{spec}").strip_suffix("/{spec}").map(str::to_owned)
}

/// The units of known specs.
fn units(workspace: &Workspace) -> Vec<String> {
    let target = workspace.harness.target.values().find(|target| target.is_generated());
    let ids: BTreeSet<&SpecId> =
        workspace.files.values().chain(workspace.standing.spec.keys()).collect();
    ids.into_iter().filter_map(|id| Some(target?.unit(id))).collect()
}

/// Reads a workspace and checks it.
///
/// # Errors
/// What keeps the workspace from being read. A lock file that cannot be read is a flaw.
pub fn check_workspace(
    places: &WorkspaceLayout,
    asked: &CheckOptions,
) -> Result<(Option<Workspace>, CheckOutcome), CommandError> {
    let root = &places.root;
    let config = load_config(places, None)?;
    let folder = folder(&config.harness);
    // What stands there is compared while the specs are read: it needs nothing but the lock file.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let early = scope.spawn(move || {
            let lock = files::lock(root);
            let standing = lock.as_ref().ok().map(|(standing, _)| Arc::clone(standing));
            // Nobody listens any more if a spec's folder cannot be read.
            let _ = tell.send(lock);
            let (standing, folder) = standing.zip(folder)?;
            Some(compare(root, &standing, Units::In(&folder)))
        });
        let lock = || told.recv().expect("the lock file is told of");
        let workspace = match load_as_accepted(places, config, lock) {
            Err(error) if error.kind() == ErrorKind::Lockfile => {
                let message = error.to_string();
                let message = message.lines().next().unwrap_or_default().to_owned();
                let flaw = Flaw::of_workspace("lock", message).at("regen.lock");
                let flaws = vec![flaw.hint("regen check --fix-lock")];
                return Ok((None, CheckOutcome { flaws, ..CheckOutcome::default() }));
            }
            workspace => workspace?,
        };
        let compared = || match early.join().expect("comparing does not panic") {
            Some(compared) => compared,
            None => compare(root, &workspace.standing, Units::These(units(&workspace))),
        };
        let outcome = workspace.compare_with_lock(compared, asked)?;
        Ok((Some(workspace), outcome))
    })
}

impl Workspace {
    /// Checks; what stands on the disk is asked for last.
    fn compare_with_lock(
        &self,
        compared: impl FnOnce() -> std::io::Result<Compared>,
        asked: &CheckOptions,
    ) -> Result<CheckOutcome, CommandError> {
        let touched = match &asked.against {
            Some(revision) => self.touched(revision)?,
            None => Touched { specs: None, files: BTreeSet::new() },
        };
        let plan = self.plan_as_accepted();
        let mut flaws = self.refusals();
        let refused = !flaws.is_empty();
        flaws.extend(self.stale(&plan));
        flaws.extend(self.waivers());
        flaws.extend(self.lock());
        flaws.extend(self.thresholds(touched.specs.as_ref())?);
        let checked = self.checked(&plan, touched.specs.as_ref());
        let compared = compared()?;
        flaws.extend(compared.flaws);
        if let Some(policy) = &asked.policy {
            flaws.extend(policy::demands(self, policy, &compared.accepted)?);
        }
        if let Some(specs) = &touched.specs {
            let here = |file: &str| {
                let inside = format!("{file}/");
                touched.files.iter().any(|one| one == file || one.starts_with(&inside))
            };
            let of_all = |flaw: &Flaw| flaw.problem.code == "check::trace";
            flaws.retain(|flaw| {
                specs.contains(&flaw.spec) || here(&flaw.problem.file) || of_all(flaw)
            });
        }
        flaws.sort_by(|a, b| {
            let key = |flaw: &Flaw| {
                let problem = &flaw.problem;
                (problem.file.clone(), problem.line, problem.code.clone(), problem.message.clone())
            };
            key(a).cmp(&key(b))
        });
        flaws.dedup();
        Ok(CheckOutcome { flaws, checked, files: compared.files, refused })
    }

    /// The plan as if every tree stood where it should and the tools were those that judged it.
    fn plan_as_accepted(&self) -> Plan {
        let mut live = BTreeMap::new();
        for (id, spec) in &self.standing.spec {
            live.extend(spec.target.keys().map(|t| ((id.clone(), t.clone()), LiveTree::Same)));
        }
        plan::plan(&plan::PlanInputs {
            harness: &self.harness,
            specs: &self.specs,
            standing: &self.standing,
            live: &live,
            checks: self.checks(),
            tools: &BTreeMap::new(),
            signer: None,
            languages: &self.languages(),
            only: None,
            force: false,
        })
    }

    fn checked(&self, plan: &Plan, only: Option<&BTreeSet<SpecId>>) -> Vec<Checked> {
        let mut checked = Vec::new();
        for job in &plan.jobs {
            if only.is_some_and(|only| !only.contains(&job.spec)) {
                continue;
            }
            for part in &job.parts {
                let entry = self.standing.spec.get(&job.spec);
                let entry = entry.and_then(|spec| spec.target.get(&part.target));
                checked.push(Checked {
                    spec: job.spec.clone(),
                    target: part.target.clone(),
                    file: self.spec(&job.spec).map(|spec| spec.file.clone()).unwrap_or_default(),
                    tree: entry.map(|entry| entry.tree),
                    origin: entry.map(|entry| entry.origin.words()),
                    clauses: entry.map_or(0, |entry| entry.clauses.len()),
                });
            }
        }
        checked
    }
}
