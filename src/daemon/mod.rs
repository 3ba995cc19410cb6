//! Continuous regeneration: what people change is planned and performed as they change it.
//!
//! A door over the engine. It decides nothing: the agenda says which job starts, the watcher when
//! something has changed, the planner what follows from it, and people what they want otherwise.
#![expect(clippy::disallowed_methods, reason = "the daemon reads the clock and serves its socket")]

mod api_error;
pub mod client;
pub mod hooks;
mod live_state;
mod metrics;
mod commands;
mod door;
mod plan;
mod request;
mod serve;
pub mod otlp;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::select_all;
use tokio::sync::mpsc::{Receiver, channel};

use crate::engine::{Engine, Options};
use crate::pipeline::{Backoff, JobStatus, Scheduler};
use crate::sandbox::{Probe, give_back_memory};
use crate::types::ToolEnv;
use crate::types::{Diagnosis, Fault, JobOutcome, RateLimit, Schedule, SpecId, limits};
use crate::watch::Watcher;
use crate::workspace::{CommandError, Workspace, WorkspaceLayout, load_harness};

pub use live_state::{Head, LiveState, SpecRow, Stand};
pub use request::{Answer, Command, CommandRequest, OrderBody, Refusal};
pub use serve::{Api, Web};

/// What a daemon works with.
pub struct Daemon {
    /// The workspace.
    pub places: WorkspaceLayout,
    /// Where tools are looked for.
    pub wanted: ToolEnv,
    /// How candidates are kept apart.
    pub isolation: Arc<Probe>,
    /// How jobs are performed; what it says of specs does not count.
    pub options: Options,
    /// What it shows.
    pub hub: Arc<LiveState>,
    /// Who is told of what is no event of a job.
    pub views: Vec<Arc<dyn View>>,
}

/// What a person should know of a daemon.
#[derive(Debug)]
pub enum Notice<'a> {
    /// The workspace was read.
    Read(&'a Workspace),
    /// It cannot be read; what was read before stays in force.
    Unreadable(&'a CommandError),
    /// A job ended, and what follows.
    Ended {
        /// Its spec.
        spec: &'a str,
        /// How.
        outcome: &'a JobOutcome,
        /// When it is tried again, if it is by itself.
        again: Option<Duration>,
        /// Whether it is not.
        parked: bool,
    },
    /// The model server limits the rate of requests.
    Held {
        /// For how long.
        time: Duration,
    },
    /// No job is to start.
    Paused {
        /// Who wants it so.
        by: &'a str,
    },
    /// Jobs start again.
    Resumed {
        /// Who wants it so.
        by: &'a str,
    },
    /// Nothing is left to do.
    Idle,
}

/// Who is told.
pub trait View {
    /// Something happened.
    fn notice(&self, notice: &Notice<'_>);
}

type RunningJob = Pin<Box<dyn Future<Output = (SpecId, Result<JobOutcome, CommandError>)>>>;

/// A daemon at work.
struct Work {
    daemon: Daemon,
    agenda: Scheduler,
    running: BTreeMap<SpecId, RunningJob>,
    /// The last plan's engine; jobs that run may have an older one.
    engine: Option<Rc<Engine>>,
    started: Instant,
    /// The clock's time when it began.
    base: Cell<jiff::Timestamp>,
    schedule: Schedule,
    /// Specs that a person wants made although they are up to date.
    forced: BTreeSet<SpecId>,
    /// The run that jobs belong to: what one change leads to.
    run: Option<i64>,
    /// Specs that others depend on.
    depended: BTreeSet<SpecId>,
    /// Whether it was said that nothing is left to do.
    idle: bool,
    /// Whether how jobs ended before this process began is known.
    remembered: bool,
    /// Since when and by whom no job is to start.
    paused: Option<(String, String)>,
    /// The last thing that was said to be wrong: it is said once.
    wrong: String,
    /// When everything is read again, because something was wrong that may go away.
    again: Option<u64>,
}

/// Why everything is planned anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Somebody changed or wants something: another run begins.
    Change,
    /// What is done about the last change goes on.
    Same,
}

/// Why the daemon looks up from what it does.
enum Wakeup {
    Changed,
    Ordered(CommandRequest),
    Ended(SpecId, Result<JobOutcome, CommandError>),
    Due,
}

/// What a daemon listens to.
pub struct Inbox {
    /// Everything is to be read anew.
    pub reload: Receiver<()>,
    /// What people ask.
    pub orders: Receiver<CommandRequest>,
}

impl Daemon {
    /// Watches and works until it is dropped. The caller holds the writer lock.
    pub async fn run(self, mut ears: Inbox) -> Infallible {
        let mut places = self.places().unwrap_or_else(|| vec![self.places.config.clone()]);
        let mut changes = watched(places.clone());
        let mut work = Work {
            daemon: self,
            agenda: Scheduler::new(false),
            running: BTreeMap::new(),
            engine: None,
            started: Instant::now(),
            base: Cell::new(jiff::Timestamp::now()),
            schedule: Schedule::default(),
            forced: BTreeSet::new(),
            run: None,
            depended: BTreeSet::new(),
            idle: false,
            remembered: false,
            paused: None,
            wrong: String::new(),
            again: None,
        };
        work.replan(Cause::Change).await;
        loop {
            work.start();
            work.show();
            if work.running.is_empty() {
                work.rest();
            }
            match work.next(&mut changes, &mut ears).await {
                Wakeup::Changed => {
                    // Watched first, read then: what changes in between is heard of.
                    if let Some(now) = work.daemon.places().filter(|now| *now != places) {
                        places = now;
                        changes = watched(places.clone());
                    }
                    work.replan(Cause::Change).await;
                }
                Wakeup::Due if work.is_due() => work.replan(Cause::Same).await,
                Wakeup::Due => {}
                Wakeup::Ordered(order) => work.follow(order).await,
                Wakeup::Ended(spec, outcome) => work.ended(&spec, outcome).await,
            }
        }
    }

    /// What is watched: the configuration, and the folders it names, if it can be read.
    fn places(&self) -> Option<Vec<PathBuf>> {
        let root = &self.places.root;
        let name = self.places.config.file_name().unwrap_or_default();
        let paths = load_harness(&self.places, None).ok()?.harness;
        let folders = [Some(paths.specs), Some(paths.validators), paths.templates];
        let folders = folders.into_iter().flatten().map(|folder| root.join(folder));
        Some(folders.chain([root.join(name)]).collect())
    }
}

/// Tells when something has changed; once for however much, until it is heard.
fn watched(places: Vec<PathBuf>) -> Receiver<()> {
    let (sender, receiver) = channel(1);
    let mut watcher = Watcher::new(places);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // Another watcher took its place.
                () = sender.closed() => return,
                () = watcher.changed() => {}
            }
            // What is not heard yet will be heard with this.
            let _ = sender.try_send(());
        }
    });
    receiver
}

