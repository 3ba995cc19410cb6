//! What a ledger is asked: events in order, append-only, with what was spent and proven.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::types::event::Entry;
use crate::types::harness::Budget;
use crate::types::{Digest, Event, Job, JobId, Prices, SpecId, Usage};

/// Trouble with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database's.
    #[error(
        "the ledger .regen/ledger.db: {0}; if it is damaged, move it away: it is history, what stands is in regen.lock"
    )]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
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

/// A job in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// Its number.
    pub job: JobId,
    /// Its run.
    pub run: i64,
    /// Its spec.
    pub spec: SpecId,
    /// How it ended, if it did.
    pub result: Option<String>,
    /// Its first event.
    pub from: Option<String>,
    /// Its last event.
    pub to: Option<String>,
    /// Tokens it cost, reservations included.
    pub tokens: i64,
    /// US dollars it cost, reservations included, of tokens whose price is known.
    pub usd: f64,
    /// Tokens whose price is unknown.
    pub unpriced: i64,
}

/// What a call may cost or did cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spend {
    /// Tokens, read and written.
    pub tokens: u64,
    /// US dollars; `None`: the price is unknown.
    pub usd: Option<f64>,
}

impl Spend {
    /// What tokens cost.
    pub fn of(usage: Usage, prices: &Prices) -> Self {
        Self { tokens: usage.input.saturating_add(usage.output), usd: prices.usd(usage) }
    }

    /// The most that tokens can cost.
    pub fn most(usage: Usage, prices: &Prices) -> Self {
        Self { usd: prices.most(usage), ..Self::of(usage, prices) }
    }

    /// Nothing was spent.
    pub fn nothing() -> Self {
        Self { tokens: 0, usd: Some(0.0) }
    }
}

/// What a UTC day cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Day {
    /// The day.
    pub day: String,
    /// Tokens, read and written.
    pub tokens: i64,
    /// US dollars, of tokens whose price is known.
    pub usd: f64,
    /// Tokens whose price is unknown.
    pub unpriced: i64,
    /// Calls that were reserved for.
    pub calls: i64,
}

/// One call of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    /// The job it is for.
    pub job: JobId,
    /// The attempt it is made in.
    pub attempt: u32,
}

/// An event of a job, to be appended.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// The run it belongs to.
    pub run: i64,
    /// When it happened.
    pub at: &'a str,
    /// Its job.
    pub job: JobId,
    /// The job's spec.
    pub spec: &'a SpecId,
    /// What happened.
    pub event: &'a Event,
    /// How the job ended, where it ends it.
    pub result: Option<&'a str>,
}

/// What a call may cost at most.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'a> {
    /// The call.
    pub call: CallId,
    /// The run it is made in.
    pub run: i64,
    /// The UTC day.
    pub day: &'a str,
    /// Its price at most.
    pub spend: Spend,
}

/// The ledger of a workspace. What a method wrote is durable once it returns.
pub trait Ledger: fmt::Debug {
    /// Whether it has everything that this version writes; who only reads meets older ones.
    fn is_current(&self) -> bool;

    /// Begins a run with its first events.
    ///
    /// # Errors
    /// The database's.
    fn begin_run(&mut self, at: &str, by: &str, events: &[Event]) -> Result<i64, LedgerError>;

    /// Queues a job. At most one job of a spec is open: a second one is refused by the database.
    ///
    /// # Errors
    /// The database's.
    fn queue(&mut self, run: i64, at: &str, job: &Job) -> Result<JobId, LedgerError>;

    /// Appends a job's event; `result` closes the job.
    ///
    /// # Errors
    /// The database's.
    fn append(&mut self, entry: &NewEvent<'_>) -> Result<(), LedgerError>;

    /// The open job of a spec.
    ///
    /// # Errors
    /// The database's.
    fn open_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Event>)>, LedgerError>;

