//! Compares what the candidates of a spec's targets give for the same generated calls.

use crate::types::gate::{DIFFERS, Observed};
use crate::types::{Finding, GateConfig, GateName, GateReport, Outcome, TargetName};

/// Differences that are told.
const SHOWN: usize = 3;

/// What another target's candidate gave.
pub struct OtherTarget<'a> {
    /// The target.
    pub name: &'a TargetName,
    /// The reports of its last attempt.
    pub reports: &'a [GateReport],
}

/// Adds notes on calls whose results differ between targets to a report. They reject only if the
/// user says so: the spec does not decide these calls, so neither answer is known to be wrong.
pub fn with_differences(
    report: GateReport,
    before: &[GateReport],
    others: &[OtherTarget<'_>],
    settings: Option<&GateConfig>,
) -> GateReport {
    let own: Vec<&Observed> = before.iter().flat_map(|one| &one.observed).collect();
    let notes: Vec<Finding> = others
        .iter()
        .flat_map(|other| differences(&report.gate, &own, other).into_iter().take(SHOWN))
        .collect();
    let denied = !notes.is_empty() && settings.is_some_and(|one| one.denies(DIFFERS));
    let outcome = match report.outcome {
        Outcome::Pass if denied => Outcome::Fail,
        outcome => outcome,
    };
    let findings = report.findings.into_iter().chain(notes).collect();
    GateReport { outcome, findings, ..report }
}

fn differences(gate: &GateName, own: &[&Observed], other: &OtherTarget<'_>) -> Vec<Finding> {
    let theirs: Vec<&Observed> = other.reports.iter().flat_map(|one| &one.observed).collect();
    let differs = |one: &&&Observed| {
        let same_call = theirs.iter().find(|other| other.call == one.call);
        same_call.is_some_and(|other| other.value != one.value)
    };
    let told = |one: &&Observed| {
        let same_call = theirs.iter().find(|other| other.call == one.call);
        let theirs = same_call.map_or("", |other| other.value.as_str());
        let (call, value, name) = (&one.call, &one.value, other.name);
        Finding {
            gate: gate.clone(),
            rule: DIFFERS.to_owned(),
            message: format!(
                "{call} gives {value} here and {theirs} in target `{name}`: no example decides it"
            ),
            remedy: Some("add an example with the right result to the clause".to_owned()),
            clauses: one.clauses.clone(),
            ..Finding::default()
        }
    };
    own.iter().filter(differs).map(told).collect()
}
