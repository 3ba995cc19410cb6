//! The ledger: SQLite, one file, WAL, append-only events. Any user's `sqlite3` reads it.
//!
//! A transaction is `BEGIN IMMEDIATE` and durable once it returns (`synchronous=FULL`). Another
//! process may read at any time.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use crate::types::event::Entry;
use crate::types::{Digest, Event, Job, JobId, Red};

/// Trouble with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite's.
    #[error(
        "the ledger .regen/ledger.db: {0}; if it is damaged, move it away: it is history, what stands is in regen.lock"
    )]
    Sqlite(#[from] rusqlite::Error),
    /// An event that this version does not know.
    #[error("the ledger .regen/ledger.db: event {seq} is not readable: {why}")]
    Event {
        /// Its number.
        seq: i64,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer regen.
    #[error(
        "the ledger .regen/ledger.db has format {found}, this regen knows {known}: update regen"
    )]
    Future {
        /// The file's format.
        found: i64,
        /// This program's format.
        known: i64,
    },
    /// A cap would be passed.
    #[error("{0}")]
    Budget(String),
}

/// Each step brings the format from its index to the next.
const MIGRATIONS: [&str; 3] = [
    "
    CREATE TABLE runs (id INTEGER PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL) STRICT;
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, spec TEXT NOT NULL,
        job TEXT NOT NULL, result TEXT
    ) STRICT;
    CREATE UNIQUE INDEX one_open_job ON jobs (spec) WHERE result IS NULL;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, job INTEGER REFERENCES jobs,
        spec TEXT, at TEXT NOT NULL, event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_job ON events (job);
    CREATE TRIGGER events_stay BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TRIGGER events_remain BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TABLE completions (
        job INTEGER NOT NULL REFERENCES jobs, attempt INTEGER NOT NULL, request TEXT NOT NULL,
        completion TEXT NOT NULL, PRIMARY KEY (job, attempt, request)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE spending (
        id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs, attempt INTEGER NOT NULL,
        run INTEGER NOT NULL, day TEXT NOT NULL, tokens INTEGER NOT NULL, usd REAL NOT NULL,
        settled INTEGER NOT NULL
    ) STRICT;
",
    "CREATE TABLE proven (test TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
    "
    ALTER TABLE jobs ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX jobs_of_spec ON jobs (spec);
    CREATE TABLE paused (
        one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL, by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX spending_of_day ON spending (day);
    CREATE INDEX spending_of_run ON spending (run);
    CREATE INDEX spending_of_job ON spending (job);
",
];

/// A job in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// Its number.
    pub job: JobId,
    /// Its run.
    pub run: i64,
    /// Its spec.
    pub spec: String,
    /// How it ended, if it did.
    pub result: Option<String>,
    /// Its first event.
    pub from: Option<String>,
    /// Its last event.
    pub to: Option<String>,
    /// Tokens it cost, reservations included.
    pub tokens: i64,
    /// US dollars it cost, reservations included.
    pub usd: f64,
}

/// The ledger of a workspace.
#[derive(Debug)]
pub struct Ledger {
    pub(super) db: Connection,
}

impl Ledger {
    /// Opens the ledger for writing, making or upgrading it.
    ///
    /// # Errors
    /// SQLite's, or a file from the future.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
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

    /// Opens the ledger for reading; `None` when there is none yet.
    ///
    /// # Errors
    /// SQLite's, or a file from the future.
    pub fn read(path: &Path) -> Result<Option<Self>, LedgerError> {
        if !path.exists() {
            return Ok(None);
        }
        let db = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update(None, "query_only", true)?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let known = MIGRATIONS.len() as i64;
        if found > known {
            return Err(LedgerError::Future { found, known });
        }
        // Older formats lack only what nobody reads who cannot write.
        Ok((found > 0).then_some(Self { db }))
    }

