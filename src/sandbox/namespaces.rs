//! Opens a sandbox in new namespaces: the outer process maps users and waits; the inner one becomes
//! the supervisor.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, kill_process, set_dumpable_behavior,
    set_parent_process_death_signal, waitpid,
};
use rustix::thread::{CapabilitiesSecureBits, set_capabilities_secure_bits};

use super::errors::SetupError;
use super::init::{StandingInit, Whole};
use super::lockdown::Filters;
use super::protocol::{Mode, OpenRequest, receive, send};
use super::supervisor::{Within, answer, keep};
use super::wire::{pass, take};
use super::{accounting, cgroup, init, rootfs, sys};

/// User and group inside.
const INSIDE: u32 = 1000;
/// Namespaces of a sandbox; each program in it has further ones.
const NEW: u64 = sys::new::USER
    | sys::new::MOUNT
    | sys::new::PID
    | sys::new::NET
    | sys::new::IPC
    | sys::new::UTS
    | sys::new::CGROUP;

/// A supervisor's process. It builds the sandbox if that has its own namespaces, and waits for the
/// socket to its regen. It ends when this is dropped.
pub struct Spare {
    /// `None` after the handover.
    pid: Option<Pid>,
    socket: UnixStream,
}

impl Spare {
    /// Starts one.
    pub fn make(order: &OpenRequest, filters: &Filters) -> Result<Self, SetupError> {
        let (socket, theirs) = UnixStream::pair().map_err(SetupError::at("make a socket"))?;
        let own = order.mode == Mode::Namespaces;
        let Some(pid) =
            sys::fork(if own { NEW } else { 0 }).map_err(SetupError::at("make namespaces"))?
        else {
            live(&theirs, order, filters);
            sys::exit(0)
        };
        let spare = Self { pid: Some(pid), socket };
        if own {
            map(pid, order.run_as).map_err(SetupError::at("map users"))?;
            send(&spare.socket, &()).map_err(SetupError::at("send the handshake"))?;
        }
        Ok(spare)
    }

    /// Its pid.
    pub fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// Gives it the socket to its regen.
    pub fn hand_over(
        mut self,
        cgroup: Option<&Path>,
        control: &UnixStream,
    ) -> Result<Pid, SetupError> {
        let pid = self.pid.ok_or_else(|| {
            SetupError::at("hand over")(io::Error::other("the supervisor is gone"))
        })?;
        cgroup::join(cgroup, pid).map_err(SetupError::at("join the control group"))?;
        pass(&self.socket, &cgroup.is_some(), &[control.as_fd()])
            .map_err(SetupError::at("hand over"))?;
        self.pid = None;
        Ok(pid)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// The main function of a supervisor.
fn live(socket: &UnixStream, order: &OpenRequest, filters: &Filters) {
    let build = || -> Result<Option<Within>, SetupError> {
        sys::close_all_but(&[socket.as_fd()]).map_err(SetupError::at("begin"))?;
        let tie = set_parent_process_death_signal(Some(Signal::KILL));
        tie.map_err(SetupError::at("tie to regen"))?;
        if order.mode != Mode::Namespaces {
            return Ok(None);
        }
        receive::<()>(socket).map_err(SetupError::at("receive the handshake"))?;
        inside(order, filters).map(Some)
    };
    // A prepared sandbox may wait here for a while.
    let mut built = build();
    if let Ok(Some((grouped, [control]))) = take::<bool, 1>(socket) {
        if let (true, Ok(Some(within))) = (grouped, &mut built) {
            // It is not in the control group.
            within.standing = None;
        }
        let control = UnixStream::from(control);
        if let Err(step) = built.and_then(|within| keep(&control, order, filters, within)) {
            answer(&control, &step);
        }
    }
}

/// Maps one user and one group, so that no others exist inside.
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

/// Builds the sandbox around this process, and gives up the machine's user.
fn inside(order: &OpenRequest, filters: &Filters) -> Result<Within, SetupError> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(SetupError::at("keep mounts private"))?;
    // Files are opened as regen's user; afterwards the user id owns nothing.
    let pieces = rootfs::Pieces::open(order).map_err(SetupError::at("open"))?;
    set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)
        .map_err(SetupError::at("keep capabilities"))?;
    if order.run_as.is_some() {
        set_thread_groups(&[]).map_err(SetupError::at("leave groups"))?;
    }
    let group = rustix::process::Gid::from_raw(INSIDE);
    let user = rustix::process::Uid::from_raw(INSIDE);
    set_thread_res_gid(group, group, group).map_err(SetupError::at("change group"))?;
    set_thread_res_uid(user, user, user).map_err(SetupError::at("change user"))?;
    // Changing the user id resets the parent-death signal.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(SetupError::at("tie to regen"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(SetupError::at("hide"))?;
    rustix::system::sethostname(b"regen").map_err(SetupError::at("name the host"))?;
    let without = rootfs::enter(order, pieces)?;
    init::loopback().map_err(SetupError::at("take loopback up"))?;
    let standing = StandingInit::make(&Whole { order, filters }, false)?;
    let files = accounting::FileTable::Mounted;
    Ok(Within { without, files, disk: order.limits, standing: Some(standing) })
}
