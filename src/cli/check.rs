//! `regen check`: the deploy gate.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::args::SpecArgs;
use super::context::variable;
use super::output::{append_output, write_output};
use super::{Context, exit, isolation, run};
use crate::commands::check::{
    CheckOptions, CheckOutcome, Flaw, RerunMachine, RerunTarget, check_workspace,
};
use crate::commands::fix_lock::fix_lock;
use crate::promote::Promoter;
use crate::report::{check as report, github, sarif};
use crate::store::{WriterLock, files, given};
use crate::types::text::visible_line;
use crate::types::{Policy, Problem, limits};
use crate::workspace::{CommandError, Sources, Workspace, WorkspaceLayout};

/// Text below the help.
pub const HELP: &str = "Examples:\n  regen check                        before a deploy: exits 0 or 22\n  \
    regen check roman                  only this spec\n  \
    regen check --rerun                run all gates again with this machine's tools\n  \
    regen check --rerun --fresh        new samples of the models that assistants run on\n  \
    regen check --against origin/main  only what a pull request touches\n  \
    regen check --format github -o check.sarif -o junit=check.xml --summary \"$GITHUB_STEP_SUMMARY\"\n  \
    regen check --fix-lock             after a merge conflict in regen.lock\n\n\
    Exit codes: 0 `generated/` matches regen.lock · 10 a spec is refused · 20 a gate failed (--rerun) · \
    22 out of date, changed by hand, or against the policy · 31 budget (--fresh) · 40 environment";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Run all gates again, in the sandbox, on the promoted trees.
    #[arg(long)]
    rerun: bool,
    /// Take new samples of the models under test of assistants, at their price, and compare them
    /// with those of the promotion. Runs nothing else.
    #[arg(long, requires = "rerun")]
    fresh: bool,
    /// Check only what differs from the merge base with a Git revision.
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Check further requirements: models, isolation, gates, keys, age.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Format of the findings on standard output.
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    format: CheckFormat,
    /// Also write the findings to a file, in the format of its extension (.json, .sarif, .xml, .md,
    /// .txt) or of the prefix `FORMAT=`; repeatable.
    #[arg(short, long, value_name = "[FORMAT=]FILE")]
    output: Vec<CheckOutput>,
    /// Append a Markdown summary to a file, or write it to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    summary: Option<PathBuf>,
    /// Rebuild regen.lock from the trees and their attestations, then check.
    #[arg(long)]
    fix_lock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    Human,
    Json,
    Sarif,
    Junit,
    Github,
    #[value(skip)]
    Markdown,
}

#[derive(Clone, Debug)]
struct CheckOutput {
    format: CheckFormat,
    file: PathBuf,
}

impl FromStr for CheckOutput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((format, file)) = text.split_once('=')
            && let Ok(format) = <CheckFormat as ValueEnum>::from_str(format, false)
        {
            return Ok(Self { format, file: PathBuf::from(file) });
        }
        let format = match Path::new(text).extension().and_then(|end| end.to_str()) {
            Some("json") => CheckFormat::Json,
            Some("sarif") => CheckFormat::Sarif,
            Some("xml") => CheckFormat::Junit,
            Some("md") => CheckFormat::Markdown,
            Some("txt") => CheckFormat::Human,
            _ => {
                let why = "unknown extension; use .json, .sarif, .xml, .md or .txt, or FORMAT=FILE with \
                           human, json, sarif, junit or github";
                return Err(why.to_owned());
            }
        };
        Ok(Self { format, file: PathBuf::from(text) })
    }
}

/// Checks.
pub async fn check(door: &Context, args: &CheckArgs) -> Result<u8, CommandError> {
    let places = if args.fix_lock || args.rerun { door.layout()? } else { door.reading()? };
    if args.fix_lock {
        let _lock = run::lock(door, &places)?;
        for line in fix_lock(&places)? {
            door.say(&format!("regen.lock: {}", visible_line(&line)));
        }
    }
    let policy = args.policy.as_deref().map(policy).transpose()?;
    let asked = CheckOptions { only: args.specs.all(), against: args.against.clone(), policy };
    let (mut workspace, mut outcome) = steady(door, &places, &asked).await?;
    let mut ran = Vec::new();
    if let Some(workspace) = workspace.as_mut().filter(|_| args.rerun) {
        workspace.use_workers(variable)?;
        ran = rerun(door, workspace, &outcome, args.fresh).await?;
        outcome.flaws.extend(ran.iter().flat_map(|ran| ran.flaws.clone()));
    }
    let code = exit::of_check(&outcome);
    // The process exits next, so the memory is not freed one by one.
    let workspace = ManuallyDrop::new(workspace);
    let none = Sources::new();
    let sources = workspace.as_ref().map_or(&none, |workspace| &workspace.sources);
    for output in &args.output {
        let text = written(door, output.format, &outcome, &ran, code, sources);
        write_output(&output.file, text.as_bytes())?;
    }
    let shown = if door.global.json { CheckFormat::Json } else { args.format };
    if args.summary.as_deref() == Some(Path::new("-")) {
        door.print(&report::markdown(&outcome));
    } else if shown != CheckFormat::Human || !outcome.flaws.is_empty() {
        let text = written(door, shown, &outcome, &ran, code, sources);
        if !text.is_empty() {
            if shown == CheckFormat::Human {
                door.show(&text);
            } else {
                door.print(&text);
            }
        }
    }
    if let Some(file) = args.summary.as_deref().filter(|file| *file != Path::new("-")) {
        let named = |why| CommandError::usage(format!("--summary {}: {why}", file.display()));
        append_output(file, report::markdown(&outcome).as_bytes()).map_err(named)?;
    }
    if shown == CheckFormat::Human && !door.global.quiet {
        let word =
            if code == exit::DONE { door.paint.good("ok") } else { door.paint.bad("failed") };
        door.say(&format!("{word}: {}", report::summary(&outcome)));
    }
    Ok(code)
}

