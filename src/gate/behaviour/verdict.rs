//! What the samples of a test say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::door::SampleOpinion;
use super::work::BehaviourTest;
use crate::gate::answering::ModelAnswer;
use crate::gate::result::finding;
use crate::types::behaviour::{deciding, percent, upper_bound};
use crate::types::gate::TEST_ERROR;
use crate::types::text::cut;
use crate::types::{
    AcceptancePlan, Finding, GateName, Level, Prompt, SampleCount, Status, TestStatus,
};

/// Failing answers that are told.
const SHOWN: usize = 2;
/// Characters of an answer that are told.
const ANSWER: usize = 1000;

/// The end of one sample.
#[derive(Clone, Debug)]
pub struct SampleEnd {
    pub status: TestStatus,
    /// Why it did not pass.
    pub why: String,
    /// Whether the test itself is at fault.
    pub is_error: bool,
    /// The text that `JSON.parse` could not read, if that is why.
    pub unread: Option<String>,
    /// Questions and answers.
    pub talk: Vec<(Prompt, ModelAnswer)>,
    /// What judges say.
    pub opinions: Vec<SampleOpinion>,
}

impl SampleEnd {
    pub fn error(why: impl Into<String>) -> Self {
        let (status, why) = (TestStatus::Failed, why.into());
        let (talk, opinions) = (Vec::new(), Vec::new());
        Self { status, why, is_error: true, unread: None, talk, opinions }
    }
}

/// The samples of a test.
pub struct SampleCounts<'t> {
    pub test: BehaviourTest<'t>,
    pub plan: AcceptancePlan,
    passed: u32,
    missed: u32,
    /// The first case that does not pass, with its counts.
    failed: Option<(u32, u32)>,
    /// Answers by the model that gave them.
    models: BTreeMap<String, u32>,
    /// Passed and missed samples by case.
    cases: Vec<(String, u32, u32)>,
    opinions: Vec<SampleOpinion>,
    answers: Vec<String>,
    /// Why the test itself is at fault.
    error: Option<String>,
}

impl<'t> SampleCounts<'t> {
    pub fn new(test: BehaviourTest<'t>, plan: AcceptancePlan) -> Self {
        Self {
            test,
            plan,
            passed: 0,
            missed: 0,
            failed: None,
            models: BTreeMap::new(),
            cases: Vec::new(),
            opinions: Vec::new(),
            answers: Vec::new(),
            error: None,
        }
    }

    /// The test itself is at fault.
    pub fn wrong(&mut self, why: &str) {
        self.error.get_or_insert(why.to_owned());
    }

    pub fn is_wrong(&self) -> bool {
        self.error.is_some()
    }

    /// Adds a sample.
    pub fn add(&mut self, case: &str, ended: SampleEnd) {
        if ended.is_error {
            return self.wrong(&ended.why);
        }
        for (_, answer) in &ended.talk {
            *self.models.entry(answer.model.clone()).or_default() += 1;
        }
        self.opinions.extend(ended.opinions.iter().cloned());
        match ended.status {
            TestStatus::Passed => self.passed += 1,
            _ => {
                self.missed += 1;
                if self.answers.len() < SHOWN {
                    self.answers.push(told(case, &ended));
                }
            }
        }
    }

    /// Ends a case.
    pub fn end_case(&mut self, case: &str, passed: u32, missed: u32) {
        self.cases.push((case.to_owned(), passed, missed));
        if self.plan.settled(passed, missed) != Some(true) {
            self.failed.get_or_insert((passed, missed));
        }
    }

    pub fn status(&self) -> TestStatus {
        if self.error.is_none() && self.failed.is_none() {
            TestStatus::Passed
        } else {
            TestStatus::Failed
        }
    }

    /// Whether the result refuses the instructions.
    pub fn refuses(&self) -> bool {
        let clause = self.test.clause;
        self.error.is_some() || (clause.level != Level::May && clause.status != Status::Draft)
    }

