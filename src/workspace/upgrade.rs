//! Migrates a lockfile of an older format. Only digests are rewritten: no model is called and no
//! gate runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::CommandError;
use super::model::Workspace;
use crate::attest::Attested;
use crate::plan;
use crate::promote::Promoter;
use crate::types::{Spec, TargetName, TargetStanding, lockfile::LOCK_VERSION};

impl Workspace {
    /// Whether the lockfile's entries of a spec are current and in today's format.
    pub(super) fn is_current(&self, spec: &Spec) -> bool {
        let Some(standing) = self.standing.spec.get(&spec.id) else { return true };
        let is_current = |(name, entry): (&TargetName, &TargetStanding)| {
            let target = self.harness.target.get(name);
            entry.spec == plan::meaning(spec)
                && target.is_none_or(|target| entry.config == plan::config(target))
        };
        self.standing.version == LOCK_VERSION && standing.target.iter().all(is_current)
    }

    /// Converts digests of an older format to today's, in memory. Lockfiles of today's format can
    /// contain older digests too. `written` are the parsed specs for which [`Self::is_current`] is
    /// false.
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

    /// Rewrites a lockfile of an older format, with the attestations of trees whose attestation was
    /// valid. Signed ones are left for the next run, which signs them. The caller holds the writer
    /// lock. Idempotent.
    ///
    /// Gives what was done, for people.
    ///
    /// # Errors
    /// I/O errors.
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
