//! Counts tokens: reserved before a request is sent, metered from what the server says.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::body::AgentRequest;
use super::journal::{OpenExchange, WholeAnswer};
use super::upstream::UpstreamAnswer;
use crate::types::{Usage, limits};

/// What went through a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayReport {
    /// Tokens, as the server counted them; where it did not, as they were reserved.
    pub usage: Usage,
    /// Tokens that killed tries of the attempt took.
    pub earlier: u64,
    /// Requests that were sent on.
    pub requests: u32,
    /// Requests that were answered with what a killed try had paid for.
    pub repeated: u32,
    /// The server's last status.
    pub status: Option<u16>,
    /// Whether it gave no answer to the last request.
    pub is_silent: bool,
    /// Whether a request was refused because of the limit on tokens.
    pub capped: bool,
    /// Requests that were refused for another reason, without repetition.
    pub refused: BTreeSet<String>,
}

/// The tokens of an attempt.
#[derive(Debug, Default)]
pub struct Counts {
    usage: Usage,
    reserved: u64,
    requests: u32,
    repeated: u32,
    status: Option<u16>,
    is_silent: bool,
    capped: bool,
    refused: BTreeSet<String>,
    /// The last request that was counted, and its input.
    last: Option<(AgentRequest, u64)>,
}

impl Counts {
    /// Reserves tokens, if no more than `most` are taken then.
    pub fn reserve(&mut self, tokens: u64, most: u64) -> bool {
        let taken = self.usage.input + self.usage.output + self.reserved;
        let fits = taken.saturating_add(tokens) <= most;
        if fits {
            self.reserved += tokens;
            self.requests += 1;
        } else {
            self.capped = true;
        }
        fits
    }

    /// The last request that was counted, and its input.
    pub fn last(&self) -> Option<&(AgentRequest, u64)> {
        self.last.as_ref()
    }

    /// Names something that was refused or left out.
    pub fn refuse(&mut self, why: String) {
        // A program can think of endlessly many.
        if self.refused.len() < 20 {
            self.refused.insert(why.chars().take(limits::TURN_CHARACTERS).collect());
        }
    }

    /// Whether an attempt has no more requests.
    pub fn is_full(&self) -> bool {
        self.requests >= limits::GATEWAY_REQUESTS
    }

    /// Counts a request that is answered again.
    pub fn repeat(&mut self) {
        self.repeated += 1;
    }

    /// Takes back the reservation of a request that is not sent.
    pub fn release(&mut self, tokens: u64) {
        self.reserved = self.reserved.saturating_sub(tokens);
        self.requests -= 1;
    }

    /// Remembers the server's status; `None`: it gave no answer.
    pub fn status(&mut self, status: Option<u16>) {
        (self.status, self.is_silent) = (status, status.is_none());
    }

    /// What went through.
    pub fn report(&self) -> GatewayReport {
        let mut usage = self.usage;
        usage.output += self.reserved;
        GatewayReport {
            usage,
            earlier: 0,
            requests: self.requests,
            repeated: self.repeated,
            status: self.status,
            is_silent: self.is_silent,
            capped: self.capped,
            refused: self.refused.clone(),
        }
    }
}

/// The counts, for a statement.
pub fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // What is behind it is whole after every statement.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reservation of a request. It is settled when this is dropped: by what the server said, or
/// else as a whole.
pub struct Meter {
    counts: Arc<Mutex<Counts>>,
    exchange: Option<OpenExchange>,
    most: u64,
    asked: Option<AgentRequest>,
    seen: SeenUsage,
    /// Whether the answer is whole, so that what was seen is all.
    is_whole: bool,
    /// The beginning of a line.
    line: Vec<u8>,
}

/// Bytes of a line that is looked into: a whole answer can be one.
const LINE: usize = 32 * 1024 * 1024;

impl Meter {
    /// The meter of a request that was reserved.
    pub fn new(
        counts: Arc<Mutex<Counts>>,
        exchange: OpenExchange,
        most: u64,
        asked: AgentRequest,
    ) -> Self {
        let (exchange, asked) = (Some(exchange), Some(asked));
        let (seen, line) = (SeenUsage::default(), Vec::new());
        Self { counts, exchange, most, asked, seen, is_whole: false, line }
    }

