//! An open sandbox, from regen's side.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream as Stream;
use tokio::net::unix::pipe;
use tokio::sync::OwnedSemaphorePermit;

use super::errors::{SandboxError, failed};
use super::paths::SandboxPaths;
use super::protocol::{Done, Task, TaskRole};
use super::view::SandboxView;
use super::wire::{async_stream, hear, pass};
use crate::process::{CappedOutput, Ended, Listener, Output, Program};
use crate::types::{Limits, Resource, limits};

/// The socket to the zygote. Closing it ends the zygote and all supervisors.
pub type ZygoteSocket = Arc<Mutex<Option<UnixStream>>>;

/// The descriptors of a task.
pub(super) struct TaskWires {
    /// Its standard input.
    pub(super) input: OwnedFd,
    /// Where regen writes that input.
    pub(super) feed: Option<pipe::Sender>,
    /// Its standard output.
    pub(super) output: OwnedFd,
    /// Where regen reads that output.
    pub(super) read: Option<pipe::Receiver>,
}

/// An open sandbox. Dropping it ends all its processes.
#[derive(Debug)]
pub struct Session {
    pub(super) control: UnixStream,
    pub(super) _zygote: ZygoteSocket,
    pub(super) paths: SandboxPaths,
    pub(super) limits: Limits,
    pub(super) without: Vec<String>,
    pub(super) cgroup: Option<PathBuf>,
    pub(super) _memory: Arc<OwnedSemaphorePermit>,
    pub(super) listener: Option<Listener>,
}

impl Session {
    /// Paths for its programs.
    pub fn paths(&self) -> &SandboxPaths {
        &self.paths
    }

    /// What the sandbox lacks.
    pub fn without(&self) -> &[String] {
        &self.without
    }

    /// Passes all output of its programs to this receiver.
    pub fn listen(&mut self, listener: Option<Listener>) {
        self.listener = listener;
    }

    /// Whether a control group limits memory and processes.
    pub fn in_control_group(&self) -> bool {
        self.cgroup.is_some()
    }

    /// Runs a program to its end. When this returns, all its processes have ended. `builds` makes
    /// the build folder writable.
    ///
    /// # Errors
    /// The sandbox failed.
    pub async fn run(&self, program: &Program, builds: bool) -> Result<Output, SandboxError> {
        let view = if builds { SandboxView::Build } else { SandboxView::Read };
        self.run_in(view, program).await
    }

    /// Runs a program that sees only part of the sandbox.
    ///
    /// # Errors
    /// The sandbox failed.
    pub async fn run_in(
        &self,
        view: SandboxView,
        program: &Program,
    ) -> Result<Output, SandboxError> {
        self.task(Task { program: program.clone(), view, role: TaskRole::Program }).await
    }

    pub(super) async fn task(&self, task: Task) -> Result<Output, SandboxError> {
        let (input, feed) = match &task.program.stdin {
            None => (OwnedFd::from(std::fs::File::open("/dev/null").map_err(failed)?), None),
            Some(_) => {
                let (read, write) = io::pipe().map_err(failed)?;
                let write = pipe::Sender::from_owned_fd(write.into()).map_err(failed)?;
                (read.into(), Some(write))
            }
        };
        let (out, output) = io::pipe().map_err(failed)?;
        let out = pipe::Receiver::from_owned_fd(out.into()).map_err(failed)?;
        let wires = TaskWires { input, feed, output: output.into(), read: Some(out) };
        self.wired(task, wires).await
    }

    /// Runs a task over these descriptors.
    pub(super) async fn wired(&self, task: Task, wires: TaskWires) -> Result<Output, SandboxError> {
        let started = Instant::now();
        let TaskWires { input, feed, output, read } = wires;
        let (reply, theirs) = UnixStream::pair().map_err(failed)?;
        let (err, their_err) = io::pipe().map_err(failed)?;
        let passed = [theirs.as_fd(), input.as_fd(), output.as_fd(), their_err.as_fd()];
        let told = Task { program: Program { stdin: None, ..task.program.clone() }, ..task };
        pass(&self.control, &told, &passed).map_err(failed)?;
        drop((theirs, input, output, their_err));
        let reply = async_stream(reply)?;
        let err = pipe::Receiver::from_owned_fd(err.into()).map_err(failed)?;
        let patience = told.program.timeout.saturating_add(limits::SANDBOX_START);
        let bytes = task.program.stdin.as_deref();
        let (ended, stdout, stderr) = self.follow(reply, read, err, feed, bytes, patience).await?;
        Ok(Output {
            ended,
            dropped: stdout.dropped + stderr.dropped,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            elapsed: started.elapsed(),
        })
    }

