//! What is built once before the gates of a declared toolchain.

use super::from_file::Declared;
use crate::toolchain::{DependencyLayer, Places, ToolCommand};
use crate::types::HostTools;

/// What is built once.
pub struct BuiltLayer {
    /// The digest of the declaration.
    pub key: String,
    /// The toolchain.
    pub toolchain: &'static Declared,
}

impl DependencyLayer for BuiltLayer {
    fn key(&self) -> &str {
        &self.key
    }

    fn project(&self) -> Vec<(String, String)> {
        let files = self.toolchain.file.layer.iter().flat_map(|layer| &layer.files);
        files.map(|(path, text)| (path.clone(), text.clone())).collect()
    }

    fn fetch(&self, _tools: &HostTools) -> Option<ToolCommand> {
        None
    }

    fn lock_name(&self) -> &'static str {
        "lock"
    }

    fn empty_lock(&self) -> String {
        String::new()
    }

    fn build(&self, places: &Places) -> Vec<ToolCommand> {
        let build = |words: &Vec<String>| ToolCommand {
            builds: true,
            ..self.toolchain.command(words, places)
        };
        self.toolchain.file.layer.iter().flat_map(|layer| &layer.build).map(build).collect()
    }
}