impl Work {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn tell(&self, notice: &Notice<'_>) {
        self.daemon.views.iter().for_each(|view| view.notice(notice));
    }

    /// When quiet hours end, if it is inside of them.
    fn quiet(&self) -> Option<jiff::Timestamp> {
        if self.schedule.quiet.is_empty() {
            return None;
        }
        let now = jiff::Zoned::now();
        let minute = i64::from(now.hour()) * 60 + i64::from(now.minute());
        let left = self.schedule.quiet_for(u32::try_from(minute).unwrap_or_default())?;
        let gone = jiff::SignedDuration::from_secs(now.second().into());
        let full = jiff::SignedDuration::from_mins(left.into());
        Some(now.timestamp() - gone + full)
    }

    /// The clock's time of a moment. It changes only when the clock was set: nothing is told again
    /// because of some milliseconds.
    fn at(&self, then: u64) -> String {
        let milliseconds = |time: u64| jiff::SignedDuration::from_millis(time as i64);
        let base = jiff::Timestamp::now() - milliseconds(self.now());
        if base.duration_since(self.base.get()).abs() > jiff::SignedDuration::from_secs(2) {
            self.base.set(base);
        }
        format!("{:.0}", self.base.get() + milliseconds(then))
    }

    /// When there is something to look at, in milliseconds.
    fn wake(&self) -> Option<u64> {
        let now = self.now();
        if self.engine.is_none() && self.again.is_some() {
            // Nothing can start before.
            return self.again;
        }
        let timed = !self.schedule.quiet.is_empty() || self.agenda.held(now).is_some();
        let clock = timed.then(|| now + limits::CLOCK.as_millis() as u64);
        self.again.into_iter().chain(self.agenda.wake(now)).chain(clock).min()
    }

    /// Whether everything is to be read again, because of trouble or because the last plan's engine
    /// is gone while something waits.
    fn is_due(&self) -> bool {
        match self.again {
            Some(again) => again <= self.now(),
            None => self.engine.is_none() && !self.agenda.is_resting(),
        }
    }

