//! The interface of the ledger: append-only events, spending and proven tests.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::types::event::Entry;
use crate::types::harness::Budget;
use crate::types::{Digest, Event, Job, JobId, Prices, SpecId, Usage};

/// Errors of the ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A database error.
    #[error(
        "the ledger .regen/ledger.db: {0}; if it is damaged, move it away (it is only history; promotions are in regen.lock)"
    )]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An event that this version does not support.
    #[error("the ledger .regen/ledger.db: cannot read event {seq}: {why}")]
    Event {
        /// Its number.
        seq: i64,
        /// The reason.
        why: String,
    },
    /// Written by a newer regen.
    #[error(
        "the ledger .regen/ledger.db has format {found}; this regen supports {known}; update regen"
    )]
    Future {
        /// The file's format.
        found: i64,
        /// This program's format.
        known: i64,
    },
    /// A limit of the budget would be exceeded.
    #[error("{0}")]
    Budget(String),
}

/// A summary of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// Its number.
    pub job: JobId,
    /// Its run.
    pub run: i64,
    /// Its spec.
    pub spec: SpecId,
    /// Its result, if it ended.
    pub result: Option<String>,
    /// Its first event.
    pub from: Option<String>,
    /// Its last event.
    pub to: Option<String>,
    /// Tokens used, including reservations.
    pub tokens: i64,
    /// US dollars spent, including reservations, of tokens whose price is known.
    pub usd: f64,
    /// Tokens whose price is unknown.
    pub unpriced: i64,
}

/// The cost of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spend {
    /// Tokens, input and output.
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

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        let usd = self.usd.zip(other.usd).map(|(one, other)| one + other);
        Self { tokens: self.tokens.saturating_add(other.tokens), usd }
    }
}

/// The spending of a UTC day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Day {
    /// The day.
    pub day: String,
    /// Tokens, input and output.
    pub tokens: i64,
    /// US dollars, of tokens whose price is known.
    pub usd: f64,
    /// Tokens whose price is unknown.
    pub unpriced: i64,
    /// Number of calls.
    pub calls: i64,
    /// Of the tokens, those that are reserved for calls without a known cost: they have not ended,
    /// were cut, or the server told no count.
    pub reserved: i64,
}

impl Day {
    /// The dollars, if the price of everything is known.
    pub fn known_usd(&self) -> Option<f64> {
        (self.unpriced == 0).then_some(self.usd)
    }
}

/// One model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    /// The job it is for.
    pub job: JobId,
    /// The attempt.
    pub attempt: u32,
}

/// An event of a job to append.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// The run it belongs to.
    pub run: i64,
    /// Its time.
    pub at: &'a str,
    /// Its job.
    pub job: JobId,
    /// The job's spec.
    pub spec: &'a SpecId,
    /// The event.
    pub event: &'a Event,
    /// The job's result, if this event ends it.
    pub result: Option<&'a str>,
}

/// A reservation for a call.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'a> {
    /// The call.
    pub call: CallId,
    /// The run.
    pub run: i64,
    /// The UTC day.
    pub day: &'a str,
    /// Its maximum cost.
    pub spend: Spend,
    /// How many answers of a model under test it covers, if it is for samples.
    pub answers: Option<u32>,
}

/// The ledger of a workspace. A write is durable once its method returns.
pub trait Ledger: fmt::Debug {
    /// Whether its format is current; a reader may find an older one.
    fn is_current(&self) -> bool;

    /// Starts a run with its first events.
    ///
    /// # Errors
    /// Database errors.
    fn begin_run(&mut self, at: &str, by: &str, events: &[Event]) -> Result<i64, LedgerError>;

    /// Queues a job. The database allows at most one open job per spec.
    ///
    /// # Errors
    /// Database errors.
    fn queue(&mut self, run: i64, at: &str, job: &Job) -> Result<JobId, LedgerError>;

    /// Appends a job's event; `result` closes the job.
    ///
    /// # Errors
    /// Database errors.
    fn append(&mut self, entry: &NewEvent<'_>) -> Result<(), LedgerError>;

    /// The open job of a spec.
    ///
    /// # Errors
    /// Database errors.
    fn open_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Event>)>, LedgerError>;

    /// When a job was queued.
    ///
    /// # Errors
    /// Database errors.
    fn begun(&self, job: JobId) -> Result<String, LedgerError>;

    /// The newest `most` entries in order, of one spec or of all.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn log(&self, spec: Option<&str>, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// At most this many entries after `seq`, in order.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn after(&self, seq: i64, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// The newest entry's number; 0 when there is none.
    ///
    /// # Errors
    /// Database errors.
    fn newest(&self) -> Result<i64, LedgerError>;

