//! Continuous regeneration: what people change is planned and performed as they change it.
//!
//! A door over the engine. It decides nothing: the agenda says which job starts, the watcher when
//! something has changed, the planner what follows from it.
#![expect(clippy::disallowed_methods, reason = "the daemon reads the clock")]

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

use crate::engine::{Engine, EngineError, Options, Places, Workspace, load};
use crate::gate::{Tools, Wanted};
use crate::pipeline::{Agenda, Rest};
use crate::sandbox::{Probe, give_back_memory};
use crate::types::{Diagnosis, Fault, Job, JobOutcome, limits};
use crate::watch::Watcher;

/// What a daemon works with.
pub struct Daemon {
    /// The workspace.
    pub places: Places,
    /// Where tools are looked for.
    pub wanted: Wanted,
    /// How candidates are kept apart.
    pub isolation: Arc<Probe>,
    /// How jobs are performed; what it says of specs does not count.
    pub options: Options,
    /// Who is told of what is no event of a job.
    pub view: Arc<dyn View>,
}

/// What a person should know of a daemon.
pub trait View {
    /// The workspace was read: its problems.
    fn read(&self, workspace: &Workspace);
    /// It cannot be read; what was read before stays in force.
    fn unreadable(&self, error: &EngineError);
    /// A job ended, and what follows.
    fn ended(&self, spec: &str, outcome: &JobOutcome, rest: Option<Duration>, parked: bool);
    /// Nothing is left to do.
    fn idle(&self);
}

type Running = Pin<Box<dyn Future<Output = (String, Result<JobOutcome, EngineError>)>>>;

/// A daemon at work.
struct Work {
    daemon: Daemon,
    agenda: Agenda,
    running: BTreeMap<String, Running>,
    /// The last plan's engine; jobs that run may have an older one.
    engine: Option<Rc<Engine>>,
    started: Instant,
    /// The last thing that was said to be wrong: it is said once.
    wrong: String,
    /// When everything is read again, because something was wrong that may mend itself.
    again: Option<u64>,
}

/// Why the daemon looks up from what it does.
enum Next {
    Changed,
    Ended(String, Result<JobOutcome, EngineError>),
    Due,
}

impl Daemon {
    /// Watches and works until it is dropped, and reads everything anew when it is told to
    /// `reload`. The caller holds the writer lock.
    pub async fn run(self, mut reload: Receiver<()>) -> Infallible {
        let mut places = self.places().unwrap_or_default();
        let mut changes = watched(places.clone());
        let started = Instant::now();
        let agenda = Agenda::new(Default::default());
        let mut work = Work {
            daemon: self,
            agenda,
            running: BTreeMap::new(),
            engine: None,
            started,
            wrong: String::new(),
            again: None,
        };
        work.replan().await;
        loop {
            work.start();
            if work.running.is_empty() && work.wake().is_none() && work.engine.take().is_some() {
                work.daemon.view.idle();
            }
            if work.running.is_empty() {
                give_back_memory();
            }
            match work.next((&mut changes, &mut reload)).await {
                Next::Changed => {
                    // Watched first, read then: what changes in between is heard of.
                    if let Some(now) = work.daemon.places().filter(|now| *now != places) {
                        places = now;
                        changes = watched(places.clone());
                    }
                    work.replan().await;
                }
                Next::Due if work.engine.is_none() || work.again.is_some() => work.replan().await,
                Next::Due => {}
                Next::Ended(spec, outcome) => work.ended(&spec, outcome).await,
            }
        }
    }

    /// What is watched: the configuration, and the folders it names, if it can be read.
    fn places(&self) -> Option<Vec<PathBuf>> {
        let root = &self.places.root;
        let name = self.places.config.file_name().unwrap_or_default();
        let paths = load::harness(&self.places, None).ok()?.harness;
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
        while !sender.is_closed() {
            watcher.changed().await;
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

    /// Reads everything anew and plans. What runs goes on if it still is what is wanted.
    async fn replan(&mut self) {
        let planned = match load(&self.daemon.places, None) {
            Ok(workspace) => self.plan(workspace).await,
            Err(error) => Err(error),
        };
        match planned {
            Ok(()) => {
                self.wrong.clear();
                self.again = None;
            }
            Err(error) => {
                let text = error.to_string();
                if text != self.wrong {
                    self.daemon.view.unreadable(&error);
                    self.wrong = text;
                }
                // A file is mended by a change; of a full disk or a locked ledger nobody tells.
                let later = self.now() + limits::BACK_OFF.as_millis() as u64;
                self.again = Some(later).filter(|_| !matches!(error, EngineError::Config { .. }));
            }
        }
    }

    /// When something is due.
    fn wake(&self) -> Option<u64> {
        self.again.into_iter().chain(self.agenda.wake()).min()
    }

    async fn plan(&mut self, workspace: Workspace) -> Result<(), EngineError> {
        let tools: Tools = workspace.tools(&self.daemon.wanted).await?;
        let plan = workspace.plan(&tools, None, false)?;
        self.daemon.view.read(&workspace);
        let work: Vec<Job> = plan.jobs.iter().filter(|job| !job.is_up_to_date()).cloned().collect();
        let workspace = Arc::new(workspace);
        let depends = |id: &str| -> BTreeSet<String> {
            let spec = workspace.spec(id);
            spec.map(|spec| spec.depends.iter().cloned().collect()).unwrap_or_default()
        };
        let limits = workspace.harness.schedule.clone();
        for spec in self.agenda.replan(work, depends, limits) {
            // Dropping it ends its programs and its call; the next job supersedes it in the ledger.
            self.running.remove(&spec);
        }
        if !self.agenda.is_idle() || self.agenda.wake().is_some() {
            let isolation = Some(self.daemon.isolation.clone());
            let options = self.daemon.options.clone();
            let engine = Engine::open(workspace, (Arc::new(tools), isolation), options)?;
            engine.begin(&plan)?;
            self.engine = Some(Rc::new(engine));
        }
        Ok(())
    }

    fn start(&mut self) {
        let Some(engine) = self.engine.clone() else { return };
        while let Some(job) = self.agenda.start(self.now()) {
            let engine = engine.clone();
            let spec = job.spec.clone();
            let run: Running = Box::pin(async move { engine.one(&job).await });
            self.running.insert(spec, run);
        }
    }

    async fn next(&mut self, (changes, reload): (&mut Receiver<()>, &mut Receiver<()>)) -> Next {
        let due = self.wake().map(|at| Duration::from_millis(at.saturating_sub(self.now())));
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep(due).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            match self.running.is_empty() {
                true => std::future::pending().await,
                false => select_all(self.running.values_mut()).map(|(end, ..)| end).await,
            }
        };
        tokio::select! {
            // What changed comes first: a job that ends just now may be an old one.
            biased;
            Some(()) = changes.recv() => Next::Changed,
            Some(()) = reload.recv() => Next::Changed,
            (spec, outcome) = ended => Next::Ended(spec, outcome),
            () = wait => Next::Due,
        }
    }

    async fn ended(&mut self, spec: &str, outcome: Result<JobOutcome, EngineError>) {
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
        });
        let now = self.now();
        let rest = self.agenda.ended(spec, &outcome, now);
        let wait = match rest {
            Some(Rest::Until(then)) => Some(Duration::from_millis(then.saturating_sub(now))),
            _ => None,
        };
        self.daemon.view.ended(spec, &outcome, wait, rest == Some(Rest::Parked));
        // What depends on it may be out of date now.
        if outcome == JobOutcome::Promoted {
            self.replan().await;
        }
    }
}