    /// Whether it has everything that this version writes; who only reads meets older ones.
    pub fn is_current(&self) -> bool {
        let found = self.db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        found.is_ok_and(|found| found == MIGRATIONS.len() as i64)
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

    /// Begins a run with its first events.
    ///
    /// # Errors
    /// SQLite's.
    pub fn begin_run(&mut self, at: &str, by: &str, events: &[Event]) -> Result<i64, LedgerError> {
        self.write(|tx| {
            tx.execute("INSERT INTO runs (at, by) VALUES (?1, ?2)", params![at, by])?;
            let run = tx.last_insert_rowid();
            for event in events {
                insert(tx, run, None, at, event)?;
            }
            Ok(run)
        })
    }

    /// Queues a job. At most one job of a spec is open: a second one is refused by the database.
    ///
    /// # Errors
    /// SQLite's.
    pub fn queue(&mut self, run: i64, at: &str, job: &Job) -> Result<JobId, LedgerError> {
        self.write(|tx| {
            let text = serde_json::to_string(job).expect("a job is plain data");
            tx.execute(
                "INSERT INTO jobs (run, spec, job) VALUES (?1, ?2, ?3)",
                params![run, job.spec, text],
            )?;
            let id = JobId(tx.last_insert_rowid());
            insert(tx, run, Some((id, &job.spec)), at, &Event::Queued { job: job.clone() })?;
            Ok(id)
        })
    }

    /// Appends a job's event; `result` closes the job.
    ///
    /// # Errors
    /// SQLite's.
    pub fn append(
        &mut self,
        (run, at): (i64, &str),
        job: (JobId, &str),
        event: &Event,
        result: Option<&str>,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            insert(tx, run, Some(job), at, event)?;
            if let Event::GateReported { report, .. } = event {
                for proof in report.red.iter().filter(|proof| proof.red == Red::Seen) {
                    let test = proof.key.to_string();
                    tx.execute("INSERT OR IGNORE INTO proven VALUES (?1)", [test])?;
                }
            }
            if let Some(result) = result {
                tx.execute("UPDATE jobs SET result = ?2 WHERE id = ?1", params![job.0.0, result])?;
            }
            Ok(())
        })
    }

    /// The open job of a spec.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Event>)>, LedgerError> {
        let sql = "SELECT id FROM jobs WHERE spec = ?1 AND result IS NULL";
        let id: Option<i64> = self.db.query_row(sql, [spec], |row| row.get(0)).optional()?;
        let Some(id) = id else { return Ok(None) };
        let entries = self.entries("WHERE job = ?1 ORDER BY seq", &[&id])?;
        Ok(Some((JobId(id), entries.into_iter().map(|entry| entry.event).collect())))
    }

    /// Entries in order; the newest `most`, of one spec or of all.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn log(&self, spec: Option<&str>, most: u32) -> Result<Vec<Entry>, LedgerError> {
        let filter = "WHERE ?1 IS NULL OR spec = ?1 ORDER BY seq DESC LIMIT ?2";
        let mut entries = self.entries(filter, &[&spec, &most])?;
        entries.reverse();
        Ok(entries)
    }

    /// Entries behind `seq` in order, at most so many.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn after(&self, seq: i64, most: u32) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE seq > ?1 ORDER BY seq LIMIT ?2", &[&seq, &most])
    }

    /// The newest entry's number; 0 when there is none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn newest(&self) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM events";
        Ok(self.db.query_row(sql, [], |row| row.get(0))?)
    }

    /// The entries of a run.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn run(&self, run: i64) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE run = ?1 ORDER BY seq", &[&run])
    }

    /// The entries of a job.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn job(&self, id: JobId) -> Result<Vec<Entry>, LedgerError> {
        self.entries("WHERE job = ?1 ORDER BY seq", &[&id.0])
    }

    /// The jobs that promoted a spec, oldest first, each with the entry that says so.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn promotions(&self, spec: &str) -> Result<Vec<(JobId, Entry)>, LedgerError> {
        let of = "job IN (SELECT id FROM jobs WHERE spec = ?1 AND result = 'promoted')";
        let what = "event ->> '$.event' = 'promoted'";
        let entries = self.entries(&format!("WHERE {of} AND {what} ORDER BY seq"), &[&spec])?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.job?, entry))).collect())
    }

    /// The newest jobs of a spec that ended and are not forgiven, oldest first.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn history(&self, spec: &str, most: u32) -> Result<Vec<Vec<Entry>>, LedgerError> {
        let sql = "SELECT id FROM jobs WHERE spec = ?1 AND result IS NOT NULL
                   AND result != 'superseded' AND forgiven = 0 ORDER BY id DESC LIMIT ?2";
        let mut statement = self.db.prepare(sql)?;
        let ids = statement.query_map(params![spec, most], |row| row.get::<_, i64>(0))?;
        let ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
        ids.into_iter().rev().map(|id| self.job(JobId(id))).collect()
    }

    /// Records that a person wants specs tried again: how their jobs ended counts no more.
    ///
    /// # Errors
    /// SQLite's.
    pub fn forgive(&mut self, at: &str, by: &str, specs: &[String]) -> Result<(), LedgerError> {
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

    /// Records that a person wants no job to start, or jobs to start again.
    ///
    /// # Errors
    /// SQLite's.
    pub fn pause(&mut self, at: &str, by: &str, paused: bool) -> Result<(), LedgerError> {
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

    /// Since when, and by whom, no job is to start.
    ///
    /// # Errors
    /// SQLite's.
    pub fn paused(&self) -> Result<Option<(String, String)>, LedgerError> {
        let sql = "SELECT at, by FROM paused";
        let row = self.db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(row.optional()?)
    }

    /// The newest jobs, of one spec or of all, newest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn jobs(&self, spec: Option<&str>, most: u32) -> Result<Vec<JobRow>, LedgerError> {
        let sql = "SELECT j.id, j.run, j.spec, j.result,
                       (SELECT min(at) FROM events WHERE job = j.id),
                       (SELECT max(at) FROM events WHERE job = j.id),
                       (SELECT coalesce(sum(tokens), 0) FROM spending WHERE job = j.id),
                       (SELECT coalesce(sum(usd), 0.0) FROM spending WHERE job = j.id)
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
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest job of a spec: its number and its entries.
    ///
    /// # Errors
    /// SQLite's, or an unreadable event.
    pub fn last_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Entry>)>, LedgerError> {
        let sql = "SELECT max(id) FROM jobs WHERE spec = ?1";
        let id: Option<i64> = self.db.query_row(sql, [spec], |row| row.get(0))?;
        let Some(id) = id else { return Ok(None) };
        Ok(Some((JobId(id), self.entries("WHERE job = ?1 ORDER BY seq", &[&id])?)))
    }

    fn entries(
        &self,
        filter: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Entry>, LedgerError> {
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

    /// The recorded answer to a request of an attempt.
    ///
    /// # Errors
    /// SQLite's.
    pub fn completion(
        &self,
        (job, attempt): (JobId, u32),
        request: Digest,
    ) -> Result<Option<Digest>, LedgerError> {
        let sql =
            "SELECT completion FROM completions WHERE job = ?1 AND attempt = ?2 AND request = ?3";
        let values = params![job.0, attempt, request.to_string()];
        let text: Option<String> = self.db.query_row(sql, values, |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| Digest::parse(&text)))
    }

    /// The tests that were seen to fail without an implementation.
    ///
    /// # Errors
    /// SQLite's.
    pub fn proven(&self) -> Result<BTreeSet<Digest>, LedgerError> {
        let mut statement = self.db.prepare("SELECT test FROM proven")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let tests: Result<Vec<String>, _> = rows.collect();
        Ok(tests?.iter().filter_map(|test| Digest::parse(test)).collect())
    }
}

fn insert(
    tx: &Transaction<'_>,
    run: i64,
    job: Option<(JobId, &str)>,
    at: &str,
    event: &Event,
) -> Result<(), LedgerError> {
    let text = serde_json::to_string(event).expect("an event is plain data");
    let (id, spec) = (job.map(|job| job.0.0), job.map(|job| job.1));
    let sql = "INSERT INTO events (run, job, spec, at, event) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(sql, params![run, id, spec, at, text])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Ledger, LedgerError};
    use crate::types::{Event, Job};

    #[test]
    fn events_are_append_only_jobs_are_one_and_the_future_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut ledger = Ledger::open(&path).expect("opens");
        let run =
            ledger.begin_run("t", "test", &[Event::Triggered { by: "x".to_owned() }]).unwrap();
        let job = Job::new("s", Vec::new(), 1);
        ledger.queue(run, "t", &job).expect("queues");
        assert!(ledger.queue(run, "t", &job).is_err(), "one open job per spec");
        assert!(ledger.db.execute("DELETE FROM events", []).is_err());
        assert!(ledger.db.execute("UPDATE events SET at = 'x'", []).is_err());
        assert_eq!(Ledger::read(&path).unwrap().unwrap().log(None, 9).unwrap().len(), 2);
        ledger.db.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Ledger::open(&path), Err(LedgerError::Future { .. })));
        let version: String =
            ledger.db.query_row("SELECT sqlite_version()", [], |row| row.get(0)).unwrap();
        let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(parts >= vec![3, 51, 3], "the WAL-reset bug is in {version}");
    }

    #[test]
    fn older_ledgers_are_read_as_they_are_and_brought_up_by_who_writes() {
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
        assert_eq!(Ledger::read(&path).unwrap().unwrap().log(None, 9).unwrap().len(), 1);
        let ledger = Ledger::open(&path).expect("is brought up");
        assert!(ledger.proven().expect("has the table").is_empty());
        assert_eq!(ledger.log(None, 9).unwrap().len(), 1);
    }
}
