//! `regen show`: shows the attempts of a run.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use super::args::PastArgs;
use super::{Context, complete, exit};
use crate::commands::show::{KeptAttempt, find_run, read_attempts};
use crate::generator::{AgentTranscript, WorkReport};
use crate::pipeline::AttemptFailure;
use crate::report::words;
use crate::workspace::CommandError;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    past: PastArgs,
    /// Only this target.
    #[arg(short, long, value_name = "TARGET", add = ArgValueCandidates::new(complete::targets))]
    target: Option<String>,
    /// Only attempts in which this gate ran.
    #[arg(short, long, value_name = "GATE", add = ArgValueCandidates::new(complete::gates))]
    gate: Option<String>,
    /// Only this attempt.
    #[arg(short, long, value_name = "NUMBER")]
    attempt: Option<u32>,
}

/// Shows the attempts of a run.
pub fn show(door: &Context, args: &ShowArgs) -> Result<u8, CommandError> {
    let places = door.reading_state()?;
    let (run, specs) = args.past.parts();
    let (run, only) = find_run(&places, run, &specs)?;
    let mut attempts = read_attempts(&places, run)?;
    let all = attempts.len();
    attempts.retain(|kept| {
        only.as_ref().is_none_or(|only| only.contains(&kept.spec))
            && args.attempt.is_none_or(|number| kept.attempt.number == number)
            && args.target.as_ref().is_none_or(|target| kept.target == target.as_str())
            && args.gate.as_ref().is_none_or(|gate| has_gate(kept, gate))
    });
    if attempts.is_empty() {
        let why = if all == 0 { "has no attempts" } else { "has no such attempt" };
        let error = CommandError::usage(format!("run {run} {why}"));
        return Err(error.hint(format!("`regen show {run}` shows all")));
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

/// Lines that cannot be taken for the harness's own.
fn indented(turns: &[String]) -> String {
    turns.iter().map(|turn| format!("  {turn}\n")).collect()
}

fn has_gate(kept: &KeptAttempt, gate: &str) -> bool {
    kept.attempt.reports.iter().any(|report| report.gate == gate)
}

fn machine(kept: &KeptAttempt) -> serde_json::Value {
    let KeptAttempt { attempt, .. } = kept;
    json!({
        "type": "attempt", "job": kept.job, "spec": kept.spec, "target": kept.target,
        "attempt": attempt.number, "kind": attempt.kind, "tier": attempt.tier,
        "prompt": kept.prompt, "completion": kept.completion, "tree": attempt.tree,
        "transcript": kept.transcript, "reports": attempt.reports, "output": kept.output,
        "accepted": attempt.accepted.is_some(),
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
    if let Some(AgentTranscript { turns, seen }) = &kept.transcript {
        section("the agent's own words", Some(indented(turns)), true);
        section("what regen saw of the agent", seen.as_ref().map(WorkReport::told), false);
    } else {
        section("reply", kept.reply.clone(), attempt.completion.is_some());
    }
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
