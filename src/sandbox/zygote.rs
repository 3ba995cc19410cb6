//! The zygote: a small single-threaded process that forks all supervisors, so that the cost does
//! not depend on regen's size.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, set_child_subreaper, waitpid,
};

use super::lockdown::Filters;
use super::namespaces::Spare;
use super::protocol::{Mode, OpenRequest, StartRequest, send};
use super::supervisor::answer;
use super::wire::take;
use super::{cgroup, sys};
use crate::process::{children, end_children};
use crate::types::limits;

/// Makes supervisors for the regen at the other end of standard input, until that closes. Does not
/// return.
pub fn main() -> ! {
    let code = match zygote() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    sys::exit(code)
}

/// Idle time before the next sandbox is prepared, in nanoseconds.
const PAUSE: i64 = 10_000_000;

/// A running supervisor.
struct RunningSupervisor {
    pid: Pid,
    control: UnixStream,
    cgroup: Option<PathBuf>,
    mode: Mode,
}

struct Zygote {
    orders: UnixStream,
    filters: Filters,
    kept: Vec<RunningSupervisor>,
    /// A prepared sandbox like the last one.
    ahead: Option<Ahead>,
    /// The order for the next prepared sandbox.
    next: Option<OpenRequest>,
}

/// A prepared sandbox.
struct Ahead {
    spare: Spare,
    order: OpenRequest,
    /// The shown folders, by device and inode.
    shown: Vec<Option<(u64, u64)>>,
    made: Instant,
}

impl Ahead {
    fn make(order: OpenRequest, filters: &Filters) -> Option<Self> {
        let shown = shown(&order);
        let spare = Spare::make(&order, filters).ok()?;
        Some(Self { spare, order, shown, made: Instant::now() })
    }

    /// Whether it equals a new one.
    fn is(&self, order: &OpenRequest) -> bool {
        self.order == *order
            && self.made.elapsed() < limits::SANDBOX_AHEAD
            && self.shown == shown(order)
    }
}

/// Device and inode of the folders and files that an order shows.
fn shown(order: &OpenRequest) -> Vec<Option<(u64, u64)>> {
    let known = |path: &Path| path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
    order.mounts.iter().map(|mount| known(&mount.source)).collect()
}

fn zygote() -> io::Result<()> {
    let _ = sys::close_all_but(&[]);
    let orders = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    set_child_subreaper(Pid::from_raw(1))?;
    // If the machine runs out of memory, descendants are killed first.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let filters = Filters::assemble();
    let mut zygote = Zygote { orders, filters, kept: Vec::new(), ahead: None, next: None };
    while zygote.wait()? {
        let Some((start, [control])) = take::<StartRequest, 1>(&zygote.orders)? else { break };
        zygote.place(start, UnixStream::from(control));
    }
    zygote.close();
    Ok(())
}

impl Zygote {
    /// Waits for an order, and reaps supervisors. Gives whether there may be an order.
    fn wait(&mut self) -> io::Result<bool> {
        loop {
            let ends = self.kept.iter().map(|one| pidfd_open(one.pid, PidfdFlags::empty()));
            let ends: Vec<OwnedFd> = ends.collect::<Result<_, _>>()?;
            let mut list = vec![PollFd::new(&self.orders, PollFlags::IN)];
            list.extend(ends.iter().map(|end| PollFd::new(end, PollFlags::IN)));
            // Not while the last sandbox's first program starts.
            let pause = self.next.is_some().then_some(&Timespec { tv_sec: 0, tv_nsec: PAUSE });
            match poll(&mut list, pause) {
                Ok(0) => {
                    let next = self.next.take();
                    self.ahead = next.and_then(|order| Ahead::make(order, &self.filters));
                    continue;
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready = !list[0].revents().is_empty();
            let ended = (0..self.kept.len()).rev().filter(|at| !list[at + 1].revents().is_empty());
            for at in ended.collect::<Vec<_>>() {
                let one = self.kept.swap_remove(at);
                let _ = waitpid(Some(one.pid), WaitOptions::empty());
                let _ = send(&one.control, &cgroup::leave(one.cgroup.as_deref()));
                // With a pid namespace there are none.
                if one.mode != Mode::Namespaces {
                    self.end_strays();
                }
            }
            if ready {
                return Ok(true);
            }
        }
    }

    /// Kills what a killed supervisor left behind.
    fn end_strays(&self) {
        let spare = self.ahead.as_ref().and_then(|ahead| ahead.spare.pid());
        for pid in children() {
            if Some(pid) != spare && !self.kept.iter().any(|one| one.pid == pid) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }

    /// Passes an order's socket to a supervisor.
    fn place(&mut self, StartRequest { order, cgroup }: StartRequest, control: UnixStream) {
        let group = cgroup.as_deref();
        let make = || Spare::make(&order, &self.filters)?.hand_over(group, &control);
        let placed = match self.ahead.take().filter(|ahead| ahead.is(&order)) {
            // A killed one is replaced.
            Some(ahead) => ahead.spare.hand_over(group, &control).or_else(|_| make()),
            None => make(),
        };
        match placed {
            Ok(pid) => {
                self.kept.push(RunningSupervisor { pid, control, cgroup, mode: order.mode });
                // A sandbox that writes to a folder of the machine is not prepared in advance.
                let once = order.written().next().is_some();
                let again = order.mode == Mode::Namespaces && !once;
                self.next = again.then_some(order);
            }
            Err(step) => answer(&control, &step),
        }
    }

    /// Regen is gone, which supervisors notice too. Waits for them, then kills what is left.
    fn close(self) {
        drop(self.ahead);
        let patience = Instant::now() + limits::KILL_GRACE;
        for one in self.kept {
            while waitpid(Some(one.pid), WaitOptions::NOHANG).is_ok_and(|ended| ended.is_none()) {
                if Instant::now() > patience {
                    let _ = kill_process(one.pid, Signal::KILL);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            cgroup::leave(one.cgroup.as_deref());
        }
        end_children();
    }
}
