//! The last fences of a program before it starts: limits, Landlock, no privileges, a filter over
//! system calls. They hold for it and everything it starts, and cannot be taken down again.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use rustix::process::{Resource as Kind, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition as If,
    SeccompFilter, SeccompRule, apply_filter, sock_filter,
};

use crate::types::Limits;

/// The newest version of Landlock that is asked for; older kernels give what they have.
const NEWEST: ABI = ABI::V7;

/// Sets the limits that the kernel keeps for each process. `others` are processes of the same user
/// that count too.
pub fn limit(limits: &Limits, others: u64) -> io::Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    // A little more than all may use together, so that who wants more is seen to have it. The soft
    // limit ends the process with a signal that tells of it.
    let cpu = Rlimit { current: Some(limits.cpu_s + 2), maximum: Some(limits.cpu_s + 5) };
    setrlimit(Kind::Cpu, cpu)?;
    // A little more than is allowed, so that who wants more is seen to have it.
    setrlimit(Kind::Nproc, both(limits.processes + others + 16))?;
    setrlimit(Kind::Nofile, both(limits.open_files))?;
    setrlimit(Kind::Fsize, both(limits.file))?;
    // One byte, because of nothing the kernel would still feed a program that collects dumps.
    setrlimit(Kind::Core, both(1))?;
    // A message queue and locked memory would be memory that nobody counts.
    setrlimit(Kind::Msgqueue, both(0))?;
    Ok(setrlimit(Kind::Memlock, both(0))?)
}

/// Lets files be read only below `read` and written only below `write`. Whether the kernel knows
/// how.
pub fn files(read: &[PathBuf], write: &[PathBuf], no_network: bool) -> io::Result<bool> {
    let other = |error: landlock::RulesetError| io::Error::other(error);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .map_err(other)?
        .scope(Scope::from_all(NEWEST))
        .map_err(other)?;
    if no_network {
        rules = rules.handle_access(AccessNet::from_all(NEWEST)).map_err(other)?;
    }
    let mut rules = rules.create().map_err(other)?;
    for (paths, access) in
        [(read, AccessFs::from_read(NEWEST)), (write, AccessFs::from_all(NEWEST))]
    {
        for path in paths {
            // What is not there needs no rule.
            let Ok(opened) = PathFd::new(path) else { continue };
            let folder = path.metadata().is_ok_and(|meta| meta.is_dir());
            let access = if folder { access } else { access & AccessFs::from_file(NEWEST) };
            rules = rules.add_rule(PathBeneath::new(opened, access)).map_err(other)?;
        }
    }
    let status = rules.restrict_self().map_err(other)?;
    Ok(status.ruleset != landlock::RulesetStatus::NotEnforced)
}

/// Gives every privilege away, for good.
pub fn privileges() -> io::Result<()> {
    for number in 0..64 {
        // It fails behind the last capability that this kernel knows.
        let one = CapabilitySet::from_bits_retain(1 << number);
        if rustix::thread::remove_capability_from_bounding_set(one).is_err() {
            break;
        }
    }
    let _ = rustix::thread::clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(set_no_new_privs(true)?)
}

/// System calls that no gate needs and that reach far into the kernel, to other processes, or past
/// the limits.
const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    // Memory that no accounting of processes and files shows.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_msgget,
    libc::SYS_shmget,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
];

/// System calls that change files' owners, modes, times and attributes, which Landlock does not look
/// at.
const CHANGES: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_setxattr,
    libc::SYS_utimensat,
];

/// System calls that are answered as by a kernel that does not have them, so that libraries fall
/// back: their arguments are out of the filter's sight.
const ABSENT: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
];

/// Filters over system calls, ready to be put in place.
pub struct Filters {
    /// For who has a file system and a network of its own.
    apart: BpfProgram,
    /// For who shares the machine's, and builds.
    builds: BpfProgram,
    /// For who shares the machine's.
    shares: BpfProgram,
}

/// What a program shares with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Nothing.
    Nothing,
    /// Files and network; it has to set modes and times, because it builds.
    Builds,
    /// Files and network.
    All,
}

