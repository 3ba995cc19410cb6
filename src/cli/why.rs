//! `regen why`: explains why a spec is, or is not, promoted.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Context, exit};
use crate::pipeline::State;
use crate::report::words;
use crate::store::{Ledger, SqliteLedger};
use crate::types::event::Entry;
use crate::types::{Event, JobId, JobOutcome, SpecId, ToolSet};
use crate::workspace::{CommandError, Workspace, load};

/// Explains why specs are, or are not, promoted: those named, else those of the last run, else all.
pub async fn why(door: &Context, specs: &[String]) -> Result<u8, CommandError> {
    let workspace = load(&door.reading_state()?, None)?;
    let only = workspace.select(specs)?;
    let tools = door.known_tools(&workspace).await;
    let ledger = SqliteLedger::read(&workspace.places.ledger())?;
    let all = || workspace.files.values().cloned().collect();
    let ids = only.or(last_run(&workspace, ledger.as_ref())?).unwrap_or_else(all);
    for id in ids {
        why_one(door, &workspace, &tools, ledger.as_ref(), &id)?;
    }
    Ok(exit::DONE)
}

/// The specs of the last run that still exist; `None` without a run.
fn last_run(
    workspace: &Workspace,
    ledger: Option<&SqliteLedger>,
) -> Result<Option<BTreeSet<SpecId>>, CommandError> {
    let Some(ledger) = ledger else { return Ok(None) };
    let rows = ledger.jobs(None, u32::MAX)?;
    let Some(run) = rows.iter().map(|row| row.run).max() else { return Ok(None) };
    let known: BTreeSet<&SpecId> = workspace.files.values().collect();
    let of_it = rows.iter().filter(|row| row.run == run && known.contains(&row.spec));
    let ids: BTreeSet<SpecId> = of_it.map(|row| row.spec.clone()).collect();
    Ok((!ids.is_empty()).then_some(ids))
}

/// The last job of a spec, with its entries.
type LastJob = Option<(JobId, Vec<Entry>)>;

/// The last job of a spec: its entries and its state.
pub(super) fn last_job(
    ledger: Option<&SqliteLedger>,
    id: &SpecId,
) -> Result<(LastJob, Option<State>), CommandError> {
    let Some(last) = ledger.map(|ledger| ledger.last_job(id)).transpose()?.flatten() else {
        return Ok((None, None));
    };
    let state = State::fold(last.1.iter().map(|entry| &entry.event))?;
    Ok((Some(last), state))
}

fn why_one(
    door: &Context,
    workspace: &Workspace,
    tools: &ToolSet,
    ledger: Option<&SqliteLedger>,
    id: &SpecId,
) -> Result<(), CommandError> {
    let plan = workspace.plan(tools, Some(&[id.clone()].into()), false)?;
    let (last, state) = last_job(ledger, id)?;
    let standing = workspace.standing.spec.get(id);
    let problems = workspace.problems_of(Some(&[id.clone()].into()));
    if door.global.json {
        let outcome = state.as_ref().and_then(State::outcome);
        let events: Vec<_> = last.iter().flat_map(|(_, entries)| entries).collect();
        door.json(&json!({
            "type": "why", "spec": id, "plan": plan.jobs, "standing": standing, "outcome": outcome,
            "problems": problems, "events": events,
        }));
        return Ok(());
    }
    if !problems.is_empty() {
        door.show(&crate::report::render(problems, &workspace.sources, door.paint));
    }
    for part in plan.jobs.iter().flat_map(|job| &job.parts) {
        let reason = words::part(part);
        let target = standing.and_then(|s| s.target.get(&part.target));
        door.show(&format!("{id} · {}: {reason}", words::target(part)));
        if let Some(target) = target {
            let (tree, passed) = (target.tree.short(), target.passed().join(", "));
            door.show(&format!("  promoted {tree} by {}, passed {passed}", target.origin.words()));
        }
    }
    let Some((job, entries)) = last else { return Ok(()) };
    door.show(&format!("last job here: {job}"));
    for entry in &entries {
        if !matches!(entry.event, Event::Queued { .. }) {
            door.show(&format!("  {}", words::event(&entry.event, door.paint)));
            if let Event::GateReported { report, .. } = &entry.event {
                let notes = words::notes(report);
                if !notes.is_empty() {
                    door.show(notes.trim_end());
                }
            }
        }
    }
    let spec = workspace.spec(id).map(|spec| &**spec);
    match state.as_ref().and_then(State::outcome) {
        Some(JobOutcome::Promoted) | None => {}
        Some(outcome) => door.show(&words::outcome(outcome, spec, door.paint)),
    }
    Ok(())
}
