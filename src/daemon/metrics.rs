//! Prometheus metrics.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::store::Day;
use crate::types::{Event, JobOutcome, Outcome};

type Labels<const N: usize> = [(&'static str, String); N];
type Seconds = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// Histogram bounds in seconds: from a warm check to the longest gate.
const BOUNDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 150.0, 300.0];

/// Counts since the daemon started.
pub struct Metrics {
    jobs: Family<Labels<1>, Counter>,
    attempts: Family<Labels<1>, Counter>,
    tokens: Family<Labels<1>, Counter>,
    gates: Family<Labels<2>, Counter>,
    seconds: Seconds,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            jobs: Family::default(),
            attempts: Family::default(),
            tokens: Family::default(),
            gates: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
        }
    }
}

impl Metrics {
    /// Counts an event of a job.
    pub fn event(&self, event: &Event) {
        match event {
            Event::AttemptStarted { kind, .. } => {
                let kind = serde_json::to_value(kind).unwrap_or_default();
                let kind = kind.as_str().unwrap_or_default().to_owned();
                self.attempts.get_or_create(&[("kind", kind)]).inc();
            }
            Event::Completed { usage, replay: None, .. } => {
                for (kind, count) in [("input", usage.input), ("output", usage.output)] {
                    self.tokens.get_or_create(&[("kind", kind.to_owned())]).inc_by(count);
                }
            }
            Event::GateReported { report, .. } => {
                let outcome = match &report.outcome {
                    Outcome::Pass => "pass",
                    Outcome::Fail => "fail",
                    Outcome::Flaky => "flaky",
                    Outcome::Timeout => "timeout",
                    Outcome::Limit { .. } => "limit",
                    Outcome::Error { .. } => "error",
                    Outcome::Skipped { .. } => "skipped",
                };
                let gate = || ("gate", report.gate.to_string());
                self.gates.get_or_create(&[gate(), ("outcome", outcome.to_owned())]).inc();
                let seconds = report.elapsed_ms as f64 / 1000.0;
                self.seconds.get_or_create(&[gate()]).observe(seconds);
            }
            _ => {}
        }
    }

    /// Counts the end of a job.
    pub fn ended(&self, outcome: &JobOutcome) {
        self.jobs.get_or_create(&[("result", outcome.word().to_owned())]).inc();
    }

    /// All metrics in the OpenMetrics text format, with the number of specs by state and today's
    /// spending.
    pub fn text(&self, states: BTreeMap<&'static str, i64>, today: &Day) -> String {
        let mut registry = Registry::with_prefix("regen");
        let specs: Family<Labels<1>, Gauge> = Family::default();
        for (state, count) in states {
            specs.get_or_create(&[("state", state.to_owned())]).set(count);
        }
        registry.register("specs", "Specs, by state", specs);
        registry.register("jobs", "Jobs that ended, by result", self.jobs.clone());
        registry.register("attempts", "Attempts that started, by kind", self.attempts.clone());
        registry.register("tokens", "Tokens read and written by models", self.tokens.clone());
        registry.register("gate_runs", "Gates that ran, by outcome", self.gates.clone());
        let help = "Duration of gates in seconds";
        registry.register_with_unit("gate", help, Unit::Seconds, self.seconds.clone());
        let spent: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        spent.set(today.usd);
        registry.register("spent_today_usd", "US dollars spent in this UTC day", spent);
        let tokens: Gauge = Gauge::default();
        tokens.set(today.tokens);
        registry.register("spent_today_tokens", "Tokens spent in this UTC day", tokens);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
