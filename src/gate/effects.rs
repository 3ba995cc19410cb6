//! Checks a candidate's effects after the first gate that compiles it, in a sandbox without tests.

use std::time::Instant;

use super::build::{PreparedSources, sources};
use super::context::GateContext;
use super::programs::read;
use super::result::{GateResult, finding};
use super::workspace::GateSandbox;
use crate::process::Ended;
use crate::toolchain::{self, EffectSubject, GateKind};
use crate::types::{Assurance, Candidate, GateName, Outcome};

/// The gates that compile a candidate.
const KINDS: [GateKind; 4] = [GateKind::Compile, GateKind::Test, GateKind::Hidden, GateKind::Proof];

/// Whether effects are checked after a gate: after the target's first one that compiles and whose
/// failure refuses.
pub fn is_due(context: &GateContext<'_>, gate: &GateName) -> bool {
    let target = context.target;
    let gates = target.gates.clone().unwrap_or_else(|| toolchain::default_gates(target));
    let compiles = |gate: &&GateName| {
        toolchain::gate(target, gate).is_some_and(|gate| KINDS.contains(&gate.kind))
    };
    let refuses = |gate: &&GateName| !context.gates.get(*gate).is_some_and(|one| one.advisory);
    let mut compiling = gates.iter().filter(compiles);
    let first = compiling.clone().find(refuses).or_else(|| compiling.next());
    first == Some(gate)
}

/// Whether a gate that gave this result would be passed.
pub fn passes(seen: &GateResult) -> bool {
    match &seen.outcome {
        None => seen.findings.is_empty(),
        Some(outcome) => matches!(outcome, Outcome::Pass | Outcome::Skipped { .. }),
    }
}

/// With which assurance a gate's tests were judged.
pub fn assurance(context: &GateContext<'_>, gate: &GateName) -> Option<Assurance> {
    let kind = toolchain::gate(context.target, gate).map(|gate| gate.kind);
    let rules = toolchain::of(context.target).effect_rules();
    let is_native = match kind {
        Some(GateKind::Test) => context.examples.visible.is_some() || !context.suites.is_empty(),
        Some(GateKind::Hidden) => context.examples.hidden.is_some(),
        _ => true,
    };
    if (context.spec.contract.is_some() || !context.console.is_empty()) && !is_native {
        return Some(Assurance::Outside);
    }
    let native = toolchain::of(context.target).native();
    // The instructions of an assistant are where no test is.
    let is_apart = toolchain::model_under_test(context.target).is_some()
        || native.is_some_and(|native| native.membrane().is_some());
    match (kind, rules) {
        (Some(GateKind::Test | GateKind::Hidden), _) if is_apart => Some(Assurance::Membrane),
        (Some(GateKind::Test | GateKind::Hidden), Some(rules)) => {
            Some(Assurance::Sealed(rules.granted(context.spec, context.target)))
        }
        _ => None,
    }
}

/// Checks a candidate's effects.
pub async fn check(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    let Some(rules) = toolchain::of(context.target).effect_rules() else {
        return GateResult::default();
    };
    let subject =
        EffectSubject { spec: context.spec, target: context.target, tree: candidate.tree() };
    let work = async {
        let PreparedSources { mut files, layers, .. } =
            sources(context, gate, candidate, &[]).await?;
        let own = rules.files(subject);
        files.retain(|(path, _)| !own.iter().any(|(known, _)| known == path));
        files.extend(own);
        let room = GateSandbox::open(context, gate, files, &layers, None).await?;
        let commands = rules.commands(subject, room.places());
        let seen = run(&room, gate, &commands, context).await;
        room.close().await;
        let (outputs, mut seen) = seen?;
        match rules.read(gate, subject, &outputs) {
            Ok(findings) => seen.findings = findings,
            Err(why) => seen = GateResult { evidence: seen.evidence, ..GateResult::error(why) },
        }
        Ok(seen)
    };
    work.await.unwrap_or_else(|seen: GateResult| seen)
}

/// Runs all commands; the output of those that failed is kept.
async fn run(
    room: &GateSandbox<'_>,
    gate: &GateName,
    commands: &[toolchain::ToolCommand],
    context: &GateContext<'_>,
) -> Result<(Vec<toolchain::ToolOutput>, GateResult), GateResult> {
    let started = Instant::now();
    let (mut outputs, mut seen) = (Vec::new(), GateResult::default());
    for command in commands {
        let left = context.timeout.saturating_sub(started.elapsed());
        let output = room.execute(command, left).await?;
        if !output.succeeded() {
            seen.evidence.extend(output.evidence());
        }
        match output.ended {
            Ended::Timeout => {
                let why = format!("checking effects took more than {}s", context.timeout.as_secs());
                seen.outcome = Some(Outcome::Timeout);
                seen.findings.push(finding(gate, "timeout", why));
                return Err(seen);
            }
            Ended::Limit(resource) => {
                let why = format!("checking effects: {}", room.hit(resource));
                seen.findings.push(finding(gate, resource.word(), why));
                return Err(seen.limit(resource));
            }
            // What was dropped was not looked at.
            _ if output.dropped > 0 => {
                let why = "the source with its macros expanded is too long to be checked";
                seen.findings.push(finding(gate, "unreadable", why.to_owned()));
                return Err(seen);
            }
            _ => outputs.push(read(&output)),
        }
    }
    Ok((outputs, seen))
}