    /// The entries of a run.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn run(&self, run: i64) -> Result<Vec<Entry>, LedgerError>;

    /// The entries of a job.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn job(&self, id: JobId) -> Result<Vec<Entry>, LedgerError>;

    /// The jobs that promoted a spec, oldest first, each with its promotion entry.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn promotions(&self, spec: &str) -> Result<Vec<(JobId, Entry)>, LedgerError>;

    /// The newest ended jobs of a spec since its last `regen retry`, oldest first.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn history(&self, spec: &str, most: u32) -> Result<Vec<Vec<Entry>>, LedgerError>;

    /// Records `regen retry`: earlier failures no longer count.
    ///
    /// # Errors
    /// Database errors.
    fn forgive(&mut self, at: &str, by: &str, specs: &[SpecId]) -> Result<(), LedgerError>;

    /// Records that scheduling was paused or resumed.
    ///
    /// # Errors
    /// Database errors.
    fn pause(&mut self, at: &str, by: &str, paused: bool) -> Result<(), LedgerError>;

    /// Since when, and by whom, scheduling is paused.
    ///
    /// # Errors
    /// Database errors.
    fn paused(&self) -> Result<Option<(String, String)>, LedgerError>;

    /// The newest jobs, of one spec or of all, newest first.
    ///
    /// # Errors
    /// Database errors.
    fn jobs(&self, spec: Option<&str>, most: u32) -> Result<Vec<JobRow>, LedgerError>;

    /// The newest job of a spec: its number and its entries.
    ///
    /// # Errors
    /// Database errors; an unreadable event.
    fn last_job(&self, spec: &str) -> Result<Option<(JobId, Vec<Entry>)>, LedgerError>;

    /// Every recorded answer of a job, also one that no event tells of yet.
    ///
    /// # Errors
    /// The database's.
    fn answers(&self, job: JobId) -> Result<Vec<Digest>, LedgerError>;

    /// The recorded answer to a request of an attempt.
    ///
    /// # Errors
    /// Database errors.
    fn completion(&self, call: CallId, request: Digest) -> Result<Option<Digest>, LedgerError>;

    /// The newest answer to a request from another job of the spec that was not rejected. Promoted
    /// ones count only after a rollback; otherwise a forced run wants a new answer.
    ///
    /// # Errors
    /// Database errors.
    fn reusable(
        &self,
        job: JobId,
        spec: &SpecId,
        request: Digest,
    ) -> Result<Option<Digest>, LedgerError>;

    /// The tests that were seen to fail without an implementation.
    ///
    /// # Errors
    /// Database errors.
    fn proven(&self) -> Result<BTreeSet<Digest>, LedgerError>;

    /// Reserves the maximum cost of a call, within the limits. Unsettled reservations count in
    /// full, including those of killed runs, whose calls may be billed.
    ///
    /// # Errors
    /// [`LedgerError::Budget`] with the limit that would be exceeded; database errors.
    fn reserve(&mut self, most: &Reservation<'_>, budget: &Budget) -> Result<(), LedgerError>;

    /// Settles what killed samples of a call, and of jobs that have ended, left reserved: by the
    /// answers that were kept, and so many more that may have been under way.
    ///
    /// # Errors
    /// Database errors.
    fn settle_samples(&mut self, call: CallId, under_way: u32) -> Result<(), LedgerError>;

    /// Settles a reservation with the actual cost.
    ///
    /// # Errors
    /// Database errors.
    fn settle(&mut self, call: CallId, spend: Spend) -> Result<(), LedgerError>;

    /// Records an answer and settles its cost, before anything uses it.
    ///
    /// # Errors
    /// Database errors.
    fn record_completion(
        &mut self,
        call: CallId,
        request: Digest,
        completion: Digest,
        spend: Spend,
    ) -> Result<(), LedgerError>;

    /// Tokens and dollars by UTC day, newest first.
    ///
    /// # Errors
    /// Database errors.
    fn days(&self, most: u32) -> Result<Vec<Day>, LedgerError>;

    /// Tokens and dollars of a UTC day.
    ///
    /// # Errors
    /// Database errors.
    fn spent(&self, day: &str) -> Result<Day, LedgerError>;

    /// What a run spent, including reservations.
    ///
    /// # Errors
    /// Database errors.
    fn spent_in(&self, run: i64) -> Result<Day, LedgerError>;

    /// What a job spent; the day is one of its days.
    ///
    /// # Errors
    /// The database's.
    fn spent_by(&self, job: JobId) -> Result<Day, LedgerError>;
}
