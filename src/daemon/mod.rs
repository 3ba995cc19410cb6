//! Continuous regeneration: watches specs, and plans and performs what changes.
//!
//! Decides nothing itself: the agenda says which job starts, the watcher reports changes, the
//! planner derives jobs from them, and people send orders.
#![expect(clippy::disallowed_methods, reason = "the daemon reads the clock and serves its socket")]

mod api_error;
pub mod client;
pub mod hooks;
mod fleet_watch;
mod live_state;
mod metrics;
mod commands;
mod door;
mod drift;
mod drift_watch;
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

use crate::config::TOOLCHAINS;
use crate::engine::{Engine, Options};
use crate::pipeline::{Backoff, JobStatus, Scheduler};
use crate::sandbox::{Probe, give_back_memory};
use crate::toolchain::prose::linter::VALE_FILE;
use crate::types::ToolEnv;
use crate::types::{
    Diagnosis, DriftResult, Fault, JobOutcome, RateLimit, Schedule, SpecId, limits,
};
use crate::watch::Watcher;
use crate::workspace::{CommandError, Workspace, WorkspaceLayout, given_folders, load_harness};

use drift_watch::DriftWatch;

pub use live_state::{Head, LiveState, SpecRow, Stand};
pub use request::{Answer, Command, CommandRequest, OrderBody, Refusal};
pub use serve::{Api, Web};

/// The context of a daemon.
pub struct Daemon {
    /// The workspace.
    pub places: WorkspaceLayout,
    /// The environment in which tools are searched.
    pub wanted: ToolEnv,
    /// The isolation of candidates.
    pub isolation: Arc<Probe>,
    /// Options of jobs; their selection of specs is ignored.
    pub options: Options,
    /// The state that clients see.
    pub hub: Arc<LiveState>,
    /// Receivers of notices.
    pub views: Vec<Arc<dyn View>>,
}

