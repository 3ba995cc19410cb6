//! The user's files that an attempt is generated and judged from, kept so that it can be explained
//! and replayed when they have long changed.

use std::io;

use super::resources::Engine;
use crate::types::Digest;
use crate::workspace::JobInputs;

impl Engine {
    /// Keeps the files of a target's inputs, with the bytes that were read at load. Gives the
    /// digest of their tree.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn keep_snapshot(&self, inputs: &JobInputs) -> io::Result<Digest> {
        if !self.snapshots.borrow().contains(&inputs.digest) {
            self.objects.put_tree(&inputs.snapshot)?;
            self.snapshots.borrow_mut().insert(inputs.digest);
        }
        Ok(inputs.digest)
    }
}
