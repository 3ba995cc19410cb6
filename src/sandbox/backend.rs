//! Ways to keep programs apart.

use std::fmt;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(target_os = "linux")]
use super::cgroup;
use super::host;
use super::protocol::{Mode, StartRequest};
use crate::types::Isolation;

/// The argument that makes regen's program a supervisor.
pub const SUPERVISOR: &str = "sandbox-supervisor";

/// A way to keep programs apart.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The level it gives at best.
    fn level(&self) -> Isolation;
    /// Whether it can be had here, before it is tried.
    ///
    /// # Errors
    /// What is missing, and how to fix it.
    fn available(&self) -> Result<(), String>;
    /// The user outside that its programs are, where that is not the caller.
    fn runs_as(&self) -> Option<u32> {
        None
    }
    /// Completes an order. Gives the command that starts a supervisor for it alone, where the
    /// zygote cannot make one.
    fn launch(
        &self,
        supervisor: &Path,
        start: &mut StartRequest,
    ) -> Option<tokio::process::Command>;
}

/// Regen's own namespaces.
#[derive(Debug)]
pub struct Namespaces;

/// Landlock and seccomp alone.
#[derive(Debug)]
pub struct Landlock;

/// Nothing but limits.
#[derive(Debug)]
pub struct Bare;

impl Backend for Namespaces {
    fn name(&self) -> &'static str {
        "namespaces"
    }

    fn runs_as(&self) -> Option<u32> {
        host::unprivileged()
    }

    fn level(&self) -> Isolation {
        Isolation::NAMESPACES
    }

    fn available(&self) -> Result<(), String> {
        if !cfg!(target_os = "linux") {
            Err("namespaces are Linux's".to_owned())
        } else if host::only_root() {
            Err("programs would be the machine's administrator: no other user is known in this \
                 user namespace"
                .to_owned())
        } else {
            Ok(())
        }
    }

    fn launch(&self, _: &Path, start: &mut StartRequest) -> Option<tokio::process::Command> {
        #[cfg(target_os = "linux")]
        {
            start.order.run_as = self.runs_as();
            static COUNT: AtomicU64 = AtomicU64::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("regen-{}-{count}", std::process::id());
            start.cgroup = cgroup::make(&name, &start.order.limits).ok();
        }
        start.order.mode = Mode::Namespaces;
        // It is not used: the same for all, so that they can be made ahead.
        start.order.room.set_file_name("none");
        None
    }
}

impl Backend for Landlock {
    fn name(&self) -> &'static str {
        "landlock"
    }

    fn level(&self) -> Isolation {
        Isolation::LANDLOCK
    }

    fn available(&self) -> Result<(), String> {
        // Before version 6 it holds back no signals, before 3 no truncation.
        host::landlock(6)
    }

    fn launch(&self, _: &Path, start: &mut StartRequest) -> Option<tokio::process::Command> {
        start.order.mode = Mode::Landlock;
        None
    }
}

impl Backend for Bare {
    fn name(&self) -> &'static str {
        "none"
    }

    fn level(&self) -> Isolation {
        Isolation::NONE
    }

    fn available(&self) -> Result<(), String> {
        Ok(())
    }

    fn launch(&self, _: &Path, start: &mut StartRequest) -> Option<tokio::process::Command> {
        start.order.mode = Mode::Bare;
        None
    }
}
