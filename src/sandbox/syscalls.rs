//! The system calls allowed in a sandbox: one table, by purpose. Calls outside of the table,
//! including future ones, do not exist there.
//!
//! Before adding a call, check: can it reach another process or the machine, does it use memory
//! that `accounting` does not see, does it leave anything that another sandbox can read?

use std::collections::BTreeMap;

/// The answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallAnswer {
    /// Allow the call.
    Allow,
    /// Do not perform it; return this error, or success for 0.
    Errno(i32),
}

/// A test of an argument's low word, which is all that the kernel reads of the tested arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentTest {
    /// Which argument, from 0.
    pub argument: u32,
    /// The bits to compare.
    pub mask: u32,
    /// The values.
    pub values: Vec<u32>,
    /// Whether it holds for these values, or for all others.
    pub among: bool,
}

/// An answer that depends on arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRule {
    /// All must hold.
    pub tests: Vec<ArgumentTest>,
    /// The answer then.
    pub answer: CallAnswer,
}

/// The answers to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRules {
    /// The first matching rule decides.
    pub rules: Vec<CallRule>,
    /// The answer if no rule matches.
    pub otherwise: CallAnswer,
}

impl From<CallAnswer> for CallRules {
    fn from(otherwise: CallAnswer) -> Self {
        Self { rules: Vec::new(), otherwise }
    }
}

/// The answers by call number; other calls are unknown.
pub type CallTable = BTreeMap<u32, CallRules>;

/// What a program shares with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Nothing.
    Nothing,
    /// Files and network; may set modes and times, for builds.
    Builds,
    /// Files and network.
    All,
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Reading, writing and naming files; which ones is decided by Landlock and mounts.
const FILES: &[i64] = calls![
    SYS_chdir SYS_close SYS_copy_file_range SYS_dup SYS_dup3 SYS_faccessat SYS_faccessat2
    SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fdatasync SYS_fgetxattr SYS_flistxattr SYS_flock
    SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_getcwd SYS_getdents64 SYS_getxattr
    SYS_lgetxattr SYS_linkat SYS_listxattr SYS_llistxattr SYS_lseek SYS_mkdirat SYS_mknodat
    SYS_newfstatat SYS_openat SYS_openat2 SYS_pipe2 SYS_pread64 SYS_preadv SYS_preadv2
    SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_read SYS_readahead SYS_readlinkat SYS_readv
    SYS_renameat2 SYS_statfs SYS_statx SYS_symlinkat SYS_truncate SYS_umask
    SYS_unlinkat SYS_write SYS_writev
];

/// Changing owners, modes and times, which Landlock does not check.
const CHANGES: &[i64] = calls![SYS_fchmod SYS_fchmodat SYS_fchown SYS_fchownat SYS_utimensat];

/// Memory of its own. Locking is prevented by limits.
const MEMORY: &[i64] = calls![
    SYS_brk SYS_get_mempolicy SYS_madvise SYS_membarrier SYS_mincore SYS_mlock SYS_mlock2
    SYS_mlockall SYS_mprotect SYS_mremap SYS_msync SYS_munlock SYS_munlockall
    SYS_munmap SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect
];

/// Processes, threads, signals between them, waiting.
const PROCESSES: &[i64] = calls![
    SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_futex SYS_futex_waitv
    SYS_get_robust_list SYS_getcpu SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority
    SYS_getrusage SYS_getsid SYS_gettid SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_pidfd_open
    SYS_pidfd_send_signal SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending
    SYS_rt_sigprocmask SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend
    SYS_rt_sigtimedwait SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max
    SYS_sched_get_priority_min SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam
    SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr
    SYS_sched_setparam SYS_sched_setscheduler SYS_sched_yield SYS_set_robust_list
    SYS_set_tid_address SYS_setpgid SYS_setpriority SYS_setsid SYS_sigaltstack SYS_tgkill
    SYS_tkill SYS_times SYS_wait4 SYS_waitid
];

