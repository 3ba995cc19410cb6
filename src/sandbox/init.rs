//! The processes between the supervisor and a program: the init of its pid namespace, which waits
//! for the program and takes everything down with it, and the program's process before exec.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process, pidfd_open,
    set_dumpable_behavior, set_parent_process_death_signal, wait,
};

use super::errors::SetupError;
use super::lockdown::Reach;
use super::paths::SandboxPaths;
use super::protocol::{Done, Mode, OpenRequest, Task, TaskRole, send};
use super::syscalls::Shares;
use super::view::{Alone, SandboxView};
use super::wire::{pass, take};
use super::{accounting, collect, lockdown, rootfs, selftest, sys};
use crate::process::{Ended, end_children};
use crate::types::{Resource, limits, places};

/// An order with its resources.
pub struct Whole<'a> {
    /// The order.
    pub order: &'a OpenRequest,
    /// Filters over system calls.
    pub filters: &'a lockdown::Filters,
}

/// The descriptors of a program.
pub struct Wires {
    /// Where its end is reported.
    pub reply: OwnedFd,
    /// Its standard input, output and error.
    pub standard: [OwnedFd; 3],
}

/// Namespaces that each program has for itself, plus its own network unless it is the first; others
/// are the sandbox's.
const OWN: u64 = sys::new::MOUNT | sys::new::PID;

/// The name by which a program that runs alone is called.
const ALONE: &str = "program";

/// A reply's socket, written without another descriptor.
struct ReplySocket<'a>(&'a OwnedFd);

impl std::io::Write for ReplySocket<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The init process of a program's namespaces, which waits for the program.
pub struct StandingInit {
    pid: Pid,
    socket: UnixStream,
}

impl StandingInit {
    /// Makes one, in a network of its own or in the sandbox's.
    pub fn make(whole: &Whole<'_>, network: bool) -> Result<Self, SetupError> {
        let (socket, theirs) = UnixStream::pair().map_err(SetupError::at("make a socket"))?;
        let own = match whole.order.mode {
            Mode::Namespaces => OWN | if network { sys::new::NET } else { 0 },
            Mode::Inside | Mode::Landlock | Mode::Bare => 0,
        };
        let Some(pid) = sys::fork(own).map_err(SetupError::at("make namespaces"))? else {
            stand(whole, network, theirs)
        };
        Ok(Self { pid, socket })
    }

    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Gives it its program.
    pub fn start(self, task: &Task, wires: &Wires) -> Result<Pid, SetupError> {
        let [input, output, errors] = &wires.standard;
        let passed = [wires.reply.as_fd(), input.as_fd(), output.as_fd(), errors.as_fd()];
        pass(&self.socket, task, &passed).map_err(SetupError::at("hand over a program"))?;
        Ok(self.pid)
    }
}

/// The main function of an init process.
fn stand(whole: &Whole<'_>, network: bool, socket: UnixStream) -> ! {
    // Closes the descriptors of other programs.
    let _ = sys::close_all_but(&[socket.as_fd()]);
    let built = build(whole.order, network);
    // It may wait here for a while.
    let Ok(Some((task, [reply, input, output, errors]))) = take::<Task, 4>(&socket) else {
        sys::exit(0)
    };
    drop(socket);
    let wires = &Wires { reply, standard: [input, output, errors] };
    let done = match built.and_then(|()| over(whole, &task, wires)) {
        Ok(done) => done,
        Err(step) => Done::Failed(step.to_string()),
    };
    // If the supervisor is gone, the report is not needed.
    let _ = send(ReplySocket(&wires.reply), &done);
    sys::exit(0)
}

/// Makes the file systems that do not depend on the program.
fn build(order: &OpenRequest, network: bool) -> Result<(), SetupError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(SetupError::at("tie to the supervisor"))?;
    if order.mode == Mode::Namespaces {
        // While `/proc` is writable.
        if network {
            loopback().map_err(SetupError::at("take loopback up"))?;
        }
        rootfs::private(order)?;
    } else {
        rustix::process::set_child_subreaper(Pid::from_raw(1)).map_err(SetupError::at("adopt"))?;
    }
    // It holds descriptors that the program must not get through ptrace or /proc.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(SetupError::at("hide"))
}

