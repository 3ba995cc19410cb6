//! The journal of a gateway: what was asked and answered is durable before a program has it.

use std::fmt;
use std::sync::Arc;

use crate::types::{Digest, Usage};

/// A whole answer of a model's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeAnswer {
    /// Its content type.
    pub kind: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Where exchanges are recorded. An error says why the machine cannot record.
pub trait ExchangeJournal: fmt::Debug + Send + Sync {
    /// The answer that a killed try of the same attempt got to a request. Each is given once.
    fn known(&self, request: Digest) -> Option<WholeAnswer>;

    /// The tokens that killed tries of the same attempt took.
    fn spent(&self) -> u64;

    /// Records that a request is sent, which may take these tokens. Gives the exchange's number.
    ///
    /// # Errors
    /// The machine's; the request must not be sent.
    fn begin(&self, request: Digest, most: Usage) -> Result<i64, String>;

    /// Records the end of an exchange, with its answer if it is whole.
    ///
    /// # Errors
    /// The machine's.
    fn end(&self, exchange: i64, usage: Usage, answer: Option<WholeAnswer>) -> Result<(), String>;
}

/// Records nothing: for a program that is only tried.
#[derive(Debug)]
pub struct NoJournal;

impl ExchangeJournal for NoJournal {
    fn known(&self, _: Digest) -> Option<WholeAnswer> {
        None
    }

    fn spent(&self) -> u64 {
        0
    }

    fn begin(&self, _: Digest, _: Usage) -> Result<i64, String> {
        Ok(0)
    }

    fn end(&self, _: i64, _: Usage, _: Option<WholeAnswer>) -> Result<(), String> {
        Ok(())
    }
}

/// An exchange that is not answered yet.
#[derive(Debug)]
pub struct OpenExchange {
    journal: Arc<dyn ExchangeJournal>,
    number: i64,
}

impl OpenExchange {
    /// Records that a request is sent.
    ///
    /// # Errors
    /// The machine's.
    pub fn begin(
        journal: &Arc<dyn ExchangeJournal>,
        request: Digest,
        most: Usage,
    ) -> Result<Self, String> {
        let number = journal.begin(request, most)?;
        Ok(Self { journal: journal.clone(), number })
    }

    /// Records its end.
    ///
    /// # Errors
    /// The machine's.
    pub fn end(self, usage: Usage, answer: Option<WholeAnswer>) -> Result<(), String> {
        self.journal.end(self.number, usage, answer)
    }
}
