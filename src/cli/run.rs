//! `regen run`, `regen plan`.

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
use crate::types::{JobOutcome, Plan, Severity, SpecId};
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
    let mut workspace = load(&places, mode)?;
    tell_missing_history(door, &workspace);
    let migrated = workspace.upgrade_lock()?;
    migrated.iter().for_each(|line| door.say(&format!("regen.lock: {line}")));
    workspace.sign_with(variable)?;
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
        let probe = isolation::demand(door, &places.cache, &workspace.harness.sandbox).await?;
        Some(Arc::new(probe))
    };
    let workspace = Arc::new(workspace);
    let engine = Engine::open(workspace.clone(), Arc::new(tools), isolation, options)?;
    let outcome = engine.run(&plan).await;
    progress.end().into_iter().for_each(|why| door.lose(why));
    let outcome = outcome?;
    let lacks = if missing.is_empty() { exit::DONE } else { exit::ENVIRONMENT };
    let code = exit::of_run(&outcome, refused).max(lacks);
    let only = selected.as_ref();
    let seconds = begun.elapsed().as_secs_f64();
    let ended = RunReport { workspace: &workspace, outcome: &outcome, only, seconds };
    if door.global.json {
        door.json(&ended.machine(code));
    } else if !door.global.quiet {
        ended.tell(door, &progress, code);
    }
    Ok(code)
}

/// A run that ended.
struct RunReport<'a> {
    workspace: &'a Workspace,
    outcome: &'a RunOutcome,
    only: Option<&'a BTreeSet<SpecId>>,
    seconds: f64,
}

impl RunReport<'_> {
    fn count(&self, is: impl Fn(&Option<JobOutcome>) -> bool) -> usize {
        self.outcome.jobs.iter().filter(|(_, end)| is(end)).count()
    }

    /// The folder with the code of the specs: of one spec its own, otherwise that of all. `None` if
    /// no code is there.
    fn code(&self) -> Option<String> {
        let target = self.workspace.harness.target.values().find(|target| target.is_generated())?;
        let done = self.outcome.jobs.iter().filter(|(_, end)| *end == Some(JobOutcome::Promoted));
        let done: BTreeSet<_> =
            done.map(|(spec, _)| spec).chain(&self.outcome.up_to_date).collect();
        let first = done.first()?;
        if done.len() == 1 {
            return Some(target.unit(first) + "/");
        }
        let all = target.unit("{spec}");
        Some(all.split_once("{spec}").map_or("", |(folder, _)| folder).to_owned())
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
            "up_to_date": self.outcome.up_to_date, "problems": self.workspace.problems,
            "promoted": self.count(|end| *end == Some(JobOutcome::Promoted)),
            "rejected": self.count(|end| matches!(end, Some(JobOutcome::Rejected { .. }))),
            "seconds": self.seconds, "tokens": spend.tokens, "usd": spend.known_usd(),
            "code": self.code(),
        })
    }

    /// Tells what no event told, and ends with one line about the whole run.
    fn tell(&self, door: &Context, progress: &Progress, code: u8) {
        for (spec, end) in &self.outcome.jobs {
            let name = door.paint.name(spec);
            match end {
                Some(_) if progress.has_told(spec) => {}
                Some(end) => {
                    let known = self.workspace.spec(spec).map(|spec| &**spec);
                    let text = words::outcome(end, known, door.paint);
                    door.say(&format!("{name}: {}", text.trim_end()));
                }
                None => door.say(&format!("{name}: {}", door.paint.warn("not tried"))),
            }
        }
        for spec in &self.outcome.up_to_date {
            door.say(&format!("{}: up to date", door.paint.name(spec)));
        }
        let nothing = self.outcome.jobs.is_empty() && self.outcome.up_to_date.is_empty();
        if code == exit::DONE && nothing {
            let folder = &self.workspace.harness.harness.specs;
            door.say(&format!(
                "no spec with a target in {folder}/: see `default_targets` in harness.toml"
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
            ("refused", self.workspace.refused(self.only).len(), false),
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

/// Shows the plan, and the most it can cost.
pub async fn plan(door: &Context, specs: &[String]) -> Result<u8, CommandError> {
    let mut workspace = load(&door.reading()?, None)?;
    // A plan does not need the generator's key.
    let _ = workspace.sign_with(variable);
    let only = workspace.select(specs)?;
    let tools = door.known_tools(&workspace).await;
    let plan: Plan = workspace.plan(&tools, only.as_ref(), false)?;
    let refused = workspace.has_errors(only.as_ref());
    let most = workspace.most_cost(&plan);
    if door.global.json {
        let problems = workspace.problems_of(only.as_ref());
        door.json(
            &json!({ "type": "plan", "jobs": plan.jobs, "problems": problems, "most": most }),
        );
        return Ok(if refused { exit::SPEC_REFUSED } else { exit::DONE });
    }
    let shown = workspace.problems_of(only.as_ref());
    if !shown.is_empty() {
        door.say(render(shown, &workspace.sources, door.paint).trim_end());
    }
    for job in &plan.jobs {
        for part in &job.parts {
            let reason = words::part(part);
            let target = if part.verifies { "–" } else { part.target.as_str() };
            door.show(&format!("{:<20} {target:<10} {reason}", job.spec));
        }
    }
    if !door.global.quiet {
        let work = plan.jobs.iter().any(|job| !job.is_up_to_date());
        door.show(&words::most(most.attempts, most.tokens, most.usd, work));
    }
    Ok(if refused { exit::SPEC_REFUSED } else { exit::DONE })
}
