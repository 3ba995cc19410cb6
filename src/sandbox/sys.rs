//! Every `unsafe` of the program: the few calls to the kernel that no safe library offers.
#![expect(unsafe_code, reason = "raw system calls; each block says why it is sound")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::Pid;

/// A kernel flag for a new namespace.
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

/// Makes a child process, in new namespaces if asked for; `None` in the child. The caller has one
/// thread.
pub fn fork(namespaces: u64) -> io::Result<Option<Pid>> {
    let args = libc::clone_args {
        flags: namespaces,
        exit_signal: libc::SIGCHLD as u64,
        // SAFETY: it is plain old data, for which all zeros mean "not used".
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: without CLONE_VM and with no stack of its own the child goes on with a copy of this
    // process's memory, as after fork(2). The process has a single thread, so that no lock is held
    // by anybody who is missing in the child. `args` lives through the call and its true size is
    // given.
    let done = unsafe { libc::syscall(libc::SYS_clone3, &args, size_of_val(&args)) };
    let done = match checked(done) {
        // Container runtimes answer this to what their filters cannot look into.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            let flags = namespaces | libc::SIGCHLD as u64;
            // SAFETY: as above; clone(2) takes the flags in a register, and no pointer is given.
            checked(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })
        }
        other => other,
    }?;
    Ok(i32::try_from(done).ok().and_then(Pid::from_raw))
}

/// Puts this process into a user namespace of its own.
pub fn new_user() -> io::Result<()> {
    // SAFETY: it takes an integer; it changes what this process may do, and no memory.
    checked(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into()).map(drop)
}

/// Gives freed memory back to the system, where the C library keeps it.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes an integer and touches no memory that is in use.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Ends the process at once: no destructor, no buffer, nothing of its parent's runs again.
pub fn exit(code: i32) -> ! {
    // SAFETY: it takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor but the standard ones and these.
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<u32> =
        kept.iter().filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok()).collect();
    kept.sort_unstable();
    let mut from = 3;
    for to in kept.into_iter().chain([u32::MAX]) {
        if from < to {
            // SAFETY: called at the start of a process, whose other descriptors' owners are a copy
            // of another process's memory: they are never used nor dropped here, because such a
            // process ends by `exit` or by becoming another program.
            checked(unsafe { libc::syscall(libc::SYS_close_range, from, to - 1, 0) })?;
        }
        from = to.saturating_add(1);
    }
    Ok(())
}

/// Sets attributes on a mount and, if asked, all mounts below it.
pub fn set_mount(mount: BorrowedFd<'_>, set: u64, all: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if all { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, `attributes` lives through the call and its true size
    // is given.
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
    // SAFETY: it is plain old data, for which all zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which lives through the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    checked(done.into()).map(drop)
}

/// Bytes of a page of memory.
pub fn page() -> u64 {
    // SAFETY: it takes an integer and gives one.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096)
}

/// Has this process, and all that it starts, use no huge pages for memory of their own.
pub fn no_huge_pages() -> io::Result<()> {
    // SAFETY: it takes integers; it changes how memory is given from now on, not what there is.
    checked(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }.into()).map(drop)
}

/// The version of Landlock that the kernel has; 0 for none.
pub fn landlock_version() -> i64 {
    const VERSION: u32 = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel only answers with a number; no memory is given.
    let done = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0, VERSION) };
    done.max(0)
}
