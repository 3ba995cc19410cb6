//! Candidates in memory, so that a tree is read and hashed once for all gates.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::ContentStore;
use crate::types::{Candidate, CandidateId, limits};

/// The last candidates, at most [`limits::CANDIDATES`].
#[derive(Debug)]
pub struct Candidates {
    store: Arc<dyn ContentStore>,
    recent: Mutex<VecDeque<(CandidateId, Arc<Candidate>)>>,
}

impl Candidates {
    /// Candidates whose trees are in this store.
    pub fn new(store: Arc<dyn ContentStore>) -> Self {
        Self { store, recent: Mutex::default() }
    }

    /// The store.
    pub fn store(&self) -> &dyn ContentStore {
        self.store.as_ref()
    }

    /// A candidate; its tree is read from the store unless it is cached.
    ///
    /// # Errors
    /// A part of the tree is missing or damaged.
    pub fn get(&self, id: &CandidateId) -> io::Result<Arc<Candidate>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, candidate)) = recent.iter().find(|(known, _)| known == id) {
            return Ok(candidate.clone());
        }
        let tree = self.store.get_tree(id.tree)?;
        let candidate = Arc::new(Candidate::new(tree, id.provenance.clone()));
        if recent.len() == limits::CANDIDATES {
            recent.pop_front();
        }
        recent.push_back((id.clone(), candidate.clone()));
        Ok(candidate)
    }
}