/// Notices for people.
#[derive(Debug)]
pub enum Notice<'a> {
    /// The workspace was read.
    Read(&'a Workspace),
    /// It cannot be read; the last valid configuration is kept.
    Unreadable(&'a CommandError),
    /// A job ended.
    Ended {
        /// Its spec.
        spec: &'a str,
        /// Its outcome.
        outcome: &'a JobOutcome,
        /// Time until it is retried, if it is.
        again: Option<Duration>,
        /// Whether it is parked.
        parked: bool,
    },
    /// The model server limits the rate of requests.
    Held {
        /// Time until the next request.
        time: Duration,
    },
    /// Scheduling was paused.
    Paused {
        /// By whom.
        by: &'a str,
    },
    /// Scheduling was resumed.
    Resumed {
        /// By whom.
        by: &'a str,
    },
    /// New samples of a promoted assistant were taken.
    DriftChecked {
        /// Its spec.
        spec: &'a str,
        /// What they showed.
        result: &'a DriftResult,
    },
    /// Nothing is left to do.
    Idle,
}

/// Receives notices.
pub trait View {
    /// Called for each notice.
    fn notice(&self, notice: &Notice<'_>);
}

type RunningJob = Pin<Box<dyn Future<Output = (SpecId, Result<JobOutcome, CommandError>)>>>;

/// A running daemon.
struct Work {
    daemon: Daemon,
    agenda: Scheduler,
    running: BTreeMap<SpecId, RunningJob>,
    /// The engine of the last plan; running jobs may use an older one.
    engine: Option<Rc<Engine>>,
    started: Instant,
    /// Wall-clock time of the start.
    base: Cell<jiff::Timestamp>,
    schedule: Schedule,
    /// Specs to regenerate even if up to date.
    forced: BTreeSet<SpecId>,
    /// The run of new jobs: all that one change causes.
    run: Option<i64>,
    /// Specs that others depend on.
    depended: BTreeSet<SpecId>,
    /// Whether idleness was reported.
    idle: bool,
    /// Whether outcomes of earlier processes were read from the ledger.
    remembered: bool,
    /// Since when and by whom scheduling is paused.
    paused: Option<(String, String)>,
    /// The last reported problem; each is reported once.
    wrong: String,
    /// Checks of promoted assistants.
    drift: DriftWatch,
    /// When to reload because of a problem that may pass.
    again: Option<u64>,
}

/// Why to plan again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A file changed or an order came: a new run begins.
    Change,
    /// A job ended: the current run continues.
    Same,
}

/// Why the daemon wakes up.
enum Wakeup {
    Changed,
    Ordered(CommandRequest),
    Ended(SpecId, Result<JobOutcome, CommandError>),
    DriftChecked(SpecId, DriftResult),
    Due,
}

/// The inputs of a daemon.
pub struct Inbox {
    /// Requests to reload everything.
    pub reload: Receiver<()>,
    /// Orders.
    pub orders: Receiver<CommandRequest>,
}

impl Daemon {
    /// Runs until dropped. The caller holds the writer lock.
    pub async fn run(self, mut inbox: Inbox) -> Infallible {
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
            drift: DriftWatch::default(),
            again: None,
        };
        work.replan(Cause::Change).await;
        loop {
            work.start();
            work.show();
            if work.running.is_empty() {
                work.rest();
            }
            work.start_drift_check();
            match work.next(&mut changes, &mut inbox).await {
                Wakeup::Changed => {
                    // Watching starts before reading, so that no change is missed.
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
                Wakeup::DriftChecked(spec, result) => work.drift_checked(&spec, &result),
            }
        }
    }

    /// The watched paths: the configuration and, if it can be read, the folders in it.
    fn places(&self) -> Option<Vec<PathBuf>> {
        let root = &self.places.root;
        let name = self.places.config.file_name().unwrap_or_default();
        let harness = load_harness(&self.places, None).ok()?;
        let given = given_folders(&harness).map(|folder| root.join(folder)).collect::<Vec<_>>();
        let paths = harness.harness;
        let toolchains = TOOLCHAINS.to_owned();
        let folders =
            [Some(paths.specs), Some(paths.validators), paths.templates, Some(toolchains)];
        let folders = folders.into_iter().flatten().map(|folder| root.join(folder));
        let own = [root.join(name), root.join(VALE_FILE)];
        Some(folders.chain(given).chain(own).collect())
    }
}

/// Reports changes; many changes give one report until it is received.
fn watched(places: Vec<PathBuf>) -> Receiver<()> {
    let (sender, receiver) = channel(1);
    let mut watcher = Watcher::new(places);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // Replaced by another watcher.
                () = sender.closed() => return,
                () = watcher.changed() => {}
            }
            // The channel is full: the pending report covers this change.
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

    /// The end of quiet hours, if they are on.
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

    /// Wall-clock time of a moment. Kept stable unless the clock was set, so that a few
    /// milliseconds of jitter do not count as a change.
    fn at(&self, then: u64) -> String {
        let milliseconds = |time: u64| jiff::SignedDuration::from_millis(time as i64);
        let base = jiff::Timestamp::now() - milliseconds(self.now());
        if base.duration_since(self.base.get()).abs() > jiff::SignedDuration::from_secs(2) {
            self.base.set(base);
        }
        format!("{:.0}", self.base.get() + milliseconds(then))
    }

    /// When to wake up, in milliseconds.
    fn wake(&self) -> Option<u64> {
        let now = self.now();
        if self.engine.is_none() && self.again.is_some() {
            // No job can start earlier.
            return self.again;
        }
        let checks = self.schedule.drift.is_some() && self.drift.is_timed();
        let timed = checks || !self.schedule.quiet.is_empty() || self.agenda.held(now).is_some();
        let clock = timed.then(|| now + limits::CLOCK.as_millis() as u64);
        self.again.into_iter().chain(self.agenda.wake(now)).chain(clock).min()
    }

    /// Whether to reload: because of a problem that may pass, or because the engine was dropped and
    /// a spec waits.
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
            let run: RunningJob = Box::pin(async move {
                let (spec, ends) = engine.one(&job).await;
                // What a set waits for decides when it is tried again.
                let end = ends.map(|ends| {
                    let is_cause = |end: &&(SpecId, JobOutcome)| end.1.diagnosis().is_some();
                    let own = ends.iter().find(|end| end.0 == spec);
                    let waits = own.is_some_and(|end| matches!(end.1, JobOutcome::Waits { .. }));
                    let cause = ends.iter().find(is_cause).filter(|_| waits);
                    cause.or(own).map_or(JobOutcome::Promoted, |end| end.1.clone())
                });
                (spec, end)
            });
            self.running.insert(spec, run);
        }
    }

    /// Idle: drops what only running jobs need.
    fn rest(&mut self) {
        if self.agenda.is_resting() {
            self.engine = None;
            if !std::mem::replace(&mut self.idle, true) && self.wrong.is_empty() {
                self.tell(&Notice::Idle);
            }
        }
        give_back_memory();
    }

    /// Publishes the current state.
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

    async fn next(&mut self, changes: &mut Receiver<()>, inbox: &mut Inbox) -> Wakeup {
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
            // Changes come first: a job that just ended may be outdated.
            biased;
            Some(()) = changes.recv() => Wakeup::Changed,
            Some(()) = inbox.reload.recv() => Wakeup::Changed,
            Some(order) = inbox.orders.recv() => Wakeup::Ordered(order),
            (spec, outcome) = ended => Wakeup::Ended(spec, outcome),
            (spec, result) = self.drift.next() => Wakeup::DriftChecked(spec, result),
            () = wait => Wakeup::Due,
        }
    }

    async fn ended(&mut self, spec: &SpecId, outcome: Result<JobOutcome, CommandError>) {
        self.running.remove(spec);
        // A problem of the environment may pass, or a person fixes it.
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
        self.drift.ended(spec, &outcome);
        let again = match rest {
            Some(Backoff::Until(then)) => Some(Duration::from_millis(then.saturating_sub(now))),
            _ => None,
        };
        if let JobOutcome::Failed { limit: Some(RateLimit { tier, wait_s }), .. } = outcome {
            self.hold(tier, Duration::from_secs(wait_s).min(limits::RATE_LIMIT_MOST));
        }
        self.over(spec, &outcome, again, rest == Some(Backoff::Parked));
        // Dependent specs may be out of date now.
        if outcome == JobOutcome::Promoted && self.depended.contains(spec) {
            self.replan(Cause::Same).await;
        }
    }

    /// A tier is rate limited: no job starts if all start with it.
    fn hold(&mut self, tier: usize, time: Duration) {
        let same = self.engine.as_ref().is_none_or(|engine| engine.same_server(tier));
        if same {
            self.agenda.hold(self.now() + time.as_millis() as u64);
            self.tell(&Notice::Held { time });
        }
    }

    /// Reports the end of a job.
    fn over(&self, spec: &str, outcome: &JobOutcome, again: Option<Duration>, parked: bool) {
        self.daemon.hub.metrics.ended(outcome);
        self.tell(&Notice::Ended { spec, outcome, again, parked });
    }
}
