//! The gates of an assistant: its tests are run over samples of a model's answers, by a plan of
//! acceptance that is fixed beforehand.

mod door;
mod grade;
mod proof;
mod sample;
mod verdict;
mod work;

use std::collections::BTreeSet;

use super::context::GateContext;
use super::result::{GateResult, finding};
use crate::toolchain::assistant::copied;
use crate::toolchain::{self, GateKind, Suite, clause_of};
use crate::types::gate::TEST_ERROR;
use crate::types::{
    Candidate, ClauseId, Finding, GateName, Isolation, Outcome, TestResult, TestStatus,
};

use sample::{SampleRoom, Sampled};
use verdict::SampleCounts;
use work::{BehaviourTest, BehaviourWork, cases};

pub use grade::{AnswerGrade, GivenAnswer};

/// Grades answers from elsewhere.
pub async fn grade(
    context: &GateContext<'_>,
    candidate: &Candidate,
    answers: &[GivenAnswer],
) -> Result<Vec<AnswerGrade>, GateResult> {
    let Some(model) = toolchain::model_under_test(context.target) else { return Ok(Vec::new()) };
    let gate = "proof".into();
    grade::grade(&BehaviourWork { context, gate: &gate, candidate, model }, answers).await
}

/// Runs a gate of an assistant. `None`: it is like that of code.
pub async fn run(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    kind: GateKind,
) -> Option<GateResult> {
    let model = toolchain::model_under_test(context.target)?;
    if !matches!(kind, GateKind::Test | GateKind::Hidden | GateKind::Proof) {
        return None;
    }
    if context.level < Isolation::NAMESPACES {
        return Some(GateResult::error(format!(
            "the tests of an assistant need a network of their own, and so isolation level {}; see \
             `regen doctor`",
            Isolation::NAMESPACES
        )));
    }
    let work = BehaviourWork { context, gate, candidate, model };
    let seen = match kind {
        GateKind::Test => work.visible().await,
        GateKind::Hidden => work.hidden().await,
        _ => proof::run(&work).await,
    };
    Some(seen.unwrap_or_else(|seen| seen))
}

