//! The sandbox of a generator that works on files.

use super::attempt_history::History;
use super::resources::Engine;
use crate::generator::{GenerationError, Generator, Request};
use crate::pipeline::{Attempt, State};
use crate::sandbox::WorkSandbox;
use crate::toolchain;
use crate::types::{Digest, Failure, GeneratorSettings, Provenance, Reason, Tree};
use crate::workspace::CommandError;

impl Engine {
    /// Whether the generator of an attempt works on files in a sandbox.
    pub(super) fn has_agent(&self, attempt: &Attempt) -> bool {
        let generator = self.workspace.harness.generator.as_ref();
        let settings = generator.map(|one| one.tier(attempt.tier).settings);
        matches!(settings, Some(GeneratorSettings::Command(_)))
    }

    /// The promoted tree that an attempt's prompt shows.
    pub(super) fn promoted_tree(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<Tree>, CommandError> {
        let target = &state.job.parts[attempt.part].target;
        let standing = self.workspace.standing.spec.get(&state.job.spec);
        let promoted = standing.and_then(|s| s.target.get(target));
        let promoted = promoted.filter(|_| !self.is_forced(state, attempt));
        Ok(match promoted {
            Some(promoted) => self.promoter.tree(&promoted.path)?,
            None => None,
        })
    }

    /// Whether a prompt is built as if nothing were promoted, so that a recording of it replays
    /// wherever the spec is.
    pub(super) fn is_forced(&self, state: &State, attempt: &Attempt) -> bool {
        let reason = &state.job.parts[attempt.part].reason;
        self.options.force || *reason == Some(Reason::Forced)
    }

    /// The tree that an agent begins with: the candidate under repair, or the promoted one.
    pub(super) fn base(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<Digest>, CommandError> {
        if !self.has_agent(attempt) {
            return Ok(None);
        }
        if let Some(candidate) = History::of(state, attempt).candidate {
            return Ok(Some(candidate));
        }
        let tree = self.promoted_tree(state, attempt)?.unwrap_or_default();
        let job = self.inputs(state, attempt);
        let links = &state.job.parts[attempt.part].links;
        let language = toolchain::of(&job.target);
        // The harness's own files come with it. They need a root, which may not be there yet.
        let root = language.root(&job.spec, &job.target);
        let mut whole = tree.clone();
        if whole.get(&root).is_none() {
            whole.insert(root.clone(), Vec::new());
        }
        let whole = language.normalise(&whole, &job.spec, &job.target, links);
        let mut whole = whole.unwrap_or_else(|_| tree.clone());
        if tree.get(&root).is_none() {
            whole.remove(&root);
        }
        Ok(Some(self.objects.put_tree(&whole)?))
    }

    /// Opens the sandbox that a generator orders for a request, if it orders one.
    pub(super) async fn work_for(
        &self,
        generator: &dyn Generator,
        state: &State,
        attempt: &Attempt,
        request: &Request,
    ) -> Result<Result<Option<WorkSandbox>, GenerationError>, CommandError> {
        let mut order = match generator.order(request) {
            Ok(Some(order)) => order,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        // An environment of Python may be around the workspace, with the hidden examples.
        order.shown.retain(|path| !self.workspace.places.root.starts_with(path));
        let part = &state.job.parts[attempt.part];
        let inputs = self.inputs(state, attempt).judged.clone();
        if self.accepted.borrow_mut().insert(inputs.digest()) {
            self.executor().accept(&inputs)?;
        }
        let tools = self.executor().toolchain(inputs.language().id()).unwrap_or_default();
        let tree = match request.base {
            Some(tree) => tree,
            None => self.objects.put_tree(&Tree::default())?,
        };
        let mut action = inputs.action(&"check".into(), tools, tree, Provenance::Promoted);
        action.links.clone_from(&part.links);
        let opened = self.executor().open(&action, &order).await;
        Ok(opened.map(Some).map_err(|why| GenerationError::new(Failure::Configuration, why)))
    }
}
