//! The inputs of a target of a spec.

use std::sync::Arc;

use crate::gate::GateInputs;
use crate::prompt::File;
use crate::types::{AdmittedSpec, Digest, Target, TargetName, Tree};

/// The inputs that candidates of one target are generated and checked from.
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
    /// The user's suites, as shown in prompts.
    pub shown: Vec<File>,
    /// The inputs of its gates.
    pub judged: Arc<GateInputs>,
    /// All files read for this, with their bytes. Files whose names a tree cannot hold are left
    /// out.
    pub snapshot: Tree,
    /// The digest of the snapshot.
    pub digest: Digest,
}
