//! The daemon's live state: specs, running jobs, and news as they happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::fleet_watch::FleetWatch;
use super::metrics::Metrics;
use crate::config;
use crate::engine::Observer;
use crate::pipeline::{Effect, State};
use crate::types::{Assurance, Event, Job, Plan, SpecId, TargetName, limits};
use crate::workspace::{Workspace, now};

/// The state of a spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Stand {
    /// All targets are promoted.
    UpToDate,
    /// Its file has errors.
    Refused {
        /// The first one.
        why: String,
    },
    /// Waiting for its turn.
    Waiting {
        /// Out of date since this time.
        since: String,
    },
    /// A job is running.
    Running,
    /// Failed; will be retried.
    Resting {
        /// When it is retried.
        until: String,
        /// Why it failed.
        why: String,
    },
    /// Failed; not retried by itself.
    Parked {
        /// Why it failed.
        why: String,
    },
}

/// One target of a spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetRow {
    /// Its name.
    pub target: TargetName,
    /// Why it is not up to date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it stays at an earlier tree until the spec changes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// With which assurance the tests of its promoted tree were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
}

/// A spec whose code another one uses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsedSpec {
    /// Its id.
    pub spec: SpecId,
    /// Whether it has a change after which the other one is checked or made again.
    pub changed: bool,
}

/// Progress of a running job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Live {
    /// The attempt's number.
    pub attempt: u32,
    /// Its target.
    pub target: TargetName,
    /// `prompt`, `asking`, `reading`, `gate NAME`, `judging`, `promoting`.
    pub doing: String,
    /// Since when.
    pub since: String,
    /// Characters of the answer so far.
    pub characters: usize,
    /// What an agent says that it did last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
}

/// One spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpecRow {
    /// Its id.
    pub spec: SpecId,
    /// Its title.
    pub title: String,
    /// How many clauses it has.
    pub clauses: usize,
    /// Its targets.
    pub targets: Vec<TargetRow>,
    /// The specs that it depends on.
    pub depends: Vec<UsedSpec>,
    /// Its state.
    #[serde(flatten)]
    pub stand: Stand,
    /// Progress of its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Whether it changed since it was last sent.
    #[serde(skip)]
    changed: bool,
}

/// The daemon itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Head {
    /// The program's version.
    pub version: &'static str,
    /// When it started.
    pub pid: u32,
    /// Since when it runs.
    pub since: String,
    /// The model of the first tier.
    pub model: String,
    /// Since when and by whom scheduling is paused.
    pub paused: Option<(String, String)>,
    /// End of quiet hours, if they are on.
    pub quiet_until: Option<String>,
    /// End of the rate limit.
    pub held_until: Option<String>,
    /// Why the workspace cannot be read; the last valid configuration is kept.
    pub unreadable: Option<String>,
    /// What is seen of the workers.
    pub workers: Option<String>,
}

/// News that are not kept in the ledger.
#[derive(Clone, Debug)]
pub struct SseEvent {
    /// `spec`, `daemon`, `output`; `ledger` for a new ledger entry.
    pub kind: &'static str,
    /// JSON.
    pub data: Arc<str>,
}

/// The live state, shared with the API.
pub struct LiveState {
    head: Mutex<Head>,
    rows: Mutex<BTreeMap<SpecId, SpecRow>>,
    /// Latest output of the gates of running jobs.
    output: Mutex<BTreeMap<SpecId, String>>,
    news: Sender<SseEvent>,
    /// Metrics.
    pub metrics: Metrics,
    /// Workers.
    pub fleet: FleetWatch,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No statement leaves the state half-changed, so a poisoned lock can be used.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Default for LiveState {
    /// The state of a daemon that starts now.
    fn default() -> Self {
        let head = Head {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            since: now(),
            ..Head::default()
        };
        Self {
            head: Mutex::new(head),
            rows: Mutex::default(),
            output: Mutex::default(),
            news: channel(limits::NEWS).0,
            metrics: Metrics::default(),
            fleet: FleetWatch::default(),
        }
    }
}

impl LiveState {
    fn tell(&self, kind: &'static str, data: &impl Serialize) {
        if self.news.receiver_count() > 0 {
            let data = serde_json::to_string(data).unwrap_or_default().into();
            // Without subscribers the send fails, which is fine.
            let _ = self.news.send(SseEvent { kind, data });
        }
    }

