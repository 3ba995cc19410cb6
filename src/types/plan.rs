//! Jobs and their reasons.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::types::{GateName, Link, SpecId, TargetName};

/// Digest of all inputs of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputsDigest(pub Digest);

/// Digest of all inputs of a verdict.
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

/// Why a target is out of date, in the order of checking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// No tree is promoted.
    NothingPromoted,
    /// The promoted tree is missing.
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
        /// Their names.
        #[serde(default)]
        changed: Vec<String>,
    },
    /// Items of another spec's contract changed that its code uses.
    Uses {
        /// Their names.
        items: Vec<String>,
    },
    /// Specs whose code it uses have work: after them its gates run again, or a model is asked if
    /// items that it uses have changed.
    Dependency {
        /// These specs.
        specs: Vec<SpecId>,
        /// Items of their contracts that changed and that its code uses: a model is asked.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<String>,
    },
    /// The attestation is missing, was changed, or another key signs now: the gates run over the
    /// promoted tree first.
    Attestation,
    /// The code of another spec, which this one was: the gates run over it, and no model is asked.
    Renamed {
        /// Its earlier id.
        from: SpecId,
    },
    /// Requested with `--force`.
    Forced,
}

impl Reason {
    /// Whether the promoted tree is checked again before a model is called.
    pub fn revalidates(&self) -> bool {
        match self {
            Self::Gates { .. } | Self::Attestation | Self::Renamed { .. } => true,
            Self::Dependency { items, .. } => items.is_empty(),
            _ => false,
        }
    }

    /// The items of another spec's contract that have changed, if that is the reason.
    pub fn items_of(&self, other: &SpecId) -> Vec<&str> {
        let (Self::Uses { items } | Self::Dependency { items, .. }) = self else {
            return Vec::new();
        };
        let of_other = |item: &&str| item.split('.').next() == Some(other.as_str());
        items.iter().map(String::as_str).filter(of_other).collect()
    }

    /// Whether a change of another spec is the reason.
    pub fn is_of(&self, other: &SpecId) -> bool {
        let waits = matches!(self, Self::Dependency { specs, .. } if specs.contains(other));
        waits || !self.items_of(other).is_empty()
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
            Self::Target => {
                f.write_str("`depends`, the target's configuration or the granted effects changed")
            }
            Self::Gates { changed } if changed.is_empty() => {
                f.write_str("validators, gates or tools changed; runs the gates first")
            }
            Self::Gates { changed } => {
                write!(f, "changed: {}; runs the gates first", changed.join(", "))
            }
            Self::Uses { items } => write!(f, "items that it uses changed: {}", items.join(", ")),
            Self::Dependency { specs, items } => {
                let specs: Vec<&str> = specs.iter().map(|spec| spec.as_str()).collect();
                let (specs, items) = (specs.join(", "), items.join(", "));
                if items.is_empty() {
                    write!(f, "after {specs}: runs the gates first")
                } else {
                    write!(f, "after {specs}: items that it uses changed: {items}")
                }
            }
            Self::Renamed { from } => write!(f, "was `{from}`: runs the gates over its code"),
            Self::Attestation => {
                f.write_str("the attestation does not match; runs the gates first")
            }
            Self::Forced => f.write_str("forced"),
        }
    }
}

/// One target of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetJob {
    /// The target's name.
    pub target: TargetName,
    /// Digest of its generation inputs.
    pub key: InputsDigest,
    /// Digest of its gate inputs.
    pub gate_key: GateInputsDigest,
    /// The gates, in order.
    pub gates: Vec<GateName>,
    /// Digests of its gate inputs, by name.
    #[serde(rename = "judges", default)]
    pub gate_inputs: BTreeMap<String, Digest>,
    /// The tools that its gates run.
    #[serde(default)]
    pub tools: String,
    /// The promoted trees that its candidates use, each after those that it uses itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Whether its spec has no code: the harness's own tree is judged, and no model is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verifies: bool,
    /// Whether it is held at an earlier tree by a rollback. Its gates can run; no model is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Why it is out of date; `None` if it is up to date.
    pub reason: Option<Reason>,
}

/// All targets of one spec's revision: the unit that is promoted at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The spec.
    pub spec: SpecId,
    /// Its targets, in order.
    pub parts: Vec<TargetJob>,
    /// The number of generators, including the first.
    pub tiers: usize,
    /// For a rollback: the job whose trees are promoted again; nothing is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<JobId>,
}

impl TargetJob {
    /// Whether a model is asked without a look at the promoted tree.
    pub fn asks(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| !self.verifies && !reason.revalidates())
    }

    /// An up-to-date part without results.
    pub fn new(target: &TargetName, key: InputsDigest, gate_key: GateInputsDigest) -> Self {
        Self {
            target: target.to_owned(),
            key,
            gate_key,
            gates: Vec::new(),
            gate_inputs: BTreeMap::new(),
            tools: String::new(),
            links: Vec::new(),
            verifies: false,
            held: false,
            reason: None,
        }
    }
}

impl Plan {
    /// Gives a spec that is not promoted the code of another one.
    pub fn rename(
        &mut self,
        from: &SpecId,
        to: &SpecId,
        is_promoted: &dyn Fn(&TargetName) -> bool,
    ) {
        let jobs = self.jobs.iter_mut().filter(|job| job.spec == *to);
        for part in jobs.flat_map(|job| &mut job.parts) {
            let is_new = part.reason == Some(Reason::NothingPromoted);
            if is_new && is_promoted(&part.target) {
                part.reason = Some(Reason::Renamed { from: from.clone() });
            }
        }
    }
}

impl Job {
    /// Up-to-date parts wait for specs whose code they use and that have work.
    pub fn wait_for(&mut self, specs: &[SpecId]) {
        let parts = self.parts.iter_mut();
        for part in parts.filter(|part| !part.links.is_empty()) {
            let items = match part.reason.take() {
                None => Vec::new(),
                Some(Reason::Uses { items }) => items,
                other => {
                    part.reason = other;
                    continue;
                }
            };
            part.reason = Some(Reason::Dependency { specs: specs.to_vec(), items });
        }
    }

    /// Whether its spec has no code: no model is asked.
    pub fn verifies(&self) -> bool {
        self.parts.iter().any(|part| part.verifies)
    }

    /// Whether nothing but specs that it depends on makes it out of date.
    pub fn waits(&self) -> bool {
        let waits =
            |part: &TargetJob| matches!(part.reason, None | Some(Reason::Dependency { .. }));
        self.parts.iter().all(waits)
    }

    /// A job of these parts.
    pub fn new(spec: &SpecId, parts: Vec<TargetJob>, tiers: usize) -> Self {
        Self { spec: spec.to_owned(), parts, tiers, rollback: None }
    }

    /// Whether a person wants it again although it is up to date.
    pub fn is_forced(&self) -> bool {
        self.parts.iter().any(|part| part.reason == Some(Reason::Forced))
    }

    /// Whether there is nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.rollback.is_none() && self.parts.iter().all(|part| part.reason.is_none())
    }

    /// Whether it does the same as another job; reasons and generators may differ.
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

/// What a run does; specs before the ones that depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One job per spec, including up-to-date ones.
    pub jobs: Vec<Job>,
}
