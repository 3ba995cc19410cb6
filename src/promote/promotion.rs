//! The content of a promotion.

use crate::types::{Digest, JobId, RelPath, SpecId, SpecStanding, TargetName};
use crate::verdict::Accepted;

/// The suffix of an attestation's name, after the target's folder.
pub const ATTESTATION: &str = ".intoto.jsonl";

/// One target of a promotion.
#[derive(Debug)]
pub struct PartTree {
    /// The target.
    pub target: TargetName,
    /// Its folder in the unit.
    pub leaf: String,
    /// The accepted tree.
    pub accepted: Accepted,
    /// Its attestation.
    pub attestation: String,
}

/// A promotion: trees and their places.
#[derive(Debug)]
pub struct Promotion {
    /// The job; names the transaction.
    pub job: JobId,
    /// The spec.
    pub spec: SpecId,
    /// The unit's folder, relative to the root.
    pub unit: RelPath,
    /// New trees.
    pub parts: Vec<PartTree>,
    /// Folders of unchanged targets.
    pub kept: Vec<String>,
    /// The new lockfile entries of the spec.
    pub standing: SpecStanding,
    /// The object with the record of this promotion.
    pub record: Digest,
    /// Whether to save and replace manual edits instead of refusing.
    pub discard_edits: bool,
}
