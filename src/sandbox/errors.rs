//! What can go wrong with a sandbox.

use std::fmt;
use std::io;

/// What failed on the way to an open sandbox.
#[derive(Debug)]
pub struct SetupError {
    pub(super) what: &'static str,
    pub(super) why: io::Error,
}

impl SetupError {
    #[cfg(target_os = "linux")]
    pub(super) fn at<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> Self {
        move |why| Self { what, why: why.into() }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.what, self.why)
    }
}

/// A sandbox did not work; says nothing about what was to run in it.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox failed: {0}")]
pub struct SandboxError(pub(super) String);

/// A sandbox that did not work for this reason.
pub(super) fn failed(why: impl fmt::Display) -> SandboxError {
    SandboxError(why.to_string())
}