/// Credentials: nothing can be acquired.
const IDENTITY: &[i64] = calls![
    SYS_capget SYS_capset SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups SYS_getresgid
    SYS_getresuid SYS_getuid SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups SYS_setregid
    SYS_setresgid SYS_setresuid SYS_setreuid SYS_setuid
];

/// Reading clocks; own timers.
const TIME: &[i64] = calls![
    SYS_clock_getres SYS_clock_gettime SYS_getitimer SYS_gettimeofday SYS_nanosleep
    SYS_setitimer SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_gettime SYS_timerfd_settime
];

/// Waiting for descriptors.
const EVENTS: &[i64] = calls![
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2
    SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch SYS_ppoll SYS_pselect6
    SYS_signalfd4
];

/// Using sockets; allowed kinds are below.
const SOCKETS: &[i64] = calls![
    SYS_accept SYS_accept4 SYS_bind SYS_connect SYS_getpeername SYS_getsockname SYS_getsockopt
    SYS_listen SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_sendmmsg SYS_sendmsg SYS_sendto
    SYS_shutdown
];

/// System information.
const SYSTEM: &[i64] = calls![SYS_getrandom SYS_sysinfo SYS_uname];

/// The same under older names on some architectures.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = calls![
    SYS_access SYS_alarm SYS_arch_prctl SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_wait
    SYS_eventfd SYS_fork SYS_getdents SYS_getpgrp SYS_getrlimit SYS_inotify_init SYS_link
    SYS_lstat SYS_mkdir SYS_mknod SYS_open SYS_pause SYS_pipe SYS_poll SYS_readlink SYS_rename
    SYS_renameat SYS_rmdir SYS_select SYS_setrlimit SYS_signalfd SYS_stat SYS_symlink
    SYS_sync_file_range
    SYS_time SYS_unlink SYS_vfork
];
/// renameat, sync_file_range, getrlimit, setrlimit.
#[cfg(target_arch = "aarch64")]
const OLD: &[i64] = &[38, 84, 163, 164];
/// sync_file_range, getrlimit, setrlimit.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OLD: &[i64] = &[84, 163, 164];

/// Owners, modes and times, including `fchmodat2`, which the library does not name.
#[cfg(target_arch = "x86_64")]
const MORE_CHANGES: &[i64] =
    calls![SYS_chmod SYS_chown SYS_fchmodat2 SYS_futimesat SYS_lchown SYS_utime SYS_utimes];
#[cfg(not(target_arch = "x86_64"))]
const MORE_CHANGES: &[i64] = &[452];

/// Existing calls that are refused with EPERM, which programs expect for missing rights; a few
/// handle it better than ENOSYS. `memfd_create` makes memory that accounting does not see.
const FORBIDDEN: &[i64] = calls![
    SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_chroot SYS_clock_adjtime SYS_clock_settime
    SYS_delete_module SYS_fanotify_init SYS_finit_module SYS_init_module SYS_kcmp SYS_keyctl
    SYS_memfd_create SYS_mount SYS_name_to_handle_at SYS_open_by_handle_at SYS_perf_event_open
    SYS_pidfd_getfd SYS_pivot_root SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace
    SYS_quotactl SYS_reboot SYS_request_key SYS_setdomainname SYS_sethostname SYS_setns
    SYS_settimeofday SYS_swapoff SYS_swapon SYS_syslog SYS_umount2 SYS_unshare SYS_userfaultfd
    SYS_vhangup
];

