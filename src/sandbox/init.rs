//! The processes between the supervisor and a program: the first of a process namespace, which
//! waits for the program and takes everything down with it, and the program's own before it starts.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus, set_dumpable_behavior,
    set_parent_process_death_signal, wait,
};

use super::errors::SetupError;
use super::paths::SandboxPaths;
use super::protocol::{Done, Mode, OpenRequest, Task, send};
use super::syscalls::Shares;
use super::{accounting, lockdown, rootfs, selftest, sys};
use crate::process::{Ended, end_children};
use crate::types::{Resource, limits, places};

/// An order with everything that belongs to it.
pub struct Whole<'a> {
    /// The order.
    pub order: &'a OpenRequest,
    /// Filters over system calls.
    pub filters: &'a lockdown::Filters,
}

/// What a program is connected to.
pub struct Wires {
    /// Where its end is told.
    pub reply: OwnedFd,
    /// Its standard input, output and error.
    pub standard: [OwnedFd; 3],
}

/// Namespaces that each program has for itself, beside a network if it is not the first; those of
/// the other kinds are its sandbox's.
pub const OWN: u64 = sys::new::MOUNT | sys::new::PID;

/// A reply's socket, to be written without another descriptor.
struct ReplySocket<'a>(&'a OwnedFd);

impl std::io::Write for ReplySocket<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The process that stands above a program. It does not return.
pub fn stand(whole: &Whole<'_>, task: &Task, network: bool, wires: &Wires) -> ! {
    // Of other programs it holds nothing.
    let [input, output, errors] = &wires.standard;
    let own = [wires.reply.as_fd(), input.as_fd(), output.as_fd(), errors.as_fd()];
    let _ = sys::close_all_but(&own);
    let done = match over(whole, task, network, wires) {
        Ok(done) => done,
        Err(step) => Done::Failed(step.to_string()),
    };
    // When nobody is there to hear it, nobody cares.
    let _ = send(ReplySocket(&wires.reply), &done);
    sys::exit(0)
}

fn over(whole: &Whole<'_>, task: &Task, network: bool, wires: &Wires) -> Result<Done, SetupError> {
    let order = whole.order;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(SetupError::at("tie to the supervisor"))?;
    if order.mode == Mode::Namespaces {
        // While `/proc` can be written.
        if network {
            loopback().map_err(SetupError::at("take loopback up"))?;
        }
        rootfs::private(order, task.builds)?;
    } else {
        rustix::process::set_child_subreaper(Pid::from_raw(1)).map_err(SetupError::at("adopt"))?;
    }
    // It holds descriptors that the program must not take from it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(SetupError::at("hide"))?;
    let (mut told, tells) = std::io::pipe().map_err(SetupError::at("make a pipe"))?;
    let Some(program) = sys::fork(0).map_err(SetupError::at("start a process"))? else {
        drop(told);
        let step = start(whole, task, wires);
        let _ = send(&tells, &step.to_string());
        sys::exit(127)
    };
    drop(tells);
    // The program's start closes the other end; whatever is said there is why it did not start.
    let mut why = Vec::new();
    let _ = told.read_to_end(&mut why);
    let status = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => break status,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(SetupError::at("wait for the program")(error)),
        }
    };
    if !why.is_empty() {
        let why = serde_json::from_slice(why.get(4..).unwrap_or_default());
        return Ok(Done::Failed(why.unwrap_or_else(|_| "it did not start".to_owned())));
    }
    if order.mode != Mode::Namespaces {
        end_children();
    }
    Ok(Done::Ended(end(order, status)))
}

