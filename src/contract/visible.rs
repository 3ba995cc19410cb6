//! Visible examples as a file, for a program that runs them while it works on a candidate.

use serde::{Deserialize, Serialize};

use super::compare::mismatch;
use super::step::{Step, Wanted};
use super::tests_of::{ContractBody, ContractTest};
use super::wire::{AdapterCall, answers, requests};
use crate::types::Interface;

/// Examples with what they expect. Properties are checked only in gates.
#[derive(Debug, Serialize, Deserialize)]
pub struct VisibleExamples {
    interface: Interface,
    tests: Vec<VisibleTest>,
}

/// The calls of one test.
#[derive(Debug, Serialize, Deserialize)]
struct VisibleTest {
    name: String,
    steps: Vec<Step>,
}

impl VisibleTest {
    fn requests(&self) -> Vec<AdapterCall<'_>> {
        let steps = self.steps.iter().enumerate();
        let call = |(at, step): (usize, &'_ Step)| AdapterCall {
            id: at.to_string(),
            bind: step.bind,
            call: &self.steps[at].call,
        };
        steps.map(call).collect()
    }
}

impl VisibleExamples {
    /// Those of a contract.
    pub fn of(interface: &Interface, tests: &[ContractTest]) -> Self {
        let visible = tests.iter().filter(|test| !test.hidden);
        let tests = visible.filter_map(|test| match &test.body {
            ContractBody::Steps(steps) => {
                Some(VisibleTest { name: test.name.clone(), steps: steps.clone() })
            }
            ContractBody::Property(_) => None,
        });
        Self { interface: interface.clone(), tests: tests.collect() }
    }

    /// Each test's name, and what its adapter reads.
    pub fn calls(&self, descriptor: u32) -> Vec<(&str, String)> {
        let of = |test: &VisibleTest| requests(&self.interface, descriptor, &test.requests());
        self.tests.iter().map(|test| (test.name.as_str(), of(test))).collect()
    }

    /// What of a test's calls is not as expected, one line each; `None` if no test has this name.
    /// `is_killed` says whether the process was killed by a signal of its own.
    pub fn judge(&self, name: &str, output: &str, is_killed: bool) -> Option<Vec<String>> {
        let test = self.tests.iter().find(|test| test.name == name)?;
        let (given, wrong) = answers(&self.interface, &test.requests(), output);
        let compared = test.steps.iter().zip(&given);
        let mut told: Vec<String> = compared
            .filter_map(|(step, given)| {
                let (expected, got) = mismatch(&self.interface, step, given)?;
                Some(format!("expected {expected}, got {got} for {}", step.call.text))
            })
            .collect();
        if let Some(step) = test.steps.get(given.len()) {
            let is_last = given.len() + 1 == test.steps.len();
            if !(is_killed && is_last && step.wanted == Wanted::Trap) {
                let why = wrong.unwrap_or_else(|| "there is no answer".to_owned());
                told.push(format!("{why}, in {}", step.call.text));
            }
        }
        Some(told)
    }
}
