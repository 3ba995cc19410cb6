//! `regen --spec`, `regen run`, `regen plan`.

use std::sync::Arc;

use serde_json::json;

use super::{Context, RunArgs, exit, isolation, variable};
use crate::engine::{self, Engine, Options};
use crate::generator;
use crate::report::{Progress, render, words};
use crate::store::WriterLock;
use crate::types::harness::CassetteMode;
use crate::types::{JobOutcome, Plan, Severity};
use crate::workspace::{CommandError, Workspace, WorkspaceLayout, load, now};

/// Takes the writer lock.
pub fn lock(door: &Context, places: &WorkspaceLayout) -> Result<WriterLock, CommandError> {
    let who = format!("process {}, since {}, {}", std::process::id(), now(), door.by);
    places.make_state()?;
    Ok(WriterLock::take(&places.state, &who)?)
}

/// Shows the problems of the selected specs. Gives whether any is an error.
fn problems(door: &Context, workspace: &Workspace, options: &Options) -> bool {
    let only = options.only.as_ref();
    let shown = workspace.problems_of(only);
    let loud = !door.global.quiet || workspace.has_errors(only);
    if !shown.is_empty() && loud {
        door.say(render(shown.iter().copied(), &workspace.sources, door.paint).trim_end());
    }
    shown.iter().any(|problem| problem.severity == Severity::Error)
}

/// Notes that there is no ledger for what is promoted, as in a fresh clone.
pub fn tell_missing_history(door: &Context, workspace: &Workspace) {
    let note = workspace.missing_history().filter(|_| !door.global.quiet);
    note.iter().for_each(|note| door.say(&format!("note: {note}")));
}

/// Runs specs.
pub async fn run(
    door: &Context,
    args: RunArgs,
    mode: Option<CassetteMode>,
) -> Result<u8, CommandError> {
    let places = door.places()?;
    let _lock = lock(door, &places)?;
    for spec in Engine::recover(&places)? {
        door.say(&format!("{spec}: finished an interrupted promotion"));
    }
    let mut workspace = load(&places, mode)?;
    tell_missing_history(door, &workspace);
    let migrated = workspace.upgrade_lock()?;
    migrated.iter().for_each(|line| door.say(&format!("regen.lock: {line}")));
    workspace.sign_with(variable)?;
    let only = workspace.select(&args.specs)?;
    let tools = workspace.tools(&door.tool_env()).await?;
    let model = workspace.harness.model();
    let progress = Arc::new(Progress::new(door.style(), door.paint, model));
    let options = Options {
        only,
        by: door.by.clone(),
        force: args.force,
        discard_edits: args.discard_edits,
        keep: args.keep,
        variable,
        servers: Default::default(),
        generators: Arc::new(generator::of),
        observer: progress.clone(),
    };
    let refused = problems(door, &workspace, &options);
    let plan = workspace.plan(&tools, options.only.as_ref(), args.force)?;
    // Checked before any model is called, so that no answer is paid for that cannot be judged.
    let isolation = if plan.jobs.iter().all(|job| job.is_up_to_date()) {
        None
    } else {
        let probe = isolation::demand(door, &places.cache, &workspace.harness.sandbox).await?;
        Some(Arc::new(probe))
    };
    let workspace = Arc::new(workspace);
    let engine = Engine::open(workspace.clone(), Arc::new(tools), isolation, options)?;
    let outcome = engine.run(&plan).await;
    progress.clear();
    let outcome = outcome?;
    let code = exit::of_run(&outcome, refused);
    summary(door, &workspace, &outcome, code);
    Ok(code)
}

fn summary(door: &Context, workspace: &Workspace, outcome: &engine::RunOutcome, code: u8) {
    if door.global.json {
        let jobs: Vec<_> = outcome
            .jobs
            .iter()
            .map(|(spec, end)| {
                let word = end.as_ref().map_or("not_tried", JobOutcome::word);
                json!({ "spec": spec, "result": word, "outcome": end })
            })
            .collect();
        let problems = &workspace.problems;
        let up = &outcome.up_to_date;
        door.json(&json!({
            "type": "result", "exit_code": code, "jobs": jobs, "up_to_date": up, "problems": problems,
        }));
        return;
    }
    if door.global.quiet {
        return;
    }
    for (spec, end) in &outcome.jobs {
        let name = door.paint.name(spec);
        match end {
            Some(end) => {
                let text = words::outcome(end, workspace.spec(spec).map(|s| &**s), door.paint);
                door.say(&format!("{name}: {}", text.trim_end()));
            }
            None => door.say(&format!("{name}: {}", door.paint.warn("not tried"))),
        }
    }
    for spec in &outcome.up_to_date {
        door.say(&format!("{}: up to date", door.paint.name(spec)));
    }
    if code == exit::DONE && outcome.jobs.is_empty() && outcome.up_to_date.is_empty() {
        let folder = &workspace.harness.harness.specs;
        door.say(&format!(
            "no spec with a target in {folder}/; see `default_targets` in harness.toml"
        ));
    }
}

/// Shows the plan.
pub async fn plan(door: &Context, specs: &[String]) -> Result<u8, CommandError> {
    let mut workspace = load(&door.layout()?, None)?;
    // A plan does not need the generator's key.
    let _ = workspace.sign_with(variable);
    let only = workspace.select(specs)?;
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan: Plan = workspace.plan(&tools, only.as_ref(), false)?;
    let refused = workspace.has_errors(only.as_ref());
    if door.global.json {
        let problems = workspace.problems_of(only.as_ref());
        door.json(&json!({ "type": "plan", "jobs": plan.jobs, "problems": problems }));
    } else {
        let shown = workspace.problems_of(only.as_ref());
        if !shown.is_empty() {
            door.say(render(shown, &workspace.sources, door.paint).trim_end());
        }
        for job in &plan.jobs {
            for part in &job.parts {
                let reason = words::part(part);
                door.show(&format!("{:<20} {:<10} {reason}", job.spec, part.target));
            }
        }
    }
    Ok(if refused { exit::SPEC_REFUSED } else { exit::DONE })
}
