//! The last fences of a program before it starts: limits, Landlock, no privileges, a filter over
//! system calls. They hold for it and everything it starts, and cannot be taken down again.

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

/// The newest version of Landlock that is asked for; older kernels give what they have.
const NEWEST: ABI = ABI::V7;

/// Sets the limits that the kernel keeps for each process. `others` are processes of the same user
/// that count too.
pub fn limit(set: &Limits, others: u64) -> io::Result<()> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    // A little more than all may use together, so that who wants more is seen to have it. The soft
    // limit ends the process with a signal that tells of it.
    let cpu = Rlimit { current: Some(set.cpu_s + 2), maximum: Some(set.cpu_s + 5) };
    setrlimit(Kind::Cpu, cpu)?;
    // A little more than is allowed, so that who wants more is seen to have it.
    setrlimit(Kind::Nproc, both(set.processes + others + 16))?;
    setrlimit(Kind::Nofile, both(set.open_files))?;
    setrlimit(Kind::Fsize, both(set.file))?;
    // One byte, because of nothing the kernel would still feed a program that collects dumps.
    setrlimit(Kind::Core, both(1))?;
    // Timers and signals that wait are the kernel's memory.
    let most = getrlimit(Kind::Sigpending).maximum.unwrap_or(u64::MAX);
    setrlimit(Kind::Sigpending, both(most.min(limits::SIGNALS)))?;
    // A message queue and locked memory would be memory that nobody counts.
    setrlimit(Kind::Msgqueue, both(0))?;
    setrlimit(Kind::Memlock, both(0))?;
    // Of a huge page whose parts are given back only the rest is counted, and all of it is kept.
    sys::no_huge_pages()
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

/// Filters over system calls, ready to be put in place.
pub struct Filters {
    /// For who has a file system and a network of its own.
    apart: BpfProgram,
    /// For who shares the machine's, and builds.
    builds: BpfProgram,
    /// For who shares the machine's.
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

/// Folders of the system that programs need, where they stand for themselves.
pub const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"];
