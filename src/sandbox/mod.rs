//! Runs untrusted programs in isolation.
//!
//! [`Sandbox::open`] starts a supervisor: a process of regen's own program, which builds the
//! sandbox and lives as long as the [`Session`]. Programs of a session share only its build folder,
//! and a [`SandboxView`] may show them less of it; the only results are exit status and output.
#![expect(clippy::disallowed_methods, reason = "the one edge that keeps programs apart")]

mod backend;
mod bwrap;
mod collect;
mod door;
mod errors;
mod folders;
mod host;
mod joined;
mod macos;
mod paths;
mod protocol;
mod probe;
mod session;
mod spec;
mod view;
mod wire;
mod work;

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod lockdown;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod zygote;
#[cfg(target_os = "linux")]
mod rootfs;
#[cfg(target_os = "linux")]
mod selftest;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod accounting;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod history;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(target_os = "linux")]
mod syscalls;

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream as Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::types::{Isolation, limits};

use backend::SUPERVISOR;
pub use backend::{Backend, Bare, Landlock, Namespaces};
pub use bwrap::Bwrap;
pub use collect::LeftFiles;
pub use door::Door;
use errors::failed;
pub use errors::{SandboxError, SetupError};
pub use folders::{is_left, mark, remove};
pub use joined::{JoinedOutput, JoinedProgram};
pub use macos::SandboxExec;
pub use paths::SandboxPaths;
pub use probe::{Missing, Probe, attempt, probe};
use protocol::{FileList, Mode, OpenRequest, Opened, StartRequest};
pub use session::Session;
use session::ZygoteSocket;
pub use spec::{Egress, Mount, MountMode, SandboxSpec, Scratch};
pub use view::{Alone, SandboxView};
use wire::{async_stream, hear, pass};
pub use work::{WorkOrder, WorkSandbox};

/// Returns unused memory to the system: a daemon is idle after reading a whole workspace.
pub fn give_back_memory() {
    #[cfg(target_os = "linux")]
    sys::trim();
}

const MIB: u64 = 1024 * 1024;

/// Becomes a supervisor if this process was started as one.
pub fn keep(mut args: impl Iterator<Item = std::ffi::OsString>) {
    if args.nth(1).is_some_and(|arg| arg == OsStr::new(SUPERVISOR)) {
        #[cfg(target_os = "linux")]
        zygote::main();
    }
}

/// A working isolation backend.
#[derive(Clone, Debug)]
pub struct Sandbox {
    supervisor: PathBuf,
    backend: Arc<dyn Backend>,
    rooms: PathBuf,
    zygote: ZygoteSocket,
    memory: Arc<Semaphore>,
    total: u32,
}

