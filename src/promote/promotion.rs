//! What a promotion puts where.

use crate::types::{Digest, JobId, RelPath, SpecId, SpecStanding, TargetName};
use crate::verdict::Accepted;

/// The end of an attestation's name, behind the target's folder.
pub const ATTESTATION: &str = ".intoto.jsonl";

/// One target of a promotion.
#[derive(Debug)]
pub struct PartTree<'a> {
    /// The target.
    pub target: TargetName,
    /// Its folder inside the unit.
    pub leaf: String,
    /// The proof, and with it the tree.
    pub accepted: &'a Accepted,
    /// What stands beside it as its attestation.
    pub attestation: String,
}

/// A promotion: what goes where.
#[derive(Debug)]
pub struct Promotion<'a> {
    /// The job, which names the transaction.
    pub job: JobId,
    /// The spec.
    pub spec: SpecId,
    /// The unit's folder, relative to the root.
    pub unit: RelPath,
    /// New trees.
    pub parts: Vec<PartTree<'a>>,
    /// Folders of targets that stay as they are.
    pub kept: Vec<String>,
    /// What the lock file is to say of the spec.
    pub standing: SpecStanding,
    /// The object that keeps what this promotion was.
    pub record: Digest,
    /// Whether edits by hand are saved aside instead of refused.
    pub discard_edits: bool,
}
