//! Restores promoted files that were edited by hand, from the store.

use super::promotion::Record;
use super::resources::Engine;
use crate::plan;
use crate::store::files;
use crate::types::{Job, Reason, SpecStanding, TargetJob};
use crate::workspace::CommandError;

impl Engine {
    /// The job that puts the promoted trees back, if manual edits are the only reason for a job and
    /// the store has the trees. `None`: a model is asked.
    pub(super) fn restoring(&self, job: &Job) -> Result<Option<Job>, CommandError> {
        let is_edited = |part: &TargetJob| matches!(part.reason, Some(Reason::Drift { .. }));
        if !self.options.discard_edits || !job.parts.iter().any(is_edited) {
            return Ok(None);
        }
        let standing = files::standing(&self.workspace.places.root)?.spec.remove(&job.spec);
        let Some(standing) = standing else { return Ok(None) };
        let is_current = |part: &TargetJob| {
            let entry = standing.target.get(&part.target);
            let same = entry.is_some_and(|e| e.inputs == part.key && e.gates == part.gate_key);
            same && (part.reason.is_none() || is_edited(part) || only_follows_code(part))
        };
        let is_stored = |standing: &SpecStanding| {
            standing.target.values().all(|entry| self.objects.get_tree(entry.tree).is_ok())
        };
        if !job.parts.iter().all(is_current) || !is_stored(&standing) {
            return Ok(None);
        }
        let promotions = self.ledger.borrow().promotions(&job.spec)?;
        for (id, _) in promotions.into_iter().rev() {
            let record = Record::of_job(&**self.ledger.borrow(), &*self.objects, id)?;
            if record.is_some_and(|record| record.standing == standing) {
                let note = format!("{}: restores the promoted files; no model is called", job.spec);
                self.options.observer.note(&note);
                let mut job = job.clone();
                job.parts.iter_mut().for_each(|part| part.reason = None);
                return Ok(Some(Job { rollback: Some(id), ..job }));
            }
        }
        Ok(None)
    }
}

/// Whether a part is judged again only since its code has work.
fn only_follows_code(part: &TargetJob) -> bool {
    let is_code = |names: &[String]| names.iter().all(|name| name.starts_with(plan::CODE));
    matches!(&part.reason, Some(Reason::Gates { changed }) if is_code(changed))
}
