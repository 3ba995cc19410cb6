//! Which tests cover which clause, and their last results.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::types::{Binding, Clause, Level, Spec, Status, TargetName, TraceConfig};

/// The last result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TestVerdict {
    /// Failed or timed out.
    Failed,
    /// Ignored.
    Ignored,
    /// Present; no result is known.
    NotRun,
    /// Passed, but was never seen to fail without the implementation.
    Unproven,
    /// Passed.
    Passed,
}

/// A test or guard that covers a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Proof {
    /// The target.
    pub target: TargetName,
    /// The test's name, or `guard NAME`, `bench NAME`.
    pub test: String,
    /// Its last result.
    pub said: TestVerdict,
    /// What samples of a model's answers showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<String>,
    /// Its name in files; `None` if only results name it.
    #[serde(skip)]
    pub lasting: Option<String>,
}

/// A test without a clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stray {
    /// Its file or target.
    pub place: String,
    /// Its name; empty for a whole file.
    pub test: String,
}

/// The coverage of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// All its tests passed, in every target.
    Passed,
    /// It has tests in every target; for hand-written code, no results are known.
    Linked,
    /// All tests passed; some were not seen to fail without the implementation.
    Unproven,
    /// It has tests in every target; some have no result.
    NotRun,
    /// A test failed or is ignored.
    Failed,
    /// No test in some target.
    Uncovered,
    /// A draft, or waived: not required.
    Exempt,
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceRow {
    /// Its identity.
    pub clause: String,
    /// Its text.
    pub text: String,
    /// MUST, SHOULD or MAY.
    pub level: Level,
    /// Draft, stable or deprecated.
    pub status: Status,
    /// The waiver's date and reason.
    pub waived: Option<String>,
    /// Its coverage.
    pub coverage: Coverage,
    /// Its tests.
    pub proofs: Vec<Proof>,
    /// The spec's file.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
}

/// The whole matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// By clause, sorted.
    pub rows: Vec<TraceRow>,
    /// Tests and files without a clause.
    pub strays: Vec<Stray>,
}

/// The tests of a binding in a target, by the clause's identity and the binding's name.
pub type Proofs = BTreeMap<(String, String), Vec<Proof>>;

/// Makes the matrix of specs and their targets. `proofs` are the tests of bindings; `untold` are
/// targets without test results.
pub fn trace(
    specs: &[(Spec, Vec<TargetName>)],
    proofs: &Proofs,
    untold: &BTreeSet<&str>,
    strays: BTreeSet<Stray>,
) -> Matrix {
    let mut rows = Vec::new();
    for (spec, targets) in specs {
        for clause in &spec.clauses {
            let names = clause.bindings.iter().map(Binding::name);
            let key = |name: &str| (clause.id.as_str().to_owned(), name.to_owned());
            let by_binding: Vec<&[Proof]> =
                names.map(|name| proofs.get(&key(name)).map_or(&[][..], Vec::as_slice)).collect();
            let mut all: Vec<Proof> = by_binding.concat();
            all.sort();
            all.dedup();
            rows.push(TraceRow {
                clause: clause.id.as_str().to_owned(),
                text: clause.text.clone(),
                level: clause.level,
                status: clause.status,
                waived: clause.waiver.as_ref().map(|w| format!("until {}: {}", w.until, w.reason)),
                coverage: coverage(clause, targets, &by_binding, untold),
                proofs: all,
                file: spec.file.clone(),
                line: clause.line,
            });
        }
    }
    rows.sort_by(|a, b| a.clause.cmp(&b.clause));
    Matrix { rows, strays: strays.into_iter().collect() }
}

fn coverage(
    clause: &Clause,
    targets: &[TargetName],
    by_binding: &[&[Proof]],
    untold: &BTreeSet<&str>,
) -> Coverage {
    if clause.status == Status::Draft {
        return Coverage::Exempt;
    }
    let all = || by_binding.iter().copied().flatten();
    let has = |proofs: &[Proof]| targets.iter().all(|t| proofs.iter().any(|p| p.target == *t));
    if all().any(|proof| proof.said < TestVerdict::NotRun) {
        Coverage::Failed
    } else if targets.is_empty() || !by_binding.iter().all(|proofs| has(proofs)) {
        Coverage::Uncovered
    } else if all().all(|proof| proof.said == TestVerdict::Passed) {
        Coverage::Passed
    } else if all().all(|proof| proof.said >= TestVerdict::Unproven) {
        Coverage::Unproven
    } else if all().all(|p| p.said == TestVerdict::Passed || untold.contains(p.target.as_str())) {
        Coverage::Linked
    } else {
        Coverage::NotRun
    }
}

/// How many clauses of a level are required and covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Covered clauses.
    pub covered: usize,
    /// Required clauses.
    pub all: usize,
}

