//! All `unsafe` code of the program: a few system calls that no safe library offers.
#![expect(unsafe_code, reason = "raw system calls; each block says why it is sound")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::Pid;

/// Kernel flags for new namespaces.
pub mod new {
    pub const USER: u64 = libc::CLONE_NEWUSER as u64;
    pub const MOUNT: u64 = libc::CLONE_NEWNS as u64;
    pub const PID: u64 = libc::CLONE_NEWPID as u64;
    pub const NET: u64 = libc::CLONE_NEWNET as u64;
    pub const IPC: u64 = libc::CLONE_NEWIPC as u64;
    pub const UTS: u64 = libc::CLONE_NEWUTS as u64;
    pub const CGROUP: u64 = libc::CLONE_NEWCGROUP as u64;
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Forks, optionally into new namespaces; `None` in the child. The caller must be single-threaded.
pub fn fork(namespaces: u64) -> io::Result<Option<Pid>> {
    let args = libc::clone_args {
        flags: namespaces,
        exit_signal: libc::SIGCHLD as u64,
        // SAFETY: a plain C struct, for which all zeros mean "not used".
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: without CLONE_VM and a new stack the child continues with a copy of this process's
    // memory, as after fork(2). The process is single-threaded, so no lock is held by a thread that
    // is missing in the child. `args` outlives the call and its size is correct.
    let done = unsafe { libc::syscall(libc::SYS_clone3, &args, size_of_val(&args)) };
    let done = match checked(done) {
        // Container runtimes return this because their filters cannot inspect clone3.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            let flags = namespaces | libc::SIGCHLD as u64;
            // SAFETY: as above; clone(2) takes the flags in a register, and no pointer is given.
            checked(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })
        }
        other => other,
    }?;
    Ok(i32::try_from(done).ok().and_then(Pid::from_raw))
}

/// Moves this process into a new user namespace.
pub fn new_user() -> io::Result<()> {
    // SAFETY: takes an integer; changes the process's rights, not memory.
    checked(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into()).map(drop)
}

/// Returns freed memory to the system, if the C library keeps it.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes an integer and touches no memory in use.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Exits at once, without running destructors or flushing buffers of the parent.
pub fn exit(code: i32) -> ! {
    // SAFETY: takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes all descriptors except the standard ones and these.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<u32> =
        kept.iter().filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok()).collect();
    kept.sort_unstable();
    let mut from = 3;
    for to in kept.into_iter().chain([u32::MAX]) {
        if from < to {
            // SAFETY: called at the start of a forked process. The owners of other descriptors are
            // copies of the parent's memory that are never used or dropped, because the process
            // ends by `exit` or `exec`.
            checked(unsafe { libc::syscall(libc::SYS_close_range, from, to - 1, 0) })?;
        }
        from = to.saturating_add(1);
    }
    Ok(())
}

/// Sets attributes of a mount and, optionally, of all mounts below it.
pub fn set_mount(mount: BorrowedFd<'_>, set: u64, all: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if all { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, `attributes` outlives the call and its size is
    // correct.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &attributes,
            size_of_val(&attributes),
        )
    };
    checked(done).map(drop)
}

/// Takes the loopback interface of the network namespace up.
pub fn loopback_up(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a plain C struct, for which all zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    checked(done.into()).map(drop)
}

/// The page size in bytes.
pub fn page() -> u64 {
    // SAFETY: takes and returns an integer.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

/// Disables transparent huge pages for this process and its children.
pub fn no_huge_pages() -> io::Result<()> {
    // SAFETY: takes integers; affects future allocations only.
    checked(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }.into()).map(drop)
}

/// The kernel's Landlock version; 0 without Landlock.
pub fn landlock_version() -> i64 {
    const VERSION: u32 = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel only returns a number.
    let done = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0, VERSION) };
    done.max(0)
}