    /// Entries in order; the newest `most`, of one spec or of all.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn log(&self, spec: Option<&str>, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// Entries behind `seq` in order, at most so many.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn after(&self, seq: i64, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// The newest entry's number; 0 when there is none.
    ///
    /// # Errors
    /// The database's.
    fn newest(&self) -> Result<i64, LedgerError>;

    /// The entries of a run.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn run(&self, run: i64) -> Result<Vec<Entry>, LedgerError>;

    /// The entries of a job.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn job(&self, id: JobId) -> Result<Vec<Entry>, LedgerError>;

    /// The jobs that promoted a spec, oldest first, each with the entry that says so.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn promotions(&self, spec: &str) -> Result<Vec<(JobId, Entry)>, LedgerError>;

    /// The newest jobs of a spec that ended and are not forgiven, oldest first.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn history(&self, spec: &str, most: u32) -> Result<Vec<Vec<Entry>>, LedgerError>;

    /// Records that a person wants specs tried again: how their jobs ended counts no more.
    ///
    /// # Errors
    /// The database's.
    fn forgive(&mut self, at: &str, by: &str, specs: &[SpecId]) -> Result<(), LedgerError>;

    /// Records that a person wants no job to start, or jobs to start again.
    ///
    /// # Errors
    /// The database's.
    fn pause(&mut self, at: &str, by: &str, paused: bool) -> Result<(), LedgerError>;

    /// Since when, and by whom, no job is to start.
    ///
    /// # Errors
    /// The database's.
    fn paused(&self) -> Result<Option<(String, String)>, LedgerError>;

    /// The newest jobs, of one spec or of all, newest first.
    ///
    /// # Errors
    /// The database's.
    fn jobs(&self, spec: Option<&str>, most: u32) -> Result<Vec<JobRow>, LedgerError>;

    /// The newest job of a spec: its number and its entries.
    ///
    /// # Errors
    /// The database's, or an unreadable event.
    fn last_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Entry>)>, LedgerError>;

    /// The recorded answer to a request of an attempt.
    ///
    /// # Errors
    /// The database's.
    fn completion(&self, call: CallId, request: Digest) -> Result<Option<Digest>, LedgerError>;

    /// The newest answer to a request that another job of the spec recorded and that was not
    /// rejected. One that was promoted counts only where a rollback has put another tree in its
    /// place: else a person asks for a new one.
    ///
    /// # Errors
    /// The database's.
    fn reusable(
        &self,
        job: JobId,
        spec: &SpecId,
        request: Digest,
    ) -> Result<Option<Digest>, LedgerError>;

    /// The tests that were seen to fail without an implementation.
    ///
    /// # Errors
    /// The database's.
    fn proven(&self) -> Result<BTreeSet<Digest>, LedgerError>;

    /// Reserves what a call may cost at most, inside the caps. Unsettled reservations count in
    /// full, also those of a try that was killed: its call may have been served.
    ///
    /// # Errors
    /// [`LedgerError::Budget`] with the cap that would be passed; The database's.
    fn reserve(&mut self, most: &Reservation<'_>, budget: &Budget) -> Result<(), LedgerError>;

    /// Settles a reservation at what the call really cost.
    ///
    /// # Errors
    /// The database's.
    fn settle(&mut self, call: CallId, spend: Spend) -> Result<(), LedgerError>;

    /// Records an answer and settles what it cost, before anything acts on it.
    ///
    /// # Errors
    /// The database's.
    fn record_completion(
        &mut self,
        call: CallId,
        request: Digest,
        completion: Digest,
        spend: Spend,
    ) -> Result<(), LedgerError>;

    /// Tokens and dollars by UTC day, the newest first.
    ///
    /// # Errors
    /// The database's.
    fn days(&self, most: u32) -> Result<Vec<Day>, LedgerError>;

    /// Tokens and dollars of a UTC day.
    ///
    /// # Errors
    /// The database's.
    fn spent(&self, day: &str) -> Result<Day, LedgerError>;
}
