//! `regen show`: shows the attempts of a run.

use clap::Args;
use serde_json::json;

use super::{Context, exit};
use crate::commands::show::{KeptAttempt, read_attempts};
use crate::pipeline::AttemptFailure;
use crate::report::words;
use crate::workspace::CommandError;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run's number in `regen log`.
    run: i64,
    /// Only this spec.
    #[arg(short, long, value_name = "ID")]
    spec: Option<String>,
    /// Only this attempt.
    #[arg(short, long, value_name = "NUMBER")]
    attempt: Option<u32>,
}

/// Shows the attempts of a run.
pub fn show(door: &Context, args: &ShowArgs) -> Result<u8, CommandError> {
    let mut attempts = read_attempts(&door.places()?, args.run)?;
    attempts.retain(|kept| {
        args.spec.as_ref().is_none_or(|spec| kept.spec == *spec)
            && args.attempt.is_none_or(|number| kept.attempt.number == number)
    });
    if attempts.is_empty() {
        let why =
            format!("run {} has no such attempt; `regen show {}` shows all", args.run, args.run);
        return Err(CommandError::usage(why));
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
        "reports": attempt.reports, "output": kept.output, "accepted": attempt.accepted.is_some(),
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
            (Some(text), _) => text.trim_end().to_owned(),
            (None, true) => "(deleted by `regen gc`)".to_owned(),
            (None, false) => return,
        };
        door.show(&format!("\n{}\n{text}", door.paint.name(&format!("--- {name}"))));
    };
    let prompt = kept.prompt.as_ref().map(|p| format!("{}\n\n{}", p.system, p.user));
    section("prompt", prompt, attempt.prompt.is_some());
    section("reply", kept.reply.clone(), attempt.completion.is_some());
    for report in &attempt.reports {
        let name = format!("gate {}", report.gate);
        let said = words::gate(report, door.paint) + "\n" + words::notes(report).trim_end();
        let output = kept.output.get(&report.gate).cloned().unwrap_or_default();
        section(&name, Some(format!("{}\n{output}", said.trim_end())), true);
    }
    let end = match &attempt.failed {
        _ if attempt.accepted.is_some() => door.paint.good("accepted"),
        Some(AttemptFailure::Refused(diagnosis)) => diagnosis.told(),
        Some(AttemptFailure::Malformed { message, .. } | AttemptFailure::Truncated(message)) => {
            message.clone()
        }
        None => "not judged".to_owned(),
    };
    section("end", Some(end), true);
    door.show("");
}
