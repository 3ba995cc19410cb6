//! What a generator is asked.

use serde::{Deserialize, Serialize};

use super::{AttemptKind, Digest, InputsDigest, Prompt, SpecId, TargetName};

/// A request to a generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The prompt.
    pub prompt: Prompt,
    /// The kind of the attempt.
    pub kind: AttemptKind,
    /// Distinguishes equal requests: the n-th sample of one prompt, from 0.
    pub sample: u32,
    /// The tree that a generator with a sandbox begins with.
    #[serde(default)]
    pub base: Option<Digest>,
    /// The paid call that it is: the same after a restart, another one in each job. `None` if it
    /// is asked from this machine in any case.
    #[serde(default)]
    pub call: Option<Digest>,
    /// The job it belongs to.
    pub context: CallContext,
}

/// The job that a request belongs to, for recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallContext {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// The digest of the tree's inputs.
    pub job: InputsDigest,
    /// The attempt in its job, from 1.
    pub attempt: u32,
}
