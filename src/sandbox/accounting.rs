//! Looks at what the processes of a sandbox use, where the kernel does not keep a limit for all of
//! them together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

use crate::types::{Limits, Resource, limits};

/// One process, as `/proc` shows it.
#[derive(Clone, Copy, Debug)]
struct ProcessUse {
    parent: i32,
    threads: u64,
    ticks: u64,
    /// It has ended, with all its threads, and nobody has waited for it.
    ended: bool,
}

/// What a program and everything it started use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Use {
    /// Bytes of memory.
    pub memory: u64,
    threads: u64,
    ticks: u64,
}

/// Where a sandbox's files are, to be measured.
#[derive(Clone, Debug)]
pub enum FileTable {
    /// File systems of their own: one of the whole sandbox, and some below each program's root.
    Mounted,
    /// Folders of the machine's file system.
    Below(Vec<PathBuf>),
    /// Folders in memory that somebody else mounted.
    InMemory(Vec<PathBuf>),
}

/// The number of a kernel counter in `/proc/vmstat`.
pub fn oom_kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What programs use at one moment.
#[derive(Debug, Default)]
pub struct Sample {
    /// Each program, with everything below it.
    pub programs: BTreeMap<i32, Use>,
    processes: Vec<Process>,
    /// Bytes of memory that processes share without a file, mapped or not.
    pub nameless: u64,
    /// What processes hold open, if it was asked for.
    pub held: HeldMemory,
    /// Processes that do not let themselves be looked into, with the program each belongs to.
    pub hidden: BTreeMap<i32, Pid>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    pid: i32,
    /// The program it belongs to.
    program: i32,
    bytes: u64,
    /// Those of them that are page tables.
    tables: u64,
}

/// What open descriptors and mappings hold that nothing else shows.
#[derive(Debug, Default)]
pub struct HeldMemory {
    sockets: BTreeSet<u64>,
    /// Files without a name, by their number, with their bytes.
    removed: BTreeMap<u64, u64>,
}

impl HeldMemory {
    /// Bytes of memory that may wait in buffers of sockets.
    pub fn sockets(&self) -> u64 {
        self.sockets.len() as u64 * limits::SOCKET
    }

    /// Bytes and number of files without a name.
    pub fn removed(&self) -> (u64, u64) {
        (self.removed.values().sum(), self.removed.len() as u64)
    }

    /// Adds what a process has open.
    fn look(&mut self, pid: i32) -> io::Result<()> {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
            let Ok(name) = std::fs::read_link(entry.path()) else { continue };
            let name = name.to_string_lossy();
            if let Some(number) = name.strip_prefix("socket:[") {
                self.sockets.extend(number.trim_end_matches(']').parse::<u64>());
            } else if name.ends_with(" (deleted)")
                && let Ok(meta) = std::fs::metadata(entry.path())
                && meta.is_file()
            {
                let most = self.removed.entry(meta.ino()).or_default();
                *most = (meta.blocks() * 512).max(*most);
            }
        }
        Ok(())
    }
}

/// Bytes of memory that may wait in buffers of the sockets in a process's network, also of those that
/// nobody has open any more.
pub fn sockets(process: &str) -> u64 {
    let path = Path::new("/proc").join(process).join("net/sockstat");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let number = text.lines().find_map(|line| line.strip_prefix("sockets: used "));
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * limits::SOCKET
}

/// Bytes of memory that the machine could still give, and has in all.
pub fn machine() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some((1024 * kib("MemAvailable:")?, 1024 * kib("MemTotal:")?))
}

/// What each of these programs uses, with everything below it. `held` asks for what they hold open.
pub fn measure(programs: &[Pid], held: bool) -> Sample {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(pid) = pid
            && let Some(seen) = stat(pid)
        {
            all.insert(pid, seen);
        }
    }
    let mut uses: BTreeMap<i32, Use> =
        programs.iter().map(|pid| (pid.as_raw_nonzero().get(), Use::default())).collect();
    let (mut processes, mut nameless) = (Vec::new(), BTreeMap::<u64, u64>::new());
    let mut sample = Sample::default();
    for (pid, seen) in &all {
        // Each belongs to the program above it.
        let mut above = *pid;
        let mut steps = 0;
        while !uses.contains_key(&above) && steps < 1000 {
            above = all.get(&above).map_or(0, |seen| seen.parent);
            steps += 1;
        }
        let Some(sum) = uses.get_mut(&above) else { continue };
        let (bytes, tables) = memory(*pid);
        processes.push(Process { pid: *pid, program: above, bytes, tables });
        let looked = mappings(*pid).and_then(|list| {
            for (memory, number, bytes) in list {
                let known = if memory { &mut nameless } else { &mut sample.held.removed };
                let most = known.entry(number).or_default();
                *most = bytes.max(*most);
            }
            if held { sample.held.look(*pid) } else { Ok(()) }
        });
        // Not who is gone meanwhile or has ended, nor what stands above a program.
        if above != *pid
            && !seen.ended
            && looked.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        {
            sample.hidden.extend(Pid::from_raw(above).map(|program| (*pid, program)));
        }
        sum.memory += bytes;
        sum.threads += seen.threads;
        sum.ticks += seen.ticks;
    }
    Sample { programs: uses, processes, nameless: nameless.values().sum(), ..sample }
}

