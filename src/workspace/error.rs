//! Errors that end a command; errors of other modules are classified here.

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
    /// No configuration file was found.
    NoWorkspace,
    /// The configuration is invalid; see [`CommandError::problems`].
    Config,
    /// An argument is invalid, or a file or variable named by it.
    Usage,
    /// `regen.lock` is invalid.
    Lockfile,
    /// The command needs a running daemon, and none runs.
    NoDaemon,
    /// A tool is missing.
    HostTools,
    /// `.regen/` was not made here, or other users can write to it.
    State,
    /// The ledger cannot be read or written.
    Ledger,
    /// A promotion failed, or an interrupted one cannot be finished.
    Promotion,
    /// The machine's isolation is below the required level.
    Isolation,
    /// The generator cannot be set up.
    Generator,
    /// The disk or another program failed, or another regen runs in the workspace.
    Io,
    /// The ledger contradicts itself.
    Bug,
}

/// An error that ends a command or stops planning: kind, cause and hints. A failed job is an
/// outcome, not an error.
#[derive(Debug)]
pub struct CommandError {
    kind: ErrorKind,
    source: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

/// Problems in a configuration file, with its text.
#[derive(Debug, thiserror::Error)]
#[error("invalid configuration")]
pub struct ConfigProblems {
    /// The problems.
    pub problems: Vec<Problem>,
    /// The texts.
    pub sources: Sources,
}

impl CommandError {
    /// A new error.
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new() }
    }

    /// An invalid argument, or an invalid file or variable named by it.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message.into())
    }

    /// No readable configuration file.
    pub fn no_workspace(why: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NoWorkspace, format!("no workspace here: {why}"))
            .hint("create one with `regen init`, or name it with --config")
    }

    /// An invalid configuration file.
    pub fn config(problems: Vec<Problem>, sources: Sources) -> Self {
        Self::new(ErrorKind::Config, ConfigProblems { problems, sources })
    }

    /// Adds a hint: one line with a command or setting.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The hints, one per line.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The problems of an invalid configuration file.
    pub fn problems(&self) -> Option<&ConfigProblems> {
        self.source.downcast_ref()
    }

    /// The message and its hints, one per line.
    pub fn lines(&self) -> String {
        let hints = self.hints.iter().map(|hint| {
            // Indented lines are details of the error.
            let label = if hint.starts_with(' ') { "" } else { "hint: " };
            format!("\n{label}{hint}")
        });
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

const FIX_LOCK: &str = "rebuild it with `regen check --fix-lock`";

/// Whether the cause of an I/O error is an invalid lockfile.
fn is_of_lockfile(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<LockfileError>());
    matches!(inner, Some(LockfileError::Invalid(_)))
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if is_of_lockfile(&error) {
            Self::new(ErrorKind::Lockfile, error).hint(FIX_LOCK)
        } else {
            let hint = what_to_do(error.kind());
            hint.into_iter().fold(Self::new(ErrorKind::Io, error), Self::hint)
        }
    }
}

/// What a person can do about an error of the file system.
fn what_to_do(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space on this disk (`regen gc` deletes old attempts), then run it again"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "plan, status, lint, diff, trace, check, why, log and show work in a read-only checkout"
        }
        io::ErrorKind::PermissionDenied => "check the owner and the mode of this path",
        _ => return None,
    })
}

impl From<LockfileError> for CommandError {
    fn from(error: LockfileError) -> Self {
        match error {
            LockfileError::Io(error) => error.into(),
            LockfileError::Invalid(_) => Self::new(ErrorKind::Lockfile, error).hint(FIX_LOCK),
        }
    }
}

impl From<RevisionError> for CommandError {
    fn from(error: RevisionError) -> Self {
        // A missing `git` is an environment error, an unknown revision a usage error.
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
            StateError::Io(_, why) => (ErrorKind::Io, what_to_do(why.kind()).map(str::to_owned)),
            _ => (ErrorKind::State, error.hint()),
        };
        hint.into_iter().fold(Self::new(kind, error), Self::hint)
    }
}

impl From<WriterLockError> for CommandError {
    fn from(error: WriterLockError) -> Self {
        match error {
            WriterLockError::Io(error) => error.into(),
            held => Self::new(ErrorKind::Io, held),
        }
    }
}

impl From<ToolsError> for CommandError {
    fn from(error: ToolsError) -> Self {
        Self::new(ErrorKind::HostTools, error).hint("run `regen doctor`")
    }
}

impl From<ExecuteError> for CommandError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Content(why) => why.into(),
            ExecuteError::Isolation { .. } => Self::new(ErrorKind::Isolation, error),
            ExecuteError::Tools { .. } | ExecuteError::Pool { .. } => {
                Self::new(ErrorKind::HostTools, error)
            }
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
        let message = format!("{error}; this is a bug in regen, or the ledger was edited");
        Self::new(ErrorKind::Bug, message)
    }
}
