//! What ends a command.

use std::io;

use super::model::Sources;
use crate::gate::ToolsError;
use crate::generator::CallError;
use crate::pipeline::IllegalEvent;
use crate::promote::PromoteError;
use crate::store::LedgerError;
use crate::types::Problem;

/// Trouble that ends a run, as opposed to a job that fails.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no configuration.
    #[error("there is no workspace here: {0}")]
    NoWorkspace(String),
    /// The configuration is wrong.
    #[error("the configuration is refused")]
    Config {
        /// What is wrong.
        problems: Vec<Problem>,
        /// The texts they point into.
        sources: Sources,
    },
    /// The command line or a file it leads to is wrong.
    #[error("{0}")]
    Usage(String),
    /// No daemon runs that could do it.
    #[error("{0}")]
    NoDaemon(String),
    /// A tool is missing.
    #[error(transparent)]
    HostTools(#[from] ToolsError),
    /// The ledger's.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The promoter's.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// The disk's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Programs cannot be kept apart well enough.
    #[error("{0}")]
    Isolation(String),
    /// The generator cannot be set up.
    #[error(transparent)]
    Generator(#[from] CallError),
    /// A ledger that contradicts itself.
    #[error("{0}: this is a bug in regen or the ledger was edited")]
    Illegal(#[from] IllegalEvent),
}

impl EngineError {
    /// A configuration with one problem.
    pub fn config(problem: Problem, text: String) -> Self {
        let sources = Sources::from([(problem.file.clone(), text)]);
        Self::Config { problems: vec![problem], sources }
    }
}
