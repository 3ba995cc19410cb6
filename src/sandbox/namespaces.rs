//! Opening a sandbox in namespaces of its own: the process outside, which maps users and waits, and
//! the one inside, which becomes the keeper.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open,
    set_dumpable_behavior, set_parent_process_death_signal, waitpid,
};
use rustix::thread::{CapabilitiesSecureBits, set_capabilities_secure_bits};

use super::keeper::{Whole, Within, answer, gone, serve};
use super::order::Order;
use super::{Step, cgroup, room, sys, watch};

/// User and group inside.
const INSIDE: u32 = 1000;

/// Starts the keeper in its namespaces and waits for it.
pub fn outside(whole: &Whole<'_>, control: &UnixStream) -> io::Result<()> {
    let kept = start(whole, control);
    if let Ok(pid) = kept {
        let ran_out = wait(pid, control, &whole.order);
        gone(control, ran_out);
        return Ok(());
    }
    answer(control, kept.map(drop))
}

fn start(whole: &Whole<'_>, control: &UnixStream) -> Result<Pid, Step> {
    let order = &whole.order;
    let (ours, theirs) = UnixStream::pair().map_err(Step::at("make a socket"))?;
    // The other kinds are each program's own.
    let new = sys::new::USER | sys::new::MOUNT | sys::new::PID;
    let Some(pid) = sys::fork(new).map_err(Step::at("make namespaces"))? else {
        drop(ours);
        let kept = inside(whole, &theirs).and_then(|within| serve(whole, control, &within));
        let _ = answer(control, kept);
        sys::exit(0)
    };
    drop(theirs);
    let ready = cgroup::join(order.cgroup.as_deref(), pid)
        .map_err(Step::at("join the control group"))
        .and_then(|()| map(pid, order.run_as).map_err(Step::at("map users")));
    match ready {
        Ok(()) => {
            // It goes on; if it is gone, that is seen below.
            let _ = (&ours).write_all(&[1]);
            Ok(pid)
        }
        Err(step) => {
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
            Err(step)
        }
    }
}

/// Maps one user and one group, so that nobody else exists inside.
fn map(pid: Pid, run_as: Option<u32>) -> io::Result<()> {
    let folder = format!("/proc/{}", pid.as_raw_nonzero());
    let write = |name: &str, text: String| {
        let mut file = File::options().write(true).open(format!("{folder}/{name}"))?;
        file.write_all(text.as_bytes())
    };
    let (user, group) = match run_as {
        Some(id) => (id, id),
        None => {
            write("setgroups", "deny".to_owned())?;
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            (user.as_raw(), group.as_raw())
        }
    };
    write("uid_map", format!("{INSIDE} {user} 1"))?;
    write("gid_map", format!("{INSIDE} {group} 1"))
}

fn inside(whole: &Whole<'_>, mut outside: &UnixStream) -> Result<Within, Step> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let order = &whole.order;
    let mut mapped = [0];
    outside.read_exact(&mut mapped).map_err(Step::at("wait for the user map"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Step::at("tie to regen"))?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Step::at("keep mounts private"))?;
    // Opened as who regen runs as; then it is somebody else, who owns nothing.
    let pieces = room::Pieces::open(order).map_err(Step::at("open"))?;
    set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)
        .map_err(Step::at("keep capabilities"))?;
    if order.run_as.is_some() {
        set_thread_groups(&[]).map_err(Step::at("leave groups"))?;
    }
    let group = rustix::process::Gid::from_raw(INSIDE);
    let user = rustix::process::Uid::from_raw(INSIDE);
    set_thread_res_gid(group, group, group).map_err(Step::at("change group"))?;
    set_thread_res_uid(user, user, user).map_err(Step::at("change user"))?;
    // Changing the user forgot it.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Step::at("tie to regen"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Step::at("hide"))?;
    let without = room::enter(order, pieces, &whole.files)?;
    Ok(Within { without, files: watch::Files::Mounted, disk: order.limits })
}

/// Waits for the keeper, or for regen's end, behind which the keeper is ended. Whether the kernel
/// ended it for want of memory.
fn wait(pid: Pid, control: &UnixStream, order: &Order) -> Option<crate::types::Resource> {
    if let Ok(ended) = pidfd_open(pid, PidfdFlags::empty()) {
        let mut list =
            [PollFd::new(&ended, PollFlags::IN), PollFd::new(control, PollFlags::RDHUP)];
        while matches!(poll(&mut list, None), Ok(0) | Err(rustix::io::Errno::INTR)) {}
    }
    let _ = kill_process(pid, Signal::KILL);
    let _ = waitpid(Some(pid), WaitOptions::empty());
    cgroup::leave(order.cgroup.as_deref())
}