/// Checks, and checks again while a promotion is under way, since its files do not match until it
/// is done. An interrupted promotion is reported; nothing is written here.
async fn steady(
    door: &Context,
    places: &WorkspaceLayout,
    asked: &CheckOptions,
) -> Result<(Option<Workspace>, CheckOutcome), CommandError> {
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    if !promoter.is_busy() {
        // No other file of `.regen/` is read.
    } else if let Err(error) = places.verify_state() {
        door.say(&format!("{}: {error}; it is ignored", door.paint.warn("warning")));
        return check_workspace(places, asked);
    }
    for _ in 0..100 {
        let lock =
            || files::read_capped(&places.root.join("regen.lock"), limits::RESULT_BYTES).ok();
        let (before, found) = (lock(), check_workspace(places, asked));
        match found {
            Ok(found) if found.1.flaws.is_empty() && !promoter.is_busy() => return Ok(found),
            // A file that was switched meanwhile does not match what was read before.
            found if !promoter.is_busy() && lock() == before => return found,
            found if promoter.is_busy() && WriterLock::is_free(&places.state) => {
                let (workspace, mut outcome) = found?;
                outcome.flaws.push(Flaw::interrupted());
                return Ok((workspace, outcome));
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    check_workspace(places, asked)
}

fn policy(path: &Path) -> Result<Policy, CommandError> {
    let name = path.display().to_string();
    let bytes = given::read_given(path, limits::CONFIG_BYTES)
        .map_err(|error| CommandError::usage(format!("--policy {error}")))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    crate::config::policy(&name, &text)
        .map_err(|problems| CommandError::config(problems, Sources::from([(name, text)])))
}

async fn rerun(
    door: &Context,
    workspace: &Workspace,
    outcome: &CheckOutcome,
    fresh: bool,
) -> Result<Vec<RerunTarget>, CommandError> {
    let places = &workspace.places;
    let tools = workspace.tools(&door.tool_env()).await?;
    let probe = isolation::demand(door, &places.cache, &workspace.harness.sandbox).await?;
    let tell = |ran: &RerunTarget| {
        if !door.global.quiet && !door.global.json {
            let name = door.paint.name(&format!("{} · {}", ran.spec, ran.target));
            let word = if ran.reports.is_empty() && !ran.flaws.is_empty() {
                door.paint.bad("no gate ran")
            } else if ran.reports.is_empty() {
                door.paint.warn("no tree to check")
            } else if ran.flaws.is_empty() {
                door.paint.good(if fresh { "as at the promotion" } else { "all gates passed" })
            } else if fresh && ran.flaws.iter().all(Flaw::is_drift) {
                door.paint.bad("differs")
            } else {
                door.paint.bad(if fresh { "not compared" } else { "a gate failed" })
            };
            door.say(&format!("{name}: {word}"));
        }
    };
    let key = fresh.then_some(variable as fn(&str) -> Option<String>);
    let machine = RerunMachine { tools: Arc::new(tools), probe: Arc::new(probe), key };
    workspace.rerun(outcome, &machine, &tell).await
}

fn written(
    door: &Context,
    format: CheckFormat,
    outcome: &CheckOutcome,
    ran: &[RerunTarget],
    code: u8,
    sources: &Sources,
) -> String {
    let problems: Vec<Problem> = outcome.flaws.iter().map(|flaw| flaw.problem.clone()).collect();
    match format {
        CheckFormat::Human => report::human(outcome, door.paint),
        CheckFormat::Json => {
            let ran: Vec<Value> = ran
                .iter()
                .map(
                    |ran| json!({ "spec": ran.spec, "target": ran.target, "reports": ran.reports }),
                )
                .collect();
            let value = json!({
                "type": "check", "exit_code": code, "findings": outcome.flaws, "targets": outcome.checked,
                "files": outcome.files, "rerun": ran,
            });
            value.to_string() + "\n"
        }
        CheckFormat::Sarif => {
            serde_json::to_string_pretty(&sarif(&problems, sources)).unwrap_or_default() + "\n"
        }
        CheckFormat::Junit => report::junit(outcome),
        CheckFormat::Github => github(&problems, sources),
        CheckFormat::Markdown => report::markdown(outcome),
    }
}
