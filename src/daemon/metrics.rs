//! Prometheus metrics.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::fleet_watch::FleetSeen;
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

    /// All metrics in the OpenMetrics text format, with the number of specs by state, today's
    /// spending, and the workers if there is a server for them.
    pub fn text(
        &self,
        states: BTreeMap<&'static str, i64>,
        today: &Day,
        fleet: Option<&FleetSeen>,
    ) -> String {
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
        if let Some(fleet) = fleet {
            of_workers(&mut registry, fleet);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

/// Adds what is seen of the workers.
fn of_workers(registry: &mut Registry, fleet: &FleetSeen) {
    let up: Gauge = Gauge::default();
    up.set(fleet.view.is_ok().into());
    registry.register("workers_server_up", "Whether the server of the workers can be used", up);
    let Ok(view) = &fleet.view else { return };
    let slots: Family<Labels<2>, Gauge> = Family::default();
    let gates: Family<Labels<1>, Gauge> = Family::default();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let add = |pool: &str, state: &str, count: usize| {
        let labels = [("pool", pool.to_owned()), ("state", state.to_owned())];
        slots.get_or_create(&labels).inc_by(number(count));
    };
    // An autoscaler needs a number for a pool without workers, too.
    for pool in &fleet.pools {
        add(pool, "busy", 0);
        add(pool, "free", 0);
        gates.get_or_create(&[("pool", pool.clone())]).set(0);
    }
    for one in &view.workers {
        add(&one.pool, "busy", one.busy);
        add(&one.pool, "free", one.slots.saturating_sub(one.busy));
    }
    for (pool, count) in &view.waiting {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        gates.get_or_create(&[("pool", pool.clone())]).set(count);
    }
    registry.register("workers", "Slots of workers, by pool and state", slots);
    registry.register("work_waiting", "Gates and questions that wait for a worker, by pool", gates);
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{FleetSeen, Metrics};
    use crate::dispatch::WorkerPresence;
    use crate::types::Isolation;
    use crate::workers::{FleetView, WorkersError};

    #[test]
    fn workers_are_counted_by_pool() {
        let one = |name: &str, busy| WorkerPresence {
            name: name.to_owned(),
            pool: "linux".to_owned(),
            version: String::new(),
            tools: BTreeMap::new(),
            models: Vec::new(),
            isolation: Isolation(2),
            slots: 4,
            busy,
            key: None,
        };
        let pools = BTreeSet::from(["linux", "mac"].map(str::to_owned));
        let waiting = BTreeMap::from([("linux".to_owned(), 7)]);
        let view = FleetView { workers: vec![one("a", 1), one("b", 4)], waiting };
        let text = |view| {
            let fleet = FleetSeen { pools: pools.clone(), view };
            Metrics::default().text(BTreeMap::new(), &Default::default(), Some(&fleet))
        };
        let up = text(Ok(view));
        for line in [
            "regen_workers_server_up 1",
            "regen_workers{pool=\"linux\",state=\"busy\"} 5",
            "regen_workers{pool=\"linux\",state=\"free\"} 3",
            "regen_workers{pool=\"mac\",state=\"free\"} 0",
            "regen_work_waiting{pool=\"linux\"} 7",
            "regen_work_waiting{pool=\"mac\"} 0",
        ] {
            assert!(up.lines().any(|one| one == line), "{line}: {up}");
        }
        let down = text(Err(WorkersError("away".to_owned())));
        assert!(down.contains("regen_workers_server_up 0") && !down.contains("work_waiting"));
        let none = Metrics::default().text(BTreeMap::new(), &Default::default(), None);
        assert!(!none.contains("workers"), "{none}");
    }
}
