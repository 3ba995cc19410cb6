//! The type checker, the linter and the parser: pinned packages, fetched once with npm. No code of
//! theirs or of candidates runs while they are fetched.

use super::host_tools::{CERTIFICATES, NPM, PREFIX};
use crate::toolchain::{DependencyLayer, ToolCommand};
use crate::types::HostTools;

/// What is wanted.
const MANIFEST: &str = include_str!("package.json");
/// Versions and hashes, for all platforms.
const LOCK: &str = include_str!("package-lock.json");
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

/// The layer of the tools.
pub struct NpmLayer;

impl DependencyLayer for NpmLayer {
    fn key(&self) -> &str {
        LOCK
    }

    fn project(&self) -> Vec<(String, String)> {
        let files = [("package.json", MANIFEST), (LOCK_FILE, LOCK)];
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
        LOCK.to_owned()
    }
}
