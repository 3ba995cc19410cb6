//! Reads the workspace and plans jobs.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::{Cause, Notice, Work};
use crate::engine::{self, Engine};
use crate::pipeline::State;
use crate::store::{Ledger, SqliteLedger};
use crate::types::{Event, Job, JobOutcome, Plan, SpecId, ToolSet, limits};
use crate::workspace::{CommandError, ErrorKind, Workspace, load};

impl Work {
    /// Reloads and plans. Running jobs continue if they are still current.
    pub(super) async fn replan(&mut self, cause: Cause) {
        let planned = match load(&self.daemon.places, None) {
            Ok(workspace) => self.plan(workspace, cause).await,
            Err(error) => Err(error),
        };
        match planned {
            Ok(()) => {
                self.wrong.clear();
                self.again = None;
            }
            Err(error) => {
                let text = error.lines();
                if text != self.wrong {
                    self.tell(&Notice::Unreadable(&error));
                    self.wrong = text;
                }
                // Changed files are reported by the watcher; a full disk or a locked ledger is not,
                // so retry.
                let later = self.now() + limits::BACK_OFF.as_millis() as u64;
                self.again = Some(later).filter(|_| error.kind() != ErrorKind::Config);
            }
        }
    }

    async fn plan(&mut self, mut workspace: Workspace, cause: Cause) -> Result<(), CommandError> {
        let migrated = workspace.upgrade_lock()?;
        let note = |line| self.daemon.options.observer.note(&format!("regen.lock: {line}"));
        migrated.iter().for_each(note);
        workspace.sign_with(self.daemon.options.variable)?;
        workspace.use_workers(self.daemon.options.variable)?;
        let tools: ToolSet = workspace.tools(&self.daemon.wanted).await?;
        tools.missing.values().for_each(|why| self.daemon.options.observer.note(why));
        let mut plan = workspace.plan(&tools, None, false)?;
        self.force(&workspace, &tools, &mut plan)?;
        let workspace = Arc::new(workspace);
        let depends = |id: &SpecId| -> BTreeSet<SpecId> {
            let spec = workspace.spec(id);
            spec.map(|spec| spec.depends.iter().cloned().collect()).unwrap_or_default()
        };
        let depended = workspace.specs.iter().flat_map(|spec| depends(&spec.id)).collect();
        let whole = plan.clone();
        // What only waits is planned again when what it waits for is promoted.
        plan.jobs.retain(|job| !job.waits());
        self.remember(&plan.jobs)?;
        // What may fail comes first, so that agenda and engine are always of the same plan.
        let engine = if plan.jobs.is_empty() {
            None
        } else {
            Some(Rc::new(self.engine(&workspace, tools, &plan, cause)?))
        };
        self.answered()?;
        let (now, schedule) = (self.now(), workspace.harness.schedule.clone());
        let ended = self.agenda.replan(plan.jobs.clone(), depends, schedule.clone(), now);
        for spec in &ended {
            // Dropping it ends its processes and its request; the next job supersedes it in the
            // ledger.
            self.running.remove(spec);
        }
        (self.engine, self.schedule, self.depended) = (engine, schedule, depended);
        self.drift.planned(&workspace, &whole);
        self.daemon.hub.planned(&workspace, &whole);
        let server = workspace.workers.as_ref().map(|workers| workers.link.clone());
        self.daemon.hub.fleet.configured(workspace.harness.workers.as_ref().zip(server));
        self.daemon.hub.set_head(|head| {
            head.model = workspace.harness.model().to_owned();
            head.workers = head.workers.take().filter(|_| workspace.workers.is_some());
        });
        self.tell(&Notice::Read(&workspace));
        let gone = ended.iter().filter(|spec| self.agenda.job(spec).is_none());
        for spec in gone {
            engine::supersede(SqliteLedger::open(&self.daemon.places.ledger())?, spec)?;
        }
        Ok(())
    }

    /// Tells the agenda which running jobs have a paid answer.
    fn answered(&mut self) -> Result<(), CommandError> {
        let running: Vec<SpecId> = self.agenda.running().cloned().collect();
        let Some(ledger) = SqliteLedger::read(&self.daemon.places.ledger())? else { return Ok(()) };
        for spec in running {
            let open = ledger.open_job(&spec)?;
            let events = open.iter().flat_map(|(_, events)| events);
            if events.into_iter().any(|event| matches!(event, Event::Completed { .. })) {
                self.agenda.answered(&spec);
            }
        }
        Ok(())
    }

    /// The engine of a plan, whose jobs belong to a run.
    fn engine(
        &mut self,
        workspace: &Arc<Workspace>,
        tools: ToolSet,
        plan: &Plan,
        cause: Cause,
    ) -> Result<Engine, CommandError> {
        let isolation = Some(self.daemon.isolation.clone());
        let mut options = self.daemon.options.clone();
        options.only = Some(plan.jobs.iter().map(|job| job.spec.clone()).collect());
        let engine = Engine::open(workspace.clone(), Arc::new(tools), isolation, options)?;
        match self.run.filter(|_| cause == Cause::Same) {
            Some(run) => engine.go_on(run),
            None => self.run = Some(engine.begin(plan)?),
        }
        Ok(engine)
    }

    /// Replaces jobs of specs that a person wants regenerated.
    fn force(
        &mut self,
        workspace: &Workspace,
        tools: &ToolSet,
        plan: &mut Plan,
    ) -> Result<(), CommandError> {
        self.forced.retain(|spec| workspace.spec(spec).is_some());
        if self.forced.is_empty() {
            return Ok(());
        }
        let forced = workspace.plan(tools, Some(&self.forced), true)?;
        for job in &mut plan.jobs {
            if let Some(forced) = forced.jobs.iter().find(|forced| forced.spec == job.spec) {
                job.clone_from(forced);
            }
        }
        Ok(())
    }

    /// Restores from the ledger: how jobs failed, and whether scheduling was paused.
    fn remember(&mut self, work: &[Job]) -> Result<(), CommandError> {
        if self.remembered {
            return Ok(());
        }
        let Some(ledger) =
            SqliteLedger::read(&self.daemon.places.ledger())?.filter(SqliteLedger::is_current)
        else {
            self.remembered = true;
            return Ok(());
        };
        self.paused = ledger.paused()?;
        self.agenda.set_paused(self.paused.is_some());
        let now = self.now();
        let mut all = Vec::new();
        for job in work {
            let mut history: Vec<(Job, JobOutcome)> = Vec::new();
            for entries in ledger.history(&job.spec, limits::FAILURES)? {
                let state = State::fold(entries.iter().map(|entry| &entry.event))?;
                let end = state.and_then(|s| Some((s.job.clone(), s.outcome()?.clone())));
                history.extend(end);
            }
            all.push(history);
        }
        all.into_iter().for_each(|history| self.agenda.remember(history, now));
        self.remembered = true;
        Ok(())
    }
}
