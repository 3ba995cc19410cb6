//! The promoted trees that a job uses.

use super::resources::Engine;
use crate::pipeline::State;
use crate::store::files;
use crate::types::{Job, Link, RelPath, Spec, SpecId, TargetJob, TargetStanding};
use crate::workspace::CommandError;
use crate::{plan, toolchain};

impl Engine {
    /// Puts the promoted trees that a job uses into the store. Gives why it cannot begin: one of
    /// them is not promoted for the present text of its spec, or was edited by hand.
    pub(super) fn unlinked(&self, job: &Job) -> Result<Option<String>, CommandError> {
        if let Some(why) = self.unchecked(job) {
            return Ok(Some(why));
        }
        for part in job.parts.iter().filter(|part| part.reason.is_some()) {
            if let Some(why) = self.missing(job, part, part.asks()) {
                return Ok(Some(why));
            }
            let is_made = |link: &&Link| link.spec == job.spec && self.makes(job, &link.path);
            for link in part.links.iter().filter(|link| !self.is_accepted(link) && !is_made(link)) {
                let tree = self.promoter.tree(&link.path)?.unwrap_or_default();
                if tree.digest() != link.tree {
                    let (path, other) = (&link.path, &link.spec);
                    return Ok(Some(format!(
                        "it uses the code of `{other}`, and {path} is not what was promoted; \
                         `regen run --spec {other} --discard-edits` restores it"
                    )));
                }
                self.objects.put_tree(&tree)?;
            }
        }
        Ok(None)
    }

    /// Why what a job makes could not be checked: a spec without code that is to do so is refused.
    fn unchecked(&self, job: &Job) -> Option<String> {
        let is_refused = |spec: &&Spec| spec.integration && self.workspace.spec(&spec.id).is_none();
        let is_below = |id: &SpecId| *id == job.spec || self.below(id).contains(&job.spec);
        let refused = self.workspace.read.iter().filter(is_refused);
        let mut checks = refused.filter(|spec| spec.depends.iter().any(is_below));
        let id = &checks.next().filter(|_| job.rollback.is_none())?.id;
        Some(format!(
            "`{id}`, which checks its code together with others, is refused (`regen lint {id}` says why)"
        ))
    }

    /// Which tree that a job was judged with is not the promoted one any more.
    pub(super) fn replaced(&self, state: &State) -> Result<Option<String>, CommandError> {
        let promoted = files::standing(&self.workspace.places.root)?;
        let links = state.job.parts.iter().flat_map(|part| &part.links);
        let is_made =
            |link: &&Link| link.spec == state.job.spec && self.makes(&state.job, &link.path);
        let links = links.filter(|link| !is_made(link));
        let is_there = |link: &&Link| {
            let entries = promoted.spec.get(&link.spec).into_iter().flat_map(|s| s.target.values());
            let is_it = |entry: &TargetStanding| entry.path == link.path && entry.tree == link.tree;
            self.is_accepted(link) || entries.into_iter().any(is_it)
        };
        let mut links = links;
        let gone = links.find(|link| !is_there(link));
        Ok(gone.map(|link| {
            format!("`{}` was promoted again while this was made; run again", link.spec)
        }))
    }

    /// Whether a job makes what is promoted here, or judges it again.
    fn makes(&self, job: &Job, path: &RelPath) -> bool {
        let mut parts = job.parts.iter().filter(|part| part.reason.is_some());
        parts.any(|part| {
            let target = &self.workspace.harness.target[&part.target];
            target.path(&job.spec, &part.target).as_ref() == Ok(path)
        })
    }

    /// Whether a tree is of the set that is being made; then it is in the store.
    fn is_accepted(&self, link: &Link) -> bool {
        let set = self.options.sets.now();
        let entries = set.accepted.get(&link.spec).into_iter().flat_map(|one| one.target.values());
        entries.into_iter().any(|entry| entry.tree == link.tree)
    }

    /// Why a part has not the trees that it uses; for a question, those of the present specs.
    pub(super) fn missing(&self, job: &Job, part: &TargetJob, asks: bool) -> Option<String> {
        let target = self.workspace.harness.target.get(&part.target)?;
        toolchain::of(target).links()?;
        let linked = |other: &SpecId| part.links.iter().find(|link| link.spec == *other);
        let depends = &self.workspace.spec(&job.spec)?.depends;
        let (other, what) = depends.iter().find_map(|other| match linked(other) {
            None => Some((other, "is not promoted")),
            Some(link) if asks && self.is_other(link) => {
                Some((other, "is not promoted as its specification is now"))
            }
            Some(_) => None,
        })?;
        Some(format!(
            "it uses the code of `{other}`, which {what} (`regen why {other}` says what it lacks)"
        ))
    }

    /// Whether a tree was promoted for another text of its spec, which a model would be shown.
    fn is_other(&self, link: &Link) -> bool {
        let spec = self.workspace.spec(&link.spec);
        spec.is_none_or(|spec| plan::meaning(spec) != link.revision)
    }
}
