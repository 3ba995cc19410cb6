//! Isolation backends.

use std::fmt;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(target_os = "linux")]
use super::cgroup;
use super::host;
use super::protocol::{Mode, StartRequest};
use crate::types::Isolation;

/// The argument that starts regen as a supervisor.
pub const SUPERVISOR: &str = "sandbox-supervisor";

/// An isolation backend.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The highest level it gives.
    fn level(&self) -> Isolation;
    /// Whether it is available, before it is tried.
    ///
    /// # Errors
    /// What is missing, and how to fix it.
    fn available(&self) -> Result<(), String>;
    /// The user id that programs have outside, if not the caller's.
    fn runs_as(&self) -> Option<u32> {
        None
    }
    /// Completes an order. Gives the command of a separate supervisor, if the zygote cannot make
    /// one.
    fn launch(
        &self,
        supervisor: &Path,
        start: &mut StartRequest,
    ) -> Option<tokio::process::Command>;
}

/// Namespaces, made by regen.
#[derive(Debug)]
pub struct Namespaces;

/// Landlock and seccomp only.
#[derive(Debug)]
pub struct Landlock;

/// Resource limits only.
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
            Err("namespaces require Linux".to_owned())
        } else if host::only_root() {
            Err("programs would run as the machine's administrator: no other user is known in \
                    this user namespace"
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
        // Unused; equal for all sandboxes, so that they can be prepared.
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
        // Landlock restricts signals from version 6, truncation from version 3.
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
