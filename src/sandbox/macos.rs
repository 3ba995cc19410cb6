//! macOS: the profile for `sandbox-exec`. Tested as text only, never run on macOS.

use std::fmt::Write;
use std::path::Path;

use super::backend::{Backend, SUPERVISOR};
use super::paths::SandboxPaths;
use super::protocol::{Mode, OpenRequest, StartRequest};
use super::spec::MountMode;
use crate::types::{Isolation, places};

/// `sandbox-exec`; not tested on macOS.
#[derive(Debug)]
pub struct SandboxExec;

impl Backend for SandboxExec {
    fn name(&self) -> &'static str {
        "sandbox-exec"
    }

    fn level(&self) -> Isolation {
        Isolation::LANDLOCK
    }

    fn available(&self) -> Result<(), String> {
        if cfg!(target_os = "macos") {
            Err("not supported yet; run regen in a Linux container or VM".to_owned())
        } else {
            Err(String::new())
        }
    }

    fn launch(
        &self,
        supervisor: &Path,
        start: &mut StartRequest,
    ) -> Option<tokio::process::Command> {
        start.order.mode = Mode::Bare;
        let mut command = tokio::process::Command::new("/usr/bin/sandbox-exec");
        command.arg("-p").arg(profile(&start.order)).arg(supervisor).arg(SUPERVISOR);
        Some(command)
    }
}

/// The profile: allows reading the system and the shown paths, and writing the sandbox's folder.
fn profile(order: &OpenRequest) -> String {
    let paths = SandboxPaths::of(order);
    let mut text = String::from(
        "(version 1)\n(deny default)\n(allow process-fork)\n(allow process-exec)\n(allow sysctl-read)\n\
         (allow signal (target same-sandbox))\n(allow file-read-metadata)\n",
    );
    let system =
        ["/usr", "/bin", "/sbin", "/System", "/Library/Developer", "/private/var/db/dyld", "/dev"];
    let read = system.map(Path::new).into_iter();
    let shown = order.mounts.iter().filter(|mount| mount.mode == MountMode::ReadOnly);
    let own = [paths.at(places::SOURCE)].into_iter().chain(shown.map(|mount| paths.at(&mount.at)));
    for path in read.chain(own) {
        let _ = writeln!(text, "(allow file-read* (subpath {}))", quoted(path));
    }
    let written = order.shared().chain(order.program_scratch());
    for place in [Path::new(places::TEMPORARY)].into_iter().chain(written) {
        let path = quoted(paths.at(place));
        let _ = writeln!(text, "(allow file-read* file-write* (subpath {path}))");
    }
    text.push_str("(allow file-write* (literal \"/dev/null\"))\n(deny network*)\n");
    text
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Mount, SandboxSpec, Scratch};
    use super::*;
    use crate::types::{Limits, LimitsConfig};

    #[test]
    fn the_profile_denies_by_default_and_writes_below_the_room_only() {
        let mut spec = SandboxSpec::new(Limits::of(&LimitsConfig::default()));
        spec.mounts.push(Mount::read_only("/Users/me/.rustup/a \"b\"", places::TOOLS));
        spec.scratch.push(Scratch::Session(places::BUILD.into()));
        spec.scratch.push(Scratch::Program(places::TOOL_HOME.into()));
        let text = profile(&OpenRequest::of(&spec, Mode::Bare, "/cache/rooms/1".into()));
        assert!(text.starts_with("(version 1)\n(deny default)\n"), "{text}");
        assert!(text.contains("(subpath \"/Users/me/.rustup/a \\\"b\\\"\")"), "{text}");
        let writes: Vec<&str> = text.lines().filter(|line| line.contains("file-write*")).collect();
        assert_eq!(writes.len(), 4);
        assert!(
            writes
                .iter()
                .all(|line| line.contains("/cache/rooms/1/") || line.contains("/dev/null"))
        );
    }
}
