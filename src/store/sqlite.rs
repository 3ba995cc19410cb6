//! The ledger in SQLite: one file, WAL, append-only events, readable with any `sqlite3`.
//!
//! Transactions are `BEGIN IMMEDIATE` and durable when they return (`synchronous=FULL`). Other
//! processes may read at any time.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params};

use super::database::{digests, immutable, is_read_only, private_file};
use super::files;
use super::ledger::{CallId, Day, JobRow, Ledger, LedgerError, NewEvent, Reservation, Spend};
use super::migrations::MIGRATIONS;
use super::spending::{DAYS, day, reserve, settle, settle_samples};
use crate::process::without_secrets;
use crate::types::event::Entry;
use crate::types::harness::Budget;
use crate::types::text::visible;
use crate::types::{Digest, Event, Job, JobId, Red, SpecId};

impl ToSql for SpecId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_str().to_sql()
    }
}

impl FromSql for SpecId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::try_from(String::column_result(value)?).map_err(|why| FromSqlError::Other(why.into()))
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// A ledger in a SQLite file.
#[derive(Debug)]
pub struct SqliteLedger {
    pub(super) db: Connection,
}

impl SqliteLedger {
    /// Opens the ledger for writing, creating or upgrading it.
    ///
    /// # Errors
    /// SQLite errors; a newer format.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        private_file(path)?;
        let mut db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", true)?;
        let known = MIGRATIONS.len() as i64;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > known {
            return Err(LedgerError::Future { found, known });
        }
        for (step, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", step as i64 + 1)?;
        }
        tx.commit()?;
        Ok(Self { db })
    }

    /// Opens the ledger for reading; `None` if it does not exist.
    ///
    /// # Errors
    /// SQLite errors; a newer format.
    pub fn read(path: &Path) -> Result<Option<Self>, LedgerError> {
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        files::open_regular(path).map_err(|why| LedgerError::Database(why.into()))?;
        let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get(0));
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "query_only", true)?;
        let found: i64 = match version(&db) {
            // On a read-only file system SQLite cannot make its index of the write-ahead log.
            Err(_) if is_read_only(path) => {
                db = immutable(path)?;
                version(&db)?
            }
            found => found?,
        };
        let known = MIGRATIONS.len() as i64;
        if found > known {
            return Err(LedgerError::Future { found, known });
        }
        // Older formats only lack tables that writers use.
        Ok((found > 0).then_some(Self { db }))
    }

    pub(super) fn write<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = act(&tx)?;
        tx.commit()?;
        Ok(value)
    }

    fn entries(&self, filter: &str, values: &[&dyn ToSql]) -> Result<Vec<Entry>, LedgerError> {
        let sql = format!("SELECT seq, run, job, spec, at, event FROM events {filter}");
        let mut statement = self.db.prepare(&sql)?;
        let mut rows = statement.query(values)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let (seq, text): (i64, String) = (row.get(0)?, row.get(5)?);
            let event = serde_json::from_str(&text)
                .map_err(|why| LedgerError::Event { seq, why: why.to_string() })?;
            let job: Option<i64> = row.get(2)?;
            entries.push(Entry {
                seq,
                run: row.get(1)?,
                job: job.map(JobId),
                spec: row.get(3)?,
                at: row.get(4)?,
                event,
            });
        }
        Ok(entries)
    }
}

impl Ledger for SqliteLedger {
    fn is_current(&self) -> bool {
        let found = self.db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        found.is_ok_and(|found| found == MIGRATIONS.len() as i64)
    }

    fn begin_run(&mut self, at: &str, by: &str, events: &[Event]) -> Result<i64, LedgerError> {
        self.write(|tx| {
            tx.execute("INSERT INTO runs (at, by) VALUES (?1, ?2)", params![at, by])?;
            let run = tx.last_insert_rowid();
            for event in events {
                insert(tx, run, None, at, event)?;
            }
            Ok(run)
        })
    }

    fn queue(&mut self, run: i64, at: &str, job: &Job) -> Result<JobId, LedgerError> {
        self.write(|tx| {
            let text = kept(job).to_string();
            tx.execute(
                "INSERT INTO jobs (run, spec, job) VALUES (?1, ?2, ?3)",
                params![run, job.spec, text],
            )?;
            let id = JobId(tx.last_insert_rowid());
            insert(tx, run, Some((id, &job.spec)), at, &Event::Queued { job: job.clone() })?;
            Ok(id)
        })
    }

