//! Trees of files, held in memory whole, and the candidate a job judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, RelPath};

/// A tree of regular files. Small by contract (see `limits::TREE_BYTES`), so it is held whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<RelPath, Vec<u8>>,
}

impl Tree {
    /// Adds or replaces a file.
    pub fn insert(&mut self, path: RelPath, bytes: Vec<u8>) {
        self.files.insert(path, bytes);
    }

    /// Takes a file out.
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

    /// Whether there is no file.
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

/// Where a candidate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A completion of a generator, by digest of its text.
    Completion(Digest),
    /// The promoted tree, judged again.
    Promoted,
}

impl Provenance {
    /// That of a candidate made of this completion, or of none.
    pub fn of(completion: Option<Digest>) -> Self {
        completion.map_or(Self::Promoted, Self::Completion)
    }
}

/// What names a candidate in the ledger and the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateId {
    /// Its tree, in the objects.
    pub tree: Digest,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A tree with its provenance. The digest is computed once, here, so it always names these bytes.
#[derive(Clone, Debug)]
pub struct Candidate {
    tree: Tree,
    digest: Digest,
    provenance: Provenance,
}

impl Candidate {
    /// Makes a candidate of a tree.
    pub fn new(tree: Tree, provenance: Provenance) -> Self {
        let digest = tree.digest();
        Self { tree, digest, provenance }
    }

    /// The files.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The digest of exactly these files.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Where they come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }
}
