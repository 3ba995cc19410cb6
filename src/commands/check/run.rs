//! Checks a workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::flaw::{Flaw, quoted};
use super::policy;
use super::touched::Touched;
use super::trees::{Compared, Units, compare};
use crate::plan::{self, LiveTree};
use crate::store::files;
use crate::types::{Harness, Plan, Policy, SpecId, Standing, TargetName, limits};
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
    /// The tree in the lockfile.
    pub tree: Option<crate::types::Digest>,
    /// Who wrote it.
    pub origin: Option<String>,
    /// How many clauses it was accepted for.
    pub clauses: usize,
}

/// The result of a check.
#[derive(Debug, Default)]
pub struct CheckOutcome {
    /// Flaws, sorted by file and line.
    pub flaws: Vec<Flaw>,
    /// The checked targets.
    pub checked: Vec<Checked>,
    /// How many files of `generated/` were compared.
    pub files: usize,
    /// Whether a spec is refused.
    pub refused: bool,
}

/// What is to be checked.
#[derive(Debug, Default)]
pub struct CheckOptions {
    /// Only these specs, by id, path or glob; empty for all.
    pub only: Vec<String>,
    /// A Git revision: check only what differs from the merge base with it.
    pub against: Option<String>,
    /// A policy.
    pub policy: Option<Policy>,
}

/// The folder that holds only units, if there is one.
fn folder(harness: &Harness) -> Option<String> {
    let target = harness.target.values().find(|target| target.is_generated())?;
    target.units().strip_suffix("/{spec}").map(str::to_owned)
}

/// The units of known specs.
fn units(workspace: &Workspace) -> Vec<String> {
    let ids: BTreeSet<&SpecId> =
        workspace.files.values().chain(workspace.standing.spec.keys()).collect();
    units_of(workspace, ids.into_iter())
}

/// The units of these specs.
fn units_of<'a>(workspace: &Workspace, ids: impl Iterator<Item = &'a SpecId>) -> Vec<String> {
    let target = workspace.harness.target.values().find(|target| target.is_generated());
    ids.filter_map(|id| Some(target?.unit(id))).collect()
}

/// Reads a workspace and checks it.
///
/// # Errors
/// The workspace cannot be read. An invalid lockfile is a flaw.
pub fn check_workspace(
    places: &WorkspaceLayout,
    asked: &CheckOptions,
) -> Result<(Option<Workspace>, CheckOutcome), CommandError> {
    let root = &places.root;
    let config = load_config(places, None)?;
    let folder = folder(&config.harness);
    // `generated/` is compared while the specs are read: it depends only on the lockfile.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let early = scope.spawn(move || {
            let lock = files::lock(root);
            let standing = lock.as_ref().ok().map(|(standing, _)| Arc::clone(standing));
            // The receiver is gone if a spec folder cannot be read.
            let _ = tell.send(lock);
            let (standing, folder) = standing.zip(folder)?;
            Some(compare(root, &standing, Units::In(&folder)))
        });
        let lock = || told.recv().expect("the lockfile is sent");
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
        let only = workspace.asked(asked)?;
        let compared = || match (early.join().expect("comparing does not panic"), only) {
            (Some(compared), None) => compared,
            (_, None) => compare(root, &workspace.standing, Units::These(units(&workspace))),
            (_, Some(only)) => {
                let mut standing = Standing::clone(&workspace.standing);
                standing.spec.retain(|id, _| only.contains(id));
                let units = units_of(&workspace, only.iter());
                compare(root, &standing, Units::These(units))
            }
        };
        let outcome = workspace.compare_with_lock(compared, asked)?;
        Ok((Some(workspace), outcome))
    })
}

impl Workspace {
    /// Checks. `generated/` is waited for last.
    fn compare_with_lock(
        &self,
        compared: impl FnOnce() -> std::io::Result<Compared>,
        asked: &CheckOptions,
    ) -> Result<CheckOutcome, CommandError> {
        let touched = match &asked.against {
            Some(revision) => self.touched(revision)?,
            None => Touched { specs: None, files: BTreeSet::new() },
        };
        let only = self.asked(asked)?;
        let touched = match &only {
            Some(only) => touched.within(only),
            None => touched,
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
        let manifests = self.manifests(&self.standing);
        let is_own = |flaw: &Flaw| manifests.contains_key(&flaw.problem.file);
        flaws.extend(compared.flaws.into_iter().filter(|flaw| !is_own(flaw)));
        for (path, text) in &manifests {
            flaws.extend(self.manifest(path, text)?);
        }
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

    /// The flaw of a manifest above the promoted trees.
    fn manifest(&self, path: &str, text: &str) -> std::io::Result<Option<Flaw>> {
        let at = self.places.root.join(path);
        let is_file = at.symlink_metadata().map(|meta| meta.is_file());
        let (message, hint) = match is_file {
            Ok(true) if files::read_capped(&at, limits::TREE_BYTES)? == text.as_bytes() => {
                return Ok(None);
            }
            Ok(_) => ("not what regen wrote", format!("rm {}; regen run", quoted(path))),
            Err(_) => ("missing", "regen run".to_owned()),
        };
        Ok(Some(Flaw::of_workspace("manifest", message.to_owned()).at(path).hint(hint)))
    }

    /// The plan as if every tree were in place and the tools were those of the accepted run.
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

    /// The named specs, including those of the lockfile whose file was removed.
    fn asked(&self, asked: &CheckOptions) -> Result<Option<BTreeSet<SpecId>>, CommandError> {
        let gone = self.standing.spec.keys().cloned().collect();
        let named = !asked.only.is_empty();
        named.then(|| self.select_among(&asked.only, &gone)).transpose()
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
