//! Stores the user's files of an attempt, so that it can be explained and replayed later.

use std::io;

use super::resources::Engine;
use crate::types::Digest;
use crate::workspace::JobInputs;

impl Engine {
    /// Stores the files of a target's inputs as read at load. Gives the digest of their tree.
    ///
    /// # Errors
    /// I/O errors.
    pub(super) fn keep_snapshot(&self, inputs: &JobInputs) -> io::Result<Digest> {
        if !self.snapshots.borrow().contains(&inputs.digest) {
            self.objects.put_tree(&inputs.snapshot)?;
            self.snapshots.borrow_mut().insert(inputs.digest);
        }
        Ok(inputs.digest)
    }
}
