//! The self-test: tries forbidden operations from inside, in the place of a program.

use std::fs::File;
use std::path::Path;

use super::protocol::{Mode, OpenRequest};
use super::sys;

/// The forbidden operations that succeeded.
pub fn wrong(order: &OpenRequest) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    if order.mode == Mode::Bare {
        return wrong;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let says = |line: &str| status.lines().any(|one| one == line);
    check(says("NoNewPrivs:\t1"), "new privileges can be acquired");
    check(says("Seccomp:\t2"), "system calls are not filtered");
    check(says("CapEff:\t0000000000000000"), "capabilities remain");
    // Without capabilities they cannot be dropped from the bounding set, which is harmless.
    let never = order.mode == Mode::Landlock && !rustix::process::geteuid().is_root();
    check(never || says("CapBnd:\t0000000000000000"), "capabilities can be regained");
    check(sys::new_user().is_err(), "namespaces can be created");
    let writes = |path: &str| File::options().append(true).create(true).open(path).is_ok();
    check(!writes("/usr/regen-was-here"), "/usr is writable");
    let core = "/proc/sys/kernel/core_pattern";
    check(File::options().append(true).open(core).is_err(), "the kernel can be configured");
    let outside = order.room.parent().unwrap_or(Path::new("/root"));
    check(std::fs::read_dir(outside).is_err(), "the machine's files are visible");
    match order.mode {
        Mode::Namespaces | Mode::Inside => {
            let network = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
            let others = network.lines().skip(2).any(|line| !line.trim_start().starts_with("lo:"));
            check(!others && !network.is_empty(), "the machine's network is reachable");
            let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            let processes = processes.filter(|entry| {
                entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok())
            });
            check(processes.count() <= 8, "the machine's processes are visible");
        }
        Mode::Landlock | Mode::Bare => {
            check(!writes("/tmp/regen-was-here"), "/tmp is writable");
            let socket = std::net::UdpSocket::bind("127.0.0.1:0");
            check(socket.is_err(), "the network is reachable");
        }
    }
    wrong
}
