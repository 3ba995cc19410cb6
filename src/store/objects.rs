//! The object store: prompts, completions, trees and outputs by digest. Only added, never changed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::{files, staged};
use crate::types::{Digest, RelPath, Tree, limits};

/// A content-addressed store. Objects are added, never changed.
pub trait ContentStore: fmt::Debug + Send + Sync {
    /// Stores bytes. When this returns, [`Self::get`] finds them, on disk also after a power loss.
    ///
    /// # Errors
    /// They could not be stored.
    fn put(&self, bytes: &[u8]) -> io::Result<Digest>;

    /// Reads an object and checks its digest.
    ///
    /// # Errors
    /// It is missing or damaged.
    fn get(&self, digest: Digest) -> io::Result<Vec<u8>>;

    /// Stores a tree: its files, then its manifest, whose digest is the tree's. If this fails, the
    /// tree is missing, but some of its files may be stored.
    ///
    /// # Errors
    /// A part could not be stored.
    fn put_tree(&self, tree: &Tree) -> io::Result<Digest> {
        for (_, bytes) in tree.iter() {
            self.put(bytes)?;
        }
        self.put(tree.manifest().as_bytes())
    }

    /// Reads a tree and checks its digest.
    ///
    /// # Errors
    /// A part is missing or damaged.
    fn get_tree(&self, digest: Digest) -> io::Result<Tree> {
        let manifest = self.get(digest)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not a tree's manifest");
        let text = String::from_utf8(manifest).map_err(|_| wrong())?;
        let mut tree = Tree::default();
        for line in text.lines() {
            let (digest, path) = line.split_once("  ").ok_or_else(wrong)?;
            let path = RelPath::parse(path).map_err(|_| wrong())?;
            tree.insert(path, self.get(Digest::parse(digest).ok_or_else(wrong)?)?);
        }
        Ok(tree)
    }
}

/// The objects of a workspace, in `.regen/objects/`.
#[derive(Clone, Debug)]
pub struct Objects {
    root: PathBuf,
}

impl Objects {
    /// Objects in a folder, which may be missing.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(&name[2..])
    }

    /// Every object, with its size.
    ///
    /// # Errors
    /// I/O errors.
    pub fn all(&self) -> io::Result<Vec<(Digest, u64)>> {
        let mut all = Vec::new();
        for path in files::walk(&self.root, 1)? {
            let name = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy();
            if let Some(digest) = Digest::parse(&name.replace('/', "")) {
                all.push((digest, path.metadata()?.len()));
            }
        }
        Ok(all)
    }

    /// Deletes what was stored before a moment.
    ///
    /// # Errors
    /// I/O errors.
    pub fn forget(&self, before: std::time::SystemTime) -> io::Result<()> {
        for (digest, _) in self.all()? {
            if self.path(digest).metadata()?.modified()? < before {
                self.remove(digest)?;
            }
        }
        Ok(())
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// I/O errors.
    pub fn remove(&self, digest: Digest) -> io::Result<()> {
        let path = self.path(digest);
        fs::remove_file(&path).map_err(|error| super::with_path(&path, error))
    }
}

impl ContentStore for Objects {
    fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.path(digest);
        if !path.exists() {
            staged(&self.root.with_file_name("stage"), &path, bytes, 0o600)?;
        }
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let bytes = files::read_capped(&self.path(digest), limits::OBJECT_BYTES)?;
        if bytes.len() <= limits::OBJECT_BYTES && Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            let message =
                format!("object {digest} is damaged; delete .regen/objects and run again");
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    }
}

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    content: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl ContentStore for MemoryStore {
    fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.entry(digest).or_insert_with(|| bytes.to_vec());
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("no object {digest}"));
        content.get(&digest).cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_gives_back_what_was_put() {
        let folder = tempfile::tempdir().expect("a folder");
        let stores: [&dyn ContentStore; 2] =
            [&Objects::new(folder.path().join("objects")), &MemoryStore::default()];
        for store in stores {
            let file = |path: &str| RelPath::parse(path).expect("is one");
            let tree = Tree::from_iter([
                (file("src/lib.rs"), b"one".to_vec()),
                (file("empty"), Vec::new()),
            ]);
            assert!(store.get_tree(tree.digest()).is_err(), "{store:?}");
            assert_eq!(store.put_tree(&tree).expect("is kept"), tree.digest());
            assert_eq!(store.put_tree(&tree).expect("is kept again"), tree.digest());
            assert_eq!(store.get_tree(tree.digest()).expect("is there"), tree);
            assert_eq!(store.get(Digest::of("one")).expect("is there"), b"one");
            let missing = store.get(Digest::of("two")).expect_err("is not there");
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        }
    }
}
