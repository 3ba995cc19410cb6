//! The linter and the type checker: pinned wheels, fetched once with pip. No code of theirs or of
//! candidates runs while they are fetched.

use super::host_tools::PREFIX;
use crate::toolchain::{DependencyLayer, Places, ToolCommand};
use crate::types::HostTools;

/// Versions and hashes, for all platforms.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Their file in the project.
const FILE: &str = "requirements.txt";

/// The layer of the tools.
pub struct WheelLayer;

impl DependencyLayer for WheelLayer {
    fn key(&self) -> &str {
        REQUIREMENTS
    }

    fn is_chosen(&self) -> bool {
        false
    }

    fn project(&self) -> Vec<(String, String)> {
        vec![(FILE.to_owned(), REQUIREMENTS.to_owned())]
    }

    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand> {
        let args = [
            "-I",
            "-m",
            "pip",
            "--isolated",
            "--no-input",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "--retries=1",
            "--timeout=15",
            "install",
            "--quiet",
            "--no-compile",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--root-user-action=ignore",
            "--target=../vendor",
            "-r",
            FILE,
        ];
        Some(ToolCommand {
            program: tools.path(PREFIX).join("bin/python3"),
            args: args.map(str::to_owned).into(),
            ..ToolCommand::default()
        })
    }

    fn lock_name(&self) -> &'static str {
        FILE
    }

    fn empty_lock(&self) -> String {
        REQUIREMENTS.to_owned()
    }

    fn is_refusal(&self, _errors: &str) -> bool {
        false
    }

    fn build_files(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn build(&self, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn build_folders(&self) -> &'static [&'static str] {
        &[]
    }

    fn is_of_project(&self, _name: &str) -> bool {
        false
    }
}
