//! What a pipeline demands of what is promoted, beyond that it is right: the file of `--policy`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Isolation;
use crate::types::GateName;

/// The demands. What is left out is not demanded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Glob patterns of models; one of them must have written each tree.
    pub models: Vec<String>,
    /// The least isolation that each tree's gates ran with, 0 to 3.
    pub min_isolation: Option<Isolation>,
    /// Gates that each tree must have passed.
    pub gates: Vec<GateName>,
    /// Public keys, as OpenSSH writes them; one of them must have signed each attestation.
    pub signed_by: Vec<String>,
    /// `false`: a model was asked for each tree; recordings are not enough.
    pub replay: Option<bool>,
    /// The most days since acceptance. Needs signed attestations, since only they have a time.
    pub max_age_days: Option<u32>,
}