impl Filters {
    /// Makes the filters.
    pub fn compile() -> io::Result<Self> {
        Ok(Self {
            apart: filter(Shares::Nothing)?,
            builds: filter(Shares::Builds)?,
            shares: filter(Shares::All)?,
        })
    }

    /// Puts one in place.
    pub fn put(&self, shares: Shares) -> io::Result<()> {
        let filter = match shares {
            Shares::Nothing => &self.apart,
            Shares::Builds => &self.builds,
            Shares::All => &self.shares,
        };
        apply_filter(filter).map_err(io::Error::other)
    }
}

type SeccompRules = BTreeMap<i64, Vec<SeccompRule>>;

fn filter(shares: Shares) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let mut rules: SeccompRules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    rules.extend(conditions(shares == Shares::Nothing).map_err(io::Error::other)?);
    if shares == Shares::All {
        rules.extend(CHANGES.iter().map(|call| (*call, Vec::new())));
    }
    let errno = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let calls: Vec<i64> = rules.keys().copied().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch);
    let mut program = filter.and_then(BpfProgram::try_from).map_err(io::Error::other)?;
    program.splice(0..0, first(&calls));
    Ok(program)
}

/// What comes before the library's part: calls that no rule is about are let through, found by
/// halving, because the kernel walks through a filter for every call there is when it is put in
/// place; and calls are answered in the one way that the library's part does not know.
fn first(rules: &[i64]) -> Vec<sock_filter> {
    let instruction = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    let answer = |k| sock_filter { code: 0x06, jt: 0, jf: 0, k };
    // Load the architecture; skip the next one if it is ours; end the process. Load the call.
    let mut list = vec![
        instruction(0x20, 0, 4),
        sock_filter { code: 0x15, jt: 1, jf: 0, k: ARCHITECTURE },
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        instruction(0x20, 0, 0),
    ];
    // The x32 interface: its calls pass for those of this architecture otherwise. Skip the next one
    // below bit 30.
    #[cfg(target_arch = "x86_64")]
    list.extend([instruction(0x35, 1, 0x4000_0000), answer(libc::SECCOMP_RET_KILL_PROCESS)]);
    let number = |call: &i64| u32::try_from(*call).unwrap_or(u32::MAX);
    for call in ABSENT {
        // Skip the next one for other calls.
        list.push(instruction(0x15, 1, number(call)));
        list.push(answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()));
    }
    let mut numbers: Vec<u32> = rules.iter().map(number).collect();
    numbers.sort_unstable();
    list.extend(halve(&numbers));
    list
}