    /// The counts of its cases, for reports and the lockfile. The model of most answers is first.
    pub fn counts(&self) -> impl Iterator<Item = SampleCount> {
        let mut models: Vec<(&String, &u32)> = self.models.iter().collect();
        models.sort_by_key(|(_, answers)| Reverse(**answers));
        let models = models.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" + ");
        self.cases.iter().map(move |(test, passed, missed)| SampleCount {
            test: test.clone(),
            passed: *passed,
            missed: *missed,
            rate: self.plan.rate.to_string(),
            model: models.clone(),
        })
    }

    /// One line and the failing answers, for `regen show`.
    pub fn evidence(&self) -> String {
        let (passed, all) = (self.passed, self.passed + self.missed);
        let mut text = format!("{}: {passed} of {all} answers pass\n", self.test.test.name);
        if let Some(why) = &self.error {
            text.push_str(&format!("the test is wrong: {why}\n"));
        }
        for answer in &self.answers {
            text.push_str(answer);
            text.push('\n');
        }
        text
    }

    /// Notes on what judges say, which decides nothing.
    pub fn opinions(&self, gate: &GateName) -> Vec<Finding> {
        let questions: BTreeSet<&str> =
            self.opinions.iter().map(|one| one.question.as_str()).collect();
        let note = |question: &str| {
            let all = || self.opinions.iter().filter(|one| one.question == question);
            let agrees =
                |one: &&SampleOpinion| one.says.trim_start().to_lowercase().starts_with("yes");
            let model = all().next().map_or("", |one| one.model.as_str());
            let mut message = format!(
                "{model} says yes to {} of {} answers of `{}`, asked: {}",
                all().filter(agrees).count(),
                all().count(),
                self.test.test.name,
                cut(question, ANSWER)
            );
            if let Some(other) = all().find(|one| !agrees(one)) {
                message.push_str(&format!("\nonce: {}", cut(&other.says, ANSWER)));
            }
            let clauses = vec![self.test.clause.id.clone()];
            Finding { clauses, ..finding(gate, "opinion", message) }
        };
        questions.into_iter().map(note).collect()
    }

    /// The finding of a test that does not pass.
    pub fn finding(&self, gate: &GateName, samples: u32) -> Finding {
        let clauses = vec![self.test.clause.id.clone()];
        let name = &self.test.test.name;
        if let Some(why) = &self.error {
            let message = format!("the test `{name}` is wrong: {why}");
            return Finding {
                clauses,
                file: Some(self.test.suite.path.to_string()),
                in_suite: true,
                remedy: Some("let it fail only by `expect`".to_owned()),
                ..finding(gate, TEST_ERROR, message)
            };
        }
        let (passed, missed) = self.failed.unwrap_or((self.passed, self.missed));
        let (all, rate) = (passed + missed, self.plan.rate);
        let most = upper_bound(passed, missed);
        let (rule, why) = if most < rate {
            ("broken", format!("with 95 % confidence at most {} do", percent(most)))
        } else {
            let more = deciding(passed, missed, rate).filter(|more| *more > samples);
            let more = more.map_or(String::new(), |more| {
                format!(", which `samples = {more}` would show if it goes on like this")
            });
            ("not_shown", format!("the true rate can still be {}{more}", percent(rate)))
        };
        let mut message =
            format!("{passed} of {all} answers keep it, but {} must: {why}", percent(rate));
        if AcceptancePlan::new(samples, rate) != Some(self.plan) {
            let AcceptancePlan { samples, misses, .. } = self.plan;
            message.push_str(&format!(
                "; a later version of a run passes with at most {misses} of {samples} missed"
            ));
        }
        for answer in &self.answers {
            message.push_str(&format!("\n{answer}"));
        }
        Finding { clauses, ..finding(gate, rule, message) }
    }
}

/// A failing sample, as people and models read it.
fn told(case: &str, ended: &SampleEnd) -> String {
    let mut text = format!("In a sample of `{case}`:");
    for (prompt, answer) in &ended.talk {
        text.push_str(&format!(
            "\nasked: {}\nanswered: {}",
            cut(&prompt.user, ANSWER),
            cut(&answer.text, ANSWER)
        ));
    }
    text.push_str(&format!("\nwhy it does not pass: {}", cut(&ended.why, ANSWER)));
    text
}
