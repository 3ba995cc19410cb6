//! When promoted assistants were checked for drift, and what was found.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::database::read_json;
use super::ledger::{Ledger, LedgerError};
use super::sqlite::SqliteLedger;
use crate::types::{DriftResult, SpecId};

/// The last check of a spec for drift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftCheck {
    /// The spec.
    pub spec: SpecId,
    /// When it began, UTC, RFC 3339.
    pub at: String,
    /// What it found; `None`: it has not ended.
    #[serde(flatten)]
    pub result: Option<DriftResult>,
}

/// When a spec was promoted last; `NULL` if this ledger does not say.
const PROMOTED: &str = "(SELECT max(e.at) FROM events e JOIN jobs j ON j.id = e.job
                         WHERE j.spec = ?1 AND j.result = 'promoted')";

impl SqliteLedger {
    /// Keeps that a check of a spec begins.
    ///
    /// # Errors
    /// Database errors.
    pub fn begin_drift_check(&mut self, spec: &SpecId, at: &str) -> Result<(), LedgerError> {
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO drift_checks VALUES (?1, ?2, NULL)",
                params![spec, at],
            )?;
            Ok(())
        })
    }

    /// Keeps what the last check of a spec found.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_drift_check(
        &mut self,
        spec: &SpecId,
        result: &DriftResult,
    ) -> Result<(), LedgerError> {
        let text = serde_json::to_string(result).expect("it is plain data");
        self.write(|tx| {
            tx.execute("UPDATE drift_checks SET result = ?2 WHERE spec = ?1", params![spec, text])?;
            Ok(())
        })
    }

    /// When a spec was checked or promoted last, at the latest at this time; `None` if this ledger
    /// does not say.
    ///
    /// # Errors
    /// Database errors.
    pub fn last_sampled(&self, spec: &SpecId, latest: &str) -> Result<Option<String>, LedgerError> {
        let sql = format!(
            "SELECT max(at) FROM (SELECT at FROM drift_checks WHERE spec = ?1 UNION ALL
                                  SELECT {PROMOTED} AS at) WHERE at <= ?2"
        );
        Ok(self.db.query_row(&sql, params![spec, latest], |row| row.get(0))?)
    }

    /// The last check of a spec, unless it was promoted again since.
    ///
    /// # Errors
    /// Database errors; an unreadable row.
    pub fn drift_check(&self, spec: &SpecId) -> Result<Option<DriftCheck>, LedgerError> {
        // An older format has none.
        if !self.is_current() {
            return Ok(None);
        }
        let sql = format!(
            "SELECT at, result FROM drift_checks WHERE spec = ?1 AND at > coalesce({PROMOTED}, '')"
        );
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?));
        let Some((at, text)) = self.db.query_row(&sql, [spec], row).optional()? else {
            return Ok(None);
        };
        let result = text.map(|text| read_json(&text)).transpose()?;
        Ok(Some(DriftCheck { spec: spec.clone(), at, result }))
    }
}