    fn append(&mut self, entry: &NewEvent<'_>) -> Result<(), LedgerError> {
        let NewEvent { run, at, job, spec, event, result } = *entry;
        self.write(|tx| {
            insert(tx, run, Some((job, spec)), at, event)?;
            if let Event::GateReported { report, .. } = event {
                for proof in report.red.iter().filter(|proof| proof.red == Red::Seen) {
                    let test = proof.key.to_string();
                    tx.execute("INSERT OR IGNORE INTO proven VALUES (?1)", [test])?;
                }
            }
            if let Some(result) = result {
                tx.execute("UPDATE jobs SET result = ?2 WHERE id = ?1", params![job.0, result])?;
            }
            Ok(())
        })
    }

    fn open_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Event>)>, LedgerError> {
        let sql = "SELECT id FROM jobs WHERE spec = ?1 AND result IS NULL";
        let id: Option<i64> = self.db.query_row(sql, [spec], |row| row.get(0)).optional()?;
        let Some(id) = id else { return Ok(None) };
        let entries = self.entries("WHERE job = ?1 ORDER BY seq", &[&id])?;
        Ok(Some((JobId(id), entries.into_iter().map(|entry| entry.event).collect())))
    }

    fn begun(&self, job: JobId) -> Result<String, LedgerError> {
        let sql = "SELECT at FROM events WHERE job = ?1 ORDER BY seq LIMIT 1";
        Ok(self.db.query_row(sql, [job.0], |row| row.get(0))?)
    }

    fn log(&self, spec: Option<&str>, most: u32) -> Result<Vec<Entry>, LedgerError> {
        let filter = "WHERE ?1 IS NULL OR spec = ?1 ORDER BY seq DESC LIMIT ?2";
        let mut entries = self.entries(filter, &[&spec, &most])?;
        entries.reverse();
        Ok(entries)
    }

    fn after(&self, seq: i64, most: u32) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE seq > ?1 ORDER BY seq LIMIT ?2", &[&seq, &most])
    }

    fn newest(&self) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM events";
        Ok(self.db.query_row(sql, [], |row| row.get(0))?)
    }

    fn run(&self, run: i64) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE run = ?1 ORDER BY seq", &[&run])
    }

    fn job(&self, id: JobId) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE job = ?1 ORDER BY seq", &[&id.0])
    }

    fn promotions(&self, spec: &str) -> Result<Vec<(JobId, Entry)>, LedgerError> {
        let of = "job IN (SELECT id FROM jobs WHERE spec = ?1 AND result = 'promoted')";
        let what = "event ->> '$.event' = 'promoted'";
        let entries = self.entries(&format!("WHERE {of} AND {what} ORDER BY seq"), &[&spec])?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.job?, entry))).collect())
    }

    fn history(&self, spec: &str, most: u32) -> Result<Vec<Vec<Entry>>, LedgerError> {
        let sql = "SELECT id FROM jobs WHERE spec = ?1 AND result IS NOT NULL
                   AND result != 'superseded' AND forgiven = 0 ORDER BY id DESC LIMIT ?2";
        let mut statement = self.db.prepare(sql)?;
        let ids = statement.query_map(params![spec, most], |row| row.get::<_, i64>(0))?;
        let ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
        ids.into_iter().rev().map(|id| self.job(JobId(id))).collect()
    }

    fn forgive(&mut self, at: &str, by: &str, specs: &[SpecId]) -> Result<(), LedgerError> {
        let events =
            [Event::Triggered { by: by.to_owned() }, Event::Retried { specs: specs.to_vec() }];
        self.begin_run(at, by, &events)?;
        self.write(|tx| {
            for spec in specs {
                tx.execute("UPDATE jobs SET forgiven = 1 WHERE spec = ?1", [spec])?;
            }
            Ok(())
        })
    }

    fn pause(&mut self, at: &str, by: &str, paused: bool) -> Result<(), LedgerError> {
        let event = if paused { Event::Paused } else { Event::Unpaused };
        self.begin_run(at, by, &[Event::Triggered { by: by.to_owned() }, event])?;
        self.write(|tx| {
            tx.execute("DELETE FROM paused", [])?;
            if paused {
                tx.execute("INSERT INTO paused VALUES (1, ?1, ?2)", [at, by])?;
            }
            Ok(())
        })
    }

    fn paused(&self) -> Result<Option<(String, String)>, LedgerError> {
        let sql = "SELECT at, by FROM paused";
        let row = self.db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(row.optional()?)
    }

    fn jobs(&self, spec: Option<&str>, most: u32) -> Result<Vec<JobRow>, LedgerError> {
        let sql = "SELECT j.id, j.run, j.spec, j.result,
                       (SELECT min(at) FROM events WHERE job = j.id),
                       (SELECT max(at) FROM events WHERE job = j.id),
                       (SELECT coalesce(sum(tokens), 0) FROM spending WHERE job = j.id),
                       (SELECT coalesce(sum(usd), 0.0) FROM spending WHERE job = j.id),
                       (SELECT coalesce(sum(tokens), 0) FROM spending
                           WHERE job = j.id AND priced = 0)
                   FROM jobs j WHERE ?1 IS NULL OR j.spec = ?1 ORDER BY j.id DESC LIMIT ?2";
        let mut statement = self.db.prepare(sql)?;
        let rows = statement.query_map(params![spec, most], |row| {
            Ok(JobRow {
                job: JobId(row.get(0)?),
                run: row.get(1)?,
                spec: row.get(2)?,
                result: row.get(3)?,
                from: row.get(4)?,
                to: row.get(5)?,
                tokens: row.get(6)?,
                usd: row.get(7)?,
                unpriced: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn last_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Entry>)>, LedgerError> {
        let sql = "SELECT max(id) FROM jobs WHERE spec = ?1";
        let id: Option<i64> = self.db.query_row(sql, [spec], |row| row.get(0))?;
        let Some(id) = id else { return Ok(None) };
        Ok(Some((JobId(id), self.entries("WHERE job = ?1 ORDER BY seq", &[&id])?)))
    }

    fn answers(&self, job: JobId) -> Result<Vec<Digest>, LedgerError> {
        digests(&self.db, "SELECT completion FROM completions WHERE job = ?1", &[&job.0])
    }

    fn completion(&self, call: CallId, request: Digest) -> Result<Option<Digest>, LedgerError> {
        let sql =
            "SELECT completion FROM completions WHERE job = ?1 AND attempt = ?2 AND request = ?3";
        let values = params![call.job.0, call.attempt, request.to_string()];
        let text: Option<String> = self.db.query_row(sql, values, |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| Digest::parse(&text)))
    }

    fn reusable(
        &self,
        job: JobId,
        spec: &SpecId,
        request: Digest,
    ) -> Result<Option<Digest>, LedgerError> {
        let sql = "
            SELECT completion FROM completions c JOIN jobs j ON j.id = c.job
            WHERE request = ?1 AND j.spec = ?2 AND c.job != ?3
                AND coalesce(result, '') NOT IN ('rejected', 'spec_suspected', 'spec_refused')
                AND (completion NOT IN (
                    SELECT completion FROM completions p JOIN jobs o ON o.id = p.job
                    WHERE o.spec = ?2 AND o.result = 'promoted'
                ) OR (
                    SELECT job ->> '$.rollback' FROM jobs
                    WHERE spec = ?2 AND result = 'promoted' ORDER BY id DESC LIMIT 1
                ) IS NOT NULL)
            ORDER BY c.job DESC, attempt DESC LIMIT 1";
        let values = params![request.to_string(), spec, job.0];
        let text: Option<String> = self.db.query_row(sql, values, |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| Digest::parse(&text)))
    }

    fn proven(&self) -> Result<BTreeSet<Digest>, LedgerError> {
        Ok(digests(&self.db, "SELECT test FROM proven", &[])?.into_iter().collect())
    }

    fn reserve(&mut self, most: &Reservation<'_>, budget: &Budget) -> Result<(), LedgerError> {
        self.write(|tx| reserve(tx, most, budget))
    }

    fn settle_samples(&mut self, call: CallId, under_way: u32) -> Result<(), LedgerError> {
        self.write(|tx| settle_samples(tx, call, under_way))
    }

    fn settle(&mut self, call: CallId, spend: Spend) -> Result<(), LedgerError> {
        self.write(|tx| settle(tx, call, spend))
    }

    fn record_completion(
        &mut self,
        call: CallId,
        request: Digest,
        completion: Digest,
        spend: Spend,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO completions VALUES (?1, ?2, ?3, ?4)",
                params![call.job.0, call.attempt, request.to_string(), completion.to_string()],
            )?;
            settle(tx, call, spend)
        })
    }

    fn days(&self, most: u32) -> Result<Vec<Day>, LedgerError> {
        let sql = format!("{DAYS} GROUP BY day ORDER BY day DESC LIMIT ?1");
        let mut statement = self.db.prepare(&sql)?;
        let days = statement.query_map([most], day)?;
        Ok(days.collect::<Result<_, _>>()?)
    }

    fn spent(&self, date: &str) -> Result<Day, LedgerError> {
        let sql = format!("{DAYS} WHERE day = ?1 GROUP BY day");
        let found = self.db.query_row(&sql, [date], day).optional()?;
        Ok(found.unwrap_or_else(|| Day { day: date.to_owned(), ..Day::default() }))
    }

    fn spent_in(&self, run: i64) -> Result<Day, LedgerError> {
        let sql = format!("{DAYS} WHERE run = ?1 GROUP BY run");
        Ok(self.db.query_row(&sql, [run], day).optional()?.unwrap_or_default())
    }

    fn spent_by(&self, job: JobId) -> Result<Day, LedgerError> {
        let sql = format!("{DAYS} WHERE job = ?1 GROUP BY job");
        Ok(self.db.query_row(&sql, [job.0], day).optional()?.unwrap_or_default())
    }
}

