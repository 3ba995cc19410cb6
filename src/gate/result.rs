//! The result of a gate, before it becomes a report.

use super::answering::NoAnswer;
use crate::types::gate::Observed;
use crate::types::{
    Finding, GateName, Outcome, RedProof, Resource, SampleCount, TestResult, TestStatus,
};

/// The result of a gate, before it becomes a report.
#[derive(Debug, Default)]
pub struct GateResult {
    pub outcome: Option<Outcome>,
    pub findings: Vec<Finding>,
    pub tests: Vec<TestResult>,
    pub red: Vec<RedProof>,
    pub observed: Vec<Observed>,
    pub samples: Vec<SampleCount>,
    pub evidence: Vec<u8>,
}

impl GateResult {
    pub fn error(message: impl Into<String>) -> Self {
        let outcome = Outcome::Error { message: message.into(), failure: None };
        Self { outcome: Some(outcome), ..Self::default() }
    }

    /// A model under test gave no answer.
    pub fn unanswered(NoAnswer { failure, message }: NoAnswer) -> Self {
        let message = format!("the model under test gave no answer: {message}");
        Self { outcome: Some(Outcome::Error { message, failure }), ..Self::default() }
    }

    pub fn fail(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }

    /// Why it did not pass, in one sentence.
    pub fn why(&self) -> String {
        match &self.outcome {
            Some(Outcome::Error { message, .. }) => message.clone(),
            _ => self.findings.first().map_or_else(String::new, |one| one.message.clone()),
        }
    }

    /// Both results as one: the worse outcome counts.
    pub fn and(mut self, other: Self) -> Self {
        let rank = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::Error { .. }) => 4,
            Some(Outcome::Limit { .. }) => 3,
            Some(Outcome::Timeout) => 2,
            Some(Outcome::Flaky) => 1,
            _ => 0,
        };
        if rank(&other.outcome) > rank(&self.outcome) {
            self.outcome = other.outcome;
        }
        self.findings.extend(other.findings);
        self.tests.extend(other.tests);
        self.red.extend(other.red);
        self.observed.extend(other.observed);
        self.samples.extend(other.samples);
        self.evidence.extend(other.evidence);
        self
    }

    /// A program that exceeded a limit.
    pub fn limit(mut self, resource: Resource) -> Self {
        self.outcome = Some(Outcome::Limit { resource });
        self
    }
}

/// A finding without a file.
pub fn finding(gate: &GateName, rule: &str, message: String) -> Finding {
    Finding { gate: gate.to_owned(), rule: rule.to_owned(), message, ..Finding::default() }
}

/// How one run of an example of a program ended.
pub struct Transcript {
    pub status: TestStatus,
    /// Why it did not pass.
    pub why: String,
    pub ran_out: Option<Resource>,
    pub evidence: Vec<u8>,
}
