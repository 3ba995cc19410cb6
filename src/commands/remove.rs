//! Removes the promoted code of a spec.

use std::collections::BTreeSet;

use crate::engine;
use crate::promote::{PromoteError, Promoter};
use crate::store::{Ledger, SqliteLedger, files};
use crate::types::{Event, RelPath, SpecId};
use crate::workspace::{CommandError, ErrorKind, Workspace, now};

/// How a removal ended.
#[derive(Debug, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// This folder was removed.
    Removed(RelPath),
    /// These files were edited by hand; nothing was removed.
    Drifted(Vec<String>),
}

/// Removes the folder of a spec's code, its attestations and its lockfile entry; closes its open
/// job. The caller holds the writer lock.
///
/// # Errors
/// Nothing of the spec is promoted; I/O or ledger errors.
pub fn remove_spec(
    workspace: &Workspace,
    spec: &SpecId,
    discard_edits: bool,
    by: &str,
) -> Result<RemoveOutcome, CommandError> {
    let places = &workspace.places;
    let unit = unit(workspace, spec)?;
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    let mut ledger = SqliteLedger::open(&places.ledger())?;
    ledger.begin_run(&now(), by, &[Event::Triggered { by: by.to_owned() }])?;
    match promoter.remove(spec, &unit, discard_edits) {
        Err(PromoteError::Drift(files)) => return Ok(RemoveOutcome::Drifted(files)),
        removed => promoter.finish(removed?)?,
    }
    engine::supersede(ledger, spec)?;
    let standing = files::standing(&places.root)?;
    promoter.write_manifests(&workspace.manifests(&standing), &workspace.manifest_places())?;
    Ok(RemoveOutcome::Removed(unit))
}

/// The folder of a spec with all its targets.
fn unit(workspace: &Workspace, spec: &SpecId) -> Result<RelPath, CommandError> {
    let entry = workspace.standing.spec.get(spec);
    let trees = entry.into_iter().flat_map(|entry| entry.target.values());
    let above =
        trees.filter_map(|tree| tree.path.rsplit_once('/').map(|(unit, _)| unit.to_owned()));
    let targets = workspace.harness.target.values().filter(|target| target.is_generated());
    let configured = targets.map(|target| target.unit(spec));
    let configured = configured.filter(|unit| workspace.places.root.join(unit).is_dir());
    let mut units: BTreeSet<String> = above.collect();
    if units.is_empty() {
        units.extend(configured);
    }
    let Some(unit) = units.pop_first() else {
        let why = format!("nothing of `{spec}` is promoted");
        return Err(CommandError::usage(why).hint("`regen status` lists what is"));
    };
    if let Some(other) = units.pop_first() {
        let why = format!("`{spec}` is promoted to {unit} and to {other}");
        let hint = "`regen run --force` moves its targets into one folder";
        return Err(CommandError::usage(why).hint(hint));
    }
    RelPath::parse(&unit)
        .map_err(|why| CommandError::new(ErrorKind::Lockfile, format!("the folder `{unit}` {why}")))
}