    /// Passes an answer on and reads its counts. The last piece goes on when the whole is recorded.
    pub fn over(mut self, answer: UpstreamAnswer) -> Response<Body> {
        let UpstreamAnswer { response, slot } = answer;
        let status = response.status();
        if !status.is_success() {
            self.spent(0);
        }
        locked(&self.counts).status(Some(status.as_u16()));
        let kind = response.headers().get(header::CONTENT_TYPE).cloned();
        let text = kind.as_ref().and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let answer = WholeAnswer { kind: text, body: Vec::new() };
        let answer = status.is_success().then_some(answer);
        let pieces = response.bytes_stream().boxed();
        let passing = Passing { meter: self, pieces, answer, _slot: slot };
        let pieces = futures::stream::unfold(Some((passing, None)), Passing::next);
        let mut passed = Response::new(Body::from_stream(pieces));
        *passed.status_mut() = StatusCode::from_u16(status.as_u16()).unwrap_or_default();
        if let Some(kind) = kind {
            passed.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        passed
    }

    fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + piece.len() <= LINE {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.read();
            }
        }
    }

    fn read(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim().strip_prefix("data:").unwrap_or(&text).trim();
        if text.contains("\"usage")
            && let Ok(value) = serde_json::from_str(text)
        {
            self.seen.merge(&value);
        }
    }

    /// What the server said that it took; what was reserved if it did not say all.
    fn usage(&self) -> Usage {
        let known = self.seen.all().filter(|_| self.is_whole);
        known.unwrap_or(Usage { output: self.most, ..Usage::default() })
    }

    /// Records the end of the exchange.
    fn end(&mut self, answer: Option<WholeAnswer>) -> Result<(), String> {
        // An answer in one piece has no line's end, or is over several lines.
        self.read();
        let whole = answer.as_ref().filter(|_| self.seen.all().is_none());
        if let Some(value) = whole.and_then(|answer| serde_json::from_slice(&answer.body).ok()) {
            self.seen.merge(&value);
        }
        let usage = self.usage();
        self.exchange.take().map_or(Ok(()), |exchange| exchange.end(usage, answer))
    }

    /// Ends the reservation with a number of tokens; `None`: nothing was spent.
    pub fn settle(mut self, tokens: Option<u64>) {
        self.spent(tokens.unwrap_or(0));
    }

    fn spent(&mut self, tokens: u64) {
        self.seen = SeenUsage { input: Some(0), output: Some(tokens), is_final: true, ..self.seen };
        (self.is_whole, self.asked) = (true, None);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Err(why) = self.end(None) {
            tracing::error!("an exchange is not recorded: {why}");
        }
        let seen = self.usage();
        let counts = self.counts.clone();
        let mut counts = locked(&counts);
        counts.reserved = counts.reserved.saturating_sub(self.most);
        counts.usage.input += seen.input;
        counts.usage.output += seen.output;
        counts.usage.cached += seen.cached;
        counts.usage.cache_write += seen.cache_write;
        let is_known = self.is_whole && self.seen.all().is_some();
        if let Some(asked) = self.asked.take().filter(|_| is_known) {
            counts.last = Some((asked, seen.input));
        }
    }
}

/// An answer on its way to the program.
struct Passing {
    meter: Meter,
    pieces: BoxStream<'static, reqwest::Result<Bytes>>,
    /// The answer so far, if it is one that another try may use.
    answer: Option<WholeAnswer>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Passing {
    /// The next piece for the program: the one that was held back, when there is another one or
    /// the answer is whole.
    async fn next(
        state: Option<(Self, Option<Bytes>)>,
    ) -> Option<(Result<Bytes, BoxError>, Option<(Self, Option<Bytes>)>)> {
        let (mut passing, mut held) = state?;
        loop {
            match passing.pieces.next().await {
                Some(Ok(piece)) => {
                    passing.meter.hear(&piece);
                    passing.answer = passing.answer.take().and_then(|mut answer| {
                        answer.body.extend_from_slice(&piece);
                        // Nothing so long is kept.
                        (answer.body.len() <= LINE).then_some(answer)
                    });
                    if let Some(before) = held.replace(piece) {
                        return Some((Ok(before), Some((passing, held))));
                    }
                }
                Some(Err(error)) => return Some((Err(error.into()), None)),
                None => {
                    let answer = passing.answer.take();
                    passing.meter.is_whole = true;
                    let told = passing.meter.end(answer).map_err(BoxError::from);
                    let last = told.map(|()| held).transpose()?;
                    return Some((last, None));
                }
            }
        }
    }
}

/// The counts of an answer, as far as its events have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SeenUsage {
    input: Option<u64>,
    output: Option<u64>,
    cached: u64,
    cache_write: u64,
    /// Whether the last event that the API has for counts was there.
    is_final: bool,
}

/// More tokens than an answer can have. A larger count is wrong, and counts as so many.
const TOKENS: u64 = 1 << 40;

impl SeenUsage {
    /// The counts, if they are those of a whole answer.
    fn all(&self) -> Option<Usage> {
        let (input, output) = (self.input?, self.output?);
        let Self { cached, cache_write, .. } = *self;
        self.is_final.then_some(Usage { input, output, cached, cache_write })
    }

