//! `regen why`: explains why a spec is, or is not, promoted.

use serde_json::json;

use super::{Context, exit};
use crate::pipeline::State;
use crate::report::words;
use crate::store::{Ledger, SqliteLedger};
use crate::types::{Event, JobOutcome};
use crate::workspace::{CommandError, load};

/// Explains why a spec is, or is not, promoted.
pub async fn why(door: &Context, id: &str) -> Result<u8, CommandError> {
    let workspace = load(&door.places()?, None)?;
    let only = workspace.select(&[id.to_owned()])?;
    let id = only.into_iter().flatten().next().unwrap_or_default();
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan = workspace.plan(&tools, Some(&[id.clone()].into()), false)?;
    let last = match SqliteLedger::read(&workspace.places.ledger())? {
        Some(ledger) => ledger.last_job(&id)?,
        None => None,
    };
    let state = last
        .as_ref()
        .map(|(_, entries)| State::fold(entries.iter().map(|entry| &entry.event)))
        .transpose()?
        .flatten();
    let standing = workspace.standing.spec.get(&id);
    let problems = workspace.problems_of(Some(&[id.clone()].into()));
    if door.global.json {
        let outcome = state.as_ref().and_then(State::outcome);
        let events: Vec<_> = last.iter().flat_map(|(_, entries)| entries).collect();
        door.json(&json!({
            "type": "why", "spec": id, "plan": plan.jobs, "standing": standing, "outcome": outcome,
            "problems": problems, "events": events,
        }));
        return Ok(exit::DONE);
    }
    if !problems.is_empty() {
        door.show(&crate::report::render(problems, &workspace.sources, door.paint));
    }
    for part in plan.jobs.iter().flat_map(|job| &job.parts) {
        let reason = words::part(part);
        let target = standing.and_then(|s| s.target.get(&part.target));
        door.show(&format!("{id} · {}: {reason}", part.target));
        if let Some(target) = target {
            let (tree, passed) = (target.tree.short(), target.passed().join(", "));
            door.show(&format!("  promoted {tree} by {}, passed {passed}", target.origin.words()));
        }
    }
    let Some((job, entries)) = last else { return Ok(exit::DONE) };
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
    let spec = workspace.spec(&id).map(|spec| &**spec);
    match state.as_ref().and_then(State::outcome) {
        Some(JobOutcome::Promoted) | None => {}
        Some(outcome) => door.show(&words::outcome(outcome, spec, door.paint)),
    }
    Ok(exit::DONE)
}
