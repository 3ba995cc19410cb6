//! Selects specs and their problems.

use std::collections::BTreeSet;
use std::path::Path;

use globset::Glob;

use super::error::CommandError;
use super::model::Workspace;
use crate::config;
use crate::types::{Problem, Severity, SpecId};

/// How many known specs an error lists.
const SHOWN: usize = 10;

impl Workspace {
    /// Ids of the specs that match the patterns: id, path, folder or glob. Without: `None`.
    ///
    /// # Errors
    /// A pattern that matches no spec.
    pub fn select(&self, patterns: &[String]) -> Result<Option<BTreeSet<SpecId>>, CommandError> {
        if self.files.is_empty() {
            let folder = &self.harness.harness.specs;
            let why = format!("no specs in {folder}/; write one as {folder}/NAME.md");
            return Err(CommandError::usage(why));
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        self.select_among(patterns, &BTreeSet::new()).map(Some)
    }

    /// The only spec that matches a pattern.
    ///
    /// # Errors
    /// None does, or several do.
    pub fn select_one(&self, pattern: &str) -> Result<SpecId, CommandError> {
        let found = self.select(&[pattern.to_owned()])?.unwrap_or_default();
        let mut ids = found.into_iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            _ => Err(CommandError::usage(format!("`{pattern}` matches several specs; name one"))),
        }
    }

    /// The specs that match, also among those without a file: removed ones that the lockfile or
    /// the ledger still has.
    ///
    /// # Errors
    /// A pattern that matches no spec.
    pub fn select_among(
        &self,
        patterns: &[String],
        gone: &BTreeSet<SpecId>,
    ) -> Result<BTreeSet<SpecId>, CommandError> {
        let mut ids = BTreeSet::new();
        for pattern in patterns {
            let glob = Glob::new(pattern.trim_start_matches("./"))
                .map_err(|e| CommandError::usage(format!("`{pattern}` is not a valid glob: {e}")))?
                .compile_matcher();
            let absolute = Path::new(pattern).canonicalize().ok();
            let path = |file: &String| self.places.root.join(file);
            let same = |file: &String| absolute.as_ref().is_some_and(|given| *given == path(file));
            let files = self.files.iter().filter(|(file, id)| {
                same(file) || glob.is_match(file) || glob.is_match(id.as_str())
            });
            let gone = gone.iter().filter(|id| glob.is_match(id.as_str()));
            let mut found: Vec<&SpecId> = files.map(|(_, id)| id).chain(gone).collect();
            // A folder means the specs below it.
            if let Some(folder) =
                absolute.as_ref().filter(|given| found.is_empty() && given.is_dir())
            {
                let below = self.files.iter().filter(|(file, _)| path(file).starts_with(folder));
                found.extend(below.map(|(_, id)| id));
            }
            if found.is_empty() {
                let why = CommandError::usage(format!("no spec matches `{pattern}`"));
                return Err(self.nearest_to(pattern, why));
            }
            ids.extend(found.into_iter().cloned());
        }
        Ok(ids)
    }

    /// Adds the nearest known spec to the error about a name.
    pub fn nearest_to(&self, name: &str, why: CommandError) -> CommandError {
        let known = self.files.values().chain(self.standing.spec.keys());
        let ids: BTreeSet<&str> = known.map(SpecId::as_str).collect();
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
        let nearest = config::nearest(stem, ids.iter().copied());
        let shown: Vec<&str> = ids.iter().copied().take(SHOWN).collect();
        let more = if ids.len() > SHOWN { ", …" } else { "" };
        match nearest {
            Some(id) => why.hint(format!("did you mean `{id}`?")),
            None if ids.is_empty() => why,
            None => why.hint(format!("known specs: {}{more}", shown.join(", "))),
        }
    }

    /// Files of the selected specs that were refused.
    pub fn refused(&self, only: Option<&BTreeSet<SpecId>>) -> Vec<&str> {
        let admitted = |file: &str| self.specs.iter().any(|spec| spec.file == file);
        let wanted = |id: &SpecId| only.is_none_or(|only| only.contains(id));
        let files = self.files.iter().filter(|(file, id)| wanted(id) && !admitted(file));
        files.map(|(file, _)| file.as_str()).collect()
    }

    /// Problems of the selected specs.
    pub fn problems_of(&self, only: Option<&BTreeSet<SpecId>>) -> Vec<&Problem> {
        let wanted = |problem: &&Problem| {
            only.is_none_or(|only| {
                self.files.get(&problem.file).is_some_and(|id| only.contains(id))
            })
        };
        self.problems.iter().filter(wanted).collect()
    }

    /// Whether the selected specs have an error, for exit codes.
    pub fn has_errors(&self, only: Option<&BTreeSet<SpecId>>) -> bool {
        self.problems_of(only).iter().any(|problem| problem.severity == Severity::Error)
    }
}
