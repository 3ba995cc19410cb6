//! Content-addressed bytes: prompts, completions, trees, gates' outputs. Never changed, only added.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::write_atomic;
use crate::types::{Digest, RelPath, Tree};

/// The objects of a workspace, in `.regen/objects/`.
#[derive(Clone, Debug)]
pub struct Objects {
    root: PathBuf,
}

impl Objects {
    /// Objects below a folder, which need not exist.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(&name[2..])
    }

    /// Keeps bytes. Once this returns they survive power loss.
    ///
    /// # Errors
    /// The disk's.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        let path = self.path(digest);
        if !path.exists() {
            write_atomic(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Gives bytes back.
    ///
    /// # Errors
    /// They are missing, or are not what their name says.
    pub fn get(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.path(digest))?;
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            let message =
                format!("object {digest} is damaged: delete .regen/objects and run again");
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    }

    /// Keeps a tree: each file, and the manifest, whose digest is the tree's.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_tree(&self, tree: &Tree) -> io::Result<Digest> {
        for (_, bytes) in tree.iter() {
            self.put(bytes)?;
        }
        self.put(tree.manifest().as_bytes())
    }

    /// Gives a tree back.
    ///
    /// # Errors
    /// A part of it is missing or damaged.
    pub fn get_tree(&self, digest: Digest) -> io::Result<Tree> {
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

    /// Every object, with its size.
    ///
    /// # Errors
    /// The disk's.
    pub fn all(&self) -> io::Result<Vec<(Digest, u64)>> {
        let mut all = Vec::new();
        for path in super::files::walk(&self.root, 1)? {
            let name = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy();
            if let Some(digest) = Digest::parse(&name.replace('/', "")) {
                all.push((digest, path.metadata()?.len()));
            }
        }
        Ok(all)
    }

    /// Takes an object away.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(&self, digest: Digest) -> io::Result<()> {
        fs::remove_file(self.path(digest))
    }
}
