//! Errors of sandboxes.

use std::fmt;
use std::io;

/// A failed step of opening a sandbox.
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

/// A sandbox failure; says nothing about the program in it.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox failed: {0}")]
pub struct SandboxError(pub(super) String);

/// A sandbox failure with this reason.
pub(super) fn failed(why: impl fmt::Display) -> SandboxError {
    SandboxError(why.to_string())
}
