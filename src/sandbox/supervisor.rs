//! The supervisor: a process of regen's own program that opens a sandbox, starts programs in it and
//! monitors them. When its socket to regen closes, for whatever reason, it ends everything in the
//! sandbox.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, set_child_subreaper, wait,
    waitpid,
};

use super::errors::SetupError;
use super::history::EarlierLooks;
use super::init::{StandingInit, Whole, Wires};
use super::paths::SandboxPaths;
use super::protocol::{Done, FileList, Mode, OpenRequest, Opened, Task, receive, send};
use super::spec::lower;
use super::wire::take;
use super::{accounting, folders, lockdown, rootfs};
use crate::process::{Ended, children, end_children};
use crate::types::{Limits, Resource, limits, places};

/// Runs one sandbox in this process. `within` is a prepared sandbox.
pub fn keep(
    control: &UnixStream,
    order: &OpenRequest,
    filters: &lockdown::Filters,
    within: Option<Within>,
) -> Result<(), SetupError> {
    let list: FileList = receive(control).map_err(SetupError::at("read the list of files"))?;
    let mut files = Vec::new();
    for (path, length) in list {
        let mut bytes = vec![0; length];
        let mut control = control;
        control.read_exact(&mut bytes).map_err(SetupError::at("read the files"))?;
        files.push((path, bytes));
    }
    let whole = Whole { order, filters };
    match (within, order.mode) {
        (Some(within), _) => {
            rootfs::source(order, &files).map_err(SetupError::at("write the candidate's files"))?;
            serve(&whole, control, within)
        }
        (None, Mode::Inside) => serve(&whole, control, set_up(order, &files)?),
        (None, _) => {
            let kept = set_up(order, &files).and_then(|within| serve(&whole, control, within));
            let _ = folders::remove(&order.room);
            kept
        }
    }
}

/// Reports why a sandbox did not open.
pub fn answer(control: &UnixStream, step: &SetupError) {
    // If regen is gone, the report is not needed.
    let _ = send(control, &Opened::Failed { why: step.to_string() });
}

/// The monitored files of a sandbox.
pub struct Within {
    /// What the sandbox lacks.
    pub without: Vec<String>,
    /// Where its files are.
    pub files: accounting::FileTable,
    /// The files' limits and initial usage.
    pub disk: Limits,
    /// Made in advance, for the first program.
    pub standing: Option<StandingInit>,
}

/// Prepares a sandbox without mounts.
fn set_up(order: &OpenRequest, files: &[(String, Vec<u8>)]) -> Result<Within, SetupError> {
    let paths = SandboxPaths::of(order);
    let written = order.shared().chain(temporary(order)).map(|place| paths.at(place).to_owned());
    let mut folders: Vec<PathBuf> = written.collect();
    let source = paths.at(places::SOURCE);
    for folder in folders.iter().map(PathBuf::as_path).chain([source]) {
        std::fs::create_dir_all(folder).map_err(SetupError::at("make folders"))?;
    }
    rootfs::write(source, files).map_err(SetupError::at("write the candidate's files"))?;
    let mut disk = order.limits;
    for (number, mount) in order.overlays().enumerate() {
        let from = if order.mode == Mode::Inside { &lower(number) } else { &mount.source };
        let to = paths.at(&mount.at);
        rootfs::copy(from, to).map_err(SetupError::at("copy the layer"))?;
        let (bytes, inodes) = accounting::size(to);
        disk.disk += bytes;
        disk.inodes += inodes;
    }
    set_child_subreaper(Pid::from_raw(1)).map_err(SetupError::at("adopt"))?;
    let files = match order.mode {
        Mode::Inside => {
            folders.push(PathBuf::from("/dev/shm"));
            accounting::FileTable::InMemory(folders)
        }
        _ => accounting::FileTable::Below(folders),
    };
    Ok(Within {
        without: vec!["overlay mounts: layers are copied".to_owned()],
        files,
        disk,
        standing: None,
    })
}

/// Folders that are fresh for each program.
fn temporary(order: &OpenRequest) -> impl Iterator<Item = &Path> {
    [Path::new(places::TEMPORARY)].into_iter().chain(order.program_scratch())
}

/// A running program.
struct RunningProgram {
    pid: Pid,
    ended: OwnedFd,
    reply: OwnedFd,
    deadline: Instant,
}

/// Starts and monitors programs until the socket closes.
fn serve(whole: &Whole<'_>, control: &UnixStream, mut within: Within) -> Result<(), SetupError> {
    let ready = Opened::Ready { without: within.without.clone() };
    send(control, &ready).map_err(SetupError::at("answer"))?;
    let mut supervisor = Supervisor {
        whole,
        order: whole.order,
        standing: within.standing.take(),
        within,
        running: Vec::new(),
        kills: 0,
        peak: 0,
        history: EarlierLooks::default(),
        closely: false,
        unused: true,
        look: Instant::now(),
        available: 0,
    };
    loop {
        if supervisor.wait(control).map_err(SetupError::at("wait"))? {
            match take::<Task, 4>(control) {
                Ok(Some((task, [reply, input, output, errors]))) => {
                    supervisor.start(&task, Wires { reply, standard: [input, output, errors] });
                }
                // Regen is gone or finished.
                Ok(None) | Err(_) => return supervisor.end_all(),
            }
        }
        supervisor.reap();
        supervisor.watch();
    }
}