impl Sandbox {
    /// A sandbox with a backend that is not tried first. `supervisor` is regen's program; `cache`
    /// the machine's cache folder; `memory` the limit of all open sessions together, in MiB.
    pub fn new(supervisor: &Path, backend: Arc<dyn Backend>, cache: &Path, memory: u64) -> Self {
        let total = u32::try_from(memory).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        Self {
            supervisor: supervisor.to_owned(),
            backend,
            rooms: cache.join("rooms"),
            zygote: Arc::default(),
            memory: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// The file of regen's program, if it is still there.
    pub fn program(&self) -> Option<PathBuf> {
        std::fs::canonicalize(&self.supervisor).ok()
    }

    /// Its isolation level.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// Opens a sandbox, once memory for it is free.
    ///
    /// # Errors
    /// It could not be built; an error of the environment.
    pub async fn open(&self, policy: &SandboxSpec) -> Result<Session, SandboxError> {
        let memory = self.reserve(&[policy]).await?;
        self.open_with(policy, memory).await
    }

    /// Opens two sandboxes, once memory for both is free: neither waits for more while it has some.
    ///
    /// # Errors
    /// One could not be built; an error of the environment.
    pub async fn open_pair(
        &self,
        one: &SandboxSpec,
        other: &SandboxSpec,
    ) -> Result<(Session, Session), SandboxError> {
        let memory = self.reserve(&[one, other]).await?;
        let first = self.open_with(one, memory.clone()).await?;
        Ok((first, self.open_with(other, memory).await?))
    }

    async fn reserve(
        &self,
        specs: &[&SandboxSpec],
    ) -> Result<Arc<OwnedSemaphorePermit>, SandboxError> {
        let each = specs.iter().map(|spec| spec.limits.memory / MIB);
        let wanted = each.fold(0, u64::saturating_add);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let memory = self.memory.clone().acquire_many_owned(wanted.clamp(1, self.total));
        memory.await.map(Arc::new).map_err(failed)
    }

    async fn open_with(
        &self,
        policy: &SandboxSpec,
        memory: Arc<OwnedSemaphorePermit>,
    ) -> Result<Session, SandboxError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let room = self.rooms.join(format!("{}-{count}", mark()));
        if self.has_mounts()
            && let Some(why) = spec::conflict(policy)
        {
            return Err(failed(why));
        }
        std::fs::create_dir_all(&self.rooms).map_err(failed)?;
        let order = OpenRequest::of(policy, Mode::Bare, room);
        let mut begin = StartRequest { order, cgroup: None };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let zygote = match self.backend.launch(&self.supervisor, &mut begin) {
            Some(command) => {
                let zygote = start(command).map_err(failed)?;
                pass(&zygote, &begin, &[theirs.as_fd()]).map_err(failed)?;
                Arc::new(Mutex::new(Some(zygote)))
            }
            None => {
                self.ask_zygote(&begin, &theirs)?;
                self.zygote.clone()
            }
        };
        drop(theirs);
        let control = async_stream(ours.try_clone().map_err(failed)?)?;
        let said = tokio::time::timeout(limits::SANDBOX_START, hand_over(control, &policy.files));
        let without = match said.await {
            Ok(Ok(Opened::Ready { without })) => without,
            Ok(Ok(Opened::Failed { why })) => return Err(failed(why)),
            Ok(Err(error)) => return Err(failed(format!("{}: {error}", self.backend.name()))),
            Err(_) => return Err(failed("it did not open in time")),
        };
        ours.set_nonblocking(false).map_err(failed)?;
        let cgroup = begin.cgroup;
        let paths = SandboxPaths::of(&begin.order);
        let limits = policy.limits;
        Ok(Session {
            control: ours,
            paths,
            limits,
            without,
            cgroup,
            _zygote: zygote,
            _memory: memory,
            listener: None,
        })
    }

    /// Starts a supervisor for the other end of this socket.
    fn ask_zygote(&self, how: &StartRequest, socket: &UnixStream) -> Result<(), SandboxError> {
        let mut zygote = self.zygote.lock().map_err(failed)?;
        if let Some(stream) = &*zygote
            && pass(stream, how, &[socket.as_fd()]).is_ok()
        {
            return Ok(());
        }
        // Not started yet, or gone.
        let mut command = tokio::process::Command::new(&self.supervisor);
        command.arg(SUPERVISOR);
        let stream = start(command).map_err(failed)?;
        pass(&stream, how, &[socket.as_fd()]).map_err(failed)?;
        *zygote = Some(stream);
        Ok(())
    }

    /// The path of a read-only mount for programs, before its sandbox is open; equal to
    /// [`SandboxPaths::at`] afterwards.
    pub fn shows<'a>(&self, mount: &'a Mount) -> &'a Path {
        if self.has_mounts() { &mount.at } else { &mount.source }
    }

    /// Whether its programs have their own file system.
    pub fn has_mounts(&self) -> bool {
        self.backend.level() >= Isolation::NAMESPACES
    }

    /// Removes folders of sessions whose regen is gone.
    ///
    /// # Errors
    /// I/O errors.
    pub fn sweep(&self) -> io::Result<()> {
        let mut failed = Ok(());
        for entry in std::fs::read_dir(&self.rooms).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if is_left(&name.to_string_lossy(), &entry.path())
                && let Err(error) = remove(&entry.path())
            {
                failed = Err(error);
            }
        }
        failed
    }
}

/// Starts a program with a socket as standard input. It ends when the socket is closed.
fn start(mut command: tokio::process::Command) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    command
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().map(|_| ours)
}

async fn hand_over(mut control: Stream, files: &[(String, Vec<u8>)]) -> io::Result<Opened> {
    let list: FileList = files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect();
    let mut text = Vec::new();
    protocol::send(&mut text, &list)?;
    control.write_all(&text).await?;
    for (_, bytes) in files {
        control.write_all(bytes).await?;
    }
    hear(&mut control).await
}
