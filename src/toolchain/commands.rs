//! Commands and outputs as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::suite::{Expected, Suite};
use crate::types::Finding;

/// Paths for programs over a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The candidate's root; the working directory.
    pub source: PathBuf,
    /// The build folder.
    pub build: PathBuf,
    /// The home folder and the folder for temporary files.
    pub home: PathBuf,
    /// The language's tools, read only.
    pub tools: PathBuf,
    /// Where these tools keep their state; fresh for each program.
    pub tool_home: PathBuf,
    /// The sources of the dependencies, read only.
    pub dependencies: PathBuf,
    /// The layer of the packages that the target allows, read only. Empty while files are planned
    /// without one.
    pub packages: PathBuf,
}

/// A command as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCommand {
    /// The program: a path, or a name on PATH.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables in addition to [`Toolchain::environment`].
    pub env: Vec<(String, String)>,
    /// Its standard input.
    pub stdin: Option<Vec<u8>>,
    /// Whether it writes into the build folder.
    pub builds: bool,
    /// What it sees of the workspace.
    #[serde(default)]
    pub sees: Sees,
    /// The candidate's side of a membrane: it runs in the candidate's sandbox, and each of the two
    /// reads what the other writes to standard output.
    #[serde(default)]
    pub joined: Option<Box<ToolCommand>>,
}

/// What a command's program sees of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sees {
    /// Everything.
    #[default]
    Workspace,
    /// Everything but the tests.
    Candidate,
    /// Only itself, files that are no sources, and these programs.
    Itself(Vec<String>),
}

/// A way to build a candidate for its tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildKind {
    /// With debug assertions and the default features.
    #[default]
    Usual,
    /// As for a release.
    Release,
    /// Without the default features.
    Bare,
    /// With all features, which add to each other.
    Full,
}

impl BuildKind {
    /// Where a finding was made, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Usual => "in the usual build",
            Self::Release => "in the release build",
            Self::Bare => "without the default features",
            Self::Full => "with all features",
        }
    }
}

/// A command's output and end. Not parsed after a timeout or an exceeded limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOutput {
    /// Its exit status; `None` if killed by a signal.
    pub status: Option<i32>,
    /// How it ended, in words.
    pub ended: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What is built for tests.
#[derive(Clone, Copy, Debug)]
pub struct TestBuild<'a> {
    /// The mounted files.
    pub suites: &'a [Suite],
    /// Whether the candidate's own tests are built too.
    pub own: bool,
    /// The way to build.
    pub kind: BuildKind,
}

impl<'a> TestBuild<'a> {
    /// The usual build of these files only.
    pub fn of(suites: &'a [Suite]) -> Self {
        Self { suites, own: false, kind: BuildKind::Usual }
    }
}

/// The context for parsing a compiler's output.
#[derive(Clone, Copy, Debug)]
pub struct BuildContext<'a> {
    /// The paths.
    pub places: &'a Places,
    /// The mounted tests.
    pub suites: &'a [Suite],
}

/// The result of a compiling command.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Errors and warnings in the candidate's or the harness's files.
    pub findings: Vec<Finding>,
    /// Test programs that it built.
    pub programs: Vec<TestProgram>,
    /// Whether the compiler crashed without a diagnostic.
    pub crashed: bool,
    /// Why its output cannot be read: then it says nothing about the candidate.
    pub unread: Option<String>,
}

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestProgram {
    /// The executable's path.
    pub executable: String,
    /// The test file, relative to the candidate's root.
    pub source: String,
    /// The candidate's own programs, which it may start.
    pub starts: Vec<String>,
}

/// One run of a test.
#[derive(Clone, Copy, Debug)]
pub struct TestCase<'a> {
    /// Its program.
    pub program: &'a TestProgram,
    /// Its name in the program.
    pub name: &'a str,
    /// Its expected properties; `None` for a candidate's own test.
    pub expected: Option<&'a Expected>,
    /// The number that proves its end.
    pub nonce: &'a str,
    /// The variable that switches mutations, and the value that switches one on.
    pub mutant: Option<(&'a str, &'a str)>,
}

/// The result of a test, from the output of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It passed.
    Passed,
    /// Ignored.
    Ignored,
    /// Failed, with the reason.
    Failed(String),
    /// A call into the candidate did not end in time.
    Late(String),
    /// Failed in the suite's own text, whatever the candidate does.
    Wrong {
        /// The reason.
        message: String,
        /// The suite's file.
        file: String,
        /// Its line.
        line: Option<u32>,
    },
}