    fn start(&mut self) {
        let Some(engine) = self.engine.clone() else { return };
        let quiet = self.quiet().is_some();
        while let Some(job) = self.agenda.start(self.now(), quiet) {
            self.idle = false;
            let engine = engine.clone();
            let spec = job.spec.clone();
            let run: RunningJob = Box::pin(async move { engine.one(&job).await });
            self.running.insert(spec, run);
        }
    }

    /// Nothing runs: what only runs need goes.
    fn rest(&mut self) {
        if self.agenda.is_resting() {
            self.engine = None;
            if !std::mem::replace(&mut self.idle, true) && self.wrong.is_empty() {
                self.tell(&Notice::Idle);
            }
        }
        give_back_memory();
    }

    /// Shows how everything stands.
    fn show(&self) {
        let at = |then: u64| self.at(then);
        self.daemon.hub.stand(|spec| {
            Some(match self.agenda.doing(spec)? {
                JobStatus::Waiting(since) => Stand::Waiting { since: at(since) },
                JobStatus::Running => Stand::Running,
                JobStatus::Resting(Backoff::Until(then), why) => {
                    Stand::Resting { until: at(then), why }
                }
                JobStatus::Resting(Backoff::Parked, why) => Stand::Parked { why },
            })
        });
        let quiet = self.quiet().map(|end| format!("{end:.0}"));
        self.daemon.hub.set_head(|head| {
            head.paused.clone_from(&self.paused);
            head.quiet_until = quiet;
            head.held_until = self.agenda.held(self.now()).map(at);
            head.unreadable = Some(self.wrong.clone()).filter(|wrong| !wrong.is_empty());
        });
    }

    async fn next(&mut self, changes: &mut Receiver<()>, ears: &mut Inbox) -> Wakeup {
        let due = self.wake().map(|at| Duration::from_millis(at.saturating_sub(self.now())));
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep(due).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            if self.running.is_empty() {
                std::future::pending().await
            } else {
                select_all(self.running.values_mut()).map(|(end, ..)| end).await
            }
        };
        tokio::select! {
            // What changed comes first: a job that ends just now may be an old one.
            biased;
            Some(()) = changes.recv() => Wakeup::Changed,
            Some(()) = ears.reload.recv() => Wakeup::Changed,
            Some(order) = ears.orders.recv() => Wakeup::Ordered(order),
            (spec, outcome) = ended => Wakeup::Ended(spec, outcome),
            () = wait => Wakeup::Due,
        }
    }

    async fn ended(&mut self, spec: &SpecId, outcome: Result<JobOutcome, CommandError>) {
        self.running.remove(spec);
        // Trouble of the machine's passes, or a person sees to it.
        let outcome = outcome.unwrap_or_else(|error| JobOutcome::Failed {
            diagnosis: Diagnosis {
                fault: Fault::Environment,
                summary: error.to_string(),
                clauses: Vec::new(),
                findings: Vec::new(),
                fingerprint: None,
            },
            limit: None,
        });
        let now = self.now();
        let rest = self.agenda.ended(spec, &outcome, now);
        if outcome == JobOutcome::Promoted {
            self.forced.remove(spec);
        }
        let again = match rest {
            Some(Backoff::Until(then)) => Some(Duration::from_millis(then.saturating_sub(now))),
            _ => None,
        };
        if let JobOutcome::Failed { limit: Some(RateLimit { tier, wait_s }), .. } = outcome {
            self.hold(tier, Duration::from_secs(wait_s).min(limits::RATE_LIMIT_MOST));
        }
        self.over(spec, &outcome, again, rest == Some(Backoff::Parked));
        // What depends on it may be out of date now.
        if outcome == JobOutcome::Promoted && self.depended.contains(spec) {
            self.replan(Cause::Same).await;
        }
    }

    /// The generator of a tier is rate limited: no job starts, if all begin with it.
    fn hold(&mut self, tier: usize, time: Duration) {
        let same = self.engine.as_ref().is_none_or(|engine| engine.same_server(tier));
        if same {
            self.agenda.hold(self.now() + time.as_millis() as u64);
            self.tell(&Notice::Held { time });
        }
    }

    /// Tells that a job is over.
    fn over(&self, spec: &str, outcome: &JobOutcome, again: Option<Duration>, parked: bool) {
        self.daemon.hub.metrics.ended(outcome);
        self.tell(&Notice::Ended { spec, outcome, again, parked });
    }
}
