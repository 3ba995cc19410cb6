//! What a target of a spec is generated and judged from.

use std::sync::Arc;

use crate::gate::GateInputs;
use crate::prompt::File;
use crate::types::{AdmittedSpec, Digest, Target, TargetName, Tree};

/// What candidates of one target of a spec are generated and judged from.
#[derive(Debug)]
pub struct JobInputs {
    /// The spec.
    pub spec: AdmittedSpec,
    /// The specs it depends on.
    pub depends: Vec<AdmittedSpec>,
    /// The target's name.
    pub name: TargetName,
    /// The target.
    pub target: Target,
    /// The user's suites as a prompt shows them.
    pub shown: Vec<File>,
    /// What its gates are given.
    pub judged: Arc<GateInputs>,
    /// The files all this was read from, with the bytes that were read. A file whose name a tree
    /// cannot hold is left out.
    pub snapshot: Tree,
    /// The digest of the snapshot.
    pub digest: Digest,
}
