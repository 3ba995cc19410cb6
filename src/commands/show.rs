//! The attempts of a run, with their stored data.

use std::collections::{BTreeMap, BTreeSet};

use crate::generator::{AgentTranscript, read_transcript};
use crate::pipeline::{Attempt, State};
use crate::store::{ContentStore, JobRow, Ledger, Objects, SqliteLedger};
use crate::types::event::Entry;
use crate::types::{Digest, GateName, JobId, Prompt, SpecId, StoredGeneration, TargetName};
use crate::workspace::{CommandError, WorkspaceLayout, load};

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
    /// The reply as text.
    pub reply: Option<String>,
    /// What an agent said and what the harness saw of it.
    pub transcript: Option<AgentTranscript>,
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

/// The run to show: the given one, else the last one with a job of these specs, or of any. Also
/// gives the ids of the specs that the patterns match, among those of all jobs.
///
/// # Errors
/// There is no run, or a pattern matches no spec; ledger errors.
pub fn find_run(
    places: &WorkspaceLayout,
    run: Option<i64>,
    patterns: &[String],
) -> Result<(i64, Option<BTreeSet<SpecId>>), CommandError> {
    let rows = ledger(places)?.jobs(None, u32::MAX)?;
    let only = if patterns.is_empty() {
        None
    } else {
        let past = rows.iter().map(|row| row.spec.clone()).collect();
        Some(load(places, None)?.select_among(patterns, &past)?)
    };
    let wanted = |row: &&JobRow| only.as_ref().is_none_or(|only| only.contains(&row.spec));
    let last = rows.iter().filter(wanted).map(|row| row.run).max();
    let none = || {
        let why = match patterns {
            [] => "no runs yet".to_owned(),
            some => format!("no runs of {} yet", some.join(", ")),
        };
        CommandError::usage(why).hint("`regen run` starts one")
    };
    Ok((run.or(last).ok_or_else(none)?, only))
}

pub(super) fn ledger(places: &WorkspaceLayout) -> Result<SqliteLedger, CommandError> {
    SqliteLedger::read(&places.ledger())?
        .ok_or_else(|| CommandError::usage("no runs yet").hint("`regen run` starts one"))
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
                reply: completion.as_ref().and_then(reply),
                transcript: completion
                    .as_ref()
                    .and_then(|one| transcript(&objects, one, attempt.tree)),
                completion,
                output: output.collect(),
                outcome: state.outcome().map(|outcome| outcome.word().to_owned()),
                attempt: attempt.clone(),
            });
        }
    }
    Ok(all)
}

fn reply(completion: &StoredGeneration) -> Option<String> {
    match completion {
        StoredGeneration::Text(text) => Some(text.text.clone()),
        StoredGeneration::Workspace(_) => None,
    }
}

/// What an agent said and what was seen of it, with files that are not in the candidate.
fn transcript(
    objects: &Objects,
    completion: &StoredGeneration,
    candidate: Option<Digest>,
) -> Option<AgentTranscript> {
    let StoredGeneration::Workspace(workspace) = completion else { return None };
    let text = objects.get(workspace.transcript).ok()?;
    let mut read = read_transcript(&String::from_utf8_lossy(&text));
    let tree = |digest| objects.get_tree(digest).ok();
    let trees = candidate.and_then(tree).zip(tree(workspace.tree));
    if let (Some((candidate, left)), Some(seen)) = (trees, read.seen.as_mut()) {
        let paths = left.iter().map(|(path, _)| path);
        let others = paths.filter(|path| candidate.get(path.as_str()).is_none());
        seen.ignored.extend(others.map(|path| format!("{path}: the target does not allow it")));
    }
    Some(read)
}