/// Jumps behind its own end for these calls, and lets the others through.
fn halve(numbers: &[u32]) -> Vec<sock_filter> {
    let allow = sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let jump = |length: usize| sock_filter {
        code: 0x05,
        jt: 0,
        jf: 0,
        k: u32::try_from(length).unwrap_or(u32::MAX),
    };
    let [middle, ..] = numbers[numbers.len() / 2..] else { return vec![allow] };
    if numbers.len() == 1 {
        // Equal: jump over the answer.
        return vec![sock_filter { code: 0x15, jt: 1, jf: 0, k: middle }, allow];
    }
    let (below, above) = numbers.split_at(numbers.len() / 2);
    let (below, above) = (halve(below), halve(above));
    // From the middle on: over the lower half and the jump behind it.
    let mut list = vec![sock_filter { code: 0x35, jt: 0, jf: 1, k: middle }, jump(below.len() + 1)];
    list.extend(below);
    list.push(jump(above.len()));
    list.extend(above);
    list
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xc000_00f3;

/// Calls that are refused with some arguments.
fn conditions(sockets: bool) -> Result<SeccompRules, seccompiler::BackendError> {
    let rule = |conditions| SeccompRule::new(conditions);
    let is = |argument, value| If::new(argument, Len::Dword, Op::Eq, value);
    let not = |argument, value| If::new(argument, Len::Dword, Op::Ne, value);
    let masked = |argument, mask| If::new(argument, Len::Qword, Op::MaskedEq(mask), mask);
    let namespaces = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let namespaces =
        namespaces.into_iter().map(|flag| rule(vec![masked(0, flag.unsigned_abs().into())?]));
    let number = |value: i32| u64::from(value.unsigned_abs());
    let (unix, inet, inet6, netlink) = (
        number(libc::AF_UNIX),
        number(libc::AF_INET),
        number(libc::AF_INET6),
        number(libc::AF_NETLINK),
    );
    // An old way to packets, beside AF_PACKET.
    const SOCK_PACKET: i32 = 10;
    let kind = |kind| If::new(1, Len::Dword, Op::MaskedEq(0xf), number(kind));
    let socket = if sockets {
        vec![
            rule(vec![not(0, unix)?, not(0, inet)?, not(0, inet6)?, not(0, netlink)?])?,
            rule(vec![is(0, netlink)?, not(2, 0)?])?,
            // Netlink's are all raw, and harmless.
            rule(vec![not(0, netlink)?, kind(libc::SOCK_RAW)?])?,
            kind(SOCK_PACKET).and_then(|kind| rule(vec![kind]))?,
        ]
    } else {
        Vec::new()
    };
    // Buffers of sockets are counted by their usual size.
    let sizes = [libc::SO_SNDBUF, libc::SO_RCVBUF, libc::SO_SNDBUFFORCE, libc::SO_RCVBUFFORCE];
    let sizes =
        sizes.map(|option| rule(vec![is(1, number(libc::SOL_SOCKET))?, is(2, number(option))?]));
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX].map(|call| rule(vec![is(1, call)?]));
    Ok(BTreeMap::from([
        (libc::SYS_clone, namespaces.collect::<Result<_, _>>()?),
        (libc::SYS_socket, socket),
        (libc::SYS_setsockopt, sizes.into_iter().collect::<Result<_, _>>()?),
        (libc::SYS_socketpair, vec![rule(vec![not(0, unix)?])?]),
        // Limits of others: the processes above would be blinded.
        (libc::SYS_prlimit64, vec![rule(vec![not(0, 0)?])?]),
        (libc::SYS_ioctl, terminal.into_iter().collect::<Result<_, _>>()?),
    ]))
}

/// Folders of the system that programs need, where they stand for themselves.
pub const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks through a program as the kernel does, for a call without arguments.
    fn answer(program: &[sock_filter], architecture: u32, call: u32) -> u32 {
        let (mut at, mut value) = (0, 0);
        loop {
            let one = &program[at];
            at += 1;
            match one.code {
                0x20 => value = [call, architecture].get(one.k as usize / 4).copied().unwrap_or(0),
                0x05 => at += one.k as usize,
                0x15 => at += usize::from(if value == one.k { one.jt } else { one.jf }),
                0x35 => at += usize::from(if value >= one.k { one.jt } else { one.jf }),
                0x54 => value &= one.k,
                0x06 => return one.k,
                other => panic!("an unknown instruction: {other:#x}"),
            }
        }
    }

    #[test]
    fn every_call_has_its_answer() {
        let program = filter(Shares::Nothing).expect("compiles");
        let conditional = [
            libc::SYS_clone,
            libc::SYS_ioctl,
            libc::SYS_prlimit64,
            libc::SYS_setsockopt,
            libc::SYS_socket,
            libc::SYS_socketpair,
        ];
        for call in 0..600 {
            let said = answer(&program, ARCHITECTURE, call);
            let expected = match i64::from(call) {
                one if ABSENT.contains(&one) => libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
                one if REFUSED.contains(&one) => libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
                one if conditional.contains(&one) => continue,
                _ => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(said, expected, "{call}");
            let foreign = answer(&program, 0x4000_0003, call);
            assert_eq!(foreign, libc::SECCOMP_RET_KILL_PROCESS, "{call}");
        }
        #[cfg(target_arch = "x86_64")]
        assert_eq!(
            answer(&program, ARCHITECTURE, 0x4000_0027),
            libc::SECCOMP_RET_KILL_PROCESS,
            "x32"
        );
    }
}