impl Share {
    /// Percent, rounded down; 100 if none are required.
    pub fn percent(self) -> usize {
        (100 * self.covered).checked_div(self.all).unwrap_or(100)
    }
}

impl TraceRow {
    /// Whether it counts as covered.
    pub fn is_covered(&self) -> bool {
        matches!(self.coverage, Coverage::Passed | Coverage::Linked)
    }
}

impl Matrix {
    /// Levels with too few covered clauses, each as a sentence with the clauses.
    pub fn below(&self, config: &TraceConfig) -> Vec<String> {
        let wanted = [
            (Level::Must, "MUST", config.must),
            (Level::Should, "SHOULD", config.should),
            (Level::May, "MAY", config.may),
        ];
        let mut lines = Vec::new();
        for (level, word, wanted) in wanted {
            let share = self.share(level);
            let Some(wanted) = wanted.filter(|wanted| share.percent() < usize::from(*wanted))
            else {
                continue;
            };
            let bad = self.rows.iter().filter(|row| {
                row.level == level && !row.is_covered() && row.coverage != Coverage::Exempt
            });
            let names = bad.map(|row| row.clause.as_str()).collect::<Vec<_>>().join(", ");
            let percent = share.percent();
            lines.push(format!(
                "{percent} % of the {word} clauses are covered, {wanted} % are required: {names}"
            ));
        }
        lines
    }

    /// The coverage of a level.
    pub fn share(&self, level: Level) -> Share {
        let mut share = Share::default();
        let demanded = |row: &&TraceRow| row.level == level && row.coverage != Coverage::Exempt;
        for row in self.rows.iter().filter(demanded) {
            share.all += 1;
            share.covered += usize::from(row.is_covered());
        }
        share
    }

    /// The part of the matrix that depends only on specs and tests, as sorted lines, for
    /// regen.trace.
    pub fn snapshot(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for row in &self.rows {
            let names: BTreeSet<String> = row
                .proofs
                .iter()
                .filter_map(|proof| Some(format!("{} {}", proof.target, proof.lasting.as_ref()?)))
                .collect();
            let level = row.level.word();
            let status = row.status.word();
            let waived = row.waived.as_ref().map_or(String::new(), |why| format!(" waived {why}"));
            lines.push(format!("{} {level} {status}{waived}", row.clause));
            lines.extend(names.into_iter().map(|name| format!("{}   {name}", row.clause)));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Coverage, Proof, Proofs, TestVerdict, trace};
    use crate::spec::parse;

    #[test]
    fn a_clause_has_the_coverage_of_its_worst_test() {
        let text = "- a `test_id: a, guard: forbid_unsafe`\n- b `test_id: b` `status: draft`\n";
        let (spec, ..) = parse("specs/s.md", text.as_bytes());
        let targets = vec!["x".into(), "y".into()];
        let coverage = |list: &[(&str, &'static str, TestVerdict)]| {
            let mut proofs = Proofs::new();
            for (binding, target, said) in list {
                let proof = Proof {
                    target: (*target).into(),
                    test: "t".to_owned(),
                    said: *said,
                    samples: None,
                    lasting: None,
                };
                let key = ("s/a".to_owned(), (*binding).to_owned());
                proofs.entry(key).or_default().push(proof);
            }
            trace(
                &[(spec.clone(), targets.clone())],
                &proofs,
                &BTreeSet::from(["y"]),
                BTreeSet::new(),
            )
            .rows[0]
                .coverage
        };
        use TestVerdict::{Failed, NotRun, Passed, Unproven};
        let guard = [("forbid_unsafe", "x", Passed), ("forbid_unsafe", "y", Passed)];
        let with = |more: &[(&'static str, &'static str, TestVerdict)]| {
            coverage(&[&guard[..], more].concat())
        };
        assert_eq!(with(&[("a", "x", Passed), ("a", "y", Passed)]), Coverage::Passed);
        assert_eq!(with(&[("a", "x", Passed), ("a", "y", NotRun)]), Coverage::Linked);
        assert_eq!(with(&[("a", "x", Unproven), ("a", "y", Passed)]), Coverage::Unproven);
        assert_eq!(with(&[("a", "x", Unproven), ("a", "y", NotRun)]), Coverage::NotRun);
        assert_eq!(with(&[("a", "x", NotRun), ("a", "y", Passed)]), Coverage::NotRun);
        assert_eq!(with(&[("a", "x", Passed)]), Coverage::Uncovered);
        assert_eq!(with(&[("a", "x", Passed), ("a", "y", Failed)]), Coverage::Failed);
        assert_eq!(coverage(&[("a", "x", Passed), ("a", "y", Passed)]), Coverage::Uncovered);
        let matrix = trace(
            &[(spec.clone(), targets.clone())],
            &Proofs::new(),
            &BTreeSet::new(),
            BTreeSet::new(),
        );
        assert_eq!(matrix.rows[1].coverage, Coverage::Exempt);
    }
}
