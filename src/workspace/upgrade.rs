//! Migrates a lockfile of an older format to the one this regen writes. No model is asked and no
//! gate runs: only the form of the digests changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::CommandError;
use super::model::Workspace;
use crate::attest::Attested;
use crate::plan;
use crate::promote::Promoter;
use crate::types::{Spec, TargetName, TargetStanding, lockfile::LOCK_VERSION};

impl Workspace {
    /// Whether the lockfile has a spec's targets, if any, as this format does and as they are now.
    pub(super) fn is_current(&self, spec: &Spec) -> bool {
        let Some(standing) = self.standing.spec.get(&spec.id) else { return true };
        let is_current = |(name, entry): (&TargetName, &TargetStanding)| {
            let target = self.harness.target.get(name);
            entry.spec == plan::meaning(spec)
                && target.is_none_or(|target| entry.config == plan::config(target))
        };
        self.standing.version == LOCK_VERSION && standing.target.iter().all(is_current)
    }

    /// Puts what a lockfile says in an older format into today's digests, in memory. In a lockfile of
    /// today's format, too, there can be entries with digests of an older one. `written` are the
    /// specs that [`Self::is_current`] denies, as they were parsed.
    pub(super) fn migrate(&mut self, written: &[Spec]) {
        if self.standing.version == LOCK_VERSION && written.is_empty() {
            return;
        }
        let languages = self.languages();
        let migrated = plan::migrate(
            &self.standing,
            written,
            &plan::PlanInputs {
                harness: &self.harness,
                specs: &self.specs,
                standing: &self.standing,
                live: &BTreeMap::new(),
                checks: self.checks(),
                tools: &BTreeMap::new(),
                signer: None,
                languages: &languages,
                only: None,
                force: false,
            },
        );
        if migrated != *self.standing {
            self.older = Some(std::mem::replace(&mut self.standing, Arc::new(migrated)));
        }
    }

    /// Writes a lockfile that was read in an older format in today's, with the attestations of trees
    /// whose attestation was in order. A signed one is left for the next run, which signs it. The
    /// caller holds the writer lock. Doing it twice, or being killed in it, changes nothing else.
    ///
    /// Gives what was done, for people.
    ///
    /// # Errors
    /// The disk's.
    pub fn upgrade_lock(&mut self) -> Result<Option<String>, CommandError> {
        let Some(older) = self.older.clone() else { return Ok(None) };
        let promoter = Promoter::new(self.places.root.clone(), self.places.state.clone());
        let mut unsigned = 0;
        for (id, spec) in &self.standing.spec {
            for (target, entry) in &spec.target {
                let before = &older.spec[id].target[target];
                if before == entry {
                    continue;
                }
                let text = promoter.attestation(&before.path)?;
                let in_order = Attested::check(id, target, before, None, &text, None).is_ok();
                if in_order && entry.signer.is_none() {
                    let text = Attested::new(id, target, entry, None).render(None);
                    promoter.attest(&entry.path, &text)?;
                    unsigned += 1;
                }
            }
        }
        promoter.write_lock(&self.standing)?;
        self.older = None;
        self.is_canonical = true;
        Ok(Some(if older.version == LOCK_VERSION {
            format!("migrated digests of an older format; attestations rewritten: {unsigned}")
        } else {
            let from = older.version;
            format!(
                "migrated from format {from} to {LOCK_VERSION}; attestations rewritten: {unsigned}"
            )
        }))
    }
}
