//! The attempts of a run, with their stored data.

use std::collections::{BTreeMap, BTreeSet};

use crate::pipeline::{Attempt, State};
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger};
use crate::types::event::Entry;
use crate::types::{Digest, GateName, JobId, Prompt, SpecId, StoredGeneration, TargetName};
use crate::workspace::{CommandError, WorkspaceLayout};

/// One attempt, with its stored data.
#[derive(Debug)]
pub struct KeptAttempt {
    /// The job.
    pub job: JobId,
    /// Its spec.
    pub spec: SpecId,
    /// The attempt.
    pub attempt: Attempt,
    /// The target.
    pub target: TargetName,
    /// The prompt.
    pub prompt: Option<Prompt>,
    /// The completion.
    pub completion: Option<StoredGeneration>,
    /// The reply as text, or the generator's output while it worked.
    pub reply: Option<String>,
    /// The output of the gates' programs, by gate.
    pub output: BTreeMap<GateName, String>,
    /// How the job ended.
    pub outcome: Option<String>,
}

/// The jobs of a run, each with all its entries.
pub(super) fn jobs(
    ledger: &dyn Ledger,
    run: i64,
) -> Result<BTreeMap<JobId, Vec<Entry>>, CommandError> {
    let ids: BTreeSet<JobId> = ledger.run(run)?.into_iter().filter_map(|entry| entry.job).collect();
    let jobs = ids.into_iter().map(|id| Ok((id, ledger.job(id)?)));
    let jobs: BTreeMap<JobId, Vec<Entry>> = jobs.collect::<Result<_, CommandError>>()?;
    if jobs.is_empty() {
        Err(CommandError::usage(format!("no run {run} with a job; `regen log` lists the runs")))
    } else {
        Ok(jobs)
    }
}

pub(super) fn ledger(places: &WorkspaceLayout) -> Result<SqliteLedger, CommandError> {
    SqliteLedger::read(&places.ledger())?
        .ok_or_else(|| CommandError::usage("no runs yet".to_owned()))
}

pub(super) fn objects(places: &WorkspaceLayout) -> Objects {
    Objects::new(places.state.join("objects"))
}

/// An object that `regen gc` may have deleted.
pub(super) fn read<T: serde::de::DeserializeOwned>(
    objects: &Objects,
    digest: Option<Digest>,
) -> Option<T> {
    serde_json::from_slice(&objects.get(digest?).ok()?).ok()
}

/// The attempts of a run.
///
/// # Errors
/// The run does not exist; ledger errors.
pub fn read_attempts(places: &WorkspaceLayout, run: i64) -> Result<Vec<KeptAttempt>, CommandError> {
    let objects = objects(places);
    let mut all = Vec::new();
    for (job, entries) in jobs(&ledger(places)?, run)? {
        let Some(state) = State::fold(entries.iter().map(|entry| &entry.event))? else { continue };
        for attempt in &state.attempts {
            let reports = attempt.reports.iter();
            let output = reports.filter_map(|report| {
                let bytes = objects.get(report.evidence?).ok()?;
                Some((report.gate.clone(), String::from_utf8_lossy(&bytes).into_owned()))
            });
            let completion: Option<StoredGeneration> = read(&objects, attempt.completion);
            all.push(KeptAttempt {
                job,
                spec: state.job.spec.clone(),
                target: state.job.parts[attempt.part].target.clone(),
                prompt: read(&objects, attempt.prompt),
                reply: completion.as_ref().and_then(|one| reply(&objects, one)),
                completion,
                output: output.collect(),
                outcome: state.outcome().map(|outcome| outcome.word().to_owned()),
                attempt: attempt.clone(),
            });
        }
    }
    Ok(all)
}

fn reply(objects: &Objects, completion: &StoredGeneration) -> Option<String> {
    match completion {
        StoredGeneration::Text(text) => Some(text.text.clone()),
        StoredGeneration::Workspace(workspace) => {
            let transcript = objects.get(workspace.transcript).ok()?;
            Some(String::from_utf8_lossy(&transcript).into_owned())
        }
    }
}
