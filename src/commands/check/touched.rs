//! Finds what a pull request touches.

use std::collections::BTreeSet;

use crate::store::revision;
use crate::types::{SpecId, Standing};
use crate::workspace::{CommandError, Workspace};

/// Specs and files touched by a pull request.
pub(super) struct Touched {
    /// Specs; `None` for all.
    pub(super) specs: Option<BTreeSet<SpecId>>,
    /// Files.
    pub(super) files: BTreeSet<String>,
}

impl Touched {
    /// The part of it that belongs to these specs.
    pub(super) fn within(self, only: &BTreeSet<SpecId>) -> Self {
        let specs = match self.specs {
            Some(specs) => specs.intersection(only).cloned().collect(),
            None => only.clone(),
        };
        Self { specs: Some(specs), files: BTreeSet::new() }
    }
}

impl Workspace {
    /// What differs from the merge base with a revision.
    pub(super) fn touched(&self, revision: &str) -> Result<Touched, CommandError> {
        let root = &self.places.root;
        let base = revision::merge_base(root, revision, "HEAD")?;
        let files: BTreeSet<String> = revision::changed(root, &base)?.into_iter().collect();
        let paths = &self.harness.harness;
        let config = self.places.config.file_name().unwrap_or_default().to_string_lossy();
        let of_one = |file: &str| {
            let own = file.strip_prefix(&format!("{}/", paths.validators));
            own.and_then(|own| own.split('/').next())
                .is_some_and(|spec| self.files.values().any(|id| id == spec))
        };
        let shared = |file: &String| {
            **file == *config
                || (file.starts_with(&format!("{}/", paths.validators)) && !of_one(file))
        };
        // A removed spec also affects the specs that depend on it.
        let specs = format!("{}/", paths.specs);
        let is_gone = |file: &String| file.starts_with(&specs) && !self.files.contains_key(file);
        if files.iter().any(|file| shared(file) || is_gone(file)) {
            return Ok(Touched { specs: None, files });
        }
        let before = revision::file(root, &base, "regen.lock")?.unwrap_or_default();
        let Ok((before, _)) = Standing::parse(&String::from_utf8_lossy(&before)) else {
            return Ok(Touched { specs: None, files });
        };
        let mut specs: BTreeSet<SpecId> = BTreeSet::new();
        let ids = self.files.values().chain(self.standing.spec.keys()).chain(before.spec.keys());
        let generated = self.harness.target.values().find(|target| target.is_generated());
        for id in ids {
            let unit = generated.map(|target| format!("{}/", target.unit(id)));
            let own = format!("{}/{}/", paths.validators, id.package());
            let mine = |file: &String| {
                self.files.get(file) == Some(id)
                    || file.starts_with(&own)
                    || unit.as_ref().is_some_and(|unit| file.starts_with(unit))
            };
            let locked = before.spec.get(id) != self.standing.spec.get(id);
            if locked || files.iter().any(mine) {
                specs.insert(id.clone());
            }
        }
        let more: Vec<SpecId> = self
            .read
            .iter()
            .filter(|spec| spec.depends.iter().any(|id| specs.contains(id)))
            .map(|spec| spec.id.clone())
            .collect();
        specs.extend(more);
        Ok(Touched { specs: Some(specs), files })
    }
}