/// Seconds of processor time of the processes that this one waited for, and its own.
pub fn spent() -> u64 {
    // In `/proc` of a process namespace a process has the number it knows.
    i32::try_from(std::process::id()).ok().and_then(stat).map_or(0, |seen| seen.ticks / 100)
}

/// Threads of all processes that can be seen.
pub fn threads() -> u64 {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(stat).map(|seen| seen.threads).sum()
}

fn stat(pid: i32) -> Option<ProcessUse> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    // Own time and that of children that were waited for, in user and kernel mode.
    let mut next = |skipped| fields.nth(skipped).and_then(|n| n.parse::<u64>().ok());
    let ticks = next(9)? + next(0)? + next(0)? + next(0)?;
    let threads = next(2)?;
    Some(ProcessUse { parent, ticks, threads, ended: zombie && threads < 2 })
}

/// Bytes that are a process's own or shared with those it started: not the files it maps.
fn memory(pid: i32) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let tables = 1024 * kib("VmPTE:");
    (1024 * (kib("RssAnon:") + kib("VmSwap:")) + tables, tables)
}

/// Mappings of files without a name, by their number, with their size: `true` for memory that
/// processes share, where what was written stays, whoever still has it mapped.
fn mappings(pid: i32) -> io::Result<Vec<(bool, u64, u64)>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mapping = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (start, end) = fields.first()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let memory = fields.get(5..) == Some(&["/dev/zero", "(deleted)"]);
        Some((memory, fields.get(4)?.parse().ok()?, hex(end)? - hex(start)?))
    };
    Ok(text.lines().filter(|line| line.ends_with(" (deleted)")).filter_map(mapping).collect())
}

impl Sample {
    /// Bytes that were counted more than once, because processes share them.
    pub fn shared(&self) -> u64 {
        let more =
            |one: &Process| Some(one.bytes.saturating_sub(proportional(one.pid)? + one.tables));
        self.processes.iter().filter_map(more).sum()
    }

    /// Bytes in the temporary files of a program in a mount namespace of its own, and what ran out.
    pub fn temporary(&self, program: Pid) -> (u64, Option<Resource>) {
        let program = program.as_raw_nonzero().get();
        let own = self.processes.iter().filter(|one| one.program == program);
        // What stands above a program does not let itself be looked into.
        let root = own.map(|one| PathBuf::from(format!("/proc/{}/root/tmp", one.pid)));
        root.filter_map(|path| used(&path)).next().unwrap_or((0, None))
    }
}

/// Bytes of a process, of shared ones its part; `None` where the kernel does not tell.
fn proportional(pid: i32) -> Option<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(path).ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(1024 * (kib("Pss_Anon:")? + kib("SwapPss:")?))
}

/// Bytes and files in use in a file system in memory, and whether one of them ran out.
pub fn mounted(path: &Path) -> (u64, Option<Resource>) {
    used(path).unwrap_or((0, None))
}

fn used(path: &Path) -> Option<(u64, Option<Resource>)> {
    let fs = rustix::fs::statvfs(path).ok()?;
    // Within a page's reach of the end: what did not fit any more was larger.
    let full = fs.f_blocks > 0 && fs.f_bavail <= fs.f_blocks / 512;
    let inodes = fs.f_files > 0 && fs.f_ffree == 0;
    let ran_out = if full { Some(Resource::Disk) } else { inodes.then_some(Resource::Inodes) };
    Some(((fs.f_blocks - fs.f_bfree) * fs.f_frsize, ran_out))
}

/// Bytes in folders and in files without a name, as far as the limits go, and what ran out.
pub fn below(folders: &[PathBuf], held: &HeldMemory, limits: &Limits) -> (u64, Option<Resource>) {
    let (mut bytes, mut inodes) = held.removed();
    for folder in folders {
        walk(folder, limits, &mut bytes, &mut inodes);
    }
    let ran_out = if bytes > limits.disk {
        Some(Resource::Disk)
    } else {
        (inodes > limits.inodes).then_some(Resource::Inodes)
    };
    (bytes, ran_out)
}

/// Bytes and files in a folder.
pub fn size(folder: &Path) -> (u64, u64) {
    let none = Limits { disk: u64::MAX, inodes: u64::MAX, ..Limits::of(&Default::default()) };
    let (mut bytes, mut inodes) = (0, 0);
    walk(folder, &none, &mut bytes, &mut inodes);
    (bytes, inodes)
}

fn walk(folder: &Path, limits: &Limits, bytes: &mut u64, inodes: &mut u64) {
    let device = folder.metadata().map(|meta| meta.dev()).ok();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // What is mounted there is not the program's.
        let Ok(meta) = entry.metadata() else { continue };
        if Some(meta.dev()) != device {
            continue;
        }
        *inodes += 1;
        *bytes += meta.blocks() * 512;
        // Enough to decide.
        if *bytes > limits.disk || *inodes > limits.inodes {
            return;
        }
        if meta.is_dir() {
            walk(&entry.path(), limits, bytes, inodes);
        }
    }
}

/// What of its limits a program is beyond.
pub fn beyond(used: Use, limits: &Limits) -> Option<Resource> {
    // The kernel counts processor time for us in hundredths of a second.
    if used.ticks / 100 > limits.cpu_s {
        Some(Resource::Cpu)
    } else if used.threads > limits.processes {
        Some(Resource::Processes)
    } else {
        None
    }
}
