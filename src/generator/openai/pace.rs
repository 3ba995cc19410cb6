//! Shared limits of requests to one server: rate limit, requests at a time and per minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::types::generator::OpenaiSettings;

/// Shared state, kept for the life of the process, across plans.
#[derive(Clone, Debug, Default)]
pub struct RateLimits(Arc<Mutex<KnownServers>>);

/// By server, and by server, model and limits.
#[derive(Debug, Default)]
struct KnownServers {
    held: BTreeMap<String, HeldUntil>,
    shared: BTreeMap<String, Arc<Pace>>,
}

impl RateLimits {
    pub(super) fn of(&self, server: &OpenaiSettings) -> Arc<Pace> {
        let OpenaiSettings { base_url, model, requests_per_minute: rate, requests, .. } = server;
        // No statement leaves the state half-changed, so a poisoned lock can be used.
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

/// End of a server's rate limit.
type HeldUntil = Arc<Mutex<Option<Instant>>>;

/// Limits for one server and model: requests are spread over the minute, limited in number, and all
/// wait during a rate limit.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    next: tokio::sync::Mutex<Option<Instant>>,
    /// End of the server's rate limit, for all its models.
    held: HeldUntil,
    /// Permits for concurrent requests.
    pub slots: Semaphore,
}

impl Pace {
    /// Limits per minute and at a time; 0 for no limit.
    fn new(per_minute: u32, at_a_time: u32, held: HeldUntil) -> Self {
        let gap = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        let most = match at_a_time {
            0 => Semaphore::MAX_PERMITS,
            most => most as usize,
        };
        let slots = Semaphore::new(most);
        Self { gap, next: tokio::sync::Mutex::new(None), held, slots }
    }

    /// Waits until a request may be sent.
    pub async fn wait(&self) {
        let mut next = self.next.lock().await;
        while let Some(at) = (*next).max(self.held()).filter(|at| *at > Instant::now()) {
            tokio::time::sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.gap);
    }

    /// Sends nothing for this duration.
    pub fn hold(&self, time: Duration) {
        if let Ok(mut held) = self.held.lock() {
            *held = (*held).max(Instant::now().checked_add(time));
        }
    }

    /// End of the server's rate limit.
    pub fn held(&self) -> Option<Instant> {
        self.held.lock().ok().and_then(|held| *held).filter(|at| *at > Instant::now())
    }
}