    /// Adds the counts of an event. One that is not a number is not there.
    fn merge(&mut self, value: &Value) {
        let parts = [
            // The beginning of a message has a first count only.
            (&value["message"]["usage"], false),
            (&value["usage"], true),
            (&value["response"]["usage"], true),
            (&value["usageMetadata"], true),
        ];
        let Some((usage, is_final)) = parts.into_iter().find(|(part, _)| part.is_object()) else {
            return;
        };
        let of = |value: &Value| value.as_u64().map(|number| number.min(TOKENS));
        let number = |names: &[&str]| names.iter().find_map(|name| of(&usage[*name]));
        let inner = |outer: &str, name: &str| of(&usage[outer][name]);
        let cached = number(&["cache_read_input_tokens", "cachedContentTokenCount"])
            .or(inner("prompt_tokens_details", "cached_tokens"))
            .or(inner("input_tokens_details", "cached_tokens"));
        let cache_write = number(&["cache_creation_input_tokens"]);
        let mut input = number(&["input_tokens", "prompt_tokens", "promptTokenCount"]);
        // Anthropic's API counts these apart from the input.
        let apart =
            usage.get("cache_read_input_tokens").or(usage.get("cache_creation_input_tokens"));
        let more = apart.map(|_| cached.unwrap_or(0) + cache_write.unwrap_or(0));
        let more = more.or(number(&["toolUsePromptTokenCount"]));
        input = input.map(|one| one + more.unwrap_or(0));
        let thoughts = number(&["thoughtsTokenCount"]);
        let mut output = number(&["output_tokens", "completion_tokens", "candidatesTokenCount"]);
        output = output.map(|one| one + thoughts.unwrap_or(0)).or(thoughts);
        // What is only in the sum counts too.
        let total = number(&["total_tokens", "totalTokenCount"]);
        if let (Some(total), Some(input)) = (total, input) {
            output = output.max(Some(total.saturating_sub(input)));
        }
        self.input = self.input.max(input);
        self.output = self.output.max(output);
        self.cached = self.cached.max(cached.unwrap_or(0));
        self.cache_write = self.cache_write.max(cache_write.unwrap_or(0));
        self.is_final |= is_final;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_of_every_api_are_read() {
        let usage =
            |input, output, cached, cache_write| Usage { input, output, cached, cache_write };
        for (events, wanted) in [
            (
                vec![json!({ "usage": { "prompt_tokens": 5, "completion_tokens": 7 } })],
                usage(5, 7, 0, 0),
            ),
            (
                vec![json!({ "response": { "usage": { "input_tokens": 5, "output_tokens": 7,
                    "input_tokens_details": { "cached_tokens": 2 } } } })],
                usage(5, 7, 2, 0),
            ),
            (
                vec![
                    json!({ "message": { "usage": { "input_tokens": 5, "output_tokens": 1,
                        "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4 } } }),
                    json!({ "usage": { "output_tokens": 7 } }),
                ],
                usage(12, 7, 3, 4),
            ),
            (
                vec![json!({ "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": 7,
                    "thoughtsTokenCount": 2 } })],
                usage(5, 9, 0, 0),
            ),
        ] {
            let mut seen = SeenUsage::default();
            events.iter().for_each(|event| seen.merge(event));
            assert_eq!(seen.all(), Some(wanted));
        }
    }

    #[test]
    fn what_is_not_all_is_not_taken() {
        let all = |events: &[Value]| {
            let mut seen = SeenUsage::default();
            events.iter().for_each(|event| seen.merge(event));
            seen.all()
        };
        for events in [
            vec![json!({ "message": { "usage": { "input_tokens": 5, "output_tokens": 1 } } })],
            vec![json!({ "usage": {} })],
            vec![json!({ "usage": { "prompt_tokens": 5.0, "completion_tokens": -7 } })],
            vec![json!({ "usage": { "output_tokens": 7 } })],
        ] {
            assert_eq!(all(&events), None, "{events:?}");
        }
        let thinks = json!({ "usageMetadata": { "promptTokenCount": 1, "thoughtsTokenCount": 8 } });
        assert_eq!(all(&[thinks]).map(|usage| usage.output), Some(8));
        let sum = json!({ "usage": { "prompt_tokens": 5, "total_tokens": 804 } });
        assert_eq!(all(&[sum]).map(|usage| usage.output), Some(799));
        let large = json!({ "usage": { "prompt_tokens": u64::MAX, "completion_tokens": 1 } });
        assert_eq!(all(&[large]).map(|usage| usage.input), Some(TOKENS));
    }

    #[test]
    fn tokens_are_reserved_within_the_limit() {
        let mut counts = Counts::default();
        assert!(counts.reserve(60, 100) && !counts.reserve(41, 100) && counts.capped);
        assert!(counts.reserve(40, 100));
    }
}
