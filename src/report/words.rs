//! Sentences for people about events, outcomes and diagnoses.

use std::collections::BTreeSet;

use super::Styler;
use crate::store::Day;
use crate::types::behaviour::percent;
use crate::types::text::{counted, visible_line};
use crate::types::{
    AcceptancePlan, Assurance, AttemptKind, ClauseId, CodeEffect, Diagnosis, Event, Fault, Finding,
    GateReport, Job, JobOutcome, Judgement, Outcome, Reason, Spec, TargetJob,
};

/// The name of an attempt's kind.
pub fn kind(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Generate => "generate",
        AttemptKind::Repair => "repair",
        AttemptKind::Fresh => "fresh start",
        AttemptKind::Reask => "ask again for the right format",
        AttemptKind::Revalidate => "check the promoted tree",
        AttemptKind::Verify => "verify what it depends on",
    }
}

/// The label of a replay.
pub fn replay(date: &str, model: &str) -> String {
    let origin = if date == "scripted" { date.to_owned() } else { format!("recorded {date}") };
    format!("REPLAY · {origin} · {model} · no model was called")
}

/// One line per gate: outcome, tests, time.
pub fn gate(report: &GateReport, paint: Styler) -> String {
    let word = match report.outcome {
        Outcome::Pass => paint.good("pass"),
        Outcome::Skipped { .. } => paint.dim("skipped"),
        _ if !report.required => paint.warn(&format!("{} (advisory)", report.outcome.word())),
        _ => paint.bad(report.outcome.word()),
    };
    let tests = match report.tests.len() {
        0 => String::new(),
        count => format!(" · {}", counted(count, "test")),
    };
    // The ordinary assurance is not told in each line.
    let effects = match &report.assurance {
        Some(Assurance::Sealed(effects)) if !effects.is_empty() => {
            format!(" · effects: {}", CodeEffect::list(effects.iter().copied()))
        }
        _ => String::new(),
    };
    let detail = match &report.outcome {
        Outcome::Error { message, .. } => format!(": {}", indented(message)),
        Outcome::Skipped { reason } => format!(": {}", indented(reason)),
        Outcome::Limit { resource } => format!(": {}", resource.word()),
        _ => String::new(),
    };
    let notes = match (&report.outcome, report.findings.len()) {
        (Outcome::Pass, 1) => " · 1 note".to_owned(),
        (Outcome::Pass, count @ 2..) => format!(" · {count} notes"),
        _ => String::new(),
    };
    format!("{:<8} {word}{tests}{effects}{notes} · {} ms{detail}", report.gate, report.elapsed_ms)
}

/// Notes of a gate that passed, one per line.
pub fn notes(report: &GateReport) -> String {
    let notes = report.findings.iter().filter(|_| report.outcome == Outcome::Pass);
    let notes = notes
        .map(|note| format!("      {}{}: {}\n", note.rule, place(note), indented(&note.message)));
    let seen = report.samples.iter();
    seen.map(|count| format!("      {}: {}\n", count.test, count.words())).chain(notes).collect()
}

fn place(finding: &Finding) -> String {
    match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!(" {}:{line}", visible_line(file)),
        (Some(file), None) => format!(" {}", visible_line(file)),
        _ => String::new(),
    }
}

/// What tokens cost, as far as their price is known.
pub fn money(day: &Day) -> String {
    let digits = if day.usd > 0.0 && day.usd < 0.01 { 4 } else { 2 };
    let usd = format!("{:.digits$} USD", day.usd);
    match day.unpriced {
        0 => usd,
        _ if day.usd == 0.0 => PRICE_UNKNOWN.to_owned(),
        unpriced => format!("{usd} and {unpriced} tokens, {PRICE_UNKNOWN}"),
    }
}

/// The worker of a gate.
fn on(worker: Option<&str>) -> String {
    worker.map(|name| format!(" · on {}", visible_line(name))).unwrap_or_default()
}

