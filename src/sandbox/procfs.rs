//! Reads `/proc` of processes, including those whose first thread has exited: the process's own
//! files are empty then, but those of its other threads are not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use crate::types::limits;

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessUse {
    /// Its parent.
    pub parent: i32,
    /// Its threads.
    pub threads: u64,
    /// Its own CPU time.
    pub own: Duration,
    /// CPU time of its reaped children.
    pub waited: Duration,
    /// Its start time in kernel ticks; distinguishes it from a later process with the same pid.
    pub started: u64,
    /// A zombie: all threads have exited, and it was not reaped.
    pub ended: bool,
    /// It is young, has run, and never yielded the CPU.
    pub runs: bool,
    /// It waits for something, not for the CPU or a disk.
    pub sleeps: bool,
}

/// The kernel's unit of CPU time.
const TICK: Duration = Duration::from_millis(10);

/// A process, or a thread by its id.
pub fn stat(pid: i32) -> Option<ProcessUse> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let state = *fields.first()?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // User and kernel time.
    let time = |at: usize| {
        let ticks = number(at)?.checked_add(number(at + 1)?)?;
        Some(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
    };
    let (threads, own) = (number(17)?, time(11)?);
    Some(ProcessUse {
        parent: fields.get(1)?.parse().ok()?,
        threads,
        own,
        waited: time(13)?,
        started: number(19)?,
        ended: matches!(state, "Z" | "X") && threads < 2,
        runs: state == "R" && own < limits::WATCH_TICK && has_begun(pid),
        sleeps: matches!(state, "S" | "T" | "t"),
    })
}

fn numbers(folder: &str) -> impl Iterator<Item = i32> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
}

/// All visible processes.
pub fn all() -> BTreeMap<i32, ProcessUse> {
    numbers("/proc").filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// Whether a process has already been scheduled.
fn has_begun(pid: i32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    text.split_ascii_whitespace().nth(2).is_some_and(|runs| runs != "0")
}

/// The memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct MemoryUse {
    /// A live thread of it, by whose id `/proc` shows the process.
    pub face: i32,
    /// Bytes private or shared with its children; without mapped files.
    pub bytes: u64,
    /// Page tables among them.
    pub tables: u64,
    /// An upper bound of its descriptors.
    pub descriptors: u64,
}

/// How often the list of threads is read again if they exit meanwhile.
const TRIES: usize = 8;

/// The memory of a process, through any thread; `None` while it exits.
pub fn memory(pid: i32) -> Option<MemoryUse> {
    let threads = || numbers(&format!("/proc/{pid}/task")).find_map(status);
    status(pid).or_else(|| (0..TRIES).find_map(|_| threads()))
}

fn status(face: i32) -> Option<MemoryUse> {
    let text = std::fs::read_to_string(format!("/proc/{face}/status")).ok()?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let kib = |name| number(name).unwrap_or(0) * 1024;
    let tables = kib("VmPTE:");
    // An exiting process has none.
    let own = number("RssAnon:")? * 1024;
    let bytes = own + kib("VmSwap:") + tables;
    Some(MemoryUse { face, bytes, tables, descriptors: number("FDSize:").unwrap_or(0) })
}

/// The mappings of a process.
#[derive(Debug, Default)]
pub struct MappedMemory {
    /// Number of mappings.
    pub count: u64,
    /// Whether the list is complete.
    pub whole: bool,
    /// Mapped unnamed files, by inode, with their sizes: `true` for shared memory, whose content
    /// stays while it is mapped anywhere.
    pub nameless: Vec<(bool, u64, u64)>,
}

/// The mappings of a process, up to this many bytes of the list.
pub fn mappings(face: i32, most: u64) -> io::Result<MappedMemory> {
    let mut text = String::new();
    File::open(format!("/proc/{face}/maps"))?.take(most).read_to_string(&mut text)?;
    let mapping = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (start, end) = fields.first()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let memory = fields.get(5..) == Some(&["/dev/zero", "(deleted)"]);
        // Pages before the mapped offset may still exist.
        let before = if memory { hex(fields.get(2)?)? } else { 0 };
        Some((memory, fields.get(4)?.parse().ok()?, hex(end)? - hex(start)? + before))
    };
    let removed = text.lines().filter(|line| line.ends_with(" (deleted)"));
    let nameless = removed.filter_map(mapping).collect();
    let whole = (text.len() as u64) < most;
    Ok(MappedMemory { count: text.lines().count() as u64, whole, nameless })
}

/// Bytes of a process's memory without files, its proportional part of shared memory; `None` if the
/// kernel does not report it.
pub fn proportional(face: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{face}/smaps_rollup")).ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(1024 * (kib("Pss_Anon:")? + kib("SwapPss:")?))
}

/// The number of file locks held by these processes. OFD locks are not allowed in a sandbox,
/// because the list covers the whole machine without their owners. Counting stops at `most`, since
/// long lists are slow to read.
pub fn locks(ours: impl Fn(i32) -> bool, most: u64) -> u64 {
    let Ok(list) = File::open("/proc/locks") else { return 0 };
    let holder =
        |line: io::Result<String>| line.ok()?.split_ascii_whitespace().nth(4)?.parse::<i32>().ok();
    let held = BufReader::new(list).lines().map(holder);
    let ours = held.filter(|pid| pid.is_some_and(&ours));
    ours.zip(0..most).count() as u64
}
