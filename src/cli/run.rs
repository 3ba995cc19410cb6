//! `regen run`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Context, RunArgs, exit, isolation, variable};
use crate::engine::{Engine, Options, RunOutcome};
use crate::generator;
use crate::report::{Progress, render, words};
use crate::store::WriterLock;
use crate::types::harness::CassetteMode;
use crate::types::{Harness, JobOutcome, Problem, Severity};
use crate::workspace::{
    CommandError, Idle, IdleCheck, Workspace, WorkspaceLayout, load_config, load_with, now,
};

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
    if let Some(note) = workspace.missing_history() {
        door.note(&note);
    }
}

/// Runs specs.
pub async fn run(
    door: &Context,
    args: RunArgs,
    mode: Option<CassetteMode>,
) -> Result<u8, CommandError> {
    let begun = Instant::now();
    let places = door.places()?;
    let _lock = lock(door, &places)?;
    for spec in Engine::recover(&places)? {
        door.say(&format!("{spec}: finished an interrupted promotion"));
    }
    let config = load_config(&places, mode)?;
    let is_whole = args.specs.all().is_empty() && !args.flags.force;
    let idle = if is_whole {
        let program = std::env::current_exe().unwrap_or_default();
        IdleCheck::new(&places, &config.harness, program, &door.tool_env(), variable).await
    } else {
        None
    };
    if let Some(idle) = idle.as_ref().and_then(IdleCheck::unchanged) {
        return tell_idle(door, &places, &config.harness, idle, begun);
    }
    let workspace = load_with(&places, config)?;
    let (code, outcome, workspace) = perform(door, args, workspace, begun).await?;
    if outcome.jobs.is_empty()
        && code == exit::DONE
        && let Some(idle) = idle
    {
        // Without it the next run reads every file again.
        let _ = idle.keep(&workspace, &outcome.up_to_date);
    }
    Ok(code)
}

/// Runs the specs of a workspace, and tells how it ended.
async fn perform(
    door: &Context,
    args: RunArgs,
    mut workspace: Workspace,
    begun: Instant,
) -> Result<(u8, RunOutcome, Arc<Workspace>), CommandError> {
    tell_missing_history(door, &workspace);
    let migrated = workspace.upgrade_lock()?;
    migrated.iter().for_each(|line| door.say(&format!("regen.lock: {line}")));
    workspace.sign_with(variable)?;
    workspace.use_workers(variable)?;
    workspace.renamed = args.renamed;
    let only = workspace.select(&args.specs.all())?;
    let selected = only.clone();
    let tools = workspace.tools(&door.tool_env()).await?;
    let model = workspace.harness.model();
    let progress = Arc::new(Progress::new(door.style(), door.paint, model));
    progress.know(&workspace.specs);
    let options = Options {
        only,
        by: door.by.clone(),
        force: args.flags.force,
        discard_edits: args.flags.discard_edits,
        keep: args.flags.keep,
        variable,
        servers: Default::default(),
        generators: Arc::new(generator::of),
        sets: Arc::default(),
        observer: progress.clone(),
    };
    let refused = problems(door, &workspace, &options);
    let missing: Vec<String> = tools.missing.values().cloned().collect();
    for why in &missing {
        door.say(&format!("{}: {why}", door.paint.bad("error")));
        door.say("  its targets are left out; run `regen doctor`");
    }
    let plan = workspace.plan(&tools, options.only.as_ref(), args.flags.force)?;
    // Checked before any model is called, so that no answer is paid for that cannot be judged.
    let isolation = if plan.jobs.iter().all(|job| job.is_up_to_date()) {
        None
    } else {
        let probe =
            isolation::demand(door, &workspace.places.cache, &workspace.harness.sandbox).await?;
        Some(Arc::new(probe))
    };
    let workspace = Arc::new(workspace);
    let engine = Engine::open(workspace.clone(), Arc::new(tools), isolation, options)?;
    let outcome = engine.run(&plan).await;
    progress.end().into_iter().for_each(|why| door.lose(why));
    let outcome = outcome?;
    let lacks = if missing.is_empty() { exit::DONE } else { exit::ENVIRONMENT };
    let code = exit::of_run(&outcome, refused).max(lacks);
    let ended = RunReport {
        harness: &workspace.harness,
        problems: &workspace.problems,
        refused: workspace.refused(selected.as_ref()).len(),
        outcome: &outcome,
        seconds: begun.elapsed().as_secs_f64(),
    };
    if door.global.json {
        door.json(&ended.machine(code));
    } else {
        ended.tell_untold(door, &workspace, &progress);
        if !door.global.quiet {
            ended.tell(door, code);
        }
    }
    Ok((code, outcome, workspace))
}

