//! A gate's run as data: what is to be run over which content, and what came out. Both can be sent
//! to a worker on another machine that reads the same content store (the model is the `Action` of
//! Bazel's remote execution API).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Digest, GateReport, Isolation, Limits, Provenance};
use crate::types::GateName;

/// Digest of what a machine's tools say of their version: equal tools on two machines have the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Digest);

/// A gate to be run over a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The gate.
    pub gate: GateName,
    /// The candidate's tree, in the content store.
    pub tree: Digest,
    /// Where the candidate comes from: passes of a new one are repeated, to find flaky tests.
    pub provenance: Provenance,
    /// The job's inputs: what the candidate is judged by.
    pub inputs: Digest,
    /// The tools that the gate was planned with. No others run it.
    pub toolchain: Fingerprint,
    /// What each program of the gate may use.
    pub limits: Limits,
    /// The weakest isolation that is good enough.
    pub min_isolation: Isolation,
    /// The promoted tree, in the content store: a validator that breaks over the candidate and not
    /// over this one is broken by the candidate. Without one, an empty tree takes its place.
    #[serde(default)]
    pub control: Option<Digest>,
    /// Tests that were seen to fail without an implementation, by the digest of what they are.
    pub proven: BTreeSet<Digest>,
    /// Wall time of the gate.
    pub timeout: Duration,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionResult {
    /// The gate's report.
    pub report: GateReport,
    /// What its programs printed, in the content store; `None` if nothing.
    pub evidence: Option<Digest>,
    /// The tools that ran it, as they name themselves.
    pub tools: String,
    /// The isolation that its programs had.
    pub isolation: Isolation,
    /// The name of the executor that ran it.
    pub worker: String,
}
