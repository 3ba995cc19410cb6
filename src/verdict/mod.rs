//! Makes verdicts from reports. Only this module can make an [`Accepted`].

pub mod blame;
mod differences;

pub use differences::{OtherTarget, with_differences};

use crate::types::{
    Candidate, Diagnosis, Digest, Encoder, Failure, Fault, Finding, GateName, GateReport,
    Judgement, Outcome, Provenance, Tree,
    gate::{TEST_ERROR, VACUOUS},
};

/// Proof that every required gate passed over this tree. Never stored: after a crash it is derived
/// again from the recorded reports.
#[derive(Clone, Debug)]
pub struct Accepted {
    candidate: Candidate,
}

impl Accepted {
    /// The files.
    pub fn tree(&self) -> &Tree {
        self.candidate.tree()
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.candidate.digest()
    }

    /// Their origin.
    pub fn provenance(&self) -> &Provenance {
        self.candidate.provenance()
    }
}

/// The verdict on a candidate.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every required gate passed.
    Accept(Accepted),
    /// A gate refused the candidate.
    Refuse(Diagnosis),
    /// The environment failed; says nothing about the candidate.
    Unsound(Diagnosis),
}

impl Verdict {
    /// Its record for the ledger.
    pub fn judgement(&self) -> Judgement {
        match self {
            Self::Accept(_) => Judgement::Accept,
            Self::Refuse(diagnosis) => Judgement::Refuse { diagnosis: diagnosis.clone() },
            Self::Unsound(diagnosis) => Judgement::Unsound { diagnosis: diagnosis.clone() },
        }
    }
}

/// Judges a candidate by the reports of its required gates, in order.
pub fn judge(candidate: &Candidate, gates: &[GateName], reports: &[GateReport]) -> Verdict {
    for gate in gates {
        let report = reports.iter().rev().find(|r| r.gate == *gate && r.tree == candidate.digest());
        let Some(report) = report else {
            return Verdict::Unsound(missing(gate));
        };
        if let Outcome::Error { message, failure } = &report.outcome {
            return Verdict::Unsound(Diagnosis {
                fault: match failure {
                    Some(Failure::Budget) => Fault::Budget,
                    _ => Fault::Environment,
                },
                summary: format!("gate `{gate}` gave no result; {message}"),
                clauses: Vec::new(),
                findings: report.findings.clone(),
                // Repeated identical failures are parked.
                fingerprint: Some(fingerprint(report)),
            });
        }
        if !report.lets_through() {
            return Verdict::Refuse(diagnose(report));
        }
    }
    Verdict::Accept(Accepted { candidate: candidate.clone() })
}

fn missing(gate: &GateName) -> Diagnosis {
    Diagnosis {
        fault: Fault::Environment,
        summary: format!("no report from gate `{gate}` for this tree"),
        clauses: Vec::new(),
        findings: Vec::new(),
        fingerprint: None,
    }
}

/// Decides who is at fault for a failed gate, and at which clauses.
fn diagnose(report: &GateReport) -> Diagnosis {
    let fault = match report.findings.first() {
        _ if report.outcome == Outcome::Flaky => Fault::Gate,
        // No code can fix a test that passes with any code.
        Some(finding) if report.gate == "proof" && finding.rule == VACUOUS => Fault::Spec,
        Some(finding) if finding.rule == TEST_ERROR => Fault::Spec,
        _ => Fault::Model,
    };
    let findings: Vec<Finding> = match fault {
        // Other findings are unrelated.
        Fault::Spec => {
            let is_spec = |one: &&Finding| [VACUOUS, TEST_ERROR].contains(&one.rule.as_str());
            report.findings.iter().filter(is_spec).cloned().collect()
        }
        _ => report.findings.clone(),
    };
    let mut clauses: Vec<_> = findings.iter().flat_map(|f| f.clauses.clone()).collect();
    clauses.sort();
    clauses.dedup();
    let first = report.findings.first().map_or("no finding", |f| f.message.as_str());
    // A panic's first line has only its where, and what stands before it is what the test printed.
    // An exceeded limit is told in the first line, whether regen or the program noticed it.
    let limited = matches!(report.outcome, Outcome::Limit { .. });
    let panic = first.lines().skip_while(|line| !is_panic(line));
    let mut lines = if !limited && first.lines().any(is_panic) {
        panic.skip(1).collect()
    } else {
        first.lines().collect::<Vec<_>>()
    };
    lines.retain(|line| !line.trim().is_empty());
    let first = lines.first().copied().unwrap_or_default();
    Diagnosis {
        fault,
        summary: format!("gate {}: {}: {first}", report.gate, report.outcome.word()),
        clauses,
        findings,
        fingerprint: Some(fingerprint(report)),
    }
}

fn is_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at ")
}

/// Equal for equal failures: messages are normalised, order is ignored.
fn fingerprint(report: &GateReport) -> Digest {
    let mut findings: Vec<_> =
        report.findings.iter().map(|one| (&one.rule, &one.file, &one.message)).collect();
    findings.sort();
    findings.dedup();
    let mut out = Encoder::new("failure");
    out.text(&report.gate).text(report.outcome.word());
    if let Outcome::Error { message, .. } = &report.outcome {
        out.text(message);
    }
    out.list(findings, |out, (rule, file, message)| {
        out.text(rule).option(file.as_ref(), |out, file| out.text(file)).text(message)
    });
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};
    use crate::types::{
        Candidate, Digest, GateName, GateReport, Outcome, Provenance, RelPath, Tree,
    };

    fn candidate(text: &str) -> Candidate {
        let file = (RelPath::parse("a").unwrap(), text.as_bytes().to_vec());
        Candidate::new(Tree::from_iter([file]), Provenance::Promoted)
    }

    fn report(gate: &str, tree: Digest, outcome: Outcome) -> GateReport {
        GateReport {
            gate: GateName::parse(gate).unwrap(),
            tree,
            required: true,
            outcome,
            findings: Vec::new(),
            tests: Vec::new(),
            red: Vec::new(),
            observed: Vec::new(),
            samples: Vec::new(),
            elapsed_ms: 1,
            isolation: Default::default(),
            tools: String::new(),
            assurance: None,
            evidence: None,
        }
    }

    #[test]
    fn only_a_pass_of_every_gate_over_these_bytes_accepts() {
        let (good, other) = (candidate("good"), candidate("other"));
        let gates = ["check", "test"].map(GateName::from);
        let pass = |c: &Candidate| gates.clone().map(|g| report(&g, c.digest(), Outcome::Pass));
        assert!(matches!(judge(&good, &gates, &pass(&good)), Verdict::Accept(_)));
        assert!(matches!(judge(&good, &gates, &pass(&other)), Verdict::Unsound(_)));
        assert!(matches!(judge(&good, &gates, &pass(&good)[..1]), Verdict::Unsound(_)));
        for outcome in [Outcome::Fail, Outcome::Flaky, Outcome::Timeout] {
            let mut reports = pass(&good).to_vec();
            reports[1].outcome = outcome;
            assert!(matches!(judge(&good, &gates, &reports), Verdict::Refuse(_)));
        }
        let mut reports = pass(&good).to_vec();
        reports[0].outcome = Outcome::Error { message: "no cargo".to_owned(), failure: None };
        assert!(matches!(judge(&good, &gates, &reports), Verdict::Unsound(_)));
        reports[0] = report("check", good.digest(), Outcome::Fail);
        reports[0].required = false;
        assert!(matches!(judge(&good, &gates, &reports), Verdict::Accept(_)), "advisory");
    }
}
