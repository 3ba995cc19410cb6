//! Measures resource usage of a sandbox's processes where the kernel has no limit for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::procfs::{self, MemoryUse, ProcessUse};
use super::sys;
use crate::types::{Limits, Resource, limits};

/// The usage of a program and its descendants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Use {
    /// Bytes of memory.
    pub memory: u64,
    threads: u64,
    /// Processor time.
    pub time: Duration,
}

/// A sandbox's files to measure.
#[derive(Clone, Debug)]
pub enum FileTable {
    /// Separate file systems: one of the sandbox, and some below each program's root.
    Mounted,
    /// Folders on the machine's file system.
    Below(Vec<PathBuf>),
    /// In-memory folders mounted by others.
    InMemory(Vec<PathBuf>),
}

/// A kernel counter in `/proc/vmstat`.
pub fn oom_kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A snapshot of the usage.
#[derive(Debug, Default)]
pub struct Sample {
    /// Each program with its descendants.
    pub programs: BTreeMap<i32, Use>,
    /// The processes of all programs.
    pub processes: Vec<Process>,
    /// Shared memory without a file: mapped bytes by inode.
    pub nameless: BTreeMap<u64, u64>,
    /// Resources held through descriptors, if requested.
    pub held: HeldMemory,
    /// Processes that cannot be inspected.
    pub hidden: BTreeMap<i32, HiddenProcess>,
    /// Kernel memory for processes in bytes, without descriptors.
    pub kernel: u64,
    /// Processes with more mappings than were read.
    pub large: Vec<i32>,
}

/// A process that cannot be inspected.
#[derive(Clone, Copy, Debug)]
pub struct HiddenProcess {
    /// The program it belongs to.
    pub program: Pid,
    /// Its CPU time.
    pub time: Duration,
    /// It waits for something, not for the CPU or a disk.
    pub sleeps: bool,
}

/// A process of a program.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// The program it belongs to.
    pub program: i32,
    /// Its `/proc` data.
    pub seen: ProcessUse,
    /// Its memory, unless it is exiting.
    pub memory: Option<MemoryUse>,
}

/// Resources visible only through open descriptors and mappings.
#[derive(Debug, Default)]
pub struct HeldMemory {
    sockets: BTreeSet<u64>,
    pipes: BTreeSet<(u64, u64)>,
    /// Pairs of an epoll descriptor and a watched descriptor.
    watches: u64,
    /// Inotify descriptors with watches, each with a queue of events.
    queues: u64,
    descriptors: u64,
    /// Unnamed files, by inode, with their sizes.
    removed: BTreeMap<u64, u64>,
}

impl HeldMemory {
    /// Bytes of memory that socket buffers may use.
    pub fn sockets(&self) -> u64 {
        self.sockets.len() as u64 * limits::SOCKET
    }

    /// Size and number of unnamed files.
    pub fn removed(&self) -> (u64, u64) {
        (self.removed.values().sum(), self.removed.len() as u64)
    }

    /// Kernel memory behind descriptors in bytes, without sockets.
    fn descriptors(&self) -> u64 {
        self.pipes.len() as u64 * pipe()
            + self.watches * limits::WATCH
            + self.queues * queue()
            + self.descriptors * limits::DESCRIPTOR
    }

    /// Adds the descriptors of a process.
    fn look(&mut self, face: i32) -> io::Result<()> {
        for entry in std::fs::read_dir(format!("/proc/{face}/fd"))?.flatten() {
            self.descriptors += 1;
            let Ok(name) = std::fs::read_link(entry.path()) else { continue };
            let name = name.to_string_lossy();
            let number = |start: &str| -> Option<u64> {
                name.strip_prefix(start)?.trim_end_matches(']').parse().ok()
            };
            if let Some(number) = number("socket:[") {
                self.sockets.insert(number);
            } else if let Some(number) = number("pipe:[") {
                self.pipes.insert((0, number));
            } else if name == "anon_inode:[eventpoll]" {
                self.watches += lines(face, &entry.file_name(), "tfd:");
            } else if name == "anon_inode:inotify" {
                self.queues += lines(face, &entry.file_name(), "inotify ").min(1);
            } else if name.starts_with('/')
                && let Ok(meta) = std::fs::metadata(entry.path())
            {
                self.file(&meta, name.ends_with(" (deleted)"));
            }
        }
        Ok(())
    }

