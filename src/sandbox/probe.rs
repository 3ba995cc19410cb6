//! Which backend works here: each is tried, by a sandbox that tries itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Sandbox;
use super::backend::{Backend, Bare, Landlock, Namespaces};
use super::bwrap::Bwrap;
use super::host::landlock;
use super::macos::SandboxExec;
use super::protocol::Task;
use super::spec::SandboxSpec;
use crate::process::{Ended, Program};
use crate::types::{Isolation, Limits, LimitsConfig};

/// What was found.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The sandbox that gates use.
    pub sandbox: Sandbox,
    /// The level it gives.
    pub level: Isolation,
    /// Whether namespaces stand alone, without Landlock inside.
    pub without_landlock: bool,
    /// What stronger ones, or it itself, have to do without; each with a hint.
    pub missing: Vec<Missing>,
}

impl Probe {
    /// A sandbox that is taken to give what its backend gives at best.
    pub fn of(sandbox: Sandbox) -> Self {
        let level = sandbox.backend().level();
        Self { sandbox, level, without_landlock: false, missing: Vec::new() }
    }
}

/// Something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What, and why.
    pub what: String,
    /// How to get it.
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

/// Tries one. `Err(None)` when it is for other systems.
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
    let tried = session.task(Task { program, builds: false, selftest: true }).await;
    let (level, without) = (session.in_control_group(), session.without().to_vec());
    session.close().await;
    match tried {
        Ok(output) if output.ended == Ended::Exit(0) => {}
        Ok(output) => return Err(Some(missing(format!("its test {}", output.ended)))),
        Err(why) => return Err(Some(missing(why.0))),
    }
    let mut lacks: Vec<Missing> = without.into_iter().map(missing).collect();
    if backend.level() == Isolation::NAMESPACES && !level {
        lacks.push(Missing {
            what: format!("control group: {}", no_cgroup()),
            hint:
                "not needed for level 2; start regen where memory and pids are delegated, such as \
                   `systemd-run --user --scope -p Delegate=yes regen …`"
                    .to_owned(),
        });
    }
    if backend.level() == Isolation::NAMESPACES
        && let Err(why) = landlock(1)
    {
        lacks.push(Missing {
            what: format!("Landlock inside the namespaces: {why}"),
            hint: "a second line of defence: boot a kernel with `lsm=landlock,…`".to_owned(),
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
    "Linux's".to_owned()
}

/// How to get what a backend lacks.
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
            "/proc is masked, as container runtimes do: docker run --security-opt systempaths=unconfined, or \
             procMount: Unmasked in Kubernetes"
        }
        "namespaces" if restricted.is_ok_and(|text| text.trim() == "1") => {
            "Ubuntu's AppArmor restricts user namespaces: install bubblewrap (apt install \
             bubblewrap), or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        }
        "namespaces" if none("/proc/sys/kernel/unprivileged_userns_clone") => {
            "Debian's switch: sysctl kernel.unprivileged_userns_clone=1"
        }
        "namespaces" if none("/proc/sys/user/max_user_namespaces") => {
            "sysctl user.max_user_namespaces=15000"
        }
        "namespaces" if container => {
            "the container's filter forbids namespaces: docker run --security-opt \
             seccomp=unconfined --security-opt systempaths=unconfined, or run regen in a VM"
        }
        "namespaces" => {
            "allow user namespaces (sysctl user.max_user_namespaces=15000), on Linux 5.12 or newer"
        }
        "bwrap" if why.contains("not installed") => {
            "install it: apt install bubblewrap, dnf install bubblewrap, apk add bubblewrap"
        }
        "bwrap" if why.contains("administrator") => "",
        "bwrap" => "see what stops `bwrap --ro-bind / / true`",
        "landlock" => {
            "boot Linux 6.12 or newer with `lsm=landlock,…` (Debian 13 and Ubuntu 25.04 have it)"
        }
        _ => "",
    };
    text.to_owned()
}
