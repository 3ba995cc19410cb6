//! The test files that a generated target names with `tests`, where they are in the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::error::CommandError;
use super::model::Workspace;
use crate::store::files;
use crate::toolchain::{self, Suite, SuiteFile};
use crate::types::{Harness, Problem, RelPath, Spec, Target, TargetName, limits};

/// Folders that other programs fill.
const WITHOUT: [&str; 5] = ["target", "node_modules", ".git", ".regen", ".venv"];

/// Test files, by path.
pub type GivenTests = Arc<BTreeMap<String, Vec<u8>>>;

/// The folder that a pattern names before its first wildcard; empty for the workspace.
fn fixed_folder(pattern: &str) -> &str {
    let fixed = pattern.split(['*', '?', '[', '{']).next().unwrap_or_default();
    fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders of the test files that generated targets name.
pub fn given_folders(harness: &Harness) -> impl Iterator<Item = &str> {
    let generated = harness.target.values().filter(|target| target.is_generated());
    generated.flat_map(|target| &target.tests).map(|pattern| fixed_folder(pattern))
}

impl Workspace {
    /// The test files of a target; each is read once.
    pub(super) fn given_tests(
        &mut self,
        name: &TargetName,
        target: &Target,
    ) -> Result<GivenTests, CommandError> {
        if let Some(known) = self.given.get(name) {
            return Ok(known.clone());
        }
        let mut found = BTreeMap::new();
        let set = globs(&target.tests)?;
        let folders: BTreeSet<&str> = target.tests.iter().map(|one| fixed_folder(one)).collect();
        for folder in folders {
            if let Some(link) = files::link_on(&self.places.root, folder) {
                let why = format!("`{link}` in `tests` of `[target.{name}]` is a symbolic link");
                return Err(CommandError::usage(why));
            }
            for path in files::walk_without(&self.places.root.join(folder), &WITHOUT)? {
                let label = path.strip_prefix(&self.places.root).unwrap_or(&path);
                let label = label.to_string_lossy().into_owned();
                let is_dotted = files::is_dotted(Path::new(""), Path::new(&label));
                if set.is_match(&label) && !is_dotted {
                    let bytes = files::read_capped(&path, limits::FILE_BYTES)?;
                    found.insert(label, files::stored(bytes));
                }
            }
        }
        let found = Arc::new(found);
        self.given.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, CommandError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| CommandError::usage(error.to_string()))?);
    }
    set.build().map_err(|error| CommandError::usage(error.to_string()))
}

/// Reads a test file for a spec: only the tests of its clauses count. `None`: it has only tests of
/// others.
///
/// # Errors
/// A problem in the file.
pub fn given(
    spec: &Spec,
    target: &Target,
    file: &str,
    bytes: &[u8],
) -> Result<Option<Suite>, Box<Problem>> {
    let wrong = |why: &str| Box::new(Problem::error("suite::file", why));
    let Some(native) = toolchain::of(target).native() else { return Ok(None) };
    let is_script = [".js", ".mjs", ".ts", ".mts"].iter().any(|end| file.ends_with(end));
    if !is_script {
        let path = RelPath::parse(file).map_err(|why| wrong(&format!("the name {why}")))?;
        return Ok(Some(Suite::other(path, bytes.to_vec(), true)));
    }
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| wrong("not UTF-8"))?;
    let mut suite = native.read_suite(spec, &SuiteFile { name: file.to_owned(), text })?;
    if suite.tests.is_empty() {
        return Ok(Some(suite));
    }
    suite.tests.retain(|test| test.clause.is_some());
    Ok((!suite.tests.is_empty()).then_some(suite))
}
