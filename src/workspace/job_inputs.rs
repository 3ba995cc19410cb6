//! What a target of a spec is generated and judged from.

use std::collections::BTreeMap;

use crate::prompt::File;
use crate::toolchain::{ExampleSuites, Suite};
use crate::types::{AdmittedSpec, Digest, GateConfig, Target, Tree};

/// What candidates of one target of a spec are generated and judged from.
#[derive(Debug)]
pub struct JobInputs {
    /// The spec.
    pub spec: AdmittedSpec,
    /// The specs it depends on.
    pub depends: Vec<AdmittedSpec>,
    /// The target's name.
    pub name: String,
    /// The target.
    pub target: Target,
    /// The user's settings of gates.
    pub gates: BTreeMap<String, GateConfig>,
    /// The user's suites.
    pub suites: Vec<Suite>,
    /// The user's suites as a prompt shows them.
    pub shown: Vec<File>,
    /// The harness's own suites of the spec's examples.
    pub examples: ExampleSuites,
    /// The files all this was read from, with the bytes that were read. A file whose name a tree
    /// cannot hold is left out.
    pub snapshot: Tree,
    /// The digest of the snapshot.
    pub digest: Digest,
}
