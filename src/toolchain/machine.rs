//! What a language needs of the machine: its tools, and the packages that candidates depend on.

use std::path::PathBuf;

use super::commands::{Places, ToolCommand};
use crate::types::{HostTools, ToolEnv};

/// Third-party packages of candidates: fetched outside of the sandbox without running any code of
/// theirs, built once inside, and then read only.
pub trait DependencyLayer: Send + Sync {
    /// What decides about the layer, beside the tools.
    fn key(&self) -> &str;

    /// Whether the candidate, and not the target, chose something in it: what fails then may be the
    /// candidate's fault.
    fn is_chosen(&self) -> bool;

    /// The project that is fetched for, by path.
    fn project(&self) -> Vec<(String, String)>;

    /// The command that fetches, run in the project's folder with the network; `None` where there
    /// is nothing to fetch. It puts sources into `../vendor`.
    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand>;

    /// The lock file of the fetched project, by its name.
    fn lock_name(&self) -> &'static str;

    /// The lock file where nothing is fetched.
    fn empty_lock(&self) -> String;

    /// Whether what a fetch printed is about what the candidate chose.
    fn is_refusal(&self, errors: &str) -> bool;

    /// Further files of the project when it is built.
    fn build_files(&self) -> Vec<(String, String)>;

    /// The commands that build it, as every gate will want it.
    fn build(&self, places: &Places) -> Vec<ToolCommand>;

    /// Folders of the build in which the project itself left files.
    fn build_folders(&self) -> &'static [&'static str];

    /// Whether a name in one of them is the project's, and not a dependency's.
    fn is_of_project(&self, name: &str) -> bool;
}

/// How a language's programs are found on this machine.
pub trait HostProbe: Sync {
    /// The program that is looked for on the search path.
    fn program(&self) -> &'static str;

    /// What to do where it is missing.
    fn install_hint(&self) -> &'static str;

    /// Variables of the environment that it passes on.
    fn variables(&self) -> &'static [&'static str];

    /// Files whose change may mean another version.
    fn watched(&self, env: &ToolEnv) -> Vec<PathBuf>;

    /// Arguments with which the program is asked.
    fn questions(&self) -> &'static [&'static [&'static str]];

    /// Makes the tools from the answers. `path` is the program.
    ///
    /// # Errors
    /// An answer cannot be used.
    fn tools(
        &self,
        env: &ToolEnv,
        path: &std::path::Path,
        answers: &[String],
    ) -> Result<HostTools, String>;

    /// Files that must be there, with what to do where one is missing.
    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)>;

    /// The folder of the machine that gates see as [`Places::tools`]; `None` where the system's
    /// programs are enough.
    fn tools_folder(&self, tools: &HostTools) -> Option<PathBuf>;
}