fn over(whole: &Whole<'_>, task: &Task, wires: &Wires) -> Result<Done, SetupError> {
    let order = whole.order;
    if order.mode == Mode::Namespaces {
        rootfs::view(order, &task.view)?;
    }
    if let TaskRole::Host(port) = task.role {
        host(&wires.standard[0], port).map_err(SetupError::at("listen"))?;
    }
    let (mut told, tells) = std::io::pipe().map_err(SetupError::at("make a pipe"))?;
    // What is hidden from the program is not hidden from this process.
    let apart = if alone(order, task).is_some() { sys::new::MOUNT } else { 0 };
    let Some(program) = sys::fork(apart).map_err(SetupError::at("start a process"))? else {
        drop(told);
        let step = start(whole, task, wires);
        let _ = send(&tells, &step.to_string());
        sys::exit(127)
    };
    drop(tells);
    // A successful exec closes the other end; otherwise it contains the error.
    let mut why = Vec::new();
    let _ = told.read_to_end(&mut why);
    let has_door = task.role.has_door();
    let status =
        if has_door { attend(program, &wires.standard[0]) } else { wait_for(program).map(Some) };
    let status = status.map_err(SetupError::at("wait for the program"))?;
    if !why.is_empty() {
        let why = serde_json::from_slice(why.get(4..).unwrap_or_default());
        return Ok(Done::Failed(why.unwrap_or_else(|_| "the program did not start".to_owned())));
    }
    if order.mode != Mode::Namespaces {
        end_children();
    }
    Ok(Done::Ended(status.map_or(Ended::Timeout, |status| end(order, status))))
}

fn wait_for(program: Pid) -> std::io::Result<WaitStatus> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => return Ok(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for a program that has a door. Each byte from the door is answered with a socket of this
/// network; when it closes, the program gets SIGTERM. `None` if it does not end then.
fn attend(program: Pid, door: &OwnedFd) -> std::io::Result<Option<WaitStatus>> {
    let ended = pidfd_open(program, PidfdFlags::empty())?;
    let door = UnixStream::from(door.try_clone()?);
    // Orphans do not wake this process.
    let tick = Timespec::try_from(limits::WATCH_TICK).map_err(std::io::Error::other)?;
    let mut stop: Option<Instant> = None;
    loop {
        let mut list = vec![PollFd::new(&ended, PollFlags::IN)];
        list.extend(stop.is_none().then(|| PollFd::new(&door, PollFlags::IN)));
        match poll(&mut list, Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if list.get(1).is_some_and(|door| !door.revents().is_empty()) && !answer(&door) {
            // It fails if the program has just ended.
            let _ = kill_process(program, Signal::TERM);
            stop = Some(Instant::now() + limits::SERVICE_STOP);
        }
        while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
            if pid == program {
                return Ok(Some(status));
            }
        }
        if stop.is_some_and(|stop| Instant::now() > stop) {
            let _ = kill_process(program, Signal::KILL);
            return wait_for(program).map(|_| None);
        }
    }
}

/// Passes a socket to the door that listens on this port.
fn host(door: &OwnedFd, port: u16) -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port))?;
    pass(&UnixStream::from(door.try_clone()?), &(), &[listener.as_fd()])
}

/// Answers a byte from the door. Gives whether the door is still open.
fn answer(door: &UnixStream) -> bool {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let asked = rustix::io::read(door, &mut [0]) == Ok(1);
    asked && {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
        socket.is_ok_and(|socket| pass(door, &(), &[socket.as_fd()]).is_ok())
    }
}

