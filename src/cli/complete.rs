//! Candidates for shell completion: specs, targets, gates and runs of the workspace. Errors give
//! no candidates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap_complete::engine::CompletionCandidate;

use crate::store::{Ledger, SqliteLedger};
use crate::types::limits;
use crate::workspace::{Workspace, WorkspaceLayout, load};

/// The workspace of the current folder, without the cache and without checking `.regen/`.
fn layout() -> Option<WorkspaceLayout> {
    let here = std::env::current_dir().ok()?;
    let config =
        here.ancestors().map(|dir| dir.join("harness.toml")).find(|path| path.is_file())?;
    Some(WorkspaceLayout::new(config, PathBuf::new(), PathBuf::new()))
}

fn workspace() -> Option<Workspace> {
    load(&layout()?, None).ok()
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Ids of specs.
pub(super) fn specs() -> Vec<CompletionCandidate> {
    let Some(workspace) = workspace() else { return Vec::new() };
    let ids: BTreeSet<String> = workspace.files.values().map(|id| id.to_string()).collect();
    candidates(ids)
}

/// Names of targets.
pub(super) fn targets() -> Vec<CompletionCandidate> {
    let Some(workspace) = workspace() else { return Vec::new() };
    candidates(workspace.harness.target.keys().map(|name| name.to_string()))
}

/// Names of gates that a target has.
pub(super) fn gates() -> Vec<CompletionCandidate> {
    let Some(workspace) = workspace() else { return Vec::new() };
    let gates = workspace.checks().values().flat_map(|checks| &checks.gates);
    let names: BTreeSet<String> = gates.map(|gate| gate.to_string()).collect();
    candidates(names)
}

/// Numbers of the newest runs that had a job, newest first.
pub(super) fn runs() -> Vec<CompletionCandidate> {
    let read =
        |path: &Path| SqliteLedger::read(path).ok().flatten()?.jobs(None, limits::SHOWN_JOBS).ok();
    let jobs = layout().and_then(|places| read(&places.ledger())).unwrap_or_default();
    let mut runs: Vec<i64> = jobs.iter().map(|job| job.run).collect();
    runs.dedup();
    candidates(runs.iter().map(i64::to_string))
}

/// Runs and specs.
pub(super) fn runs_and_specs() -> Vec<CompletionCandidate> {
    runs().into_iter().chain(specs()).collect()
}
