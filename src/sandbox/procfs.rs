//! What `/proc` tells of a process, also of one whose first thread has ended: what is shown of the
//! process itself is empty then, and what is shown of its other threads is not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use crate::types::limits;

/// One process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessUse {
    /// The process above it.
    pub parent: i32,
    /// Its threads.
    pub threads: u64,
    /// Processor time of its own.
    pub own: Duration,
    /// The same of its children that were waited for.
    pub waited: Duration,
    /// When it was started, in the kernel's own measure: tells it from a later one with its number.
    pub started: u64,
    /// It has ended, with all its threads, and nobody has waited for it.
    pub ended: bool,
    /// It is young, has had a processor, and has not given it back of itself.
    pub runs: bool,
}

/// The time in which the kernel tells processor time.
const TICK: Duration = Duration::from_millis(10);

/// A process, or a thread by its number.
pub fn stat(pid: i32) -> Option<ProcessUse> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let state = *fields.first()?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // In user and in kernel mode.
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
    })
}

fn numbers(folder: &str) -> impl Iterator<Item = i32> {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
}

/// All processes that can be seen.
pub fn all() -> BTreeMap<i32, ProcessUse> {
    numbers("/proc").filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// Whether a process does not wait for its first processor any more.
fn has_begun(pid: i32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    text.split_ascii_whitespace().nth(2).is_some_and(|runs| runs != "0")
}

/// Memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct MemoryUse {
    /// A thread of it that shows what the process has; `/proc` knows it by its number.
    pub face: i32,
    /// Bytes that are its own or shared with those it started: not the files it maps.
    pub bytes: u64,
    /// Those of them that are page tables.
    pub tables: u64,
    /// Descriptors that it has at most.
    pub descriptors: u64,
}

/// How often threads are listed that may be gone before they are looked at.
const TRIES: usize = 8;

/// Memory of a process, by any of its threads; `None` for one that ends.
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
    // Who ends has none any more.
    let own = number("RssAnon:")? * 1024;
    let bytes = own + kib("VmSwap:") + tables;
    Some(MemoryUse { face, bytes, tables, descriptors: number("FDSize:").unwrap_or(0) })
}

/// What a process has mapped.
#[derive(Debug, Default)]
pub struct MappedMemory {
    /// Number of mappings.
    pub count: u64,
    /// Whether these are all.
    pub whole: bool,
    /// Those of files without a name, by their number, with their size: `true` for memory that
    /// processes share, where what was written stays, whoever still has it mapped.
    pub nameless: Vec<(bool, u64, u64)>,
}

/// What a process has mapped, as far as it is told in so many bytes.
pub fn mappings(face: i32, most: u64) -> io::Result<MappedMemory> {
    let mut text = String::new();
    File::open(format!("/proc/{face}/maps"))?.take(most).read_to_string(&mut text)?;
    let mapping = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (start, end) = fields.first()?.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let memory = fields.get(5..) == Some(&["/dev/zero", "(deleted)"]);
        // Of memory also what is in front of it may still be there.
        let before = if memory { hex(fields.get(2)?)? } else { 0 };
        Some((memory, fields.get(4)?.parse().ok()?, hex(end)? - hex(start)? + before))
    };
    let removed = text.lines().filter(|line| line.ends_with(" (deleted)"));
    let nameless = removed.filter_map(mapping).collect();
    let whole = (text.len() as u64) < most;
    Ok(MappedMemory { count: text.lines().count() as u64, whole, nameless })
}

/// Bytes of a process's memory without files, of shared ones its part; `None` where the kernel does
/// not tell.
pub fn proportional(face: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{face}/smaps_rollup")).ok()?;
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    Some(1024 * (kib("Pss_Anon:")? + kib("SwapPss:")?))
}

/// Locks on files that these processes hold. Those of open files (OFD) are refused in a sandbox:
/// the list has those of the whole machine, and does not say whose they are.
/// Counting ends at `most`: the longer the list is, the slower the kernel writes it.
pub fn locks(ours: impl Fn(i32) -> bool, most: u64) -> u64 {
    let Ok(list) = File::open("/proc/locks") else { return 0 };
    let holder =
        |line: io::Result<String>| line.ok()?.split_ascii_whitespace().nth(4)?.parse::<i32>().ok();
    let held = BufReader::new(list).lines().map(holder);
    let ours = held.filter(|pid| pid.is_some_and(&ours));
    ours.zip(0..most).count() as u64
}
