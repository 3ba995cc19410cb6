//! Exchanges of programs in a sandbox with a model: recorded when a request is sent and when its
//! answer is whole, so that a kill costs no answer and leaves no cost unknown.

use rusqlite::params;

use super::database::{digests, read_digest, read_json};
use super::ledger::{CallId, Ledger, LedgerError};
use super::sqlite::SqliteLedger;
use crate::types::{Digest, JobId, Usage};

/// An exchange of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRow {
    /// The digest of the request.
    pub request: Digest,
    /// Its tokens; the most that they can be if its answer is not known.
    pub usage: Usage,
    /// Its answer, in the objects, with its content type.
    pub answer: Option<(Digest, Option<String>)>,
    /// Whether it is in the settled cost of an earlier try.
    pub settled: bool,
}

/// What is known of an exchange at its end.
#[derive(Clone, Debug)]
pub struct ExchangeEnd {
    /// Its tokens.
    pub usage: Usage,
    /// Its answer, in the objects, if it is whole, with its content type.
    pub answer: Option<(Digest, Option<String>)>,
}

impl SqliteLedger {
    /// Records that a request is sent, which may take these tokens of the attempt's reservation.
    /// Gives the number of the exchange.
    ///
    /// # Errors
    /// Database errors; the attempt has no reservation.
    pub fn begin_exchange(
        &mut self,
        call: CallId,
        request: Digest,
        most: Usage,
    ) -> Result<i64, LedgerError> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO exchanges (job, attempt, spending, usage, request)
                 SELECT ?1, ?2, max(id), ?3, ?4 FROM spending WHERE job = ?1 AND attempt = ?2",
                params![call.job.0, call.attempt, text_of(most), request.to_string()],
            )?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// Records the end of an exchange.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_exchange(&mut self, id: i64, end: &ExchangeEnd) -> Result<(), LedgerError> {
        let (answer, kind) = end.answer.clone().unzip();
        let answer = answer.map(|digest| digest.to_string());
        self.write(|tx| {
            tx.execute(
                "UPDATE exchanges SET usage = ?2, answer = ?3, kind = ?4 WHERE id = ?1",
                params![id, text_of(end.usage), answer, kind.flatten()],
            )?;
            Ok(())
        })
    }

    /// The exchanges of an attempt, in order.
    ///
    /// # Errors
    /// Database errors; an unreadable row.
    pub fn exchanges(&self, call: CallId) -> Result<Vec<ExchangeRow>, LedgerError> {
        let mut statement = self.db.prepare(
            "SELECT e.id, e.request, e.usage, e.answer, e.kind, s.settled
             FROM exchanges e JOIN spending s ON s.id = e.spending
             WHERE e.job = ?1 AND e.attempt = ?2 ORDER BY e.id",
        )?;
        let mut rows = statement.query(params![call.job.0, call.attempt])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let (request, usage): (String, String) = (row.get(1)?, row.get(2)?);
            let answer: Option<String> = row.get(3)?;
            let answer = answer.and_then(|text| Digest::parse(&text));
            let kind: Option<String> = row.get(4)?;
            list.push(ExchangeRow {
                request: read_digest(&request)?,
                usage: read_json(&usage)?,
                answer: answer.map(|answer| (answer, kind)),
                settled: row.get(5)?,
            });
        }
        Ok(list)
    }

    /// The answers to a job's exchanges.
    ///
    /// # Errors
    /// Database errors.
    pub fn exchanged(&self, job: JobId) -> Result<Vec<Digest>, LedgerError> {
        // An older format has none.
        if !self.is_current() {
            return Ok(Vec::new());
        }
        let sql = "SELECT answer FROM exchanges WHERE job = ?1 AND answer IS NOT NULL";
        digests(&self.db, sql, &[&job.0])
    }
}

fn text_of(usage: Usage) -> String {
    serde_json::to_string(&usage).expect("it is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Reservation, Spend};
    use crate::types::Job;
    use crate::types::harness::Budget;

    #[test]
    fn what_a_killed_try_took_is_known() {
        let mut ledger = SqliteLedger::open(std::path::Path::new(":memory:")).expect("opens");
        let run = ledger.begin_run("t", "test", &[]).expect("writes");
        let job = ledger.queue(run, "t", &Job::new(&"s".into(), Vec::new(), 1)).expect("writes");
        let call = CallId { job, attempt: 1 };
        let usage = |input, output| Usage { input, output, ..Usage::default() };
        let (one, two) = (Digest::of("one"), Digest::of("two"));
        assert!(ledger.begin_exchange(call, one, usage(0, 9)).is_err(), "nothing is reserved");
        let spend = Spend::of(usage(0, 100), &crate::types::Prices::default());
        let most = Reservation { call, run, day: "d", spend, answers: None };
        ledger.reserve(&most, &Budget::default()).expect("fits");
        let id = ledger.begin_exchange(call, one, usage(0, 60)).expect("writes");
        let answer = Some((Digest::of("answer"), Some("text/plain".to_owned())));
        let end = ExchangeEnd { usage: usage(3, 4), answer: answer.clone() };
        ledger.end_exchange(id, &end).expect("writes");
        ledger.begin_exchange(call, two, usage(0, 30)).expect("writes");
        let row = |request, usage, answer, settled| ExchangeRow { request, usage, answer, settled };
        let rows = |settled| {
            [row(one, usage(3, 4), answer.clone(), settled), row(two, usage(0, 30), None, settled)]
        };
        assert_eq!(ledger.exchanges(call).expect("reads"), rows(false));
        assert_eq!(ledger.exchanged(job).expect("reads"), [Digest::of("answer")]);
        ledger.settle(call, Spend::nothing()).expect("writes");
        assert_eq!(ledger.exchanges(call).expect("reads"), rows(true));
    }
}