    fn file(&mut self, meta: &std::fs::Metadata, removed: bool) {
        if meta.file_type().is_fifo() {
            self.pipes.insert((meta.dev(), meta.ino()));
        } else if removed && meta.is_file() {
            let most = self.removed.entry(meta.ino()).or_default();
            *most = (meta.blocks() * 512).max(*most);
        }
    }
}

/// How many lines about a descriptor begin with a word.
fn lines(face: i32, descriptor: &std::ffi::OsStr, word: &str) -> u64 {
    let path = Path::new("/proc").join(face.to_string()).join("fdinfo").join(descriptor);
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.starts_with(word)).count() as u64
}

/// What the events of one inotify descriptor can take: each with the longest name of a file.
fn queue() -> u64 {
    static EVENTS: LazyLock<u64> = LazyLock::new(|| {
        let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(16_384)
    });
    *EVENTS * limits::EVENT
}

/// Capacity of a pipe: sixteen pages; pipes cannot be enlarged in a sandbox.
fn pipe() -> u64 {
    16 * sys::page()
}

/// Bytes that socket buffers in a process's network may use, including sockets without an owner.
pub fn sockets(process: &str) -> u64 {
    let path = Path::new("/proc").join(process).join("net/sockstat");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let number = text.lines().find_map(|line| line.strip_prefix("sockets: used "));
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * limits::SOCKET
}

/// Available and total memory of the machine, in bytes.
pub fn machine() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some((1024 * kib("MemAvailable:")?, 1024 * kib("MemTotal:")?))
}

/// The usage of each program with its descendants. `held` also inspects descriptors. Stops when the
/// kernel memory exceeds `most`.
pub fn measure(programs: &[Pid], held: bool, most: u64) -> Sample {
    let all = procfs::all();
    let uses = programs.iter().map(|pid| (pid.as_raw_nonzero().get(), Use::default()));
    let mut sample = Sample { programs: uses.collect(), ..Sample::default() };
    for (pid, seen) in &all {
        // Each process belongs to the program above it.
        let mut above = *pid;
        let mut steps = 0;
        while !sample.programs.contains_key(&above) && steps < 1000 {
            above = all.get(&above).map_or(0, |seen| seen.parent);
            steps += 1;
        }
        if sample.programs.contains_key(&above) && sample.kernel <= most {
            let memory = procfs::memory(*pid);
            sample.add(Process { pid: *pid, program: above, seen: *seen, memory }, held);
        }
    }
    // Processes with too many mappings are counted at the maximum; their mappings are still read.
    for face in std::mem::take(&mut sample.large) {
        if sample.kernel <= most {
            sample.share(procfs::mappings(face, u64::MAX).unwrap_or_default().nameless);
        }
    }
    let ours: BTreeSet<i32> = sample.processes.iter().map(|one| one.pid).collect();
    if procfs::locks(|pid| ours.contains(&pid), limits::LOCKS) == limits::LOCKS {
        sample.kernel = u64::MAX;
    }
    sample
}

/// CPU seconds of this process and its reaped children.
pub fn spent() -> u64 {
    // In `/proc` of a pid namespace, a process has its inner pid.
    let own = i32::try_from(std::process::id()).ok().and_then(procfs::stat);
    own.map_or(0, |seen| (seen.own + seen.waited).as_secs())
}

/// The number of threads of all visible processes.
pub fn threads() -> u64 {
    procfs::all().values().map(|seen| seen.threads).sum()
}

impl Sample {
    fn add(&mut self, process: Process, held: bool) {
        let Process { pid, program, seen, memory } = process;
        let mapped = memory.map(|memory| {
            let mapped = procfs::mappings(memory.face, limits::MAPPINGS_TEXT)?;
            if held {
                self.held.look(memory.face)?;
            }
            Ok::<_, io::Error>(mapped)
        });
        // Skips processes that have exited, and those above a program.
        let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        if program != pid && !seen.ended && matches!(&mapped, Some(Err(error)) if denied(error)) {
            let ProcessUse { own: time, sleeps, .. } = seen;
            let hidden = |program| (pid, HiddenProcess { program, time, sleeps });
            self.hidden.extend(Pid::from_raw(program).map(hidden));
        }
        let mut kernel = seen.threads * limits::THREAD;
        if let Some(Ok(mapped)) = mapped {
            let count = if mapped.whole { mapped.count } else { limits::MAPPINGS };
            kernel += count * limits::MAPPING;
            self.large.extend(memory.filter(|_| !mapped.whole).map(|memory| memory.face));
            self.share(mapped.nameless);
        }
        self.kernel += kernel;
        let sum = self.programs.entry(program).or_default();
        sum.memory += memory.map_or(0, |memory| memory.bytes) + kernel;
        sum.threads += seen.threads;
        sum.time += seen.own + seen.waited;
        self.processes.push(process);
    }

