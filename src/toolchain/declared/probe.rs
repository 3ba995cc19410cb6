//! The tools of a declared toolchain on this machine.

use std::path::{Path, PathBuf};

use super::file::ToolsFile;
use super::kept::kept_list;
use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

/// The key of the tools' folder.
const FOLDER: &str = "tools";

/// Asks the tools for their version and folder.
pub struct DeclaredProbe {
    tools: ToolsFile,
    questions: &'static [&'static [&'static str]],
    variables: &'static [&'static str],
}

impl DeclaredProbe {
    /// The probe of these tools.
    pub fn new(tools: &ToolsFile) -> Self {
        let list = |words: &[String]| kept_list(words);
        Self {
            questions: Vec::leak(vec![list(std::slice::from_ref(&tools.version))]),
            variables: list(&tools.variables),
            tools: tools.clone(),
        }
    }
}

impl HostProbe for DeclaredProbe {
    fn program(&self) -> &str {
        &self.tools.program
    }

    fn install_hint(&self) -> &str {
        &self.tools.install
    }

    fn variables(&self) -> &'static [&'static str] {
        self.variables
    }

    fn questions(&self) -> &'static [&'static [&'static str]] {
        self.questions
    }

    fn tools(&self, _: &ToolEnv, path: &Path, answers: &[String]) -> Result<HostTools, String> {
        let program = path.display();
        let version = answers.first().and_then(|text| text.lines().find(|l| !l.trim().is_empty()));
        let version = version.ok_or_else(|| format!("`{program}` did not say its version"))?;
        let mut paths = std::collections::BTreeMap::new();
        if let Some(folder) = &self.tools.folder {
            let levels = folder.split('/').filter(|part| *part == "..").count();
            let folder = path.ancestors().nth(levels + 1).filter(|one| one.parent().is_some());
            let folder = folder.ok_or_else(|| format!("`{program}` is in no folder for tools"))?;
            paths.insert(FOLDER.to_owned(), folder.to_owned());
        }
        Ok(HostTools { version: version.trim().to_owned(), paths })
    }

    fn shown(&self) -> &[String] {
        &self.tools.shown
    }

    fn components(&self, _tools: &HostTools) -> Vec<(PathBuf, String)> {
        Vec::new()
    }

    fn tools_folder(&self, tools: &HostTools) -> Option<PathBuf> {
        tools.paths.get(FOLDER).cloned()
    }
}
