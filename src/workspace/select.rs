//! Selects specs and their problems.

use std::collections::BTreeSet;
use std::path::Path;

use globset::Glob;

use super::error::CommandError;
use super::model::Workspace;
use crate::config;
use crate::types::{Problem, Severity, SpecId};

impl Workspace {
    /// Ids of the specs that match the patterns: id, path or glob. Without patterns: `None`.
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
        let mut ids = BTreeSet::new();
        for pattern in patterns {
            let glob = Glob::new(pattern.trim_start_matches("./"))
                .map_err(|e| CommandError::usage(format!("--spec {pattern}: {e}")))?
                .compile_matcher();
            let absolute = Path::new(pattern).canonicalize().ok();
            let before = ids.len();
            for (file, id) in &self.files {
                let same =
                    absolute.as_ref().is_some_and(|path| *path == self.places.root.join(file));
                if same || glob.is_match(file) || glob.is_match(id) {
                    ids.insert(id.clone());
                }
            }
            if ids.len() == before && !self.files.values().any(|id| glob.is_match(id)) {
                let nearest = config::nearest(pattern, self.files.values().map(|id| id.as_str()));
                let hint = match nearest {
                    Some(id) => format!("did you mean `{id}`?"),
                    None => format!("known specs: {}", self.ids().join(", ")),
                };
                let why = format!("no spec matches `{pattern}`");
                return Err(CommandError::usage(why).hint(hint));
            }
        }
        Ok(Some(ids))
    }

    fn ids(&self) -> Vec<&str> {
        self.files.values().map(|id| id.as_str()).collect()
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
