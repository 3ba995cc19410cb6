//! Runs programs: separate process group, cleared environment, closed or given stdin, bounded
//! output, timeout for the whole group.
#![expect(clippy::disallowed_methods, reason = "the one edge that starts processes")]

mod secrets;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

pub use secrets::{conceal, without_secrets};

use crate::types::text::visible;
use crate::types::{Resource, limits};

/// Protects this process's memory: no core dumps, and no ptrace by other programs of the user.
pub fn keep_private() {
    use rustix::process::{Resource as Kind, Rlimit, setrlimit};
    // Defence in depth; failures are ignored.
    // RLIMIT_CORE 0 does not stop a core_pattern pipe, 1 does.
    let _ = setrlimit(Kind::Core, Rlimit { current: Some(1), maximum: Some(1) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Kills all children of this process, and orphans that become its children.
pub fn end_children() {
    // Each round finds orphans of the processes killed before.
    let end = Instant::now() + limits::KILL_GRACE;
    loop {
        let children = children();
        for pid in &children {
            // Fails if the process is already gone.
            let _ = kill_process(*pid, Signal::KILL);
            let _ = waitpid(Some(*pid), WaitOptions::NOHANG);
        }
        if children.is_empty() || Instant::now() > end {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The children of this process.
pub fn children() -> Vec<Pid> {
    let mine = std::process::id().to_string();
    let is_mine = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may contain anything; state and parent follow it.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        behind.split_whitespace().nth(1) == Some(&mine)
    };
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(is_mine).filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// A program to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Absolute path.
    pub path: PathBuf,
    /// Arguments.
    pub args: Vec<OsString>,
    /// Working directory.
    pub dir: PathBuf,
    /// The whole environment.
    pub env: Vec<(String, OsString)>,
    /// Its standard input; `None` closes it.
    pub stdin: Option<Vec<u8>>,
    /// Wall-clock timeout.
    pub timeout: Duration,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// With an exit status.
    Exit(i32),
    /// Killed by a signal.
    Signal(i32),
    /// Killed by regen at its timeout.
    Timeout,
    /// Killed by regen or the kernel at a resource limit.
    Limit(Resource),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exited with status {status}"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::Timeout => f.write_str("timed out"),
            Self::Limit(resource) => write!(f, "exceeded its limit of {}", resource.word()),
        }
    }
}

/// The result of a program.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub ended: Ended,
    /// The first `limits::OUTPUT_BYTES` of its standard output.
    pub stdout: Vec<u8>,
    /// The same of its standard error.
    pub stderr: Vec<u8>,
    /// Bytes beyond that, which were dropped.
    pub dropped: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
}

impl Output {
    /// Standard output as text, without secrets.
    pub fn text(&self) -> String {
        without_secrets(&String::from_utf8_lossy(&self.stdout))
    }

    /// Standard error as text, without secrets.
    pub fn errors(&self) -> String {
        without_secrets(&String::from_utf8_lossy(&self.stderr))
    }

    /// Both, as stored for people.
    pub fn evidence(&self) -> Vec<u8> {
        visible(&(self.text() + &self.errors())).into_bytes()
    }

    /// Whether it ended with status 0.
    pub fn succeeded(&self) -> bool {
        self.ended == Ended::Exit(0)
    }
}

/// A program that could not be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {program}: {source}")]
pub struct ProcessError {
    program: String,
    source: std::io::Error,
}

/// Kills the process group when dropped, so that Ctrl-C leaves nothing behind.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // Fails if the group is already gone.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Runs a program to its end. When this returns, its process group was killed.
///
/// # Errors
/// The program cannot be started or waited for.
pub async fn run(program: &Program) -> Result<Output, ProcessError> {
    let name = program.path.display().to_string();
    let failed = |source| ProcessError { program: name.clone(), source };
    let started = Instant::now();
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .current_dir(&program.dir)
        .env_clear()
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .stdin(if program.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (mut stdout, mut stderr) = (CappedOutput::default(), CappedOutput::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let input = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(bytes)) = (input, &program.stdin) {
            // A program may close its stdin without reading; not an error.
            let _ = pipe.write_all(bytes).await;
        }
    };
    let ended = {
        let most = u64::MAX;
        let drain = async { tokio::join!(stdout.drain(out, most), stderr.drain(err, most), feed) };
        let mut drain = std::pin::pin!(drain);
        let mut drained = false;
        let mut wait = std::pin::pin!(tokio::time::timeout(program.timeout, child.wait()));
        let status = loop {
            tokio::select! {
                status = &mut wait => break status,
                _ = &mut drain, if !drained => drained = true,
            }
        };
        if status.is_err() {
            group.signal(Signal::TERM);
            tokio::select! {
                () = tokio::time::sleep(limits::KILL_GRACE) => {},
                _ = &mut drain, if !drained => drained = true,
            }
        }
        group.signal(Signal::KILL);
        // Processes that left the group and hold a pipe open are not waited for.
        if !drained {
            let _ = tokio::time::timeout(limits::KILL_GRACE, &mut drain).await;
        }
        status
    };
    let ended = match ended {
        Err(_) => {
            let _ = child.wait().await;
            Ended::Timeout
        }
        Ok(status) => end_of(status.map_err(failed)?),
    };
    let dropped = stdout.dropped + stderr.dropped;
    let (stdout, stderr) = (stdout.bytes, stderr.bytes);
    Ok(Output { ended, stdout, stderr, dropped, elapsed: started.elapsed() })
}

fn end_of(status: std::process::ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match status.code() {
        Some(code) => Ended::Exit(code),
        None => Ended::Signal(status.signal().unwrap_or(0)),
    }
}

type Hears = dyn Fn(&[u8]) + Send + Sync;

/// Receives a program's output while it runs.
#[derive(Clone)]
pub struct Listener(pub Arc<Hears>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

/// The output limit was exceeded.
pub(crate) struct Flood;

/// The first bytes of a stream; the rest is counted and dropped, so that the writer never blocks.
#[derive(Default)]
pub(crate) struct CappedOutput {
    pub(crate) bytes: Vec<u8>,
    pub(crate) dropped: u64,
    pub(crate) listener: Option<Listener>,
}

impl CappedOutput {
    /// Reads to the end; more than `most` bytes are an error.
    pub(crate) async fn drain<R: AsyncRead + Unpin>(
        &mut self,
        pipe: Option<R>,
        most: u64,
    ) -> Result<(), Flood> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            if let Some(Listener(hear)) = &self.listener {
                hear(&buffer[..count]);
            }
            let room = limits::OUTPUT_BYTES.saturating_sub(self.bytes.len()).min(count);
            self.bytes.extend_from_slice(&buffer[..room]);
            self.dropped += (count - room) as u64;
            if self.bytes.len() as u64 + self.dropped > most {
                return Err(Flood);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Ended, Program, run};
    use std::time::Duration;

    fn sh(script: &str, timeout_ms: u64) -> Program {
        Program {
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            dir: "/".into(),
            env: vec![("A".to_owned(), "b".into())],
            stdin: None,
            timeout: Duration::from_millis(timeout_ms),
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn status_output_and_environment() {
        let output = block_on(run(&sh("env; echo err >&2; exit 3", 5000))).expect("runs");
        assert_eq!(output.ended, Ended::Exit(3));
        assert!(output.text().contains("A=b") && !output.text().contains("HOME="));
        assert_eq!(output.errors(), "err\n");
    }

    #[test]
    fn a_timeout_kills_the_whole_group_even_if_it_ignores_sigterm() {
        let script = "trap '' TERM; (trap '' TERM; while :; do :; done) & while :; do :; done";
        let output = block_on(run(&sh(script, 100))).expect("runs");
        assert_eq!(output.ended, Ended::Timeout);
        assert!(output.elapsed < Duration::from_secs(5));
    }

    #[test]
    fn output_is_bounded_and_orphans_holding_the_pipe_are_not_awaited() {
        let output = block_on(run(&sh("head -c 20000000 /dev/zero", 5000))).expect("runs");
        assert_eq!(output.stdout.len(), 1024 * 1024);
        assert_eq!(output.dropped, 20_000_000 - 1024 * 1024);
        let output = block_on(run(&sh("setsid sleep 3 & echo done", 5000))).expect("runs");
        assert!(output.elapsed < Duration::from_secs(2), "{:?}", output.elapsed);
    }
}
