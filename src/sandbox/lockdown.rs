//! The last restrictions before a program starts: rlimits, Landlock, no privileges, seccomp. They
//! are inherited and cannot be removed.

use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use rustix::process::{Resource as Kind, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use seccompiler::{BpfProgram, apply_filter};

use super::filter::assemble;
use super::sys;
use super::syscalls::{Shares, table};
use crate::types::{Limits, limits};

/// The newest Landlock version used; older kernels restrict less.
const NEWEST: ABI = ABI::V7;

/// Sets per-process limits. `others` are processes of the same user outside, which count too.
pub fn limit(set: &Limits, others: u64) -> io::Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    // A margin above the accounted CPU limit, so that accounting detects the overrun. The soft
    // limit kills the process with SIGXCPU.
    let cpu = Rlimit { current: Some(set.cpu_s + 2), maximum: Some(set.cpu_s + 5) };
    setrlimit(Kind::Cpu, cpu)?;
    // A margin above the accounted limit, so that accounting detects the overrun.
    setrlimit(Kind::Nproc, both(set.processes + others + 16))?;
    setrlimit(Kind::Nofile, both(set.open_files))?;
    setrlimit(Kind::Fsize, both(set.file))?;
    // RLIMIT_CORE 0 does not stop a core_pattern pipe, 1 does.
    setrlimit(Kind::Core, both(1))?;
    // Pending timers and signals use kernel memory.
    let most = getrlimit(Kind::Sigpending).maximum.unwrap_or(u64::MAX);
    setrlimit(Kind::Sigpending, both(most.min(limits::SIGNALS)))?;
    // POSIX message queues and locked memory are not accounted.
    setrlimit(Kind::Msgqueue, both(0))?;
    setrlimit(Kind::Memlock, both(0))?;
    // A partly freed huge page is accounted in part but kept as a whole.
    sys::no_huge_pages()
}

/// Paths that a program may use, with everything below them.
#[derive(Default)]
pub struct Reach {
    /// To read and execute.
    pub read: Vec<PathBuf>,
    /// To list.
    pub list: Vec<PathBuf>,
    /// To write, too.
    pub write: Vec<PathBuf>,
}

/// Restricts the use of files. Gives whether the kernel has Landlock.
pub fn files(reach: &Reach, no_network: bool) -> io::Result<bool> {
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
    for (paths, access) in [
        (&reach.read, AccessFs::from_read(NEWEST)),
        (&reach.list, AccessFs::ReadDir.into()),
        (&reach.write, AccessFs::from_all(NEWEST)),
    ] {
        for path in paths {
            // A missing path requires no rule.
            let Ok(opened) = PathFd::new(path) else { continue };
            let folder = path.metadata().is_ok_and(|meta| meta.is_dir());
            let access = if folder { access } else { access & AccessFs::from_file(NEWEST) };
            rules = rules.add_rule(PathBeneath::new(opened, access)).map_err(other)?;
        }
    }
    let status = rules.restrict_self().map_err(other)?;
    Ok(status.ruleset != landlock::RulesetStatus::NotEnforced)
}

/// Gives up all privileges permanently.
pub fn privileges() -> io::Result<()> {
    for number in 0..64 {
        // Fails after the last capability of this kernel.
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

/// Seccomp filters.
pub struct Filters {
    /// For programs with their own file system and network.
    apart: BpfProgram,
    /// For builds on the machine's file system and network.
    builds: BpfProgram,
    /// For programs on the machine's file system and network.
    shares: BpfProgram,
}

impl Filters {
    /// Makes the filters.
    pub fn assemble() -> Self {
        let filter = |shares| assemble(&table(shares));
        Self {
            apart: filter(Shares::Nothing),
            builds: filter(Shares::Builds),
            shares: filter(Shares::All),
        }
    }

    /// Installs a filter.
    pub fn put(&self, shares: Shares) -> io::Result<()> {
        let filter = match shares {
            Shares::Nothing => &self.apart,
            Shares::Builds => &self.builds,
            Shares::All => &self.shares,
        };
        apply_filter(filter).map_err(io::Error::other)
    }
}

/// System folders for programs, without symbolic links among them.
pub const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"];
