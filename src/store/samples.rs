//! Answers of models under test and what tests say of them, so that no sample is bought twice.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::database::{read_digest, read_json};
use super::ledger::{CallId, Ledger, LedgerError, Spend};
use super::spending::stored;
use super::sqlite::SqliteLedger;
use crate::types::{Digest, JobId};

/// An answer of a model under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSample {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: String,
    /// The model, as its server names it.
    pub model: String,
}

/// What a test says of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleGrade {
    /// The spec.
    pub spec: String,
    /// The target.
    pub target: String,
    /// The test.
    pub test: String,
    /// Its clause.
    pub clause: String,
    /// Its digest.
    pub key: Digest,
    /// The digest of the instructions.
    pub artifact: Digest,
    /// The model, as its server names it.
    pub model: String,
    /// The number of the sample.
    pub sample: u32,
    /// Whether the test is held out.
    pub hidden: bool,
    /// Whether it passed.
    pub passed: bool,
    /// Prompts and answers, as JSON.
    pub talk: String,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
}

impl SqliteLedger {
    /// The answer to a request, or only one that was bought for a job.
    ///
    /// # Errors
    /// Database errors; an unreadable row.
    pub fn sample(
        &self,
        request: Digest,
        of: Option<JobId>,
    ) -> Result<Option<StoredSample>, LedgerError> {
        // An older format has none.
        if !self.is_current() {
            return Ok(None);
        }
        let sql = "SELECT answer FROM samples WHERE request = ?1 AND (?2 IS NULL OR job = ?2)";
        let at = params![request.to_string(), of.map(|job| job.0)];
        let text: Option<String> = self.db.query_row(sql, at, |row| row.get(0)).optional()?;
        text.map(|text| read_json(&text)).transpose()
    }

    /// Keeps an answer to a request, and what it cost of the reservation of a call.
    ///
    /// # Errors
    /// Database errors.
    pub fn keep_sample(
        &mut self,
        request: Digest,
        sample: &StoredSample,
        call: CallId,
        cost: Spend,
        day: &str,
    ) -> Result<(), LedgerError> {
        let text = serde_json::to_string(sample).expect("it is plain data");
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO samples (request, answer, job, day, tokens, usd, spending)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, (
                     SELECT max(id) FROM spending
                     WHERE job = ?3 AND attempt = ?7 AND answers IS NOT NULL AND settled = 0
                 ))",
                params![
                    request.to_string(),
                    text,
                    call.job.0,
                    day,
                    stored(cost.tokens),
                    cost.usd.unwrap_or_default(),
                    call.attempt
                ],
            )?;
            Ok(())
        })
    }

    /// Keeps what a test says of a sample.
    ///
    /// # Errors
    /// Database errors.
    pub fn keep_grade(&mut self, grade: &SampleGrade) -> Result<(), LedgerError> {
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO grades VALUES
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    grade.spec,
                    grade.target,
                    grade.test,
                    grade.key.to_string(),
                    grade.artifact.to_string(),
                    grade.model,
                    grade.sample,
                    grade.clause,
                    grade.hidden,
                    grade.passed,
                    grade.talk,
                    grade.day
                ],
            )?;
            Ok(())
        })
    }

    /// The grades of a spec's visible tests, in a fixed order.
    ///
    /// # Errors
    /// Database errors; an unreadable row.
    pub fn grades(&self, spec: &str) -> Result<Vec<SampleGrade>, LedgerError> {
        if !self.is_current() {
            return Ok(Vec::new());
        }
        let mut statement = self.db.prepare(
            "SELECT spec, target, test, key, artifact, model, sample, clause, hidden, passed, talk,
             day FROM grades WHERE spec = ?1 AND hidden = 0
             ORDER BY target, clause, test, artifact, model, sample",
        )?;
        let mut rows = statement.query([spec])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let digest = |at: usize| -> Result<Digest, LedgerError> {
                read_digest(&row.get::<_, String>(at)?)
            };
            all.push(SampleGrade {
                spec: row.get(0)?,
                target: row.get(1)?,
                test: row.get(2)?,
                key: digest(3)?,
                artifact: digest(4)?,
                model: row.get(5)?,
                sample: row.get(6)?,
                clause: row.get(7)?,
                hidden: row.get(8)?,
                passed: row.get(9)?,
                talk: row.get(10)?,
                day: row.get(11)?,
            });
        }
        Ok(all)
    }
}
