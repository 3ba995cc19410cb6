//! The cost of calls: reserved before, settled after.

use rusqlite::{Transaction, params};

use super::ledger::{CallId, Day, LedgerError, Reservation, Spend};
use crate::types::JobId;
use crate::types::harness::Budget;

/// Tokens, and US dollars as far as prices are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpendSum {
    pub(super) tokens: u64,
    pub(super) usd: f64,
}

/// Spending so far, as compared with the limits.
pub(super) struct Spent {
    pub(super) run: SpendSum,
    pub(super) day: SpendSum,
    /// By the job's spec on that day.
    pub(super) spec: SpendSum,
}

impl Spent {
    pub(super) fn before(
        tx: &Transaction<'_>,
        job: JobId,
        run: i64,
        day: &str,
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
        let spend = |row: &rusqlite::Row<'_>, at: usize| -> Result<SpendSum, rusqlite::Error> {
            let tokens: f64 = row.get(at)?;
            Ok(SpendSum { tokens: tokens as u64, usd: row.get(at + 1)? })
        };
        Ok(tx.query_row(sql, params![run, day, job.0], |row| {
            Ok(Self { run: spend(row, 0)?, day: spend(row, 2)?, spec: spend(row, 4)? })
        })?)
    }
}

/// Reserves the maximum cost of a call, within the limits.
pub(super) fn reserve(
    tx: &Transaction<'_>,
    most: &Reservation<'_>,
    budget: &Budget,
) -> Result<(), LedgerError> {
    let Reservation { call, run, day, spend, answers } = *most;
    let spent = Spent::before(tx, call.job, run, day)?;
    let none = SpendSum::default();
    let caps = [
        ("call", none, budget.call_tokens, budget.call_usd),
        ("run", spent.run, budget.run_tokens, budget.run_usd),
        ("day", spent.day, budget.day_tokens, budget.day_usd),
        ("spec", spent.spec, budget.spec_tokens, budget.spec_usd),
    ];
    for (name, spent, tokens, usd) in caps {
        let sum = SpendSum {
            tokens: spent.tokens + spend.tokens,
            usd: spent.usd + spend.usd.unwrap_or_default(),
        };
        if let Some(cap) = tokens.filter(|cap| sum.tokens > *cap) {
            let why = format!("the call could raise the {name} to {} tokens", sum.tokens);
            let hint = format!("[budget] {name}_tokens = {cap} in harness.toml");
            return Err(LedgerError::Budget(format!("{why}, above {hint}")));
        }
        if let Some(cap) = usd.filter(|cap| sum.usd > *cap) {
            let why = format!("the call could raise the {name} to {:.4} USD", sum.usd);
            let hint = format!("[budget] {name}_usd = {cap} in harness.toml");
            return Err(LedgerError::Budget(format!("{why}, above {hint}")));
        }
    }
    tx.execute(
        "INSERT INTO spending (job, attempt, run, day, tokens, usd, priced, settled, answers)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)",
        params![
            call.job.0,
            call.attempt,
            run,
            day,
            stored(spend.tokens),
            spend.usd.unwrap_or_default(),
            spend.usd.is_some(),
            answers
        ],
    )?;
    Ok(())
}

/// Settles what killed samples of a call, and of jobs that have ended, left reserved: by the
/// answers that were kept, and so many more that may have been under way.
pub(super) fn settle_samples(
    tx: &Transaction<'_>,
    call: CallId,
    under_way: u32,
) -> Result<(), LedgerError> {
    tx.execute(
        "UPDATE spending SET settled = 1,
             tokens = min(tokens, tokens * ?3 / answers + (
                 SELECT coalesce(sum(s.tokens), 0) FROM samples s WHERE s.spending = spending.id
             )),
             usd = min(usd, usd * ?3 / answers + (
                 SELECT total(s.usd) FROM samples s WHERE s.spending = spending.id
             ))
         WHERE answers IS NOT NULL AND settled = 0 AND (
             (job = ?1 AND attempt = ?2)
             OR job IN (SELECT id FROM jobs WHERE result IS NOT NULL)
         )",
        params![call.job.0, call.attempt, under_way],
    )?;
    Ok(())
}

