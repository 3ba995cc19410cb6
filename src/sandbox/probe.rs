//! Finds the backends that work on this machine, by running a self-test in a sandbox.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Sandbox;
use super::backend::{Backend, Bare, Landlock, Namespaces};
use super::bwrap::Bwrap;
use super::host::landlock;
use super::macos::SandboxExec;
use super::protocol::{Task, TaskRole};
use super::spec::SandboxSpec;
use super::view::SandboxView;
use crate::process::{Ended, Program};
use crate::types::{Isolation, Limits, LimitsConfig};

/// The result of the probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The sandbox for gates.
    pub sandbox: Sandbox,
    /// Its isolation level.
    pub level: Isolation,
    /// Whether namespaces work without Landlock inside.
    pub without_landlock: bool,
    /// What is missing for it or for stronger backends, with hints.
    pub missing: Vec<Missing>,
}

impl Probe {
    /// An untested sandbox, assumed to give its backend's level.
    pub fn of(sandbox: Sandbox) -> Self {
        let level = sandbox.backend().level();
        Self { sandbox, level, without_landlock: false, missing: Vec::new() }
    }
}

/// A missing feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The feature and the reason.
    pub what: String,
    /// How to enable it.
    pub hint: String,
}

/// Tries the backends from the strongest on, until one works.
pub async fn probe(supervisor: &Path, cache: &Path, memory: u64) -> Probe {
    let mut missing = Vec::new();
    let all: [Arc<dyn Backend>; 4] =
        [Arc::new(Namespaces), Arc::new(Bwrap), Arc::new(SandboxExec), Arc::new(Landlock)];
    for backend in all {
        let sandbox = Sandbox::new(supervisor, backend.clone(), cache, memory);
        match attempt(&sandbox).await {
            Ok((level, without)) => {
                missing.extend(without);
                let without_landlock = landlock(1).is_err();
                return Probe { sandbox, level, without_landlock, missing };
            }
            Err(Some(one)) => missing.push(one),
            Err(None) => {}
        }
    }
    Probe { missing, ..Probe::of(Sandbox::new(supervisor, Arc::new(Bare), cache, memory)) }
}

/// Tries a backend. `Err(None)` if it is for another system.
pub async fn attempt(sandbox: &Sandbox) -> Result<(Isolation, Vec<Missing>), Option<Missing>> {
    let backend = sandbox.backend();
    let missing = |why: String| Missing {
        hint: hint(backend.name(), &why),
        what: format!("{}: {why}", backend.name()),
    };
    if let Err(why) = backend.available() {
        return Err((!why.is_empty()).then(|| missing(why)));
    }
    let limits = LimitsConfig { memory_mb: Some(256), ..LimitsConfig::default() };
    let policy = SandboxSpec::new(Limits::of(&limits));
    let session = sandbox.open(&policy).await.map_err(|why| Some(missing(why.0)))?;
    let program = Program {
        path: PathBuf::new(),
        args: Vec::new(),
        dir: PathBuf::from("/"),
        env: Vec::new(),
        stdin: None,
        timeout: Duration::from_secs(10),
    };
    let tried =
        session.task(Task { program, view: SandboxView::Read, role: TaskRole::Selftest }).await;
    let (level, without) = (session.in_control_group(), session.without().to_vec());
    session.close().await;
    match tried {
        Ok(output) if output.ended == Ended::Exit(0) => {}
        Ok(output) => return Err(Some(missing(format!("self-test {}", output.ended)))),
        Err(why) => return Err(Some(missing(why.0))),
    }
    let mut lacks: Vec<Missing> = without.into_iter().map(missing).collect();
    if backend.level() == Isolation::NAMESPACES && !level {
        lacks.push(Missing {
            what: format!("control group: {}", no_cgroup()),
            hint:
                "not needed for level 2; start regen where memory and pids are delegated, for example \
                   `systemd-run --user --scope -p Delegate=yes regen …`"
                    .to_owned(),
        });
    }
    if backend.level() == Isolation::NAMESPACES
        && let Err(why) = landlock(1)
    {
        lacks.push(Missing {
            what: format!("Landlock inside the namespaces: {why}"),
            hint: "additional protection; boot a kernel with `lsm=landlock,…`".to_owned(),
        });
    }
    Ok((if level { Isolation::CGROUP } else { backend.level() }, lacks))
}

#[cfg(target_os = "linux")]
fn no_cgroup() -> String {
    let limits = Limits::of(&LimitsConfig::default());
    match super::cgroup::make(&format!("regen-probe-{}", std::process::id()), &limits) {
        Ok(group) => {
            super::cgroup::leave(Some(&group));
            "the supervisor could not join one".to_owned()
        }
        Err(why) => why,
    }
}

#[cfg(not(target_os = "linux"))]
fn no_cgroup() -> String {
    "control groups require Linux".to_owned()
}

/// How to enable a backend.
fn hint(backend: &str, why: &str) -> String {
    let restricted =
        std::fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    let none = |path: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "0");
    let container =
        ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists());
    let text = match backend {
        "namespaces" if why.contains("administrator") => {
            "start regen as an ordinary user, or map more users: a range in /etc/subuid"
        }
        "namespaces" if why.contains("/proc") => {
            "/proc is masked by the container runtime; use docker run --security-opt systempaths=unconfined, or \
             procMount: Unmasked in Kubernetes"
        }
        "namespaces" if restricted.is_ok_and(|text| text.trim() == "1") => {
            "Ubuntu's AppArmor restricts user namespaces; install bubblewrap (apt install \
             bubblewrap), or set sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        }
        "namespaces" if none("/proc/sys/kernel/unprivileged_userns_clone") => {
            "set sysctl kernel.unprivileged_userns_clone=1"
        }
        "namespaces" if none("/proc/sys/user/max_user_namespaces") => {
            "set sysctl user.max_user_namespaces=15000"
        }
        "namespaces" if container => {
            "the container's seccomp filter forbids namespaces; use docker run --security-opt \
             seccomp=unconfined --security-opt systempaths=unconfined, or run regen in a VM"
        }
        "namespaces" => {
            "allow user namespaces (sysctl user.max_user_namespaces=15000), on Linux 5.12 or newer"
        }
        "bwrap" if why.contains("not installed") => {
            "install it: apt install bubblewrap, dnf install bubblewrap, apk add bubblewrap"
        }
        "bwrap" if why.contains("administrator") => "",
        "bwrap" => "run `bwrap --ro-bind / / true` to see the error",
        "landlock" => {
            "boot Linux 6.12 or newer with `lsm=landlock,…` (Debian 13 and Ubuntu 25.04 have it)"
        }
        _ => "",
    };
    text.to_owned()
}
