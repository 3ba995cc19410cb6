//! Finishes promotions that a killed process did not record.

use super::resources::Engine;
use crate::promote::Promoter;
use crate::store::{Ledger, NewEvent, SqliteLedger};
use crate::types::{Event, SpecId};
use crate::workspace::{CommandError, WorkspaceLayout, load_harness, now};

impl Engine {
    /// Recovers promotions that a killed process did not record. Idempotent.
    ///
    /// # Errors
    /// A tree with unknown content; I/O or ledger errors.
    pub fn recover(places: &WorkspaceLayout) -> Result<Vec<SpecId>, CommandError> {
        let promoter = Promoter::new(places.root.clone(), places.state.clone());
        let harness = promoter.is_busy().then(|| load_harness(places, None)).transpose()?;
        let targets = harness.iter().flat_map(|harness| harness.target.values());
        let targets = targets.filter(|target| target.is_generated());
        let units = |spec: &SpecId| targets.clone().map(|target| target.unit(spec)).collect();
        let mut recovered = Vec::new();
        for switched in promoter.recover(&units)? {
            let mut ledger = SqliteLedger::open(&places.ledger())?;
            if let Some((id, _)) = ledger.open_job(&switched.spec)?.filter(|j| j.0 == switched.job)
            {
                let entry = ledger.log(Some(&switched.spec), 1)?;
                let run = entry.first().map_or(1, |entry| entry.run);
                let (trees, record) = (switched.trees.clone(), switched.record);
                let event = Event::Promoted { trees, record };
                ledger.append(&NewEvent {
                    run,
                    at: &now(),
                    job: id,
                    spec: &switched.spec,
                    event: &event,
                    result: Some("promoted"),
                })?;
            }
            recovered.push(switched.spec.clone());
            promoter.finish(switched)?;
        }
        promoter.sweep()?;
        Ok(recovered)
    }
}