/// An event as one line.
pub fn event(event: &Event, paint: Styler) -> String {
    match event {
        Event::Triggered { by } => format!("triggered by {}", visible_line(by)),
        Event::SpecAdmitted { spec, clauses } => {
            format!("spec {spec} admitted, {}", counted(clauses, "clause"))
        }
        Event::SpecRefused { file, problem } => {
            format!("spec {file} {}: {problem}", paint.bad("refused"))
        }
        Event::Planned { specs, up_to_date } => {
            format!("planned {} to do, {} up to date", specs.len(), up_to_date.len())
        }
        Event::Queued { job } => queued(job),
        Event::AttemptStarted { attempt, kind: k, tier, target, .. } => {
            let tier = if *tier > 0 { format!(", tier {tier}") } else { String::new() };
            format!("attempt {attempt} · {target} · {}{tier}", kind(*k))
        }
        Event::Completed { usage, replay: date, .. } => {
            let label = date
                .as_ref()
                .map(|date| format!(" · {}", paint.warn(&format!("REPLAY of {date}"))));
            format!(
                "answer: {} input tokens, {} output tokens{}",
                usage.input,
                usage.output,
                label.unwrap_or_default()
            )
        }
        Event::GenerationFailed { message, .. } => {
            format!("{}: {}", paint.bad("no answer"), indented(message))
        }
        Event::InputsRefused { diagnosis, .. } => {
            format!("{}: {}", paint.bad("not asked"), indented(&diagnosis.summary))
        }
        Event::CandidateMade { tree, reader, formatted, .. } => {
            let formatted = match formatted.len() {
                0 => String::new(),
                count => format!(", {count} formatted"),
            };
            format!("candidate {} (read as {reader}{formatted})", tree.short())
        }
        Event::Malformed { message, .. } => {
            format!("{}: {}", paint.bad("answer unusable"), indented(message))
        }
        Event::Conflict { clause, others, message, .. } => {
            let head = paint.bad("the model reports a conflict");
            let names: Vec<_> = clause.iter().chain(others).map(ClauseId::as_str).collect();
            let place = if names.is_empty() { "" } else { " at " };
            format!("{head}{place}{}: {}", names.join(", "), indented(message))
        }
        Event::GateReported { report, worker, .. } => gate(report, paint) + &on(worker.as_deref()),
        Event::Judged { judgement, .. } => judged(judgement, paint),
        Event::Promoted { trees, .. } => {
            let trees: Vec<_> = trees.iter().map(|(t, d)| format!("{t} {}", d.short())).collect();
            format!("{} {}", paint.good("promoted"), trees.join(", "))
        }
        Event::PromotionRefused { files } => {
            format!("{}: edited by hand: {}", paint.bad("not promoted"), files.join(", "))
        }
        Event::PromotionFailed { message } => {
            format!("{}: {}", paint.bad("not promoted"), indented(message))
        }
        Event::Superseded => "superseded by a newer revision".to_owned(),
        Event::Resumed => "resumed".to_owned(),
        Event::Held { why } => format!("waits: {why}"),
        Event::Cancelled { .. } | Event::Retried { .. } | Event::Paused | Event::Unpaused => {
            order(event)
        }
    }
}

fn judged(judgement: &Judgement, paint: Styler) -> String {
    match judgement {
        Judgement::Accept => paint.good("accepted"),
        Judgement::Refuse { diagnosis } => {
            let clauses: Vec<_> = diagnosis.clauses.iter().map(ClauseId::as_str).collect();
            let clauses = if clauses.is_empty() {
                String::new()
            } else {
                format!(" ({})", clauses.join(", "))
            };
            format!("{}: {}{clauses}", paint.bad("rejected"), indented(&diagnosis.told()))
        }
        Judgement::Unsound { diagnosis } => {
            format!("{}: {}", paint.warn("not judged"), indented(&diagnosis.told()))
        }
    }
}

/// Indents further lines of untrusted text.
fn indented(text: &str) -> String {
    text.replace('\n', "\n      ")
}

fn queued(job: &Job) -> String {
    let parts = job.parts.iter().filter_map(|part| Some((&part.target, part.reason.as_ref()?)));
    let parts: Vec<_> = parts.map(|(target, why)| format!("{target}: {why}")).collect();
    format!("queued ({})", parts.join("; "))
}

/// A person's order, as one line.
fn order(event: &Event) -> String {
    match event {
        Event::Cancelled { by } => format!("cancelled by {}", visible_line(by)),
        Event::Retried { specs } => format!("retry: {}", specs.join(", ")),
        Event::Paused => "paused".to_owned(),
        _ => "resumed".to_owned(),
    }
}

/// Who is at fault.
pub fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Spec => "spec",
        Fault::Model => "model",
        Fault::Gate => "gate",
        Fault::Environment => "environment",
        Fault::Generator => "generator",
        Fault::Budget => "budget",
    }
}

/// A diagnosis in full: fault, clauses with their lines, findings.
pub fn diagnosis(diagnosis: &Diagnosis, spec: Option<&Spec>, paint: Styler) -> String {
    let (fault, told) = (fault(diagnosis.fault), diagnosis.told());
    let mut out = format!("fault: {}\n  {}\n", paint.bad(fault), indented(&told));
    for id in &diagnosis.clauses {
        let clause = spec.and_then(|spec| spec.clauses.iter().find(|c| c.id == *id));
        let place =
            spec.zip(clause).map(|(spec, clause)| format!(" ({}:{})", spec.file, clause.line));
        let text = clause.map(|clause| format!(" {}", clause.text)).unwrap_or_default();
        out.push_str(&format!(
            "  clause {}{}{text}\n",
            paint.name(id.as_str()),
            place.unwrap_or_default()
        ));
    }
    let mut allowable = BTreeSet::new();
    for finding in diagnosis.findings.iter().take(5) {
        let place = place(finding);
        let message = indented(&finding.message);
        out.push_str(&format!("  {} {}{place}\n      {message}\n", finding.gate, finding.rule));
        if let Some(remedy) = &finding.remedy {
            out.push_str(&format!("      remedy: {}\n", indented(remedy)));
        }
        let (gate, rule) = (&finding.gate, &finding.rule);
        if finding.lint && allowable.insert((gate, rule)) {
            let line = format!("`[gate.{gate}] allow = [\"{rule}\"]` in harness.toml");
            out.push_str(&format!("      {line} allows it\n"));
        }
    }
    out
}

