//! Commands and outputs as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::suite::{Expected, Suite};
use crate::types::Finding;

/// Where things are for programs over a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The candidate's root, which is the working directory.
    pub source: PathBuf,
    /// The folder for what is built.
    pub build: PathBuf,
    /// The home folder, and the one for temporary files.
    pub home: PathBuf,
    /// The language's tools, read only.
    pub tools: PathBuf,
    /// Where these tools keep their state: fresh for each program.
    pub tool_home: PathBuf,
    /// The sources of the dependencies, read only.
    pub dependencies: PathBuf,
}

/// A command as data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCommand {
    /// The program: a path, or a name on the search path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables beside [`Toolchain::environment`].
    pub env: Vec<(String, String)>,
    /// What it reads on standard input.
    pub stdin: Option<Vec<u8>>,
    /// Whether it writes into the folder for what is built.
    pub builds: bool,
}

/// What a command printed and how it ended. One that ran out of time or of a resource is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOutput {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// How it ended, in words.
    pub ended: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What a compiling command's output is read with.
#[derive(Clone, Copy, Debug)]
pub struct BuildContext<'a> {
    /// Where things are.
    pub places: &'a Places,
    /// The mounted tests.
    pub suites: &'a [Suite],
}

/// What a compiling command gave.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Errors and warnings with a place in the candidate's or the harness's files.
    pub findings: Vec<Finding>,
    /// Test programs that it built.
    pub programs: Vec<TestProgram>,
    /// Whether the compiler gave up on this candidate without a diagnostic.
    pub crashed: bool,
}

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestProgram {
    /// The executable's path.
    pub executable: String,
    /// The test file, relative to the candidate's root.
    pub source: String,
}

/// One run of one test.
#[derive(Clone, Copy, Debug)]
pub struct TestCase<'a> {
    /// The program it is in.
    pub program: &'a TestProgram,
    /// Its name in the program.
    pub name: &'a str,
    /// What is known of it; `None` for a test of the candidate's own.
    pub expected: Option<&'a Expected>,
    /// The number that proves its end.
    pub nonce: &'a str,
    /// The change that is switched on in the candidate.
    pub mutant: Option<&'a str>,
}

/// How one test ended, by the output of its own process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It passed.
    Passed,
    /// It is marked as not to be run.
    Ignored,
    /// It failed; why.
    Failed(String),
}
