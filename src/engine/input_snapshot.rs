//! The user's files that an attempt was made and is judged from, kept so that it can be explained
//! and replayed when they have long changed.

use std::path::Path;

use super::resources::Engine;
use crate::pipeline::{Attempt, State};
use crate::plan;
use crate::spec::parse;
use crate::store::files;
use crate::types::{Digest, RelPath, Tree, limits};
use crate::workspace::CommandError;

/// The configuration's name among them.
pub const CONFIG: &str = "harness.toml";

impl Engine {
    /// Keeps them as a tree. `None` when one of them has changed since it was read: the job's days
    /// are numbered then.
    pub(super) fn inputs(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<Digest>, CommandError> {
        let tree = self.gather(state, attempt);
        Ok(tree.map(|tree| self.objects.put_tree(&tree)).transpose()?)
    }

    fn gather(&self, state: &State, attempt: &Attempt) -> Option<Tree> {
        let workspace = &self.workspace;
        let root = &workspace.places.root;
        let read = |path: &Path| files::read_capped(path, limits::TREE_BYTES).ok();
        let mut tree = Tree::default();
        let config = read(&workspace.places.config)?;
        let mut now = crate::config::parse(CONFIG, std::str::from_utf8(&config).ok()?).ok()?;
        if let (Some(now), Some(read)) = (&mut now.generator, &workspace.harness.generator) {
            now.cassettes = read.cassettes;
        }
        if now != workspace.harness {
            return None;
        }
        tree.insert(relative(CONFIG)?, config);
        let spec = self.spec(state);
        let others = workspace.specs.iter().filter(|other| spec.depends.contains(&other.id));
        for one in others.chain([spec]) {
            let bytes = read(&root.join(&one.file))?;
            if plan::meaning(&parse(&one.file, &bytes).0) != plan::meaning(one) {
                return None;
            }
            tree.insert(relative(&one.file)?, bytes);
        }
        let part = &state.job.parts[attempt.part];
        let checks = workspace.checks().get(&(spec.id.clone(), part.target.clone()))?;
        for (file, digest) in &checks.files {
            let bytes = read(&root.join(file))?;
            if Digest::of(&bytes) != *digest {
                return None;
            }
            tree.insert(relative(file)?, bytes);
        }
        if let Some(folder) = &workspace.harness.harness.templates {
            for (file, bytes) in files::folder(&root.join(folder)).ok()? {
                tree.insert(relative(&format!("{folder}/{file}"))?, bytes);
            }
        }
        Some(tree)
    }
}

fn relative(path: &str) -> Option<RelPath> {
    RelPath::parse(path).ok()
}