/// How a program ended. A full file system is reported as a limit.
fn end(order: &OpenRequest, status: WaitStatus) -> Ended {
    let full = match order.mode {
        Mode::Namespaces => {
            // Files on the machine's disk are measured elsewhere.
            let overlays = order.overlays().map(|mount| &*mount.at);
            let own = [Path::new(places::TEMPORARY)].into_iter().chain(overlays);
            let source = order.writable.then_some(Path::new(places::SOURCE));
            own.chain(order.session_scratch())
                .chain(source)
                .find_map(|path| accounting::mounted(path).1)
        }
        Mode::Inside | Mode::Landlock | Mode::Bare => None,
    };
    // CPU time of descendants counts too, even if they were not reaped.
    let spent = accounting::spent() > order.limits.cpu_s;
    let full = full.or(spent.then_some(Resource::Cpu));
    let status = ExitStatus::from_raw(status.as_raw());
    match (full, status.signal()) {
        (Some(resource), _) => Ended::Limit(resource),
        (_, Some(libc::SIGXCPU)) => Ended::Limit(Resource::Cpu),
        (_, Some(libc::SIGXFSZ)) => Ended::Limit(Resource::FileSize),
        (_, Some(signal)) => Ended::Signal(signal),
        (_, None) => Ended::Exit(status.code().unwrap_or(-1)),
    }
}

/// Takes the loopback interface up, and keeps its buffers at their default size, by which they are
/// counted.
pub fn loopback() -> std::io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    for name in ["tcp_rmem", "tcp_wmem"] {
        // Where this is not writable, the kernel's global TCP limit applies.
        let sizes = format!("4096 65536 {}", limits::SOCKET / 2);
        let _ = std::fs::write(Path::new("/proc/sys/net/ipv4").join(name), sizes);
    }
    sys::loopback_up(socket.as_fd())
}

/// Executes the program. Returns only on failure, with the reason.
fn start(whole: &Whole<'_>, task: &Task, wires: &Wires) -> SetupError {
    let order = whole.order;
    match prepare(whole, task, wires) {
        Err(step) => step,
        Ok(()) if task.role == TaskRole::Collect => {
            let out = wires.standard[1].try_clone().map(std::fs::File::from);
            let told = out.and_then(|out| collect::run(places::SOURCE, out));
            sys::exit(i32::from(told.is_err()))
        }
        Ok(()) if task.role == TaskRole::Selftest => {
            let wrong = selftest::wrong(order);
            if wrong.is_empty() {
                sys::exit(0)
            } else {
                SetupError::at("try the sandbox")(std::io::Error::other(wrong.join("; ")))
            }
        }
        Ok(()) => {
            let program = &task.program;
            let hidden = alone(order, task);
            let path = match hidden {
                Some(hidden) => Path::new(places::PROGRAM).join(&hidden.name),
                None => program.path.clone(),
            };
            let mut command = Command::new(path);
            if matches!(task.view, SandboxView::Alone(_)) {
                command.arg0(ALONE);
            }
            command.args(&program.args).current_dir(&program.dir).env_clear();
            command.envs(program.env.iter().map(|(key, value)| (key, value)));
            let name = program.path.display().to_string();
            SetupError::at("start the program")(std::io::Error::other(format!(
                "{name}: {}",
                command.exec()
            )))
        }
    }
}

/// What a program sees that runs alone on file systems of its own.
fn alone<'a>(order: &OpenRequest, task: &'a Task) -> Option<&'a Alone> {
    match &task.view {
        SandboxView::Alone(alone) if order.mode == Mode::Namespaces => Some(alone),
        _ => None,
    }
}

