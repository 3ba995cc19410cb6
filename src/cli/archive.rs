//! `regen log SPEC`, `regen show`, `regen export`, `regen gc`: what is kept of what happened.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Context, exit, run};
use crate::commands::export::archive;
use crate::commands::gc::sweep;
use crate::commands::log;
use crate::commands::show::{KeptAttempt, attempts};
use crate::engine::Engine;
use crate::pipeline::AttemptFailure;
use crate::report::{diff, line, tame, words};
use crate::workspace::EngineError;
use crate::workspace::{load, load_harness};

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run, as `regen log` numbers them.
    run: i64,
    /// Only this spec.
    #[arg(short, long, value_name = "ID")]
    spec: Option<String>,
    /// Only this attempt.
    #[arg(short, long, value_name = "NUMBER")]
    attempt: Option<u32>,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run, as `regen log` numbers them.
    run: i64,
    /// The archive; `-` for standard output. Default: regen-run-RUN.tar.gz here.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Arguments of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Days that attempts are kept which led to nothing, instead of `[retention] days`.
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
}

/// The promotions of a spec.
pub fn story(door: &Context, spec: &str) -> Result<u8, EngineError> {
    let places = door.places()?;
    // A spec that is gone has a history, too.
    let known = load(&places, None)?.select(&[spec.to_owned()]);
    let id = known.ok().flatten().and_then(|ids| ids.into_iter().next());
    let id = id.unwrap_or_else(|| spec.to_owned());
    let steps = log::story(&places, &id)?;
    if door.global.json {
        door.json(&json!({ "type": "promotions", "spec": id, "promotions": steps }));
        return Ok(exit::DONE);
    }
    if steps.is_empty() {
        door.say(&format!("`{id}` was never promoted here; `regen log` shows everything"));
    }
    for step in steps {
        let trees: Vec<_> =
            step.trees.iter().map(|(target, tree)| format!("{target} {}", tree.short())).collect();
        let by: Vec<_> = step.origins.values().cloned().collect();
        let by = by.first().map(|by| format!(" by {}", line(by))).unwrap_or_default();
        let what = match step.rollback {
            Some(to) => door.paint.warn(&format!("rolled back to run {to}")),
            None => door.paint.good("promoted"),
        };
        let stands = if step.stands { door.paint.name("  stands") } else { String::new() };
        let run = door.paint.name(&format!("run {:>4}", step.run));
        door.show(&format!("{run}  {}  {what} {}{by}{stands}", step.at, trees.join(", ")));
        let text = diff::clauses(&step.changes, door.paint);
        if !text.is_empty() {
            let indented: Vec<_> = text.lines().map(|line| format!("    {line}")).collect();
            door.show(&indented.join("\n"));
        }
    }
    Ok(exit::DONE)
}

/// The attempts of a run.
pub fn show(door: &Context, args: &ShowArgs) -> Result<u8, EngineError> {
    let mut attempts = attempts(&door.places()?, args.run)?;
    attempts.retain(|kept| {
        args.spec.as_ref().is_none_or(|spec| kept.spec == *spec)
            && args.attempt.is_none_or(|number| kept.attempt.number == number)
    });
    if attempts.is_empty() {
        let why =
            format!("run {} has no such attempt: `regen show {}` has all", args.run, args.run);
        return Err(EngineError::Usage(why));
    }
    for kept in &attempts {
        if door.global.json {
            door.json(&machine(kept));
        } else {
            person(door, kept);
        }
    }
    Ok(exit::DONE)
}

fn machine(kept: &KeptAttempt) -> serde_json::Value {
    let KeptAttempt { attempt, .. } = kept;
    json!({
        "type": "attempt", "job": kept.job, "spec": kept.spec, "target": kept.target,
        "attempt": attempt.number, "kind": attempt.kind, "tier": attempt.tier,
        "prompt": kept.prompt, "completion": kept.completion, "tree": attempt.tree,
        "reports": attempt.reports, "output": kept.output, "accepted": attempt.accepted,
        "outcome": kept.outcome,
    })
}

