//! The nursery: a small process with one thread, from which every sandbox's keeper is made, so that
//! making one costs the same however large regen is.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, set_child_subreaper, waitpid,
};

use super::fence::Filters;
use super::keeper::{answer, keep, take};
use super::namespaces::Spare;
use super::order::{Mode, Start, send};
use super::{Step, cgroup, sys};
use crate::process::{children, end_children};
use crate::types::limits;

/// Makes keepers for the regen at the other end of standard input, until that closes. It does not
/// return.
pub fn main() -> ! {
    let code = match nursery() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    sys::exit(code)
}

/// A keeper at work.
struct Kept {
    pid: Pid,
    control: UnixStream,
    cgroup: Option<PathBuf>,
    mode: Mode,
}

struct Nursery {
    orders: UnixStream,
    filters: Filters,
    kept: Vec<Kept>,
    /// A process that only waits for its order, and the user it is outside: one is made ahead.
    spare: Option<(Spare, Option<u32>)>,
}

fn nursery() -> io::Result<()> {
    let _ = sys::close_all_but(&[]);
    let orders = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    set_child_subreaper(Pid::from_raw(1))?;
    // When the machine's own memory runs out, what is below this goes first.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let filters = Filters::compile()?;
    let mut nursery = Nursery { orders, filters, kept: Vec::new(), spare: None };
    while nursery.wait()? {
        let Some((start, [control])) = take::<Start, 1>(&nursery.orders)? else { break };
        nursery.place(start, UnixStream::from(control));
    }
    nursery.close();
    Ok(())
}

impl Nursery {
    /// Waits for an order, and sees to keepers that ended. Whether there may be one.
    fn wait(&mut self) -> io::Result<bool> {
        loop {
            let ends = self.kept.iter().map(|one| pidfd_open(one.pid, PidfdFlags::empty()));
            let ends: Vec<OwnedFd> = ends.collect::<Result<_, _>>()?;
            let mut list = vec![PollFd::new(&self.orders, PollFlags::IN)];
            list.extend(ends.iter().map(|end| PollFd::new(end, PollFlags::IN)));
            match poll(&mut list, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready = !list[0].revents().is_empty();
            let ended = (0..self.kept.len()).rev().filter(|at| !list[at + 1].revents().is_empty());
            for at in ended.collect::<Vec<_>>() {
                let one = self.kept.swap_remove(at);
                let _ = waitpid(Some(one.pid), WaitOptions::empty());
                let _ = send(&one.control, &cgroup::leave(one.cgroup.as_deref()));
                // Behind a process namespace there are none.
                if one.mode != Mode::Namespaces {
                    self.end_strays();
                }
            }
            if ready {
                return Ok(true);
            }
        }
    }

    /// Ends what a keeper that was ended itself has left.
    fn end_strays(&self) {
        let spare = self.spare.as_ref().and_then(|(spare, _)| spare.pid());
        for pid in children() {
            if Some(pid) != spare && !self.kept.iter().any(|one| one.pid == pid) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }

    /// Gives an order's socket to a keeper.
    fn place(&mut self, start: Start, control: UnixStream) {
        let spare = self
            .spare
            .take()
            .filter(|(_, run_as)| start.mode == Mode::Namespaces && *run_as == start.run_as);
        let make = || self.make(start.mode, start.run_as)?.hand_over(&start, &control);
        let placed = match spare {
            // One that somebody ended is replaced.
            Some((spare, _)) => spare.hand_over(&start, &control).or_else(|_| make()),
            None => make(),
        };
        match placed {
            Ok(pid) => {
                let run_as = start.run_as;
                let (cgroup, mode) = (start.cgroup, start.mode);
                self.kept.push(Kept { pid, control, cgroup, mode });
                if start.mode == Mode::Namespaces {
                    self.spare = self.make(start.mode, run_as).ok().map(|spare| (spare, run_as));
                }
            }
            Err(step) => answer(&control, &step),
        }
    }

    fn make(&self, mode: Mode, run_as: Option<u32>) -> Result<Spare, Step> {
        Spare::make(mode, run_as, |control| keep(control, &self.filters))
    }

    /// Regen is gone, which every keeper sees too. They clear up; what is left then ends here.
    fn close(self) {
        drop(self.spare);
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