fn prepare(whole: &Whole<'_>, task: &Task, wires: &Wires) -> Result<(), SetupError> {
    let order = whole.order;
    if let Some(alone) = alone(order, task) {
        rootfs::alone(&task.program.path, alone).map_err(SetupError::at("hide the sandbox"))?;
    }
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
    let [input, output, errors] = &wires.standard;
    if task.role.has_door() {
        let nothing = std::fs::File::open("/dev/null").map_err(SetupError::at("open /dev/null"))?;
        dup2_stdin(nothing).map_err(SetupError::at("connect stdin"))?;
    } else {
        dup2_stdin(input).map_err(SetupError::at("connect stdin"))?;
    }
    dup2_stdout(output).map_err(SetupError::at("connect stdout"))?;
    dup2_stderr(errors).map_err(SetupError::at("connect stderr"))?;
    rustix::process::setsid().map_err(SetupError::at("leave the session"))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    lockdown::limit(&order.limits, others(order)).map_err(SetupError::at("set limits"))?;
    if order.mode == Mode::Bare {
        return Ok(());
    }
    let reach = reach(order, task);
    let sockets = order.mode != Mode::Landlock;
    let fenced = lockdown::files(&reach, !sockets).map_err(SetupError::at("restrict files"))?;
    if !fenced && order.mode != Mode::Namespaces {
        let why = std::io::Error::other("the kernel has no Landlock");
        return Err(SetupError::at("restrict files")(why));
    }
    lockdown::privileges().map_err(SetupError::at("give up privileges"))?;
    let shares = if sockets {
        Shares::Nothing
    } else if task.view.builds() {
        Shares::Builds
    } else {
        Shares::All
    };
    whole.filters.put(shares).map_err(SetupError::at("filter system calls"))
}

/// Processes and threads of this user outside of the sandbox.
fn others(order: &OpenRequest) -> u64 {
    match order.mode {
        Mode::Namespaces | Mode::Inside => 0,
        Mode::Landlock | Mode::Bare => accounting::threads(),
    }
}

/// The paths that a program may use.
fn reach(order: &OpenRequest, task: &Task) -> Reach {
    let paths = SandboxPaths::of(order);
    let at = |place: &Path| paths.at(place).to_owned();
    let mut write = vec![at(Path::new(places::TEMPORARY))];
    write.extend(order.program_scratch().map(at));
    write.extend(order.shared().filter(|_| task.view.builds()).map(at));
    write.extend(order.writable.then(|| at(Path::new(places::SOURCE))));
    let is_shared = matches!(order.mode, Mode::Landlock | Mode::Bare);
    if is_shared {
        write.extend(rootfs::DEVICES.map(|name| Path::new("/dev").join(name)));
    } else {
        write.push("/dev".into());
    }
    // Everything in the sandbox is readable, unless mounts cannot hide a part of it.
    let is_whole = matches!(task.view, SandboxView::Read | SandboxView::Build);
    if order.mode == Mode::Namespaces || (is_whole && !is_shared) {
        return Reach { read: vec!["/".into()], write, ..Reach::default() };
    }
    // On the machine's own file system: only harmless configuration and devices.
    let etc = rootfs::ETC.iter().chain(&rootfs::ETC_FOLDERS).chain(&rootfs::PUBLIC);
    let mut read: Vec<PathBuf> = lockdown::SYSTEM.iter().chain(etc).map(Into::into).collect();
    let source = at(Path::new(places::SOURCE));
    if let SandboxView::Alone(alone) = &task.view {
        let shown = order.mounts.iter().filter(|mount| mount.is_shown());
        read.extend(shown.map(|mount| at(&mount.at)));
        read.push(task.program.path.clone());
        read.extend(alone.starts.iter().cloned());
        let data: Vec<PathBuf> = alone.reads.iter().map(|path| source.join(path)).collect();
        let list = data.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
        read.extend(data);
        return Reach { read, list, write };
    }
    match &task.view {
        SandboxView::BuildWithout(hidden) => {
            let entries = std::fs::read_dir(&source).into_iter().flatten().flatten();
            let shown = entries.filter(|entry| entry.file_name() != hidden.as_str());
            read.extend(shown.map(|entry| entry.path()));
        }
        _ => read.push(source),
    }
    read.push("/proc".into());
    read.extend(order.mounts.iter().map(|mount| at(&mount.at)));
    read.extend(order.session_scratch().map(at));
    Reach { read, write, ..Reach::default() }
}
