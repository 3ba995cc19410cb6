//! Deletes stored data of old attempts that were never promoted.

use std::collections::BTreeSet;
use std::io;

use super::show::{objects, read};
use crate::engine::Record;
use crate::pipeline::State;
use crate::store::{ContentStore, Ledger, Objects, SqliteLedger, files};
use crate::types::{Digest, Event, StoredGeneration};
use crate::workspace::{CommandError, WorkspaceLayout, now};

/// What was deleted.
#[derive(Debug, Default, serde::Serialize)]
pub struct GcOutcome {
    /// Objects that were deleted, or would be.
    pub objects: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// Objects that were kept.
    pub kept: usize,
}

/// Deletes objects of attempts that ended more than `days` days ago. Keeps promotions with all that
/// explains them, rollback candidates and open jobs. The caller holds the writer lock.
///
/// # Errors
/// Ledger or I/O errors; nothing was deleted then.
pub fn collect_garbage(
    places: &WorkspaceLayout,
    days: u32,
    dry: bool,
) -> Result<GcOutcome, CommandError> {
    let objects = objects(places);
    let mut keep = Keep { objects: &objects, wanted: BTreeSet::new() };
    for spec in files::standing(&places.root)?.spec.values() {
        spec.target.values().for_each(|entry| keep.tree(entry.tree));
    }
    let now: jiff::Timestamp = now().parse().map_err(io::Error::other)?;
    let age = jiff::SignedDuration::from_hours(24 * i64::from(days));
    let long_ago = now.checked_sub(age).unwrap_or(jiff::Timestamp::MIN);
    if let Some(ledger) = SqliteLedger::read(&places.ledger())? {
        for row in ledger.jobs(None, u32::MAX)? {
            let entries = ledger.job(row.job)?;
            let ended = entries.last().and_then(|entry| entry.at.parse::<jiff::Timestamp>().ok());
            let is_young = row.result.is_none() || ended.is_none_or(|ended| ended > long_ago);
            let state = State::fold(entries.iter().map(|entry| &entry.event))?;
            let accepted: BTreeSet<u32> = state
                .iter()
                .filter(|_| row.result.as_deref() == Some("promoted"))
                .flat_map(|state| {
                    state.attempts.iter().filter(|attempt| attempt.accepted.is_some())
                })
                .map(|attempt| attempt.number)
                .collect();
            if is_young {
                // A kill may have come before the event.
                ledger.answers(row.job)?.into_iter().for_each(|answer| keep.answer(answer));
                keep.wanted.extend(ledger.exchanged(row.job)?);
            }
            for entry in &entries {
                keep.event(&entry.event, |attempt| is_young || accepted.contains(&attempt));
            }
        }
    }
    let mut swept = GcOutcome::default();
    for (digest, bytes) in objects.all()? {
        if keep.wanted.contains(&digest) {
            swept.kept += 1;
            continue;
        }
        swept.objects += 1;
        swept.bytes += bytes;
        if !dry {
            objects.remove(digest)?;
        }
    }
    Ok(swept)
}

struct Keep<'a> {
    objects: &'a Objects,
    wanted: BTreeSet<Digest>,
}

impl Keep<'_> {
    fn tree(&mut self, digest: Digest) {
        if self.wanted.insert(digest)
            && let Ok(manifest) = self.objects.get(digest)
        {
            let text = String::from_utf8_lossy(&manifest).into_owned();
            let files = text.lines().filter_map(|line| Digest::parse(line.split("  ").next()?));
            self.wanted.extend(files);
        }
    }

    fn answer(&mut self, completion: Digest) {
        self.wanted.insert(completion);
        let read: Option<StoredGeneration> = read(self.objects, Some(completion));
        self.wanted.extend(read.as_ref().and_then(StoredGeneration::exchange));
        if let Some(StoredGeneration::Workspace(workspace)) = read {
            self.tree(workspace.tree);
            self.wanted.insert(workspace.transcript);
        }
    }

    fn event(&mut self, event: &Event, is_wanted: impl Fn(u32) -> bool) {
        match event {
            Event::AttemptStarted { attempt, prompt, .. } if is_wanted(*attempt) => {
                self.wanted.extend(*prompt);
            }
            Event::Completed { attempt, completion, .. }
            | Event::GenerationFailed { attempt, completion: Some(completion), .. }
                if is_wanted(*attempt) =>
            {
                self.answer(*completion);
            }
            Event::CandidateMade { attempt, tree, inputs, .. } if is_wanted(*attempt) => {
                self.tree(*tree);
                inputs.iter().for_each(|inputs| self.tree(*inputs));
            }
            Event::GateReported { attempt, report, .. } if is_wanted(*attempt) => {
                self.wanted.extend(report.evidence);
            }
            Event::Promoted { trees, record } => {
                trees.iter().for_each(|(_, tree)| self.tree(*tree));
                self.wanted.extend(*record);
                let record: Option<Record> = read(self.objects, *record);
                let entries = record.into_iter().flat_map(|record| record.standing.target);
                entries.for_each(|(_, entry)| self.tree(entry.tree));
            }
            _ => {}
        }
    }
}
