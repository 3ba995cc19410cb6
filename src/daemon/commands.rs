//! Performs people's orders.

use std::sync::Arc;

use super::request::{Answer, Command, CommandRequest, Refusal};
use super::{Cause, Notice, Work};
use crate::commands::rollback;
use crate::engine;
use crate::pipeline::JobStatus;
use crate::store::{Ledger, SqliteLedger};
use crate::types::{JobOutcome, SpecId};
use crate::workspace::{load, now};

impl Work {
    /// Performs an order.
    pub(super) async fn follow(&mut self, order: CommandRequest) {
        let CommandRequest { act, specs, by, reply } = order;
        let answer = self.order(act, &specs, &by).await;
        self.daemon.hub.noted();
        // The client may have disconnected.
        let _ = reply.send(answer.map(|specs| Answer { specs }));
    }

    async fn order(
        &mut self,
        act: Command,
        specs: &[String],
        by: &str,
    ) -> Result<Vec<SpecId>, Refusal> {
        match act {
            Command::Trigger { force } => {
                self.read_anew().await?;
                let specs = self.daemon.hub.select(specs).map_err(Refusal::Wrong)?;
                let failed: Vec<SpecId> = self.failed(&specs);
                self.ledger()?.forgive(&now(), by, &failed)?;
                if force {
                    self.forced.extend(specs.iter().cloned());
                    self.read_anew().await?;
                }
                self.ask(&specs).await;
                Ok(specs)
            }
            Command::Retry => {
                let all = ["*".to_owned()];
                let specs = if specs.is_empty() { &all } else { specs };
                let specs = self.daemon.hub.select(specs).map_err(Refusal::Wrong)?;
                let failed = self.failed(&specs);
                self.ledger()?.forgive(&now(), by, &failed)?;
                self.ask(&failed).await;
                Ok(failed)
            }
            Command::Cancel => {
                let specs = self.daemon.hub.select(specs).map_err(Refusal::Wrong)?;
                self.cancel(specs, by)
            }
            Command::Rollback { to, discard_edits } => {
                let specs = self.daemon.hub.select(specs).map_err(Refusal::Wrong)?;
                let [spec] = &specs[..] else {
                    return Err(Refusal::Wrong("name one spec".to_owned()));
                };
                self.roll_back(spec, to, discard_edits, by).await?;
                Ok(specs)
            }
            Command::Pause | Command::Resume => {
                let paused = act == Command::Pause;
                let at = now();
                self.ledger()?.pause(&at, by, paused)?;
                self.agenda.set_paused(paused);
                self.paused = paused.then(|| (at, by.to_owned()));
                self.tell(&if paused { Notice::Paused { by } } else { Notice::Resumed { by } });
                Ok(Vec::new())
            }
        }
    }

    async fn ask(&mut self, specs: &[SpecId]) {
        specs.iter().for_each(|spec| self.agenda.ask(spec));
        // The engine is dropped when the daemon is idle.
        if self.engine.is_none() && !self.agenda.is_idle() {
            self.replan(Cause::Change).await;
        }
    }

    async fn read_anew(&mut self) -> Result<(), Refusal> {
        self.replan(Cause::Change).await;
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::Wrong(self.wrong.clone())) }
    }

    fn cancel(&mut self, specs: Vec<SpecId>, by: &str) -> Result<Vec<SpecId>, Refusal> {
        let mut cancelled = Vec::new();
        for spec in specs {
            let Some(job) = self.agenda.job(&spec) else { continue };
            let open = SqliteLedger::open(&self.daemon.places.ledger())?;
            engine::cancel(open, &job, by)?;
            // Dropping the job ends its processes and its request.
            self.running.remove(&spec);
            self.agenda.cancel(&spec, self.now());
            self.forced.remove(&spec);
            self.over(&spec, &JobOutcome::Cancelled, None, true);
            cancelled.push(spec);
        }
        Ok(cancelled)
    }

    async fn roll_back(
        &mut self,
        spec: &SpecId,
        to: Option<i64>,
        discard_edits: bool,
        by: &str,
    ) -> Result<(), Refusal> {
        let mut options = self.daemon.options.clone();
        (options.by, options.discard_edits) = (by.to_owned(), discard_edits);
        options.only = Some([spec.to_owned()].into());
        let workspace = load(&self.daemon.places, None)?;
        let tools = Arc::new(workspace.tools(&self.daemon.wanted).await?);
        // A running job would overwrite the rollback; dropping it ends its processes and its
        // request.
        self.running.remove(spec);
        self.forced.remove(spec);
        if self.agenda.job(spec).is_some() {
            self.agenda.cancel(spec, self.now());
        }
        let done = rollback::roll_back(Arc::new(workspace), tools, options, spec, to).await;
        let is_done = done.as_ref().is_ok_and(|done| done.outcome == JobOutcome::Promoted);
        self.read_anew().await?;
        if !is_done {
            self.ask(&[spec.to_owned()]).await;
        }
        match done?.outcome {
            JobOutcome::Promoted => Ok(()),
            JobOutcome::Drifted { files } => {
                let files = files.join(", ");
                Err(Refusal::Wrong(format!(
                    "edited by hand: {files}; use --discard-edits to save and replace them"
                )))
            }
            JobOutcome::Failed { diagnosis, .. } => Err(Refusal::Wrong(diagnosis.summary)),
            other => Err(Refusal::Wrong(other.word().to_owned())),
        }
    }

    fn failed(&self, specs: &[SpecId]) -> Vec<SpecId> {
        specs
            .iter()
            .filter(|spec| matches!(self.agenda.doing(spec), Some(JobStatus::Resting(..))))
            .cloned()
            .collect()
    }

    fn ledger(&self) -> Result<SqliteLedger, Refusal> {
        Ok(SqliteLedger::open(&self.daemon.places.ledger())?)
    }
}
