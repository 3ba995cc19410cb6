//! `regen status`, `regen log`, `regen why`: reading the ledger, also while a run is on.

use serde_json::json;

use super::{Context, exit};
use crate::engine::{EngineError, load, result_word};
use crate::pipeline::State;
use crate::report::words;
use crate::store::Ledger;
use crate::types::event::Entry;
use crate::types::{Event, JobOutcome};

/// Folds a job's entries.
fn fold(entries: &[Entry]) -> Result<Option<State>, EngineError> {
    Ok(State::fold(entries.iter().map(|entry| &entry.event))?)
}

/// Each spec: what stands, and how its last job ended.
pub async fn status(door: &Context) -> Result<u8, EngineError> {
    let workspace = load(&door.places()?, None)?;
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan = workspace.plan(&tools, None, false)?;
    let ledger = Ledger::read(&workspace.places.ledger())?;
    let mut rows = Vec::new();
    for job in &plan.jobs {
        let last = match &ledger {
            Some(ledger) => ledger.last_job(&job.spec)?,
            None => None,
        };
        let state = last.as_ref().map(|(_, entries)| fold(entries)).transpose()?.flatten();
        let word = match &state {
            None => "no job here",
            Some(state) => state.outcome().map_or("running or interrupted", result_word),
        };
        let at = last.and_then(|(_, entries)| entries.last().map(|entry| entry.at.clone()));
        for part in &job.parts {
            let standing = workspace.standing.spec.get(&job.spec);
            let standing = standing.and_then(|s| s.target.get(&part.target));
            rows.push(json!({
                "spec": job.spec, "target": part.target, "reason": part.reason,
                "plan": words::part(part),
                "tree": standing.map(|s| s.tree), "generator": standing.map(|s| s.origin.words()),
                "last_job": word, "at": at,
            }));
        }
    }
    if door.global.json {
        let problems = &workspace.problems;
        door.json(&json!({ "type": "status", "targets": rows, "problems": problems }));
        return Ok(exit::DONE);
    }
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let tree = text("tree").chars().take(12).collect::<String>();
        door.show(&format!(
            "{:<20} {:<10} {tree:<12} {:<24} {}",
            text("spec"),
            text("target"),
            text("last_job"),
            text("plan")
        ));
    }
    Ok(exit::DONE)
}

/// The newest entries, oldest first. Gives the number of the newest one of all; `follow`: more are
/// to come.
pub fn log(
    door: &Context,
    spec: Option<&str>,
    limit: u32,
    follow: bool,
) -> Result<i64, EngineError> {
    let Some(ledger) = Ledger::read(&door.places()?.ledger())? else {
        if !follow {
            door.say("nothing has happened here yet");
        }
        return Ok(0);
    };
    let newest = ledger.newest()?;
    for entry in ledger.log(spec, limit)?.iter().filter(|entry| entry.seq <= newest) {
        show(door, entry);
    }
    Ok(newest)
}

/// An entry, in a line.
pub fn show(door: &Context, entry: &Entry) {
    if door.global.json {
        return door.json(entry);
    }
    let spec = entry.spec.clone().unwrap_or_default();
    let text = words::event(&entry.event, door.paint);
    door.show(&format!("{} {:>4} {spec:<16} {text}", entry.at, entry.run));
}

/// Why a spec is, or is not, promoted.
pub async fn why(door: &Context, id: &str) -> Result<u8, EngineError> {
    let workspace = load(&door.places()?, None)?;
    let only = workspace.select(&[id.to_owned()])?;
    let id = only.into_iter().flatten().next().unwrap_or_default();
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan = workspace.plan(&tools, Some(&[id.clone()].into()), false)?;
    let last = match Ledger::read(&workspace.places.ledger())? {
        Some(ledger) => ledger.last_job(&id)?,
        None => None,
    };
    let state = last.as_ref().map(|(_, entries)| fold(entries)).transpose()?.flatten();
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
                door.show(words::notes(report).trim_end());
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