    /// Subscribes to news.
    pub fn listen(&self) -> Receiver<SseEvent> {
        self.news.subscribe()
    }

    /// Tells subscribers of a new ledger entry.
    pub fn noted(&self) {
        self.tell("ledger", &());
    }

    /// Changes the state of the daemon itself.
    pub fn set_head(&self, change: impl FnOnce(&mut Head)) {
        let mut head = held(&self.head);
        let before = head.clone();
        change(&mut head);
        if *head != before {
            self.tell("daemon", &*head);
        }
    }

    /// Looks at the workers.
    pub async fn look_at_workers(&self) {
        let words = self.fleet.words().await;
        self.set_head(|head| head.workers = words);
    }

    /// Applies a plan of the whole workspace.
    pub fn planned(&self, workspace: &Workspace, plan: &Plan) {
        let mut rows = BTreeMap::new();
        for job in &plan.jobs {
            let spec = workspace.spec(&job.spec);
            let standing = workspace.standing.spec.get(&job.spec);
            let targets = job.parts.iter().map(|part| TargetRow {
                target: part.target.clone(),
                reason: part.reason.as_ref().map(ToString::to_string),
                held: part.held,
                assurance: standing
                    .and_then(|of| of.target.get(&part.target))
                    .and_then(|entry| entry.assurance.clone()),
            });
            let is_changed = |other: &SpecId| {
                job.parts.iter().filter_map(|part| part.reason.as_ref()).any(|one| one.is_of(other))
            };
            let depends = spec.iter().flat_map(|spec| &spec.depends);
            let depends =
                depends.map(|other| UsedSpec { spec: other.clone(), changed: is_changed(other) });
            let row = SpecRow {
                spec: job.spec.clone(),
                title: spec.map(|spec| spec.title.clone()).unwrap_or_default(),
                clauses: spec.map_or(0, |spec| spec.clauses.len()),
                targets: targets.collect(),
                depends: depends.collect(),
                stand: Stand::UpToDate,
                live: None,
                changed: false,
            };
            rows.insert(job.spec.clone(), row);
        }
        for file in workspace.refused(None) {
            let problem = workspace.problems.iter().find(|problem| problem.file == file);
            let why = problem.map(|p| p.message.clone()).unwrap_or_default();
            let spec = workspace.files.get(file).cloned().unwrap_or_default();
            let (title, targets) = (file.to_owned(), Vec::new());
            let stand = Stand::Refused { why };
            let row = SpecRow {
                spec: spec.clone(),
                title,
                clauses: 0,
                targets,
                depends: Vec::new(),
                stand,
                live: None,
                changed: false,
            };
            rows.entry(spec).or_insert(row);
        }
        let mut now = held(&self.rows);
        for (spec, row) in &mut rows {
            let Some(before) = now.get(spec) else { continue };
            row.live.clone_from(&before.live);
            // The state itself is set by `stand`.
            let refused = |row: &SpecRow| matches!(row.stand, Stand::Refused { .. });
            if !refused(row) && !refused(before) {
                row.stand.clone_from(&before.stand);
            }
            row.changed = before.changed || *before != *row;
        }
        let same = now.len() == rows.len() && now.keys().eq(rows.keys());
        *now = rows;
        if !same {
            self.tell("specs", &now.len());
        }
    }

    /// Applies the states of specs.
    pub fn stand(&self, mut of: impl FnMut(&SpecId) -> Option<Stand>) {
        for (spec, row) in held(&self.rows).iter_mut() {
            let stand = match (of(spec), &row.stand) {
                (None, refused @ Stand::Refused { .. }) => refused.clone(),
                (stand, _) => stand.unwrap_or(Stand::UpToDate),
            };
            if stand == Stand::UpToDate {
                row.targets.iter_mut().for_each(|target| target.reason = None);
                // What only waits for another one is up to date until then.
                let was_made = row.stand != Stand::UpToDate;
                row.depends.iter_mut().for_each(|other| other.changed &= !was_made);
            }
            if stand != Stand::Running && row.live.take().is_some() {
                held(&self.output).remove(spec);
            }
            if std::mem::take(&mut row.changed) || stand != row.stand {
                row.stand = stand;
                self.tell("spec", row);
            }
        }
    }

