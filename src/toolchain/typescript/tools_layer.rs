//! Tools that are pinned packages, fetched once with npm. No code of theirs or of candidates runs
//! while they are fetched.

use super::host_tools::{CERTIFICATES, NPM, PREFIX};
use crate::toolchain::{DependencyLayer, ToolCommand};
use crate::types::HostTools;

/// The type checker, the linter and the parsers.
pub const TOOLS: NpmLayer =
    NpmLayer { manifest: include_str!("package.json"), lock: include_str!("package-lock.json") };
/// What the tests need: the parsers and `expect`.
pub const TESTS: NpmLayer = NpmLayer {
    manifest: include_str!("membrane/package.json"),
    lock: include_str!("membrane/package-lock.json"),
};
/// Their file in the project.
const LOCK_FILE: &str = "package-lock.json";
/// Starts npm where its packages go: it puts them beside its own files.
const START: &str = "for (const file of [\"package.json\", \"package-lock.json\"]) \
    require(\"fs\").copyFileSync(file, `../vendor/${file}`); require(process.argv[1]);";

/// Node with what npm needs to reach a registry.
pub fn npm(tools: &HostTools, args: Vec<String>) -> ToolCommand {
    let certificates = tools.paths.get(CERTIFICATES).map(|path| path.display().to_string());
    let certificates = certificates.map(|path| ("NODE_EXTRA_CA_CERTS".to_owned(), path));
    ToolCommand {
        program: tools.path(PREFIX).join("bin/node"),
        args,
        env: certificates.into_iter().collect(),
        ..ToolCommand::default()
    }
}

/// A layer of packages.
pub struct NpmLayer {
    /// What is wanted.
    manifest: &'static str,
    /// Versions and hashes, for all platforms.
    lock: &'static str,
}

impl DependencyLayer for NpmLayer {
    fn key(&self) -> &str {
        self.lock
    }

    fn project(&self) -> Vec<(String, String)> {
        let files = [("package.json", self.manifest), (LOCK_FILE, self.lock)];
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
    }

    fn fetch(&self, tools: &HostTools) -> Option<ToolCommand> {
        let args = [
            "ci",
            "--prefix=../vendor",
            "--cache=cache",
            "--ignore-scripts",
            "--include=optional",
            "--engine-strict=false",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
            "--fetch-retries=1",
            "--fetch-timeout=15000",
        ];
        let program = tools.path(NPM).display().to_string();
        let before = ["-e".to_owned(), START.to_owned(), "--".to_owned(), program];
        Some(npm(tools, before.into_iter().chain(args.map(str::to_owned)).collect()))
    }

    fn lock_name(&self) -> &'static str {
        LOCK_FILE
    }

    fn empty_lock(&self) -> String {
        self.lock.to_owned()
    }
}
