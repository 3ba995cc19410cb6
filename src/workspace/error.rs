//! What ends a command: errors of other modules are classified here, once.

use std::error::Error;
use std::{fmt, io};

use super::model::Sources;
use crate::gate::{ExecuteError, ToolsError};
use crate::generator::GenerationError;
use crate::pipeline::IllegalEvent;
use crate::promote::PromoteError;
use crate::store::{LedgerError, LockfileError, RevisionError, StateError, WriterLockError};
use crate::types::Problem;

/// The kinds of errors that end a command. `cli::exit` maps each to an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no configuration.
    NoWorkspace,
    /// A configuration file is wrong; see [`CommandError::problems`].
    Config,
    /// An argument, or a file or variable that it leads to, is wrong.
    Usage,
    /// `regen.lock` is not a lockfile.
    Lockfile,
    /// The command needs a running daemon, and none runs.
    NoDaemon,
    /// A tool is missing.
    HostTools,
    /// `.regen/` was not made here, or is not only this user's.
    State,
    /// The ledger cannot be read or written.
    Ledger,
    /// A promotion cannot be made or finished.
    Promotion,
    /// The machine's isolation is below the required level.
    Isolation,
    /// The generator cannot be set up.
    Generator,
    /// The disk or another program fails, or another regen works in the workspace.
    Io,
    /// The ledger contradicts itself.
    Bug,
}

/// What ended a command, or kept the daemon from planning: its kind, its cause, and what to do
/// about it. A job that fails is not an error but an outcome.
#[derive(Debug)]
pub struct CommandError {
    kind: ErrorKind,
    source: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

/// Problems in a configuration file, with the texts they point into.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is refused")]
pub struct ConfigProblems {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The texts.
    pub sources: Sources,
}

impl CommandError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new() }
    }

    /// A wrong argument, or a wrong file or variable that it leads to.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message.into())
    }

    /// There is no configuration file that can be read.
    pub fn no_workspace(why: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NoWorkspace, format!("there is no workspace here: {why}"))
            .hint("start one with `regen init`, or name it with --config")
    }

    /// A refused configuration file.
    pub fn config(problems: Vec<Problem>, sources: Sources) -> Self {
        Self::new(ErrorKind::Config, ConfigProblems { problems, sources })
    }

    /// Adds a hint: one line that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it, a line each.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The problems of a refused configuration file.
    pub fn problems(&self) -> Option<&ConfigProblems> {
        self.source.downcast_ref()
    }

    /// The message and its hints, a line each.
    pub fn lines(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("\n{hint}"));
        std::iter::once(self.to_string()).chain(hints).collect()
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(out)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

const FIX_LOCK: &str = "`regen check --fix-lock` rebuilds it from the trees";

/// Whether a lockfile that is not one is at the bottom of a disk's error.
fn is_of_lockfile(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<LockfileError>());
    matches!(inner, Some(LockfileError::Invalid(_)))
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if is_of_lockfile(&error) {
            Self::new(ErrorKind::Lockfile, error).hint(FIX_LOCK)
        } else {
            Self::new(ErrorKind::Io, error)
        }
    }
}

impl From<LockfileError> for CommandError {
    fn from(error: LockfileError) -> Self {
        match error {
            LockfileError::Io(error) => Self::new(ErrorKind::Io, error),
            LockfileError::Invalid(_) => Self::new(ErrorKind::Lockfile, error).hint(FIX_LOCK),
        }
    }
}

impl From<RevisionError> for CommandError {
    fn from(error: RevisionError) -> Self {
        // Git that is missing is the machine's trouble, a wrong name is not.
        let kind = match &error {
            RevisionError::Git(_) => ErrorKind::Io,
            RevisionError::Refused(_) => ErrorKind::Usage,
        };
        Self::new(kind, error)
    }
}

impl From<StateError> for CommandError {
    fn from(error: StateError) -> Self {
        let (kind, hint) = match &error {
            StateError::Io(..) => (ErrorKind::Io, None),
            _ => (ErrorKind::State, error.hint()),
        };
        hint.into_iter().fold(Self::new(kind, error), Self::hint)
    }
}

impl From<WriterLockError> for CommandError {
    fn from(error: WriterLockError) -> Self {
        Self::new(ErrorKind::Io, error)
    }
}

impl From<ToolsError> for CommandError {
    fn from(error: ToolsError) -> Self {
        Self::new(ErrorKind::HostTools, error).hint("`regen doctor` checks the machine")
    }
}

impl From<ExecuteError> for CommandError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Content(why) => why.into(),
            ExecuteError::Isolation { .. } => Self::new(ErrorKind::Isolation, error),
            ExecuteError::Tools { .. } => Self::new(ErrorKind::HostTools, error),
            ExecuteError::Inputs { .. } => Self::new(ErrorKind::Io, error),
        }
    }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        Self::new(ErrorKind::Ledger, error)
    }
}

impl From<PromoteError> for CommandError {
    fn from(error: PromoteError) -> Self {
        let hint = matches!(&error, PromoteError::Io(error) if is_of_lockfile(error));
        let error = Self::new(ErrorKind::Promotion, error);
        if hint { error.hint(FIX_LOCK) } else { error }
    }
}

impl From<GenerationError> for CommandError {
    fn from(error: GenerationError) -> Self {
        Self::new(ErrorKind::Generator, error)
    }
}

impl From<IllegalEvent> for CommandError {
    fn from(error: IllegalEvent) -> Self {
        let message = format!("{error}: this is a bug in regen or the ledger was edited");
        Self::new(ErrorKind::Bug, message)
    }
}