/// Tells of a run of a workspace in which nothing changed since the last one.
fn tell_idle(
    door: &Context,
    places: &WorkspaceLayout,
    harness: &Harness,
    idle: Idle,
    begun: Instant,
) -> Result<u8, CommandError> {
    if !idle.problems.is_empty() && !door.global.quiet {
        let sources = idle.sources(places)?;
        door.say(render(&idle.problems, &sources, door.paint).trim_end());
    }
    let outcome = RunOutcome { up_to_date: idle.up_to_date, ..RunOutcome::default() };
    let seconds = begun.elapsed().as_secs_f64();
    let problems = &idle.problems;
    let ended = RunReport { harness, problems, refused: 0, outcome: &outcome, seconds };
    if door.global.json {
        door.json(&ended.machine(exit::DONE));
    } else if !door.global.quiet {
        ended.tell(door, exit::DONE);
    }
    Ok(exit::DONE)
}

/// A run that ended.
struct RunReport<'a> {
    harness: &'a Harness,
    problems: &'a [Problem],
    /// The number of refused specs.
    refused: usize,
    outcome: &'a RunOutcome,
    seconds: f64,
}

impl RunReport<'_> {
    fn count(&self, is: impl Fn(&Option<JobOutcome>) -> bool) -> usize {
        self.outcome.jobs.iter().filter(|(_, end)| is(end)).count()
    }

    /// The folder with the code of the specs: of one spec its own, otherwise that of all. `None` if
    /// no code is there.
    fn code(&self) -> Option<String> {
        let target = self.harness.target.values().find(|target| target.is_generated())?;
        let done = self.outcome.jobs.iter().filter(|(_, end)| *end == Some(JobOutcome::Promoted));
        let done: BTreeSet<_> =
            done.map(|(spec, _)| spec).chain(&self.outcome.up_to_date).collect();
        let first = done.first()?;
        if done.len() == 1 {
            return Some(target.unit(first) + "/");
        }
        Some(target.units().split_once("{spec}").map_or("", |(folder, _)| folder).to_owned())
    }

    fn machine(&self, code: u8) -> Value {
        let jobs: Vec<_> = self
            .outcome
            .jobs
            .iter()
            .map(|(spec, end)| {
                let word = end.as_ref().map_or("not_tried", JobOutcome::word);
                json!({ "spec": spec, "result": word, "outcome": end })
            })
            .collect();
        let spend = &self.outcome.spend;
        json!({
            "type": "result", "exit_code": code, "jobs": jobs,
            "up_to_date": self.outcome.up_to_date, "problems": self.problems,
            "promoted": self.count(|end| *end == Some(JobOutcome::Promoted)),
            "rejected": self.count(|end| matches!(end, Some(JobOutcome::Rejected { .. }))),
            "seconds": self.seconds, "tokens": spend.tokens, "usd": spend.known_usd(),
            "code": self.code(),
        })
    }

    /// Tells what no event told; with `--quiet` only failures of what the work needs.
    fn tell_untold(&self, door: &Context, workspace: &Workspace, progress: &Progress) {
        let loud = |end: &Option<JobOutcome>| matches!(end, Some(JobOutcome::Failed { .. }));
        let jobs = self.outcome.jobs.iter();
        for (spec, end) in jobs.filter(|(_, end)| !door.global.quiet || loud(end)) {
            let name = door.paint.name(spec);
            match end {
                Some(_) if progress.has_told(spec) => {}
                Some(end) => {
                    let known = workspace.spec(spec).map(|spec| &**spec);
                    let text = words::outcome(end, known, door.paint);
                    door.say(&format!("{name}: {}", text.trim_end()));
                }
                None => door.say(&format!("{name}: {}", door.paint.warn("not tried"))),
            }
        }
    }

    /// Tells which specs are up to date, and ends with one line about the whole run.
    fn tell(&self, door: &Context, code: u8) {
        for spec in &self.outcome.up_to_date {
            door.say(&format!("{}: up to date", door.paint.name(spec)));
        }
        let nothing = self.outcome.jobs.is_empty() && self.outcome.up_to_date.is_empty();
        if code == exit::DONE && nothing {
            let folder = &self.harness.harness.specs;
            door.say(&format!(
                "no spec with a target in {folder}/: see `[harness] default_targets` in harness.toml"
            ));
        }
        door.say(&self.line());
    }

    fn line(&self) -> String {
        let promoted = self.count(|end| *end == Some(JobOutcome::Promoted));
        let rejected = self.count(|end| matches!(end, Some(JobOutcome::Rejected { .. })));
        let untried = self.count(Option::is_none);
        let others = self.outcome.jobs.len() - promoted - rejected - untried;
        let counts = [
            ("promoted", promoted, true),
            ("rejected", rejected, true),
            ("failed", others, false),
            ("refused", self.refused, false),
            ("not tried", untried, false),
            ("up to date", self.outcome.up_to_date.len(), false),
        ];
        let counts = counts.into_iter().filter(|(_, count, always)| *always || *count > 0);
        let counts: Vec<_> = counts.map(|(word, count, _)| format!("{word} {count}")).collect();
        let money = words::spent(&self.outcome.spend);
        let code = self.code().map_or("no code".to_owned(), |folder| format!("code in {folder}"));
        let seconds = self.seconds;
        format!("{} in {seconds:.1} s; {money}; {code}", counts.join(", "))
    }
}