    /// Adds unnamed files from mappings.
    fn share(&mut self, mapped: Vec<(bool, u64, u64)>) {
        for (memory, number, bytes) in mapped {
            let known = if memory { &mut self.nameless } else { &mut self.held.removed };
            let most = known.entry(number).or_default();
            *most = bytes.max(*most);
        }
    }

    /// Bytes counted more than once because they are shared.
    pub fn shared(&self) -> u64 {
        let more = |one: &Process| {
            let memory = one.memory?;
            let part = procfs::proportional(memory.face)?;
            Some(memory.bytes.saturating_sub(part + memory.tables))
        };
        self.processes.iter().filter_map(more).sum()
    }

    /// Kernel memory behind descriptors in bytes, without sockets: 0 if it is surely below `room`,
    /// else counted one by one until it exceeds `most`. More than can be counted in some seconds
    /// counts as more than that.
    pub fn descriptors(&self, room: u64, most: u64) -> u64 {
        let memories = self.processes.iter().filter_map(|one| one.memory);
        let bound = |memory: MemoryUse| {
            let number = memory.descriptors;
            let each = pipe().max(queue());
            number * (each + limits::DESCRIPTOR) + number * number / 4 * limits::WATCH
        };
        if memories.clone().map(bound).sum::<u64>() <= room {
            return 0;
        }
        let mut held = HeldMemory::default();
        let start = Instant::now();
        for memory in memories {
            // Processes that cannot be inspected are handled separately.
            let _ = held.look(memory.face);
            if held.descriptors() > most || start.elapsed() > limits::LOOK_TIME {
                return held.descriptors().max(most.saturating_add(1));
            }
        }
        held.descriptors()
    }

    /// Size of the temporary files in a program's mount namespace, and the exceeded limit.
    pub fn temporary(&self, program: Pid) -> (u64, Option<Resource>) {
        let program = program.as_raw_nonzero().get();
        let own = self.processes.iter().filter(|one| one.program == program);
        // The process above a program cannot be inspected.
        let faces = own.filter_map(|one| one.memory).map(|memory| memory.face);
        let root = faces.map(|face| PathBuf::from(format!("/proc/{face}/root/tmp")));
        root.filter_map(|path| used(&path)).next().unwrap_or((0, None))
    }
}

/// Bytes and inodes used in a tmpfs, and the exhausted resource.
pub fn mounted(path: &Path) -> (u64, Option<Resource>) {
    used(path).unwrap_or((0, None))
}

fn used(path: &Path) -> Option<(u64, Option<Resource>)> {
    let fs = rustix::fs::statvfs(path).ok()?;
    // Within a page of the limit: a larger write no longer fits.
    let full = fs.f_blocks > 0 && fs.f_bavail <= fs.f_blocks / 512;
    let inodes = fs.f_files > 0 && fs.f_ffree == 0;
    let ran_out = if full { Some(Resource::Disk) } else { inodes.then_some(Resource::Inodes) };
    let files = fs.f_files.saturating_sub(fs.f_ffree) * limits::INODE;
    Some(((fs.f_blocks - fs.f_bfree) * fs.f_frsize + files, ran_out))
}

/// Bytes in folders and unnamed files, up to the limits, and the exceeded limit.
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
        // A mount inside is not the program's.
        let Ok(meta) = entry.metadata() else { continue };
        if Some(meta.dev()) != device {
            continue;
        }
        *inodes += 1;
        *bytes += meta.blocks() * 512;
        // Stops once a limit is exceeded.
        if *bytes > limits.disk || *inodes > limits.inodes {
            return;
        }
        if meta.is_dir() {
            walk(&entry.path(), limits, bytes, inodes);
        }
    }
}

/// The limit that a program exceeds.
pub fn beyond(used: Use, limits: &Limits) -> Option<Resource> {
    if used.time.as_secs() > limits.cpu_s {
        Some(Resource::Cpu)
    } else if used.threads > limits.processes {
        Some(Resource::Processes)
    } else {
        None
    }
}
