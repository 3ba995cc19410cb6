//! The exchanges of an agent with its model, in the ledger.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::resources::Engine;
use crate::gateway::{ExchangeJournal, WholeAnswer};
use crate::pipeline::Attempt;
use crate::store::{
    CallId, ContentStore, ExchangeEnd, ExchangeRow, Ledger, LedgerError, Spend, SqliteLedger,
};
use crate::types::{Digest, Prices, Usage};
use crate::workspace::CommandError;

/// The journal of an attempt.
#[derive(Debug)]
pub(super) struct LedgerJournal {
    ledger: Mutex<SqliteLedger>,
    objects: Arc<dyn ContentStore>,
    call: CallId,
    /// Exchanges of killed tries whose answers were not given again yet.
    known: Mutex<Vec<ExchangeRow>>,
    spent: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LedgerJournal {
    /// What the exchanges of this try cost.
    pub(super) fn cost(&self, prices: &Prices) -> Result<Spend, LedgerError> {
        Ok(cost(&locked(&self.ledger).exchanges(self.call)?, prices))
    }
}

/// What exchanges cost that are in no settled cost.
fn cost(rows: &[ExchangeRow], prices: &Prices) -> Spend {
    let open = rows.iter().filter(|row| !row.settled);
    open.fold(Spend::nothing(), |sum, row| sum.and(Spend::of(row.usage, prices)))
}

impl Engine {
    /// The journal of an attempt whose generator works in a sandbox. The cost of a killed try is
    /// settled by what its exchanges took.
    pub(super) fn journal(
        &self,
        attempt: &Attempt,
        call: CallId,
        prices: &Prices,
    ) -> Result<Option<Arc<LedgerJournal>>, CommandError> {
        if !self.has_agent(attempt) {
            return Ok(None);
        }
        let mut ledger = SqliteLedger::open(&self.workspace.places.ledger())?;
        let rows = ledger.exchanges(call)?;
        ledger.settle(call, cost(&rows, prices))?;
        let taken = rows.iter().map(|row| row.usage.input.saturating_add(row.usage.output));
        let spent = taken.fold(0, u64::saturating_add);
        let (ledger, known) = (Mutex::new(ledger), Mutex::new(rows));
        Ok(Some(Arc::new(LedgerJournal {
            ledger,
            objects: self.objects.clone(),
            call,
            known,
            spent,
        })))
    }
}

impl ExchangeJournal for LedgerJournal {
    fn known(&self, request: Digest) -> Option<WholeAnswer> {
        let mut known = locked(&self.known);
        let is_it = |row: &ExchangeRow| row.request == request && row.answer.is_some();
        let at = known.iter().position(is_it)?;
        let (digest, kind) = known.remove(at).answer?;
        Some(WholeAnswer { kind, body: self.objects.get(digest).ok()? })
    }

    fn spent(&self) -> u64 {
        self.spent
    }

    fn begin(&self, request: Digest, most: Usage) -> Result<i64, String> {
        let begun = locked(&self.ledger).begin_exchange(self.call, request, most);
        begun.map_err(|why| why.to_string())
    }

    fn end(&self, exchange: i64, usage: Usage, answer: Option<WholeAnswer>) -> Result<(), String> {
        let kept = answer.map(|WholeAnswer { kind, body }| {
            self.objects.put(&body).map(|digest| (digest, kind)).map_err(|why| why.to_string())
        });
        let answer = kept.transpose()?;
        let end = ExchangeEnd { usage, answer };
        locked(&self.ledger).end_exchange(exchange, &end).map_err(|why| why.to_string())
    }
}
