//! Tools that are pinned wheels, fetched once with pip. No code of theirs or of candidates runs
//! while they are fetched.

use super::host_tools::PREFIX;
use crate::toolchain::{DependencyLayer, ToolCommand};
use crate::types::HostTools;

/// The linter and the type checker: versions and hashes, for all platforms.
pub const CHECKERS: WheelLayer = WheelLayer(include_str!("requirements.txt"));
/// The runner of tests.
pub const TESTS: WheelLayer = WheelLayer(include_str!("membrane/requirements.txt"));
/// Their file in the project.
const FILE: &str = "requirements.txt";

/// A layer of wheels, by its list of them.
pub struct WheelLayer(&'static str);

impl DependencyLayer for WheelLayer {
    fn key(&self) -> &str {
        self.0
    }

    fn project(&self) -> Vec<(String, String)> {
        vec![(FILE.to_owned(), self.0.to_owned())]
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
        self.0.to_owned()
    }
}
