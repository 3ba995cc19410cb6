//! The file of `--policy`: requirements beyond a match with the lockfile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Assurance, Isolation};
use crate::types::GateName;

/// A policy. Missing keys require nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Glob patterns of models; one must match the model of each tree.
    pub models: Vec<String>,
    /// The minimum isolation level of each tree's gates, 0 to 3.
    pub min_isolation: Option<Isolation>,
    /// The minimum assurance of each tree's tests: `outside` is more than `sealed`, and fewer
    /// effects are more than others.
    pub min_assurance: Option<Assurance>,
    /// Gates that each tree must have passed.
    pub gates: Vec<GateName>,
    /// Public keys in OpenSSH format; one must have signed each attestation.
    pub signed_by: Vec<String>,
    /// `false`: every tree must come from a live model, not from a recording.
    pub replay: Option<bool>,
    /// Maximum days since acceptance. Requires signed attestations, since only they have a time.
    pub max_age_days: Option<u32>,
}