impl BehaviourWork<'_> {
    async fn visible(&self) -> Result<GateResult, GateResult> {
        let tests = self.tests();
        let copies: Vec<Finding> =
            self.context.suites.iter().filter_map(|suite| self.copy(suite)).collect();
        if !copies.is_empty() {
            return Err(GateResult::fail(copies));
        }
        let visible: Vec<_> = tests.iter().filter(|one| !one.is_hidden()).copied().collect();
        self.sampled(&visible, false).await
    }

    /// A text of a test that the instructions repeat.
    fn copy(&self, suite: &Suite) -> Option<Finding> {
        let spec = &self.context.spec.visible;
        let (text, file, line) = copied(self.candidate.tree(), &suite.text, spec)?;
        let is_shown = !suite.shown.is_empty();
        let what = if is_shown { format!(": \"{text}\"") } else { String::new() };
        let clauses: BTreeSet<ClauseId> =
            suite.tests.iter().filter_map(|test| test.clause.clone()).collect();
        Some(Finding {
            file: Some(file),
            line: Some(line),
            remedy: Some("write the rule that the clause states".to_owned()),
            clauses: clauses.into_iter().collect(),
            ..finding(self.gate, "copied", format!("it repeats a text of a test{what}"))
        })
    }

    async fn hidden(&self) -> Result<GateResult, GateResult> {
        let tests = self.tests();
        let hidden: Vec<_> = tests.iter().filter(|one| one.is_hidden()).copied().collect();
        if hidden.is_empty() {
            let reason = "the spec has no hidden test".to_owned();
            let outcome = Some(Outcome::Skipped { reason });
            return Ok(GateResult { outcome, ..GateResult::default() });
        }
        let mut seen = self.sampled(&hidden, true).await?;
        if let Some(Outcome::Error { .. }) = &seen.outcome {
            return Ok(seen);
        }
        let clauses: BTreeSet<ClauseId> =
            seen.findings.iter().flat_map(|finding| finding.clauses.clone()).collect();
        let told = |clause: ClauseId| Finding {
            clauses: vec![clause.clone()],
            ..finding(self.gate, "held-out", format!("a held-out test of {clause} does not pass"))
        };
        if seen.findings.iter().all(|one| one.rule != TEST_ERROR) {
            seen.findings = clauses.into_iter().map(told).collect();
        }
        Ok(seen)
    }

    /// Samples tests and counts.
    async fn sampled(
        &self,
        tests: &[BehaviourTest<'_>],
        hidden: bool,
    ) -> Result<GateResult, GateResult> {
        let mut seen = GateResult::default();
        let mut notes = Vec::new();
        for suite in self.context.suites {
            let own: Vec<_> = tests.iter().filter(|one| std::ptr::eq(one.suite, suite)).collect();
            if own.is_empty() {
                continue;
            }
            let room = SampleRoom::open(self, suite).await?;
            let counted = self.in_room(&room, &own, hidden).await;
            room.close().await;
            for one in counted? {
                seen.evidence.extend(one.evidence().into_bytes());
                seen.samples.extend(one.counts());
                if !hidden {
                    notes.extend(one.opinions(self.gate));
                }
                let status = one.status();
                let name = one.test.test.name.clone();
                seen.tests.push(TestResult { name, status, trusted: true });
                if status == TestStatus::Passed {
                    continue;
                }
                let told = one.finding(self.gate, self.model.samples);
                if one.refuses() { seen.findings.push(told) } else { notes.push(told) }
            }
            // The answers to other tests would be bought in vain.
            if seen.findings.iter().any(|one| one.rule == TEST_ERROR) {
                break;
            }
        }
        // What refuses nothing is told only where nothing refuses.
        if seen.findings.is_empty() {
            seen.outcome = Some(Outcome::Pass);
            seen.findings = notes;
        }
        Ok(seen)
    }

    /// Refuses a file that defines a test of a clause with a title that its text does not have: it
    /// would not be sampled.
    fn computed(&self, names: &[String], tests: &[&BehaviourTest<'_>]) -> Option<GateResult> {
        let known = |name: &&String| {
            let suite = tests[0].suite;
            suite.tests.iter().any(|test| !cases(&[(*name).clone()], &test.name).is_empty())
        };
        let is_ours = |name: &&String| clause_of(self.context.spec, name).is_some();
        let name = names.iter().filter(|one| !known(one)).find(is_ours)?;
        let mut wrong = SampleCounts::new(*tests[0], self.plan(tests[0].clause));
        wrong.wrong(&format!(
            "the title `{name}` of another test is computed; write it as a text, or use `test.each`"
        ));
        Some(GateResult::fail(vec![wrong.finding(self.gate, self.model.samples)]))
    }

    async fn in_room<'t>(
        &self,
        room: &SampleRoom<'_>,
        tests: &[&BehaviourTest<'t>],
        hidden: bool,
    ) -> Result<Vec<SampleCounts<'t>>, GateResult> {
        let names = room.names(tests[0]).await?;
        if let Some(wrong) = self.computed(&names, tests) {
            return Err(wrong);
        }
        let mut all = Vec::new();
        for test in tests {
            let cases = cases(&names, &test.test.name);
            let mut counted = SampleCounts::new(**test, self.plan(test.clause));
            if cases.is_empty() {
                counted.wrong("the file does not define this test when it is run");
            }
            for case in cases {
                let sampler = Sampled { room, test: **test, case, hidden, is_graded: true };
                sampler.by_plan(&mut counted).await?;
                if counted.is_wrong() {
                    break;
                }
            }
            let is_wrong = counted.is_wrong();
            all.push(counted);
            if is_wrong {
                break;
            }
        }
        Ok(all)
    }
}
