//! The promotions of a spec, with the changes between them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::Record;
use crate::spec::{SpecChange, diff, parse_in};
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger, files};
use crate::types::{Digest, Event, JobId, Spec, TargetName};
use crate::workspace::{CommandError, Workspace};

/// A promotion.
#[derive(Debug, Serialize)]
pub struct LogStep {
    /// Its run, as for `regen rollback --to`.
    pub run: i64,
    /// Its job.
    pub job: JobId,
    /// When, UTC.
    pub at: String,
    /// Targets and trees.
    pub trees: Vec<(TargetName, Digest)>,
    /// The model or person that wrote each tree.
    pub origins: BTreeMap<TargetName, String>,
    /// The run it rolled back to.
    pub rollback: Option<i64>,
    /// Whether it is the current one.
    pub stands: bool,
    /// Clauses added, changed or removed since the previous promotion, with their words.
    pub changes: Vec<SpecChange>,
}

/// The promotions of a spec, oldest first.
///
/// # Errors
/// Ledger errors.
pub fn read_promotions(workspace: &Workspace, id: &str) -> Result<Vec<LogStep>, CommandError> {
    let places = &workspace.places;
    let folder = &workspace.harness.harness.specs;
    let Some(ledger) = SqliteLedger::read(&places.ledger())? else { return Ok(Vec::new()) };
    let objects = Objects::new(places.state.join("objects"));
    let standing = files::standing(&places.root)?.spec.remove(id).unwrap_or_default();
    let (mut steps, mut before): (Vec<LogStep>, Option<Spec>) = (Vec::new(), None);
    for (job, entry) in ledger.promotions(id)? {
        let Event::Promoted { trees, record } = entry.event else { continue };
        let record: Option<Record> =
            record.and_then(|record| serde_json::from_slice(&objects.get(record).ok()?).ok());
        let record = record.unwrap_or_default();
        let (mut spec, mut rollback) = (None, None);
        for event in ledger.job(job)?.into_iter().map(|entry| entry.event) {
            match event {
                Event::Queued { job } => rollback = job.rollback,
                Event::CandidateMade { inputs: Some(inputs), .. } => {
                    spec = text(&objects, inputs, folder, id).or(spec);
                }
                _ => {}
            }
        }
        let back = rollback.and_then(|to| steps.iter().find(|step: &&LogStep| step.job == to));
        let changes = match (&before, &spec) {
            (Some(before), Some(spec)) => {
                diff(std::slice::from_ref(before), std::slice::from_ref(spec))
            }
            _ => Vec::new(),
        };
        let entries = record.standing.target.iter();
        let stands = record.standing.target == standing.target;
        steps.push(LogStep {
            run: entry.run,
            job,
            at: entry.at,
            origins: entries.map(|(name, entry)| (name.clone(), entry.origin.words())).collect(),
            rollback: back.map(|step| step.run),
            stands,
            trees,
            changes,
        });
        before = spec.or(before);
    }
    // An equal tree may have been promoted before; only the last one is current.
    let last = steps.iter().rposition(|step| step.stands);
    steps.iter_mut().enumerate().for_each(|(at, step)| step.stands = Some(at) == last);
    Ok(steps)
}

/// The spec's source among the files of an attempt.
fn text(objects: &Objects, inputs: Digest, folder: &str, id: &str) -> Option<Spec> {
    let tree = objects.get_tree(inputs).ok()?;
    let specs = tree.iter().filter(|(path, _)| files::is_spec(folder, path.as_str()));
    specs.map(|(path, bytes)| parse_in(folder, path.as_str(), bytes).0).find(|spec| spec.id == id)
}
