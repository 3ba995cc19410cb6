//! What is to be done, and why.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::types::{GateName, SpecId, TargetName};

/// Digest of everything that makes a promoted tree the wrong one when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputsDigest(pub Digest);

/// Digest of everything that makes a verdict an old one when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateInputsDigest(pub Digest);

/// A job's number in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why something is not up to date. The order is the order in which they are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// No tree is promoted.
    NothingPromoted,
    /// The promoted tree is gone.
    TreeMissing,
    /// The promoted tree was changed by hand.
    Drift {
        /// The files, relative to the tree.
        files: Vec<String>,
    },
    /// Clauses were added, changed or removed.
    Clauses {
        /// Their names.
        names: Vec<String>,
    },
    /// The prose outside clauses changed.
    Context,
    /// The target's configuration, a dependency's clauses or the toolchain's language changed.
    Target,
    /// Validators, gates, guards or tool versions changed: the gates run over the promoted tree
    /// first.
    Gates {
        /// Which.
        #[serde(default)]
        changed: Vec<String>,
    },
    /// The attestation is missing, was changed, or another key signs now: the gates run over the
    /// promoted tree first.
    Attestation,
    /// A person asked for it.
    Forced,
}

impl Reason {
    /// Whether the promoted tree is judged again before a model is asked.
    pub fn revalidates(&self) -> bool {
        matches!(self, Self::Gates { .. } | Self::Attestation)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingPromoted => f.write_str("nothing promoted yet"),
            Self::TreeMissing => f.write_str("the promoted tree is missing"),
            Self::Drift { files } => write!(f, "edited by hand: {}", files.join(", ")),
            Self::Clauses { names } => write!(f, "clauses changed: {}", names.join(", ")),
            Self::Context => f.write_str("the spec's prose changed"),
            Self::Target => f.write_str("the target's configuration changed"),
            Self::Gates { changed } if changed.is_empty() => {
                f.write_str("validators, gates or tools changed: judge again first")
            }
            Self::Gates { changed } => {
                write!(f, "changed: {}: judge again first", changed.join(", "))
            }
            Self::Attestation => {
                f.write_str("the attestation is not this tree's: judge again first")
            }
            Self::Forced => f.write_str("asked for"),
        }
    }
}

/// One target of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetJob {
    /// The target's name.
    pub target: TargetName,
    /// What it is generated from.
    pub key: InputsDigest,
    /// What it is judged by.
    pub gate_key: GateInputsDigest,
    /// The gates, in order.
    pub gates: Vec<GateName>,
    /// Digests of what judges it.
    #[serde(rename = "judges", default)]
    pub gate_inputs: BTreeMap<String, Digest>,
    /// The tools that its gates run.
    #[serde(default)]
    pub tools: String,
    /// Whether a person went back to an earlier tree, which stays until something changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Why it is not up to date; `None` when it is, and only comes along.
    pub reason: Option<Reason>,
}

/// All targets of one spec's revision: the unit that is promoted at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The spec.
    pub spec: SpecId,
    /// Its targets, in order.
    pub parts: Vec<TargetJob>,
    /// How many generators there are, the first included.
    pub tiers: usize,
    /// The earlier job whose trees take the place of what is promoted; nothing is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<JobId>,
}

impl TargetJob {
    /// A part that is up to date, judged by nothing yet.
    pub fn new(target: &TargetName, key: InputsDigest, gate_key: GateInputsDigest) -> Self {
        Self {
            target: target.to_owned(),
            key,
            gate_key,
            gates: Vec::new(),
            gate_inputs: BTreeMap::new(),
            tools: String::new(),
            held: false,
            reason: None,
        }
    }
}

impl Job {
    /// A job of these parts.
    pub fn new(spec: &SpecId, parts: Vec<TargetJob>, tiers: usize) -> Self {
        Self { spec: spec.to_owned(), parts, tiers, rollback: None }
    }

    /// Whether nothing is to be done.
    pub fn is_up_to_date(&self) -> bool {
        self.rollback.is_none() && self.parts.iter().all(|part| part.reason.is_none())
    }

    /// Whether it does what another job does; reasons and generators may differ.
    pub fn is_same_work(&self, other: &Self) -> bool {
        let work = |job: &Self| -> (_, Vec<_>) {
            let part = |p: &TargetJob| {
                let judged = (p.gate_key, p.gates.clone(), p.tools.clone());
                (p.target.clone(), p.key, judged, p.reason.is_some())
            };
            (job.rollback, job.parts.iter().map(part).collect())
        };
        work(self) == work(other)
    }
}

/// What a run will do, specs before the ones that depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One job per spec, up-to-date ones included.
    pub jobs: Vec<Job>,
}