pub(super) fn settle(tx: &Transaction<'_>, call: CallId, spend: Spend) -> Result<(), LedgerError> {
    tx.execute(
        "UPDATE spending SET tokens = ?3, usd = ?4, priced = ?5, settled = 1
         WHERE id = (SELECT max(id) FROM spending WHERE job = ?1 AND attempt = ?2) AND settled = 0",
        params![
            call.job.0,
            call.attempt,
            stored(spend.tokens),
            spend.usd.unwrap_or_default(),
            spend.usd.is_some()
        ],
    )?;
    Ok(())
}

/// A number of tokens that can be added up: what is more is wrong.
pub(super) fn stored(tokens: u64) -> i64 {
    tokens.min(1 << 45) as i64
}

/// What days cost.
pub(super) const DAYS: &str =
    "SELECT day, sum(tokens), sum(usd), sum(tokens * (priced = 0)), count(*), sum(tokens * (settled = 0))
    FROM spending";

/// A row of [`DAYS`].
pub(super) fn day(row: &rusqlite::Row<'_>) -> Result<Day, rusqlite::Error> {
    Ok(Day {
        day: row.get(0)?,
        tokens: row.get(1)?,
        usd: row.get(2)?,
        unpriced: row.get(3)?,
        calls: row.get(4)?,
        reserved: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use crate::store::{CallId, Ledger, Reservation, Spend, SqliteLedger};
    use crate::types::harness::Budget;
    use crate::types::{Job, JobId};

    #[test]
    fn reservations_count_in_full_until_they_are_settled() {
        let mut ledger = SqliteLedger::open(std::path::Path::new(":memory:")).expect("opens");
        let run = ledger.begin_run("t", "test", &[]).unwrap();
        let job = Job::new(&"s".into(), Vec::new(), 1);
        let id: JobId = ledger.queue(run, "t", &job).unwrap();
        let budget = Budget { run_tokens: Some(100), ..Budget::default() };
        let spend = |tokens| Spend { tokens, usd: Some(0.0) };
        let mut reserve = |attempt, tokens| {
            ledger
                .reserve(
                    &Reservation {
                        call: CallId { job: id, attempt },
                        run,
                        day: "d",
                        spend: spend(tokens),
                        answers: None,
                    },
                    &budget,
                )
                .is_ok()
        };
        assert!(reserve(1, 60));
        assert!(!reserve(2, 60));
        assert!(!reserve(1, 60), "a killed try of the same attempt may have been served");
        ledger.settle(CallId { job: id, attempt: 1 }, spend(10)).unwrap();
        assert!(
            ledger
                .reserve(
                    &Reservation {
                        call: CallId { job: id, attempt: 2 },
                        run,
                        day: "d",
                        spend: spend(60),
                        answers: None,
                    },
                    &budget
                )
                .is_ok()
        );
        assert_eq!(ledger.spent("d").unwrap().tokens, 70);
        // A spec's daily limit covers all its jobs, and no other spec's.
        let budget = Budget { spec_tokens: Some(100), ..Budget::default() };
        let other = Job::new(&"other".into(), Vec::new(), 1);
        let other = ledger.queue(run, "t", &other).unwrap();
        let mut reserve = |job, day, tokens| {
            ledger
                .reserve(
                    &Reservation {
                        call: CallId { job, attempt: 1 },
                        run: run + 1,
                        day,
                        spend: spend(tokens),
                        answers: None,
                    },
                    &budget,
                )
                .is_ok()
        };
        assert!(!reserve(id, "d", 31) && reserve(id, "d", 30) && !reserve(id, "d", 1));
        assert!(reserve(id, "next day", 100) && reserve(other, "d", 100));
    }
}
