//! What calls cost: reserved before they are made, settled after.

use rusqlite::{Transaction, params};
use serde::Serialize;

use super::ledger::{Ledger, LedgerError};
use crate::types::harness::Budget;
use crate::types::{Digest, JobId, Usage};

/// What a call may cost or did cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spend {
    /// Tokens, read and written.
    pub tokens: u64,
    /// US dollars.
    pub usd: f64,
}

impl Spend {
    /// The cost of tokens at prices per million.
    pub fn of(usage: Usage, input_price: f64, output_price: f64) -> Self {
        let usd = usage.input as f64 * input_price + usage.output as f64 * output_price;
        Self { tokens: usage.input.saturating_add(usage.output), usd: usd / 1e6 }
    }
}

/// What a UTC day cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// The day.
    pub day: String,
    /// Tokens, read and written.
    pub tokens: i64,
    /// US dollars.
    pub usd: f64,
    /// Calls that were reserved for.
    pub calls: i64,
}

/// What was spent before a call, where caps look.
struct Spent {
    run: Spend,
    day: Spend,
    /// By the job's spec in the day.
    spec: Spend,
}

impl Spent {
    fn before(
        tx: &Transaction<'_>,
        job: JobId,
        (run, day): (i64, &str),
    ) -> Result<Self, LedgerError> {
        let sql = "
            WITH one AS (
                SELECT s.tokens, s.usd, s.run = ?1 AS in_run, s.day = ?2 AS in_day,
                    j.spec = (SELECT spec FROM jobs WHERE id = ?3) AS same
                FROM spending s JOIN jobs j ON j.id = s.job WHERE s.run = ?1 OR s.day = ?2
            )
            SELECT
                total(tokens * in_run), total(usd * in_run),
                total(tokens * in_day), total(usd * in_day),
                total(tokens * (in_day AND same)), total(usd * (in_day AND same))
            FROM one";
        let spend = |row: &rusqlite::Row<'_>, at: usize| -> Result<Spend, rusqlite::Error> {
            let tokens: f64 = row.get(at)?;
            Ok(Spend { tokens: tokens as u64, usd: row.get(at + 1)? })
        };
        Ok(tx.query_row(sql, params![run, day, job.0], |row| {
            Ok(Self { run: spend(row, 0)?, day: spend(row, 2)?, spec: spend(row, 4)? })
        })?)
    }
}