    /// Feeds a program, reads its output and waits for its end.
    async fn follow(
        &self,
        mut reply: Stream,
        out: Option<pipe::Receiver>,
        err: pipe::Receiver,
        input: Option<pipe::Sender>,
        bytes: Option<&[u8]>,
        patience: Duration,
    ) -> Result<(Ended, CappedOutput, CappedOutput), SandboxError> {
        let kept = || CappedOutput { listener: self.listener.clone(), ..CappedOutput::default() };
        let (mut stdout, mut stderr) = (kept(), kept());
        let feed = async {
            if let (Some(mut pipe), Some(bytes)) = (input, bytes) {
                // A program may close its stdin without reading; not an error.
                let _ = pipe.write_all(bytes).await;
            }
            Ok(())
        };
        let most = self.limits.output;
        let ended = {
            let drain = async {
                let (out, err) = (stdout.drain(out, most), stderr.drain(Some(err), most));
                tokio::try_join!(out, err, feed).is_err()
            };
            let mut drain = std::pin::pin!(drain);
            let mut flooded = None;
            let ended = {
                let mut done = std::pin::pin!(tokio::time::timeout(patience, hear(&mut reply)));
                loop {
                    tokio::select! {
                        said = &mut done => break said.map_err(|_| failed("a program did not end in time"))?,
                        flood = &mut drain, if flooded.is_none() => {
                            flooded = Some(flood);
                            if flood {
                                break Ok(Done::Ended(Ended::Limit(Resource::Output)));
                            }
                        }
                    }
                }
            };
            let ended = match ended {
                // The kernel kills a group's processes one by one: the waiting one may still report
                // the first.
                Ok(Done::Ended(Ended::Signal(9))) => {
                    self.ran_out().await.unwrap_or(Ended::Signal(9))
                }
                Ok(Done::Ended(ended)) => ended,
                Ok(Done::Failed(why)) => return Err(failed(why)),
                // The supervisor was not killed by regen: probably from inside, so this counts as
                // the program's end, not as an error of the sandbox.
                Err(_) => self.last_words().await.map_or(Ended::Signal(9), Ended::Limit),
            };
            // Kills a program that still runs.
            let _ = reply.shutdown().await;
            // The supervisor closes it once all descendants are gone.
            let mut rest = [0; 64];
            let gone = async { while matches!(reply.read(&mut rest).await, Ok(1..)) {} };
            let _ = tokio::time::timeout(limits::SANDBOX_START, gone).await;
            if flooded.is_none() {
                flooded = tokio::time::timeout(limits::KILL_GRACE, &mut drain).await.ok();
            }
            if flooded == Some(true) { Ended::Limit(Resource::Output) } else { ended }
        };
        Ok((ended, stdout, stderr))
    }

    /// Whether the kernel killed the sandbox's control group for lack of memory.
    async fn ran_out(&self) -> Option<Ended> {
        let Ok(events) = std::fs::read_to_string(self.cgroup.as_ref()?.join("memory.events"))
        else {
            // Then the supervisor is gone too, and the group with it.
            return self.last_words().await.map(Ended::Limit);
        };
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        let killed = killed.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0) > 0;
        killed.then_some(Ended::Limit(Resource::Memory))
    }

    /// Why the supervisor is gone.
    async fn last_words(&self) -> Option<Resource> {
        let mut control = async_stream(self.control.try_clone().ok()?).ok()?;
        // Its socket closes before its memory is freed, and only then is its end reported.
        let said =
            tokio::time::timeout(limits::SANDBOX_START, hear::<Option<Resource>>(&mut control));
        said.await.ok()?.ok()?
    }

    /// Ends all processes and waits until they are gone.
    pub async fn close(self) {
        // The supervisor sees the closed socket and exits, which closes its end.
        let _ = self.control.shutdown(std::net::Shutdown::Write);
        if let Ok(mut control) = self.control.try_clone().map_err(failed).and_then(async_stream) {
            let mut rest = [0; 64];
            let gone = async { while matches!(control.read(&mut rest).await, Ok(1..)) {} };
            let _ = tokio::time::timeout(limits::SANDBOX_START, gone).await;
        }
    }
}
