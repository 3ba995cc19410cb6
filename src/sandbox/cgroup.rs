//! Control groups (version 2): kernel limits for all processes of a sandbox together.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

use crate::types::{Limits, Resource};

/// Makes a control group below one that this process may divide.
///
/// # Errors
/// There is none; the message tells what is missing.
pub fn make(name: &str, limits: &Limits) -> Result<PathBuf, String> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.ok_or("this process is not in a control group of version 2")?;
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
    let root = root.into_iter().find(|path| path.join("cgroup.controllers").is_file());
    let root = root.ok_or("control groups of version 2 are not mounted")?;
    let own = root.join(own.trim_start_matches('/'));
    // A group with processes cannot be divided, but its parent may be.
    let beside = own.parent().filter(|parent| parent.starts_with(root));
    let mut why = "no control group can be divided".to_owned();
    for parent in beside.into_iter().chain([own.as_path()]) {
        match below(parent, name, limits) {
            Ok(group) => return Ok(group),
            Err(error) => why = format!("{}: {error}", parent.display()),
        }
    }
    Err(why)
}

fn below(parent: &Path, name: &str, limits: &Limits) -> io::Result<PathBuf> {
    let divided = std::fs::read_to_string(parent.join("cgroup.subtree_control"))?;
    for controller in ["memory", "pids"] {
        if !divided.split_ascii_whitespace().any(|one| one == controller) {
            let missing = format!("the controller `{controller}` is not delegated");
            return Err(io::Error::other(missing));
        }
    }
    let group = parent.join(name);
    std::fs::create_dir(&group)?;
    let set = |file: &str, value: String| std::fs::write(group.join(file), value);
    let limited = set("memory.max", limits.memory.to_string())
        .and_then(|()| set("memory.oom.group", "1".to_owned()))
        // Some processes belong to the sandbox itself.
        .and_then(|()| set("pids.max", (limits.processes + 8).to_string()));
    // Some kernels do not account swap.
    let _ = set("memory.swap.max", "0".to_owned());
    match limited {
        Ok(()) => Ok(group),
        Err(error) => {
            let _ = std::fs::remove_dir(&group);
            Err(error)
        }
    }
}

/// Puts a process into its group.
pub fn join(group: Option<&Path>, pid: Pid) -> io::Result<()> {
    let Some(group) = group else { return Ok(()) };
    std::fs::write(group.join("cgroup.procs"), pid.as_raw_nonzero().to_string())
}

/// Removes an empty group. Gives the limit that was exceeded.
pub fn leave(group: Option<&Path>) -> Option<Resource> {
    let group = group?;
    let count = |file: &str, key: &str| {
        let text = std::fs::read_to_string(group.join(file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let memory = count("memory.events", "oom_kill ") > 0;
    let processes = count("pids.events", "max ") > 0;
    let _ = std::fs::remove_dir(group);
    if memory { Some(Resource::Memory) } else { processes.then_some(Resource::Processes) }
}