/// How a job ended, in a line: outcome, fault, attempts and cost.
pub fn job_end(outcome: &JobOutcome, attempts: usize, spend: &Day, paint: Styler) -> String {
    let word = outcome.word().replace('_', " ");
    let word = match outcome {
        JobOutcome::Promoted => paint.good(&word),
        _ => paint.bad(&word),
    };
    let fault = outcome.diagnosis().map(|one| format!("; fault: {}", fault(one.fault)));
    format!(
        "job ended: {word}{} · {}, {}",
        fault.unwrap_or_default(),
        counted(attempts, "attempt"),
        spent(spend)
    )
}

/// Tokens and dollars.
pub fn spent(day: &Day) -> String {
    let money = if day.tokens == 0 { "0 USD".to_owned() } else { money(day) };
    format!("{}, {money}", counted(day.tokens, "token"))
}

const PRICE_UNKNOWN: &str = "price unknown";

/// The most that a plan can cost. `work`: it has a job.
pub fn most(attempts: u32, tokens: u64, usd: Option<f64>, work: bool) -> String {
    if attempts == 0 {
        let what = if work { "calls no model" } else { "nothing to do" };
        return format!("at most: {what}, 0 tokens, 0 USD");
    }
    let attempts = counted(attempts, "attempt");
    let usd = usd.map(|usd| format!("{usd:.2} USD"));
    format!("at most: {attempts}, {tokens} tokens, {}", usd.as_deref().unwrap_or(PRICE_UNKNOWN))
}

/// How the tests of an assistant are accepted.
pub fn acceptance(first: AcceptancePlan, later: AcceptancePlan) -> String {
    let of = |plan: AcceptancePlan| format!("{} of {} may miss", plan.misses, plan.samples);
    let rate = percent(first.rate);
    format!("to show {rate}: {}; in a later version of the run {}", of(first), of(later))
}

/// An outcome, and what a person can do about it.
pub fn outcome(outcome: &JobOutcome, spec: Option<&Spec>, paint: Styler) -> String {
    match outcome {
        JobOutcome::Promoted => paint.good("promoted") + "\n",
        JobOutcome::Superseded => "superseded\n".to_owned(),
        JobOutcome::Cancelled => "cancelled; `regen retry` retries it\n".to_owned(),
        JobOutcome::Rejected { diagnosis: d } => {
            format!("{}; {}", paint.bad("rejected"), diagnosis(d, spec, paint))
        }
        JobOutcome::SpecRefused { diagnosis: d } => {
            format!("{}; {}", paint.bad("spec refused"), diagnosis(d, spec, paint))
        }
        JobOutcome::SpecSuspected { diagnosis: d } => {
            format!("{}; {}", paint.bad("spec suspected"), diagnosis(d, spec, paint))
        }
        JobOutcome::Failed { diagnosis: d, .. } => {
            format!("{}; {}", paint.bad("failed"), diagnosis(d, spec, paint))
        }
        JobOutcome::Waits { why } => format!("waits: {why}\n"),
        JobOutcome::Drifted { files } => format!(
            "{}: generated files were edited by hand:\n  {}\n\
             hint: write the change into the spec and undo the edit (git checkout), or run again with \
             --discard-edits, which first saves these files in .regen/drift/\n",
            paint.bad("refused"),
            files.join("\n  ")
        ),
    }
}

/// A target's name; a spec without code has none.
pub fn target(part: &TargetJob) -> &str {
    if part.verifies { "–" } else { part.target.as_str() }
}

/// The state of a target in the plan.
pub fn part(part: &TargetJob) -> String {
    match &part.reason {
        None if part.held => "held · rolled back until the spec changes".to_owned(),
        Some(reason) if part.held => format!("held · {reason}"),
        Some(reason) if part.verifies => verifies(reason),
        other => reason(other.as_ref()),
    }
}

/// Why a spec without code is verified again.
fn verifies(reason: &Reason) -> String {
    match reason {
        Reason::Drift { .. } => format!("refused · {reason}"),
        Reason::NothingPromoted => "verify · not verified yet".to_owned(),
        other => {
            let text = other.to_string();
            let text = ["; runs the gates first", ": runs the gates first"]
                .iter()
                .find_map(|end| text.strip_suffix(end))
                .unwrap_or(&text);
            format!("verify · {text}")
        }
    }
}

/// A reason, and what it causes.
pub fn reason(reason: Option<&Reason>) -> String {
    match reason {
        None => "up to date".to_owned(),
        Some(reason @ Reason::Drift { .. }) => format!("refused · {reason}"),
        Some(reason) if reason.revalidates() => format!("revalidate · {reason}"),
        Some(reason) => format!("generate · {reason}"),
    }
}