/// A value for storage: untrusted text is made visible, secrets are removed.
fn kept(value: &impl serde::Serialize) -> serde_json::Value {
    fn walk(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = visible(&without_secrets(text)),
            serde_json::Value::Array(list) => list.iter_mut().for_each(walk),
            serde_json::Value::Object(map) => map.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).expect("it is plain data");
    walk(&mut value);
    value
}

fn insert(
    tx: &Transaction<'_>,
    run: i64,
    job: Option<(JobId, &str)>,
    at: &str,
    event: &Event,
) -> Result<(), LedgerError> {
    let text = kept(event).to_string();
    let (id, spec) = (job.map(|job| job.0.0), job.map(|job| job.1));
    let sql = "INSERT INTO events (run, job, spec, at, event) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(sql, params![run, id, spec, at, text])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Ledger, LedgerError, SqliteLedger};
    use crate::types::{Event, Job};

    #[test]
    fn events_are_append_only_one_job_is_open_and_newer_formats_are_rejected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut ledger = SqliteLedger::open(&path).expect("opens");
        let run =
            ledger.begin_run("t", "test", &[Event::Triggered { by: "x".to_owned() }]).unwrap();
        let job = Job::new(&"s".into(), Vec::new(), 1);
        ledger.queue(run, "t", &job).expect("queues");
        assert!(ledger.queue(run, "t", &job).is_err(), "one open job per spec");
        assert!(ledger.db.execute("DELETE FROM events", []).is_err());
        assert!(ledger.db.execute("UPDATE events SET at = 'x'", []).is_err());
        assert_eq!(SqliteLedger::read(&path).unwrap().unwrap().log(None, 9).unwrap().len(), 2);
        ledger.db.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(SqliteLedger::open(&path), Err(LedgerError::Future { .. })));
        let version: String =
            ledger.db.query_row("SELECT sqlite_version()", [], |row| row.get(0)).unwrap();
        let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts >= vec![3, 51, 3], "the WAL-reset bug is in {version}");
    }

    #[test]
    fn older_ledgers_are_readable_and_upgraded_by_writers() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let old = rusqlite::Connection::open(&path).expect("opens");
        old.execute_batch(super::MIGRATIONS[0]).expect("is right");
        old.pragma_update(None, "user_version", 1).expect("writes");
        old.execute("INSERT INTO runs (at, by) VALUES ('t', 'x')", []).expect("writes");
        let event = serde_json::to_string(&Event::Triggered { by: "x".to_owned() }).unwrap();
        let sql = "INSERT INTO events (run, at, event) VALUES (1, 't', ?1)";
        old.execute(sql, [event]).expect("writes");
        drop(old);
        assert_eq!(SqliteLedger::read(&path).unwrap().unwrap().log(None, 9).unwrap().len(), 1);
        let ledger = SqliteLedger::open(&path).expect("is brought up");
        assert!(ledger.proven().expect("has the table").is_empty());
        assert_eq!(ledger.log(None, 9).unwrap().len(), 1);
    }
}
