//! Bubblewrap, for machines that allow user namespaces only to it. Regen's supervisor sets limits,
//! Landlock and seccomp inside.

use std::path::{Path, PathBuf};

use super::backend::{Backend, SUPERVISOR};
use super::protocol::{Mode, OpenRequest, StartRequest};
use super::spec::{MountMode, lower};
use crate::types::{Isolation, places};

/// Bubblewrap.
#[derive(Debug)]
pub struct Bwrap;

/// The path of regen's program inside.
const INSIDE: &str = "/regen";

fn installed() -> Option<PathBuf> {
    let folders = ["/usr/bin", "/usr/local/bin", "/bin"].map(Path::new);
    folders.into_iter().map(|folder| folder.join("bwrap")).find(|path| path.is_file())
}

impl Backend for Bwrap {
    fn name(&self) -> &'static str {
        "bwrap"
    }

    fn level(&self) -> Isolation {
        Isolation::NAMESPACES
    }

    fn available(&self) -> Result<(), String> {
        if !cfg!(target_os = "linux") {
            return Err(String::new());
        }
        if installed().is_none() {
            return Err("not installed".to_owned());
        }
        if rustix::process::geteuid().is_root() {
            return Err(
                "not used as root: it would map the administrator into the sandbox".to_owned()
            );
        }
        // Landlock restricts truncation from version 3.
        super::host::landlock(3)
    }

    fn launch(
        &self,
        supervisor: &Path,
        start: &mut StartRequest,
    ) -> Option<tokio::process::Command> {
        start.order.mode = Mode::Inside;
        // The supervisor's own file, even if it was replaced.
        let supervisor = supervisor.read_link().unwrap_or_else(|_| supervisor.to_owned());
        let mut command = tokio::process::Command::new(installed().unwrap_or_default());
        command.args(arguments(&start.order, &supervisor, &|path| {
            path.symlink_metadata().is_ok_and(|meta| meta.is_symlink())
        }));
        Some(command)
    }
}

/// The command line. `link` tells whether a path of the machine is a symbolic link.
fn arguments(order: &OpenRequest, supervisor: &Path, link: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut list: Vec<PathBuf> = Vec::new();
    let mut add = |words: &[&Path]| list.extend(words.iter().map(|word| word.to_path_buf()));
    let flag = Path::new;
    for one in
        ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    {
        add(&[flag(one)]);
    }
    for (option, value) in
        [("--uid", "1000"), ("--gid", "1000"), ("--hostname", "regen"), ("--cap-drop", "ALL")]
    {
        add(&[flag(option), flag(value)]);
    }
    for path in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"].map(Path::new) {
        if link(path) {
            add(&[
                flag("--symlink"),
                &Path::new("usr").join(path.strip_prefix("/").unwrap_or(path)),
                path,
            ]);
        } else {
            add(&[flag("--ro-bind-try"), path, path]);
        }
    }
    let etc = [
        "/etc/alternatives",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/localtime",
    ];
    for path in ["/usr", "/nix/store", "/gnu/store"].into_iter().chain(etc).map(Path::new) {
        add(&[flag("--ro-bind-try"), path, path]);
    }
    add(&[flag("--proc"), flag("/proc"), flag("--dev"), flag("/dev")]);
    let own = [places::TEMPORARY, places::SOURCE].map(flag).into_iter();
    let fresh = order.overlays().map(|mount| &*mount.at).chain(order.session_scratch());
    for folder in own.chain(fresh).chain(order.program_scratch()) {
        add(&[flag("--tmpfs"), folder]);
    }
    for mount in &order.mounts {
        match mount.mode {
            MountMode::ReadOnly => add(&[flag("--ro-bind"), &mount.source, &mount.at]),
            MountMode::ReadWrite => add(&[flag("--bind"), &mount.source, &mount.at]),
            // The supervisor copies it from there.
            MountMode::Overlay => {}
        }
    }
    for (number, mount) in order.overlays().enumerate() {
        add(&[flag("--ro-bind"), &mount.source, &lower(number)]);
    }
    add(&[flag("--ro-bind"), supervisor, flag(INSIDE), flag("--chdir"), flag("/")]);
    add(&[flag("--"), flag(INSIDE), flag(SUPERVISOR)]);
    list
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Mount, SandboxSpec};
    use super::*;
    use crate::types::{Limits, LimitsConfig};

    #[test]
    fn everything_but_the_build_folder_of_a_layer_is_read_only() {
        let mut spec = SandboxSpec::new(Limits::of(&LimitsConfig::default()));
        spec.mounts = vec![
            Mount {
                source: "/cache/layer/target".into(),
                at: places::BUILD.into(),
                mode: MountMode::Overlay,
            },
            Mount::read_only("/opt/rust", places::TOOLS),
            Mount::shown("/home/me/validators"),
        ];
        let mut order = OpenRequest::of(&spec, Mode::Inside, "/cache/room".into());
        let words = |order: &OpenRequest| {
            let list = arguments(order, Path::new("/bin/regen"), &|_| true);
            list.iter().map(|word| word.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        let text = words(&order);
        assert!(
            !text.contains("--bind ") && text.contains("--ro-bind /cache/layer/target /.lower/0"),
            "{text}"
        );
        assert!(text.contains("--ro-bind /home/me/validators /home/me/validators"), "{text}");
        assert!(text.ends_with("-- /regen sandbox-supervisor"), "{text}");
        order.mounts[0].mode = MountMode::ReadWrite;
        assert!(words(&order).contains("--bind /cache/layer/target /target"));
    }
}
