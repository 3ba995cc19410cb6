//! A gate's run as data: gate, inputs and result. Actions can be sent to a worker on another
//! machine with the same content store (modelled on `Action` in Bazel's remote execution API).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Digest, GateReport, Isolation, Limits, Provenance};
use crate::types::{GateName, Link};

/// Digest of the tools' versions; equal tools on two machines have the same digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Digest);

/// A gate to run over a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The gate.
    pub gate: GateName,
    /// The candidate's tree, in the content store.
    pub tree: Digest,
    /// The candidate's origin: passed tests of a new one are repeated to find flaky tests.
    pub provenance: Provenance,
    /// The digest of the gate inputs.
    pub inputs: Digest,
    /// The tools that the gate was planned with; no others may run it.
    pub toolchain: Fingerprint,
    /// The limits of each program.
    pub limits: Limits,
    /// The minimum isolation level.
    pub min_isolation: Isolation,
    /// The promoted tree, in the content store: if a validator fails on the candidate but not on
    /// this tree, the candidate is at fault. Without one, an empty tree is used.
    #[serde(default)]
    pub control: Option<Digest>,
    /// The promoted trees that the candidate uses, in the content store.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Tests of the code that a text is about which were not seen to fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// Digests of tests that were seen to fail without an implementation.
    pub proven: BTreeSet<Digest>,
    /// Wall-clock timeout of the gate.
    pub timeout: Duration,
}

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionResult {
    /// The gate's report.
    pub report: GateReport,
    /// The programs' output, in the content store; `None` if empty.
    pub evidence: Option<Digest>,
    /// The tools that ran it, by their own names.
    pub tools: String,
    /// The isolation level of its programs.
    pub isolation: Isolation,
    /// The worker that ran it; `None` for this machine.
    pub worker: Option<String>,
}
