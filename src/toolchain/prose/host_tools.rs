//! Texts need no tools: those of the code that they are about run their examples.

use std::path::{Path, PathBuf};

use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

pub struct NoTools;

impl HostProbe for NoTools {
    /// A program that every machine has.
    fn program(&self) -> &'static str {
        "sh"
    }
    fn install_hint(&self) -> &'static str {
        "every system has it"
    }
    fn variables(&self) -> &'static [&'static str] {
        &[]
    }
    fn questions(&self) -> &'static [&'static [&'static str]] {
        &[]
    }
    fn tools(&self, _: &ToolEnv, _: &Path, _: &[String]) -> Result<HostTools, String> {
        Ok(HostTools { version: "text".to_owned(), paths: Default::default() })
    }
    fn components(&self, _tools: &HostTools) -> Vec<(PathBuf, String)> {
        Vec::new()
    }
}
