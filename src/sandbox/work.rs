//! A sandbox in which a generator works on a candidate's files.

use std::any::Any;
use std::ffi::OsString;
use std::path::PathBuf;

use super::session::Session;
use crate::types::Limits;

/// What a generator needs in its sandbox, besides the language's tools.
#[derive(Clone, Debug)]
pub struct WorkOrder {
    /// Files beside those of the candidate.
    pub files: Vec<(String, Vec<u8>)>,
    /// Folders of the machine that it may read.
    pub shown: Vec<PathBuf>,
    /// The limits of its programs.
    pub limits: Limits,
}

/// An open sandbox whose programs may change the candidate's files.
#[derive(Debug)]
pub struct WorkSandbox {
    /// The sandbox.
    pub session: Session,
    /// The environment in which the language's tools run.
    pub env: Vec<(String, OsString)>,
    /// Its folder of files.
    pub source: PathBuf,
    /// A folder for the state of programs, fresh for each.
    pub home: PathBuf,
    /// The files that are the harness's own.
    pub own: Vec<(String, Vec<u8>)>,
    /// What has to live as long.
    pub holds: Box<dyn Any + Send + Sync>,
}

impl WorkSandbox {
    /// Whether a file is as the harness wrote it.
    pub fn is_own(&self, path: &str, bytes: &[u8]) -> bool {
        self.own.iter().any(|(own, text)| own == path && text == bytes)
    }
}
