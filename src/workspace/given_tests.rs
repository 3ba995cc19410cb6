//! The test files that a generated target names with `tests`, where they are in the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::error::CommandError;
use super::model::Workspace;
use crate::store::files;
use crate::toolchain::prose::linter::{self, VALE_FILE};
use crate::toolchain::{self, Suite, SuiteFile, prose};
use crate::types::{Harness, Problem, RelPath, Spec, Target, TargetName, limits};

/// Folders that other programs fill.
const WITHOUT: [&str; 5] = ["target", "node_modules", ".git", ".regen", ".venv"];

/// The test files that a target names.
#[derive(Debug, Default)]
pub struct GivenTests {
    /// Their contents, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Symbolic links to such files or to folders with some, which are not read.
    pub links: Vec<String>,
}

/// The folder that a pattern names before its first wildcard; empty for the workspace.
fn fixed_folder(pattern: &str) -> &str {
    let fixed = pattern.split(['*', '?', '[', '{']).next().unwrap_or_default();
    fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The folders of the test files, style guides and linter's styles that generated targets name.
pub fn given_folders(harness: &Harness) -> impl Iterator<Item = &str> {
    let generated = || harness.target.values().filter(|target| target.is_generated());
    let tests = generated().flat_map(|target| &target.tests).map(|pattern| fixed_folder(pattern));
    let rules = generated().flat_map(|target| &target.style_rules);
    let rules = rules.filter(|(path, _)| path == VALE_FILE);
    let rules = rules.filter_map(|(_, ini)| linter::styles_path(ini));
    tests.chain(generated().filter_map(prose::style).map(fixed_folder)).chain(rules)
}

impl Workspace {
    /// The test files of a target; each is read once.
    pub(super) fn given_tests(
        &mut self,
        name: &TargetName,
        target: &Target,
    ) -> Result<Arc<GivenTests>, CommandError> {
        if let Some(known) = self.given.get(name) {
            return Ok(known.clone());
        }
        let mut found = GivenTests::default();
        let set = globs(&target.tests)?;
        let folders: BTreeSet<&str> = target.tests.iter().map(|one| fixed_folder(one)).collect();
        for folder in folders {
            if let Some(link) = files::link_on(&self.places.root, folder) {
                let why = format!("`{link}` in `tests` of `[target.{name}]` is a symbolic link");
                return Err(CommandError::usage(why));
            }
            let root = &self.places.root;
            let label = |path: &Path| {
                path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
            };
            let is_named = |path: &Path| {
                let label = label(path);
                set.is_match(&label) && !files::is_dotted(Path::new(""), Path::new(&label))
            };
            for path in files::walk_without(&root.join(folder), &WITHOUT)? {
                if is_named(&path) {
                    let bytes = files::read_capped(&path, limits::FILE_BYTES)?;
                    found.files.insert(label(&path), files::stored(bytes));
                }
            }
            for link in files::links_without(&root.join(folder), &WITHOUT)? {
                let below = || files::walk_without(&link, &WITHOUT).unwrap_or_default();
                if is_named(&link) || (link.is_dir() && below().iter().any(|one| is_named(one))) {
                    found.links.push(label(&link));
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
