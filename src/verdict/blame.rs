//! When the spec is at fault, not the model: what no answer can change.

use crate::types::{Diagnosis, Fault, Finding};

/// An error in the text of a suite or an example that an answer before had too, in the same words.
/// Two different answers cannot both have caused it.
pub fn repeated<'a>(
    diagnosis: &Diagnosis,
    before: impl Iterator<Item = &'a Diagnosis>,
) -> Option<Finding> {
    let mut mine = diagnosis.findings.iter().filter(|finding| finding.in_suite);
    let is_same = |one: &Finding, other: &Finding| {
        other.in_suite
            && (&one.rule, &one.file, one.line, &one.message)
                == (&other.rule, &other.file, other.line, &other.message)
    };
    let earlier: Vec<&Finding> = before.flat_map(|diagnosis| &diagnosis.findings).collect();
    mine.find(|one| earlier.iter().any(|other| is_same(one, other))).cloned()
}

/// What a job ends with when a promoted tree that it uses is not that of the present spec.
pub fn of_dependency(summary: String) -> Diagnosis {
    let (clauses, findings) = (Vec::new(), Vec::new());
    Diagnosis { fault: Fault::Spec, summary, clauses, findings, fingerprint: None }
}

/// What a job ends with when a suite or an example does not compile, whatever the answer.
pub fn of_suite(findings: Vec<Finding>, why: &str) -> Diagnosis {
    let first = findings.first();
    let place = first.and_then(|one| Some(format!("{}:{}: ", one.file.as_ref()?, one.line?)));
    let message = first.and_then(|one| one.message.lines().next()).unwrap_or_default();
    let mut clauses: Vec<_> = findings.iter().flat_map(|one| one.clauses.clone()).collect();
    clauses.sort();
    clauses.dedup();
    Diagnosis {
        fault: Fault::Spec,
        summary: format!("{}{message} ({why})", place.unwrap_or_default()),
        clauses,
        findings,
        fingerprint: None,
    }
}