/// The same of older architectures.
#[cfg(target_arch = "x86_64")]
const OLD_FORBIDDEN: &[i64] = calls![SYS_ioperm SYS_iopl SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const OLD_FORBIDDEN: &[i64] = &[];

/// Extended attributes, answered as on a file system without them: in a tmpfs they are memory that
/// is not accounted.
const ATTRIBUTES: &[i64] = calls![
    SYS_fremovexattr SYS_fsetxattr SYS_lremovexattr SYS_lsetxattr SYS_removexattr SYS_setxattr
];

/// Splicing keeps whole pages alive through single bytes in pipes or sockets; programs fall back to
/// copying. No other error works for all kinds of files.
const SPLICES: &[i64] = calls![SYS_sendfile SYS_splice SYS_tee SYS_vmsplice];

/// Pretended successes: nothing of a sandbox outlives it, so syncing is unnecessary.
const DONE: &[i64] = calls![SYS_sync SYS_syncfs];

/// Calls without names in the library on some architecture: `map_shadow_stack`, futexes by call,
/// `mseal`.
const NEW: &[i64] = &[453, 454, 455, 456, 462];

/// All answers.
pub fn table(shares: Shares) -> CallTable {
    let errno = |number: i32| CallRules::from(CallAnswer::Errno(number));
    let allow = CallRules::from(CallAnswer::Allow);
    let changes = if shares == Shares::All { errno(libc::EPERM) } else { allow.clone() };
    let mut table = CallTable::new();
    let mut put = |calls: &[i64], rules: &CallRules| {
        table.extend(calls.iter().map(|call| (number(*call), rules.clone())));
    };
    for calls in [FILES, MEMORY, PROCESSES, IDENTITY, TIME, EVENTS, SOCKETS, SYSTEM, OLD, NEW] {
        put(calls, &allow);
    }
    put(CHANGES, &changes);
    put(MORE_CHANGES, &changes);
    put(FORBIDDEN, &errno(libc::EPERM));
    put(OLD_FORBIDDEN, &errno(libc::EPERM));
    put(ATTRIBUTES, &errno(libc::EOPNOTSUPP));
    put(SPLICES, &errno(libc::EINVAL));
    put(DONE, &errno(0));
    for (call, rules) in conditions(shares == Shares::Nothing) {
        put(&[call], &rules);
    }
    table
}

fn number(call: i64) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn value(number: i32) -> u32 {
    number.cast_unsigned()
}

fn is(argument: u32, values: &[u32]) -> ArgumentTest {
    ArgumentTest { argument, mask: u32::MAX, values: values.to_vec(), among: true }
}

fn without(argument: u32, mask: u32) -> ArgumentTest {
    ArgumentTest { argument, mask, values: vec![0], among: true }
}

fn when(tests: &[ArgumentTest], answer: CallAnswer) -> CallRule {
    CallRule { tests: tests.to_vec(), answer }
}

/// Allows the call only if one of these lists of tests holds.
fn only(allowed: &[&[ArgumentTest]], otherwise: i32) -> CallRules {
    let rules = allowed.iter().map(|tests| when(tests, CallAnswer::Allow)).collect();
    CallRules { rules, otherwise: CallAnswer::Errno(otherwise) }
}

/// Calls whose answer depends on their arguments.
fn conditions(sockets: bool) -> Vec<(i64, CallRules)> {
    // clock_nanosleep on alarm clocks fails as on other unsupported clocks.
    let clocks = |at| {
        let alarm = [value(libc::CLOCK_REALTIME_ALARM), value(libc::CLOCK_BOOTTIME_ALARM)];
        CallRules {
            rules: vec![when(&[is(at, &alarm)], CallAnswer::Errno(libc::EPERM))],
            otherwise: CallAnswer::Allow,
        }
    };
    let huge = without(3, value(libc::MAP_HUGETLB));
    let mut list = vec![
        (libc::SYS_clone, clone()),
        // clone3's arguments are invisible to the filter: libraries fall back to clone.
        (libc::SYS_clone3, CallAnswer::Errno(libc::ENOSYS).into()),
        // A thread's private descriptor table is invisible to accounting.
        (libc::SYS_close_range, only(&[&[without(2, 2)]], libc::EINVAL)),
        (libc::SYS_fcntl, only(&[&[is(1, &FCNTL)]], libc::EINVAL)),
        (libc::SYS_ioctl, only(&[&[is(1, &IOCTL)]], libc::ENOTTY)),
        // Reserved huge pages are in no process's memory.
        (libc::SYS_mmap, only(&[&[huge]], libc::ENOMEM)),
        (libc::SYS_personality, only(&[&[is(0, &PERSONALITY)]], libc::EINVAL)),
        (libc::SYS_prctl, only(&[&[is(0, &PRCTL)]], libc::EINVAL)),
        // Limits of other processes: the ones above could be blinded.
        (libc::SYS_prlimit64, only(&[&[is(0, &[0])]], libc::EPERM)),
        (libc::SYS_clock_nanosleep, clocks(0)),
        (libc::SYS_timer_create, clocks(0)),
        (libc::SYS_timerfd_create, clocks(0)),
    ];
    list.extend(socket(sockets));
    list
}

/// Processes and threads, but no namespaces and no private descriptor tables.
fn clone() -> CallRules {
    let namespaces = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let namespaces = namespaces.into_iter().fold(0, |all, flag| all | value(flag));
    let thread = value(libc::CLONE_THREAD | libc::CLONE_FILES);
    let alone = ArgumentTest {
        argument: 0,
        mask: thread,
        values: vec![value(libc::CLONE_THREAD)],
        among: false,
    };
    only(&[&[without(0, namespaces), alone]], libc::EPERM)
}

fn socket(sockets: bool) -> [(i64, CallRules); 3] {
    let kinds = |list: &[i32]| ArgumentTest {
        argument: 1,
        mask: 0xf,
        values: list.iter().map(|kind| value(*kind)).collect(),
        among: true,
    };
    let unix = is(0, &[value(libc::AF_UNIX)]);
    let local = kinds(&[libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET]);
    let inet = is(0, &[value(libc::AF_INET), value(libc::AF_INET6)]);
    let protocol = |kind, number| [inet.clone(), kinds(&[kind]), is(2, &[0, value(number)])];
    let tcp = protocol(libc::SOCK_STREAM, libc::IPPROTO_TCP);
    let udp = protocol(libc::SOCK_DGRAM, libc::IPPROTO_UDP);
    let netlink = is(0, &[value(libc::AF_NETLINK)]);
    // Netlink for listing interfaces; changing them requires privileges.
    let route = [netlink, is(2, &[value(libc::NETLINK_ROUTE)])];
    let socket = if sockets {
        only(&[&[unix.clone(), local.clone()], &tcp, &udp, &route], libc::EAFNOSUPPORT)
    } else {
        CallAnswer::Errno(libc::EPERM).into()
    };
    [
        (libc::SYS_socket, socket),
        (libc::SYS_socketpair, only(&[&[unix, local]], libc::EAFNOSUPPORT)),
        (libc::SYS_setsockopt, options()),
    ]
}

/// Socket options. Buffers are counted at their default size, so larger ones cannot be requested.
fn options() -> CallRules {
    let general = is(1, &[value(libc::SOL_SOCKET)]);
    let sizes = [libc::SO_SNDBUF, libc::SO_RCVBUF, libc::SO_SNDBUFFORCE, libc::SO_RCVBUFFORCE];
    let filters = [
        libc::SO_ATTACH_FILTER,
        libc::SO_ATTACH_BPF,
        libc::SO_ATTACH_REUSEPORT_CBPF,
        libc::SO_ATTACH_REUSEPORT_EBPF,
    ];
    CallRules {
        rules: vec![
            when(&[general.clone(), is(2, &sizes.map(value))], CallAnswer::Errno(0)),
            when(&[general, is(2, &filters.map(value))], CallAnswer::Errno(libc::EPERM)),
        ],
        otherwise: CallAnswer::Allow,
    }
}

/// Commands of fcntl: no larger pipes, no leases (which block other openers), no OFD locks (whose
/// owners the kernel does not list, so they cannot be counted).
const FCNTL: [u32; 15] = [
    libc::F_DUPFD.cast_unsigned(),
    libc::F_DUPFD_CLOEXEC.cast_unsigned(),
    libc::F_GETFD.cast_unsigned(),
    libc::F_SETFD.cast_unsigned(),
    libc::F_GETFL.cast_unsigned(),
    libc::F_SETFL.cast_unsigned(),
    libc::F_GETLK.cast_unsigned(),
    libc::F_SETLK.cast_unsigned(),
    libc::F_SETLKW.cast_unsigned(),
    libc::F_GETOWN.cast_unsigned(),
    libc::F_SETOWN.cast_unsigned(),
    // The same for threads.
    15,
    16,
    libc::F_GETPIPE_SZ.cast_unsigned(),
    libc::F_GET_SEALS.cast_unsigned(),
];

/// ioctls for terminals, sockets and files that read, or change the program's own state; none for
/// devices, none that inserts terminal input.
const IOCTL: [u32; 32] = [
    0x5401,      // TCGETS
    0x5402,      // TCSETS
    0x5403,      // TCSETSW
    0x5404,      // TCSETSF
    0x5409,      // TCSBRK
    0x540a,      // TCXONC
    0x540b,      // TCFLSH
    0x540e,      // TIOCSCTTY
    0x540f,      // TIOCGPGRP
    0x5410,      // TIOCSPGRP
    0x5411,      // TIOCOUTQ
    0x5413,      // TIOCGWINSZ
    0x5414,      // TIOCSWINSZ
    0x541b,      // FIONREAD
    0x5421,      // FIONBIO
    0x5422,      // TIOCNOTTY
    0x5429,      // TIOCGSID
    0x5450,      // FIONCLEX
    0x5451,      // FIOCLEX
    0x5452,      // FIOASYNC
    0x8905,      // SIOCATMARK
    0x8910,      // SIOCGIFNAME
    0x8912,      // SIOCGIFCONF
    0x8913,      // SIOCGIFFLAGS
    0x8915,      // SIOCGIFADDR
    0x8919,      // SIOCGIFBRDADDR
    0x891b,      // SIOCGIFNETMASK
    0x8921,      // SIOCGIFMTU
    0x8927,      // SIOCGIFHWADDR
    0x8933,      // SIOCGIFINDEX
    0x8008_6601, // FS_IOC_GETFLAGS
    0x802c_542a, // TCGETS2
];

/// Personalities: default, without address randomisation, and the query.
const PERSONALITY: [u32; 3] = [0, 0x0004_0000, u32::MAX];

/// Options of prctl(2), which libc does not define for musl.
const PR_GET_SPECULATION_CTRL: u32 = 52;
const PR_SET_SPECULATION_CTRL: u32 = 53;

/// prctl options: no own filters, whose memory is not accounted, and none that restore removed
/// rights.
const PRCTL: [u32; 29] = [
    libc::PR_SET_PDEATHSIG.cast_unsigned(),
    libc::PR_GET_PDEATHSIG.cast_unsigned(),
    libc::PR_GET_DUMPABLE.cast_unsigned(),
    libc::PR_SET_DUMPABLE.cast_unsigned(),
    libc::PR_GET_KEEPCAPS.cast_unsigned(),
    libc::PR_SET_KEEPCAPS.cast_unsigned(),
    libc::PR_SET_NAME.cast_unsigned(),
    libc::PR_GET_NAME.cast_unsigned(),
    libc::PR_GET_SECCOMP.cast_unsigned(),
    libc::PR_CAPBSET_READ.cast_unsigned(),
    libc::PR_GET_SECUREBITS.cast_unsigned(),
    libc::PR_SET_TIMERSLACK.cast_unsigned(),
    libc::PR_GET_TIMERSLACK.cast_unsigned(),
    libc::PR_SET_CHILD_SUBREAPER.cast_unsigned(),
    libc::PR_GET_CHILD_SUBREAPER.cast_unsigned(),
    libc::PR_SET_NO_NEW_PRIVS.cast_unsigned(),
    libc::PR_GET_NO_NEW_PRIVS.cast_unsigned(),
    libc::PR_GET_TID_ADDRESS.cast_unsigned(),
    libc::PR_GET_THP_DISABLE.cast_unsigned(),
    libc::PR_CAP_AMBIENT.cast_unsigned(),
    PR_GET_SPECULATION_CTRL,
    PR_SET_SPECULATION_CTRL,
    // Vector lengths, pointer authentication and tagged addresses of aarch64.
    50,
    51,
    54,
    55,
    56,
    60,
    61,
];