impl Ledger {
    /// Reserves what a call may cost at most, inside the caps. Unsettled reservations count in
    /// full, also those of a try that was killed: its call may have been served.
    ///
    /// # Errors
    /// [`LedgerError::Budget`] with the cap that would be passed; SQLite's.
    pub fn reserve(
        &mut self,
        (job, attempt): (JobId, u32),
        (run, day): (i64, &str),
        spend: Spend,
        budget: &Budget,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            let spent = Spent::before(tx, job, (run, day))?;
            let none = Spend::default();
            let caps = [
                ("call", none, budget.call_tokens, budget.call_usd),
                ("run", spent.run, budget.run_tokens, budget.run_usd),
                ("day", spent.day, budget.day_tokens, budget.day_usd),
                ("spec", spent.spec, budget.spec_tokens, budget.spec_usd),
            ];
            for (name, spent, tokens, usd) in caps {
                let sum = Spend { tokens: spent.tokens + spend.tokens, usd: spent.usd + spend.usd };
                if let Some(cap) = tokens.filter(|cap| sum.tokens > *cap) {
                    let why = format!("the call may bring the {name} to {} tokens", sum.tokens);
                    let mend = format!("[budget] {name}_tokens = {cap} in harness.toml");
                    return Err(LedgerError::Budget(format!("{why}, above {mend}")));
                }
                if let Some(cap) = usd.filter(|cap| sum.usd > *cap) {
                    let why = format!("the call may bring the {name} to {:.4} USD", sum.usd);
                    let mend = format!("[budget] {name}_usd = {cap} in harness.toml");
                    return Err(LedgerError::Budget(format!("{why}, above {mend}")));
                }
            }
            tx.execute(
                "INSERT INTO spending (job, attempt, run, day, tokens, usd, settled)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
                params![job.0, attempt, run, day, spend.tokens as i64, spend.usd],
            )?;
            Ok(())
        })
    }

    /// Settles a reservation at what the call really cost.
    ///
    /// # Errors
    /// SQLite's.
    pub fn settle(&mut self, call: (JobId, u32), spend: Spend) -> Result<(), LedgerError> {
        self.write(|tx| settle(tx, call, spend))
    }

    /// Records an answer and settles what it cost, before anything acts on it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn record_completion(
        &mut self,
        (job, attempt): (JobId, u32),
        request: Digest,
        completion: Digest,
        spend: Spend,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO completions VALUES (?1, ?2, ?3, ?4)",
                params![job.0, attempt, request.to_string(), completion.to_string()],
            )?;
            settle(tx, (job, attempt), spend)
        })
    }

    /// Tokens and dollars by UTC day, the newest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn days(&self, most: u32) -> Result<Vec<Day>, LedgerError> {
        let sql = "SELECT day, sum(tokens), sum(usd), count(*) FROM spending
                   GROUP BY day ORDER BY day DESC LIMIT ?1";
        let mut statement = self.db.prepare(sql)?;
        let days = statement.query_map([most], |row| {
            Ok(Day { day: row.get(0)?, tokens: row.get(1)?, usd: row.get(2)?, calls: row.get(3)? })
        })?;
        Ok(days.collect::<Result<_, _>>()?)
    }

    /// Tokens and dollars of a UTC day.
    ///
    /// # Errors
    /// SQLite's.
    pub fn spent(&self, day: &str) -> Result<Spend, LedgerError> {
        let sql =
            "SELECT coalesce(sum(tokens), 0), coalesce(sum(usd), 0.0) FROM spending WHERE day = ?1";
        let (tokens, usd) =
            self.db.query_row(sql, [day], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
        Ok(Spend { tokens: tokens.unsigned_abs(), usd })
    }
}

fn settle(tx: &Transaction<'_>, call: (JobId, u32), spend: Spend) -> Result<(), LedgerError> {
    tx.execute(
        "UPDATE spending SET tokens = ?3, usd = ?4, settled = 1
         WHERE id = (SELECT max(id) FROM spending WHERE job = ?1 AND attempt = ?2) AND settled = 0",
        params![call.0.0, call.1, spend.tokens as i64, spend.usd],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Spend;
    use crate::store::Ledger;
    use crate::types::harness::Budget;
    use crate::types::{Job, JobId};

    #[test]
    fn reservations_count_in_full_until_they_are_settled() {
        let mut ledger = Ledger::open(std::path::Path::new(":memory:")).expect("opens");
        let run = ledger.begin_run("t", "test", &[]).unwrap();
        let job = Job::new("s", Vec::new(), 1);
        let id: JobId = ledger.queue(run, "t", &job).unwrap();
        let budget = Budget { run_tokens: Some(100), ..Budget::default() };
        let spend = |tokens| Spend { tokens, usd: 0.0 };
        let mut reserve = |attempt, tokens| {
            ledger.reserve((id, attempt), (run, "d"), spend(tokens), &budget).is_ok()
        };
        assert!(reserve(1, 60));
        assert!(!reserve(2, 60));
        assert!(!reserve(1, 60), "a killed try of the same attempt may have been served");
        ledger.settle((id, 1), spend(10)).unwrap();
        assert!(ledger.reserve((id, 2), (run, "d"), spend(60), &budget).is_ok());
        assert_eq!(ledger.spent("d").unwrap().tokens, 70);
        // A spec's cap is of a day, over all its jobs, and nobody else's.
        let budget = Budget { spec_tokens: Some(100), ..Budget::default() };
        let other = Job::new("other", Vec::new(), 1);
        let other = ledger.queue(run, "t", &other).unwrap();
        let mut reserve = |job, day, tokens| {
            ledger.reserve((job, 1), (run + 1, day), spend(tokens), &budget).is_ok()
        };
        assert!(!reserve(id, "d", 31) && reserve(id, "d", 30) && !reserve(id, "d", 1));
        assert!(reserve(id, "next day", 100) && reserve(other, "d", 100));
    }
}
