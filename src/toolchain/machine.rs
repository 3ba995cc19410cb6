//! What a language requires of the machine: tools and packages.

use std::path::PathBuf;

use super::commands::{Places, ToolCommand};
use crate::types::{HostTools, ToolEnv};

/// Third-party packages of candidates: fetched outside of the sandbox without running their code,
/// built once inside, then read-only.
pub trait DependencyLayer: Send + Sync {
    /// Inputs of the layer's key, besides the tools.
    fn key(&self) -> &str;

    /// Whether the candidate chose some of them; a failure may then be its fault.
    fn is_chosen(&self) -> bool {
        false
    }

    /// The project for fetching, by path.
    fn project(&self) -> Vec<(String, String)>;

    /// The command that fetches, run in the project's folder with network access; `None` if there
    /// is nothing to fetch. Writes sources to `../vendor`.
    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand>;

    /// Variables of the user that the fetch sees: where registries are.
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// The name of the fetched project's lockfile.
    fn lock_name(&self) -> &'static str;

    /// The lockfile if nothing is fetched.
    fn empty_lock(&self) -> String;

    /// Whether the output of a failed fetch is about the candidate's choices.
    fn is_refusal(&self, _errors: &str) -> bool {
        false
    }

    /// Additional files of the project for the build.
    fn build_files(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The commands that build it as the gates do.
    fn build(&self, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    /// Build folders that also contain the project's own files.
    fn build_folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a name in one of them is the project's, not a dependency's.
    fn is_of_project(&self, _name: &str) -> bool {
        false
    }
}

/// How to find a language's programs on this machine.
pub trait HostProbe: Sync {
    /// The program to search on PATH.
    fn program(&self) -> &str;

    /// Programs that do the same, if it is missing.
    fn other_programs(&self) -> &'static [&'static str] {
        &[]
    }

    /// The hint if it is missing.
    fn install_hint(&self) -> &str;

    /// Environment variables that are passed on.
    fn variables(&self) -> &'static [&'static str];

    /// Files whose change may mean another version.
    fn watched(&self, _env: &ToolEnv) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Arguments of the queries.
    fn questions(&self) -> &'static [&'static [&'static str]] {
        &[&["--version"]]
    }

    /// Makes the tools from the answers. `path` is the program's file, behind links.
    ///
    /// # Errors
    /// An answer is unusable.
    fn tools(
        &self,
        env: &ToolEnv,
        path: &std::path::Path,
        answers: &[String],
    ) -> Result<HostTools, String>;

    /// Absolute paths, with `*` in the last part, of more files and folders that gates see.
    fn shown(&self) -> &[String] {
        &[]
    }

    /// Required files, with a hint if one is missing.
    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)>;

    /// The machine's folder that gates see as [`Places::tools`]; `None` if system programs suffice.
    fn tools_folder(&self, _tools: &HostTools) -> Option<PathBuf> {
        None
    }
}
