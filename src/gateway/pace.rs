//! What requests to one server share: its rate limit, and how many are sent at a time and a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::types::generator::ServerSettings;
use crate::types::limits;

/// State that all requests of a process share, over all its plans.
#[derive(Clone, Debug, Default)]
pub struct RateLimits(Arc<Mutex<KnownServers>>);

/// By server, and by server, model and limits.
#[derive(Debug, Default)]
struct KnownServers {
    held: BTreeMap<String, HeldUntil>,
    shared: BTreeMap<String, Arc<Pace>>,
}

impl RateLimits {
    /// What requests to a server and model share.
    pub fn of(&self, server: &ServerSettings) -> Arc<Pace> {
        let ServerSettings { base_url, model, requests_per_minute: rate, requests, .. } = server;
        // What is behind it is whole after every statement.
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let held = known.held.entry(base_url.clone()).or_default().clone();
        let key = format!("{base_url} {model} {rate} {requests}");
        known
            .shared
            .entry(key)
            .or_insert_with(|| Arc::new(Pace::new(*rate, *requests, held)))
            .clone()
    }
}

/// Until when a server wants to be left alone.
type HeldUntil = Arc<Mutex<Option<Instant>>>;

/// What requests to one server and model share: they are spread over the minute, only so many are
/// under way, and all wait when the server limits the rate of requests.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: tokio::sync::Mutex<Option<Instant>>,
    /// Until when the server limits the rate of requests, whatever the model.
    held: HeldUntil,
    /// Parameters that the model's server has refused.
    refused: Mutex<BTreeSet<&'static str>>,
    /// Places for requests at a time.
    pub slots: Arc<Semaphore>,
}

impl Pace {
    /// At most so many requests per minute, and at a time; 0 for no limit.
    fn new(per_minute: u32, at_a_time: u32, held: HeldUntil) -> Self {
        let gap = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        let most = match at_a_time {
            0 => Semaphore::MAX_PERMITS,
            most => most as usize,
        };
        let slots = Arc::new(Semaphore::new(most));
        Self { gap, next: tokio::sync::Mutex::new(None), held, refused: Mutex::default(), slots }
    }

    /// Parameters that are not sent any more.
    pub fn refused(&self) -> BTreeSet<&'static str> {
        self.refused.lock().map(|refused| refused.clone()).unwrap_or_default()
    }

    /// Remembers a parameter that was refused.
    pub fn refuse(&self, parameter: &'static str) {
        if let Ok(mut refused) = self.refused.lock() {
            refused.insert(parameter);
        }
    }

    /// Waits until a request may be sent.
    pub async fn wait(&self) {
        let mut next = self.next.lock().await;
        while let Some(at) = (*next).max(self.held()).filter(|at| *at > Instant::now()) {
            tokio::time::sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.gap);
    }

    /// Sends nothing for so long.
    pub fn hold(&self, time: Duration) {
        if let Ok(mut held) = self.held.lock() {
            *held = (*held).max(Instant::now().checked_add(time));
        }
    }

    /// Until when the server limits the rate of requests.
    pub fn held(&self) -> Option<Instant> {
        self.held.lock().ok().and_then(|held| *held).filter(|at| *at > Instant::now())
    }

    /// How long the server limits the rate of requests, if that is longer than a request waits.
    pub fn long_hold(&self) -> Option<Duration> {
        let rest = self.held().map(|until| until - Instant::now());
        rest.filter(|rest| *rest > limits::RETRY_AFTER_CAP)
    }
}
