//! A gate as it is sent to a worker, and its result.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::types::{Action, ActionResult, Digest, Encoder, GateReport, Outcome};

/// A gate to run on another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateOrder {
    /// The gate, and the digests of its inputs.
    pub action: Action,
    /// Reports of earlier gates over the same tree.
    pub before: Vec<GateReport>,
    /// The user's validators, as a tree.
    pub validators: Option<Digest>,
    /// What it is a gate of, for people: `roman/rust`.
    pub of: String,
}

/// Why a result is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is about something else.
    #[error("it is for another gate or tree")]
    Other,
    /// It says nothing about the candidate, or differs between runs.
    #[error("it is not certain")]
    Uncertain,
    /// It relies on tests that were not seen to fail here.
    #[error("it relies on red proofs that are not known here")]
    Unproven,
}

impl GateOrder {
    /// The digest of everything that the result depends on: equal for equal work on every machine.
    /// Proofs that are known only spare work, and how long earlier gates took changes nothing.
    pub fn id(&self) -> Digest {
        let plain =
            |report: &GateReport| GateReport { elapsed_ms: 0, evidence: None, ..report.clone() };
        let alike = Self {
            action: Action { proven: BTreeSet::new(), ..self.action.clone() },
            before: self.before.iter().map(plain).collect(),
            validators: self.validators,
            of: String::new(),
        };
        let text = serde_json::to_string(&alike).expect("an order is plain data");
        Encoder::new("order").text(VERSION).text(text).finish()
    }

    /// The trees that a worker needs.
    pub fn trees(&self) -> BTreeSet<Digest> {
        let links = self.action.links.iter().map(|link| link.tree);
        let one = std::iter::once(self.action.tree);
        one.chain(self.action.control).chain(self.validators).chain(links).collect()
    }

    /// Whether a result answers this order, and with `reused` whether it also does in a later run.
    ///
    /// # Errors
    /// Why it does not.
    pub fn answered(
        &self,
        result: &ActionResult,
        assumed: &BTreeSet<Digest>,
        reused: bool,
    ) -> Result<(), Unusable> {
        let (action, report) = (&self.action, &result.report);
        let same = report.tree == action.tree && report.gate == action.gate;
        if !same {
            return Err(Unusable::Other);
        }
        if !assumed.is_subset(&action.proven) {
            return Err(Unusable::Unproven);
        }
        let outcome = &report.outcome;
        let certain = matches!(outcome, Outcome::Pass | Outcome::Fail | Outcome::Skipped { .. });
        if reused && !certain { Err(Unusable::Uncertain) } else { Ok(()) }
    }
}

/// How a gate ended on a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum GateEnd {
    /// It ran.
    Ran {
        /// The result.
        result: Box<ActionResult>,
        /// The proofs of the order that the report relies on.
        assumed: BTreeSet<Digest>,
    },
    /// It was not run.
    NotRun {
        /// Why.
        why: String,
        /// Content that the server does not have.
        missing: bool,
    },
}