/// How a program ended. A full file system is an end of its own.
fn end(order: &OpenRequest, status: WaitStatus) -> Ended {
    let full = match order.mode {
        Mode::Namespaces => {
            // What programs write on the machine's disk is measured elsewhere.
            let overlays = order.overlays().map(|mount| &*mount.at);
            let own = [Path::new(places::TEMPORARY)].into_iter().chain(overlays);
            own.chain(order.session_scratch()).find_map(|path| accounting::mounted(path).1)
        }
        Mode::Inside | Mode::Landlock | Mode::Bare => None,
    };
    // What a child of the program's used counts too, however the program took its end.
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

/// Takes the loopback interface of this process's network up, and keeps its buffers small: they are
/// counted by their usual size.
pub fn loopback() -> std::io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    for name in ["tcp_rmem", "tcp_wmem"] {
        // Where it cannot be written the kernel's own bound over all of TCP stands.
        let sizes = format!("4096 65536 {}", limits::SOCKET / 2);
        let _ = std::fs::write(Path::new("/proc/sys/net/ipv4").join(name), sizes);
    }
    sys::loopback_up(socket.as_fd())
}

/// Becomes the program. Returns only when that fails, with the reason.
fn start(whole: &Whole<'_>, task: &Task, wires: &Wires) -> SetupError {
    let order = whole.order;
    match prepare(whole, task, wires) {
        Err(step) => step,
        Ok(()) if task.selftest => {
            let wrong = selftest::wrong(order);
            if wrong.is_empty() {
                sys::exit(0)
            } else {
                SetupError::at("try the sandbox")(std::io::Error::other(wrong.join("; ")))
            }
        }
        Ok(()) => {
            let program = &task.program;
            let mut command = Command::new(&program.path);
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

fn prepare(whole: &Whole<'_>, task: &Task, wires: &Wires) -> Result<(), SetupError> {
    let order = whole.order;
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
    let [input, output, errors] = &wires.standard;
    dup2_stdin(input).map_err(SetupError::at("connect stdin"))?;
    dup2_stdout(output).map_err(SetupError::at("connect stdout"))?;
    dup2_stderr(errors).map_err(SetupError::at("connect stderr"))?;
    rustix::process::setsid().map_err(SetupError::at("leave the session"))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    lockdown::limit(&order.limits, others(order)).map_err(SetupError::at("set limits"))?;
    if order.mode == Mode::Bare {
        return Ok(());
    }
    let (read, write) = reach(order, task.builds);
    let sockets = order.mode != Mode::Landlock;
    let fenced =
        lockdown::files(&read, &write, !sockets).map_err(SetupError::at("restrict files"))?;
    if !fenced && order.mode != Mode::Namespaces {
        let why = std::io::Error::other("the kernel has no Landlock");
        return Err(SetupError::at("restrict files")(why));
    }
    lockdown::privileges().map_err(SetupError::at("give up privileges"))?;
    let shares = if sockets {
        Shares::Nothing
    } else if task.builds {
        Shares::Builds
    } else {
        Shares::All
    };
    whole.filters.put(shares).map_err(SetupError::at("filter system calls"))
}

/// Processes and threads of this user's that are none of the sandbox's.
fn others(order: &OpenRequest) -> u64 {
    match order.mode {
        Mode::Namespaces | Mode::Inside => 0,
        Mode::Landlock | Mode::Bare => accounting::threads(),
    }
}

/// What a program may read and execute, and what it may write.
fn reach(order: &OpenRequest, builds: bool) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let paths = SandboxPaths::of(order);
    let at = |place: &Path| paths.at(place).to_owned();
    let mut write = vec![at(Path::new(places::TEMPORARY))];
    write.extend(order.program_scratch().map(at));
    write.extend(order.shared().filter(|_| builds).map(at));
    match order.mode {
        Mode::Namespaces | Mode::Inside => {
            write.push("/dev".into());
            // All there is, is there to be read.
            (vec!["/".into()], write)
        }
        Mode::Landlock | Mode::Bare => {
            // The machine's own: of its configuration and devices the harmless parts.
            let etc = rootfs::ETC.iter().chain(&rootfs::ETC_FOLDERS).chain(&rootfs::PUBLIC);
            let mut read: Vec<PathBuf> =
                lockdown::SYSTEM.iter().chain(etc).map(Into::into).collect();
            read.extend(["/proc".into(), at(Path::new(places::SOURCE))]);
            read.extend(order.mounts.iter().map(|mount| at(&mount.at)));
            read.extend(order.session_scratch().map(at));
            write.extend(rootfs::DEVICES.map(|name| Path::new("/dev").join(name)));
            (read, write)
        }
    }
}