    /// Specs whose names match one of these patterns.
    ///
    /// # Errors
    /// A pattern that matches no spec.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<SpecId>, String> {
        let rows = held(&self.rows);
        let mut found = Vec::new();
        for pattern in patterns {
            let glob = globset::Glob::new(pattern).map_err(|error| error.to_string())?;
            let glob = glob.compile_matcher();
            let before = found.len();
            found.extend(rows.keys().filter(|spec| glob.is_match(spec.as_str())).cloned());
            if found.len() == before {
                let nearest = config::nearest(pattern, rows.keys().map(|spec| spec.as_str()));
                let near = nearest.map(|near| format!("; did you mean `{near}`?"));
                let near = near.unwrap_or_default();
                return Err(format!("no spec matches `{pattern}`{near}"));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Whether the spec exists.
    pub fn knows(&self, spec: &str) -> bool {
        held(&self.rows).contains_key(spec)
    }

    /// Latest output of a spec's gate.
    pub fn output(&self, spec: &str) -> String {
        held(&self.output).get(spec).cloned().unwrap_or_default()
    }

    /// The whole state, as the API gives it.
    pub fn state(&self) -> Value {
        let rows = held(&self.rows);
        let specs: Vec<&SpecRow> = rows.values().collect();
        json!({ "type": "state", "daemon": &*held(&self.head), "specs": specs })
    }

    /// The number of specs in each state.
    pub fn counts(&self) -> BTreeMap<&'static str, i64> {
        let names = ["up_to_date", "refused", "waiting", "running", "resting", "parked"];
        let mut counts: BTreeMap<_, _> = names.into_iter().map(|name| (name, 0)).collect();
        for row in held(&self.rows).values() {
            let name = match row.stand {
                Stand::UpToDate => "up_to_date",
                Stand::Refused { .. } => "refused",
                Stand::Waiting { .. } => "waiting",
                Stand::Running => "running",
                Stand::Resting { .. } => "resting",
                Stand::Parked { .. } => "parked",
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    fn live(&self, spec: &str, change: impl FnOnce(&mut Live)) {
        if let Some(row) = held(&self.rows).get_mut(spec) {
            change(row.live.get_or_insert_default());
            self.tell("spec", row);
        }
    }
}

impl Observer for LiveState {
    fn event(&self, _: &Job, _: &State, event: &Event) {
        self.metrics.event(event);
        self.noted();
    }

    fn begin(&self, job: &Job, state: &State, effect: &Effect) {
        let attempt = state.attempt();
        let part = attempt.map(|attempt| &state.job.parts[attempt.part]);
        let now = Live {
            attempt: attempt.map_or(0, |attempt| attempt.number),
            target: part.map(|part| part.target.clone()).unwrap_or_default(),
            doing: effect.doing(state),
            since: now(),
            characters: 0,
            turn: None,
        };
        if let Effect::Gate { .. } | Effect::Ask { .. } = effect {
            held(&self.output).insert(job.spec.clone(), String::new());
        }
        self.live(&job.spec, |live| *live = now);
    }

    fn streaming(&self, job: &Job, characters: usize) {
        let known =
            held(&self.rows).get(&job.spec).and_then(|row| Some(row.live.as_ref()?.characters));
        if known.is_none_or(|known| characters >= known + limits::NEWS_CHARACTERS) {
            self.live(&job.spec, |live| live.characters = characters);
        }
    }

    fn turn(&self, job: &Job, text: &str) {
        self.live(&job.spec, |live| live.turn = Some(text.to_owned()));
        Observer::output(self, job, "agent", format!("{text}\n").as_bytes());
    }

    fn note(&self, _: &str) {}

    fn output(&self, job: &Job, gate: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let mut all = held(&self.output);
        let kept = all.entry(job.spec.clone()).or_default();
        kept.push_str(&text);
        let over = kept.len().saturating_sub(limits::LIVE_BYTES);
        let cut = (over..=kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(over);
        kept.drain(..cut);
        self.tell("output", &json!({ "spec": job.spec, "gate": gate, "text": text }));
    }
}