fn person(door: &Context, kept: &KeptAttempt) {
    let KeptAttempt { attempt, .. } = kept;
    let head = format!(
        "{} · {} · job {} · attempt {}, {}",
        kept.spec,
        kept.target,
        kept.job,
        attempt.number,
        words::kind(attempt.kind)
    );
    door.show(&door.paint.name(&head));
    let section = |name: &str, text: Option<String>, was: bool| {
        let text = match (text, was) {
            (Some(text), _) => tame(text.trim_end()),
            (None, true) => "(gone: `regen gc` took it away)".to_owned(),
            (None, false) => return,
        };
        door.show(&format!("\n{}\n{text}", door.paint.name(&format!("--- {name}"))));
    };
    let prompt = kept.prompt.as_ref().map(|p| format!("{}\n\n{}", p.system, p.user));
    section("prompt", prompt, attempt.prompt.is_some());
    let reply = kept.completion.as_ref().map(|completion| completion.text.clone());
    section("reply", reply, attempt.completion.is_some());
    for report in &attempt.reports {
        let name = format!("gate {}", report.gate);
        let said = words::gate(report, door.paint) + "\n" + words::notes(report).trim_end();
        let output = kept.output.get(&report.gate).cloned().unwrap_or_default();
        section(&name, Some(format!("{}\n{output}", said.trim_end())), true);
    }
    let end = match &attempt.failed {
        _ if attempt.accepted => door.paint.good("accepted"),
        Some(AttemptFailure::Refused(diagnosis)) => diagnosis.summary.clone(),
        Some(AttemptFailure::Malformed { message, .. } | AttemptFailure::Truncated(message)) => {
            message.clone()
        }
        None => "not judged".to_owned(),
    };
    section("end", Some(end), true);
    door.show("");
}

/// A run as one file.
pub fn export(door: &Context, args: &ExportArgs) -> Result<u8, EngineError> {
    let places = door.places()?;
    let name = PathBuf::from(format!("regen-run-{}.tar.gz", args.run));
    let path = args.output.clone().unwrap_or(name);
    let mut bytes = Vec::new();
    let (specs, missing) = archive(&places, args.run, &mut bytes)?;
    if path.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes)?;
    } else {
        let file = File::create(&path)
            .map_err(|why| EngineError::Usage(format!("--output {}: {why}", path.display())))?;
        let mut file = BufWriter::new(file);
        file.write_all(&bytes)?;
        file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    }
    if missing > 0 {
        let gone = format!("{missing} parts of its attempts are not kept any more");
        door.say(&format!("{}: {gone}", door.paint.warn("warning")));
    }
    if door.global.json && path.as_os_str() != "-" {
        door.json(&json!({
            "type": "export", "run": args.run, "file": path, "specs": specs, "missing": missing,
        }));
    } else if !door.global.quiet {
        let (path, specs) = (path.display(), specs.join(" "));
        door.say(&format!("{path}: unpack it, and `regen --spec {specs}` replays it there"));
    }
    Ok(exit::DONE)
}

/// Takes away what nobody needs any more.
pub fn gc(door: &Context, args: &GcArgs) -> Result<u8, EngineError> {
    let places = door.places()?;
    let _lock = run::lock(door, &places)?;
    Engine::recover(&places)?;
    let days = load_harness(&places, None)?.retention.days;
    let swept = sweep(&places, args.days.unwrap_or(days), args.dry_run)?;
    if door.global.json {
        door.json(&json!({ "type": "gc", "dry_run": args.dry_run, "swept": swept }));
        return Ok(exit::DONE);
    }
    let verb = if args.dry_run { "would go" } else { "are gone" };
    let kib = swept.bytes.div_ceil(1024);
    door.say(&format!("{} objects, {kib} KiB, {verb}; {} stay", swept.objects, swept.kept));
    Ok(exit::DONE)
}