struct Supervisor<'a> {
    whole: &'a Whole<'a>,
    order: &'a OpenRequest,
    within: Within,
    /// Waits for the next program.
    standing: Option<StandingInit>,
    running: Vec<RunningProgram>,
    /// The machine's count of out-of-memory kills.
    kills: u64,
    /// Peak memory usage in bytes.
    peak: u64,
    /// State of earlier measurements.
    history: EarlierLooks,
    /// Whether memory usage is high.
    closely: bool,
    /// Time of the next measurement.
    look: Instant,
    /// Available memory of the machine when the first program started, in bytes.
    available: u64,
    /// Whether the sandbox's own network is still unused.
    unused: bool,
}

fn number(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

impl Supervisor<'_> {
    /// Waits for the next event. Gives whether it is a new task, or the end.
    fn wait(&self, control: &UnixStream) -> io::Result<bool> {
        let mut list = vec![PollFd::new(control, PollFlags::IN)];
        for one in &self.running {
            list.push(PollFd::new(&one.ended, PollFlags::IN));
            list.push(PollFd::new(&one.reply, PollFlags::RDHUP));
        }
        let tick = if self.running.is_empty() {
            None
        } else {
            Some(Timespec {
                tv_sec: 0,
                tv_nsec: self.tick().as_nanos().try_into().unwrap_or(1_000_000),
            })
        };
        match poll(&mut list, tick.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(!list[0].revents().is_empty())
    }

    /// Above half of the memory limit, measures more often, since usage can grow fast.
    fn tick(&self) -> Duration {
        if self.closely { limits::WATCH_CLOSELY } else { limits::WATCH_TICK }
    }

    fn start(&mut self, task: &Task, wires: Wires) {
        if self.running.is_empty() {
            self.look = Instant::now() + limits::WATCH_TICK;
        }
        let first = self.unused;
        let started = self.launch(task, &wires);
        if first {
            // The kernel takes 0.1 ms to count these; the program starts meanwhile.
            self.kills = accounting::oom_kills();
            self.available = accounting::machine().map_or(0, |(left, _)| left);
        }
        match started {
            Ok((pid, ended, deadline)) => {
                let Wires { reply, .. } = wires;
                self.running.push(RunningProgram { pid, ended, reply, deadline });
            }
            Err(step) => {
                let _ = send(File::from(wires.reply), &Done::Failed(step.to_string()));
            }
        }
    }

    fn launch(
        &mut self,
        task: &Task,
        wires: &Wires,
    ) -> Result<(Pid, OwnedFd, Instant), SetupError> {
        // The first program uses the sandbox's own network.
        let network = !std::mem::replace(&mut self.unused, false);
        if self.order.mode != Mode::Namespaces && self.running.is_empty() {
            self.freshen().map_err(SetupError::at("clear the temporary folders"))?;
        }
        let longest = Duration::from_secs(30 * 24 * 3600);
        let deadline = Instant::now() + task.program.timeout.min(longest);
        let standing =
            self.standing.take().map_or_else(|| StandingInit::make(self.whole, network), Ok)?;
        let pid = standing.start(task, wires)?;
        let ended =
            pidfd_open(pid, PidfdFlags::empty()).map_err(SetupError::at("watch a process"))?;
        Ok((pid, ended, deadline))
    }

    /// Clears temporary files between programs.
    fn freshen(&self) -> io::Result<()> {
        let paths = SandboxPaths::of(self.order);
        for place in temporary(self.order) {
            for entry in std::fs::read_dir(paths.at(place))? {
                let entry = entry?;
                // Mounts from outside may be there too.
                let mut shown = self.order.mounts.iter().map(|mount| paths.at(&mount.at));
                if shown.any(|path| path.starts_with(entry.path())) {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    folders::remove(&entry.path())?;
                } else {
                    std::fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Reaps ended processes.
    fn reap(&mut self) {
        while let Ok(Some((pid, _))) = wait(WaitOptions::NOHANG) {
            self.running.retain(|one| one.pid != pid);
            self.standing.take_if(|one| one.pid() == pid);
        }
        if self.order.mode != Mode::Namespaces {
            for pid in children() {
                if !self.running.iter().any(|one| one.pid == pid) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
        }
    }

    /// Kills programs that exceed their time or limits, or whose client is gone.
    fn watch(&mut self) {
        let now = Instant::now();
        let mut ends: Vec<(Pid, Option<Ended>)> = Vec::new();
        for one in &self.running {
            let mut gone = [PollFd::new(&one.reply, PollFlags::RDHUP)];
            let _ = poll(&mut gone, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
            if !gone[0].revents().is_empty() {
                ends.push((one.pid, None));
            } else if now >= one.deadline {
                ends.push((one.pid, Some(Ended::Timeout)));
            }
        }
        // Not in every iteration: measuring costs more than most iterations.
        if !self.running.is_empty() && now >= self.look {
            if let Some((pid, resource)) = self.beyond() {
                ends.push((pid, Some(Ended::Limit(resource))));
            }
            // While a program runs, the next one's namespaces cost nothing.
            if self.order.mode == Mode::Namespaces && self.standing.is_none() {
                self.standing = StandingInit::make(self.whole, true).ok();
            }
        }
        for (pid, end) in ends {
            self.end(pid, end);
        }
    }

    /// The program that exceeds a limit, and the limit.
    fn beyond(&mut self) -> Option<(Pid, Resource)> {
        let limits = &self.order.limits;
        let programs: Vec<Pid> = self.running.iter().map(|one| one.pid).collect();
        let shares = matches!(self.within.files, accounting::FileTable::Below(_));
        let written = self.order.written().next().is_some();
        let mut sample = accounting::measure(&programs, shares || written, limits.memory);
        let kills = accounting::oom_kills();
        let kernel = std::mem::replace(&mut self.kills, kills) != kills;
        let now = Instant::now();
        if let Some(program) = self.history.hidden(&sample, now) {
            return Some((program, Resource::Memory));
        }
        self.history.add(&mut sample, now);
        for pid in &programs {
            let mut own = 0;
            if let accounting::FileTable::Mounted = self.within.files {
                let (bytes, ran_out) = sample.temporary(*pid);
                if let Some(resource) = ran_out {
                    return Some((*pid, resource));
                }
                own = bytes + accounting::sockets(&number(*pid).to_string());
            }
            let used = sample.programs.entry(number(*pid)).or_default();
            if let Some(resource) = accounting::beyond(*used, limits) {
                return Some((*pid, resource));
            }
            used.memory += own;
        }
        let (bytes, ran_out) = self.files(&sample.held);
        if let Some(resource) = ran_out {
            return programs.first().map(|pid| (*pid, resource));
        }
        let memory = |pid: &Pid| sample.programs.get(&number(*pid)).map_or(0, |used| used.memory);
        let nameless: u64 = sample.nameless.values().sum();
        let all = bytes + nameless + programs.iter().map(memory).sum::<u64>();
        let all = all + sample.descriptors(limits.memory.saturating_sub(all), limits.memory);
        self.closely = all > limits.memory / 2 || self.history.is_fleeting();
        self.look = Instant::now() + self.tick() / 2;
        let most = programs.iter().max_by_key(|pid| memory(pid))?;
        // Out-of-memory kills are machine-wide; a program that used little was not the cause.
        let killed = kernel && self.peak > limits.memory / 4;
        self.peak = self.peak.max(all);
        let beyond = sample.kernel > limits.memory
            || all > limits.memory && all - sample.shared() > limits.memory;
        (killed || beyond || self.drained()).then_some((*most, Resource::Memory))
    }

    /// Memory in files and sockets of all programs in bytes, and the exceeded limit of the files.
    fn files(&self, held: &accounting::HeldMemory) -> (u64, Option<Resource>) {
        let disk = &self.within.disk;
        match &self.within.files {
            accounting::FileTable::Mounted => {
                let memory = rootfs::in_memory(self.order);
                let bytes = memory.iter().map(|folder| accounting::mounted(folder).0).sum();
                let disks: Vec<PathBuf> =
                    self.order.written().map(|mount| mount.at.clone()).collect();
                let ran_out =
                    if disks.is_empty() { None } else { accounting::below(&disks, held, disk).1 };
                (bytes, ran_out)
            }
            accounting::FileTable::Below(folders) => {
                (held.sockets(), accounting::below(folders, held, disk).1)
            }
            accounting::FileTable::InMemory(folders) => {
                // Includes unlinked files.
                let bytes: u64 = folders.iter().map(|folder| accounting::mounted(folder).0).sum();
                let ran_out = accounting::below(folders, held, disk).1;
                let ran_out = ran_out.or((bytes > disk.disk).then_some(Resource::Disk));
                (bytes + accounting::sockets("self"), ran_out)
            }
        }
    }

    /// Whether the machine is almost out of memory, and has lost more since the sandbox was opened
    /// than its programs may use, for example to socket buffers that only the kernel sees.
    fn drained(&self) -> bool {
        let Some((left, all)) = accounting::machine() else { return false };
        let gone = self.available.saturating_sub(left);
        left < all / 10 && gone > self.order.limits.memory
    }

    fn end(&mut self, pid: Pid, why: Option<Ended>) {
        let Some(at) = self.running.iter().position(|one| one.pid == pid) else { return };
        let one = self.running.swap_remove(at);
        let _ = kill_process(pid, Signal::KILL);
        // All descendants are killed before its end is reported.
        let _ = waitpid(Some(pid), WaitOptions::empty());
        if self.order.mode != Mode::Namespaces {
            self.reap();
        }
        if let Some(ended) = why {
            let _ = send(File::from(one.reply), &Done::Ended(ended));
        }
    }

    fn end_all(&mut self) -> Result<(), SetupError> {
        while let Some(pid) = self.running.first().map(|one| one.pid) {
            self.end(pid, None);
        }
        if self.order.mode != Mode::Namespaces {
            end_children();
        }
        Ok(())
    }
}
