//! What a job ends with.

use std::collections::BTreeSet;

use super::{Attempt, AttemptFailure};
use crate::types::{AttemptKind, ClauseId, Diagnosis, Fault, JobOutcome};

/// The outcome of a job without attempts left.
pub fn rejected(calls: &[&Attempt], why: &str) -> JobOutcome {
    let refused = calls.iter().rev().find_map(|attempt| match &attempt.failed {
        Some(AttemptFailure::Refused(diagnosis)) => Some(diagnosis.clone()),
        _ => None,
    });
    if let Some(mut diagnosis) = refused {
        let or_clause = one_clause(calls).unwrap_or_default();
        diagnosis.summary = format!("{} ({why}{or_clause})", diagnosis.summary);
        return JobOutcome::Rejected { diagnosis };
    }
    let malformed = calls.iter().rev().find_map(|attempt| match &attempt.failed {
        Some(AttemptFailure::Malformed { message, .. }) => Some(message),
        _ => None,
    });
    if let Some(message) = malformed {
        let summary = format!("no usable answer: {message} ({why})");
        return JobOutcome::Rejected { diagnosis: trouble(Fault::Model, &summary) };
    }
    let summary = format!("every answer was truncated ({why}); check the server");
    failed(trouble(Fault::Generator, &summary))
}

/// Says so where every answer, a fresh start among them, failed in one clause and nothing else.
fn one_clause(calls: &[&Attempt]) -> Option<String> {
    let refusals: Option<Vec<&Diagnosis>> = calls.iter().map(|call| call.refusal()).collect();
    let refusals = refusals?;
    let [clause] = refusals.first()?.clauses.as_slice() else { return None };
    let is_alone =
        refusals.iter().all(|one| one.clauses.as_slice() == std::slice::from_ref(clause));
    // One answer, said again and again, is no second opinion.
    let trees: BTreeSet<_> = calls.iter().filter_map(|call| call.tree).collect();
    let is_fresh = trees.len() > 1 && calls.iter().any(|call| call.kind == AttemptKind::Fresh);
    let findings = refusals.iter().flat_map(|one| &one.findings);
    let sides = findings.filter_map(|one| one.values.as_ref());
    let (left, right): (BTreeSet<&str>, BTreeSet<&str>) =
        sides.map(|(left, right)| (left.as_str(), right.as_str())).unzip();
    // The side that is always the same is the example's; it is usually the right one.
    let (given, wanted) =
        if right.len() > 1 && left.len() == 1 { (right, left) } else { (left, right) };
    let all = |values: BTreeSet<&str>| values.into_iter().collect::<Vec<_>>().join(", ");
    let values = if wanted.is_empty() {
        String::new()
    } else {
        format!(": it requires {}, the answers give {}", all(wanted), all(given))
    };
    (is_alone && is_fresh).then(|| format!("; or the clause `{clause}` is wrong{values}"))
}

pub fn failed(diagnosis: Diagnosis) -> JobOutcome {
    JobOutcome::Failed { diagnosis, limit: None }
}

/// What a job ends with whose inputs are refused before anything is asked.
pub fn refused(diagnosis: Diagnosis) -> JobOutcome {
    match diagnosis.fault {
        Fault::Environment => failed(diagnosis),
        _ => JobOutcome::SpecRefused { diagnosis },
    }
}

pub fn trouble(fault: Fault, summary: &str) -> Diagnosis {
    Diagnosis {
        fault,
        summary: summary.to_owned(),
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    }
}

/// The diagnosis of a conflict that the model reports.
pub fn conflict<'a>(clauses: impl Iterator<Item = &'a ClauseId>, message: &str) -> Diagnosis {
    let clauses: Vec<ClauseId> = clauses.cloned().collect();
    let names: Vec<&str> = clauses.iter().map(ClauseId::as_str).collect();
    let place = if names.is_empty() { String::new() } else { format!(" at {}", names.join(", ")) };
    let summary = format!("the model reports a conflict{place}: {message}");
    Diagnosis { clauses, ..trouble(Fault::Spec, &summary) }
}
