//! In-memory trees of files, and candidates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, RelPath};

/// A tree of regular files. Limited in size (see `limits::TREE_BYTES`), so it is held in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<RelPath, Vec<u8>>,
}

impl Tree {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: RelPath, bytes: Vec<u8>) {
        self.files.insert(path, bytes);
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &RelPath) -> Option<Vec<u8>> {
        self.files.remove(path)
    }

    /// The bytes of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        let path = RelPath::parse(path).ok()?;
        self.files.get(&path).map(Vec::as_slice)
    }

    /// The text of a file; `None` when it is missing or not UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.get(path)?).ok()
    }

    /// Files in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path, bytes.as_slice()))
    }

    /// Whether it has no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The tree's manifest in the format of `sha256sum`, sorted by path.
    pub fn manifest(&self) -> String {
        self.iter().map(|(path, bytes)| format!("{}  {path}\n", Digest::of(bytes))).collect()
    }

    /// The tree's name: the SHA-256 of its manifest, checkable with coreutils.
    pub fn digest(&self) -> Digest {
        Digest::of(self.manifest())
    }
}

impl FromIterator<(RelPath, Vec<u8>)> for Tree {
    fn from_iter<I: IntoIterator<Item = (RelPath, Vec<u8>)>>(iter: I) -> Self {
        Self { files: iter.into_iter().collect() }
    }
}

/// The origin of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A completion, by digest of its text.
    Completion(Digest),
    /// The promoted tree, checked again.
    Promoted,
    /// The harness: the spec has no code.
    Harness,
}

impl Provenance {
    /// The origin of a candidate from this completion, or from none.
    pub fn of(completion: Option<Digest>) -> Self {
        completion.map_or(Self::Promoted, Self::Completion)
    }
}

/// A candidate's reference in the ledger and the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateId {
    /// Its tree, in the objects.
    pub tree: Digest,
    /// Its origin.
    pub provenance: Provenance,
}

/// A tree with its origin. The digest is computed once, so it always matches.
#[derive(Clone, Debug)]
pub struct Candidate {
    tree: Tree,
    digest: Digest,
    provenance: Provenance,
}

impl Candidate {
    /// Makes a candidate from a tree.
    pub fn new(tree: Tree, provenance: Provenance) -> Self {
        let digest = tree.digest();
        Self { tree, digest, provenance }
    }

    /// The files.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The digest of these files.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Their origin.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}
