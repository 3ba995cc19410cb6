//! What a daemon shows: how each spec stands, what runs, and the news as they come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, Sender, channel};

use super::metrics::Metrics;
use crate::engine::Observer;
use crate::pipeline::{Effect, State};
use crate::types::{Event, Job, Plan, SpecId, TargetName, limits};
use crate::workspace::{Workspace, now};

/// How a spec stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Stand {
    /// Everything is promoted.
    UpToDate,
    /// Its file has errors.
    Refused {
        /// The first one.
        why: String,
    },
    /// It starts when its turn comes.
    Waiting {
        /// Out of date since then.
        since: String,
    },
    /// It is worked on.
    Running,
    /// It failed, and is tried again.
    Resting {
        /// When.
        until: String,
        /// How it failed.
        why: String,
    },
    /// It failed, and is not tried again by itself.
    Parked {
        /// How it failed.
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
}

/// What a running job does.
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
    /// How it stands.
    #[serde(flatten)]
    pub stand: Stand,
    /// What its job does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Whether it is other than it was told.
    #[serde(skip)]
    changed: bool,
}

/// The daemon itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Head {
    /// The program's version.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// Since when it runs.
    pub since: String,
    /// The model that is asked first.
    pub model: String,
    /// Since when and by whom no job is to start.
    pub paused: Option<(String, String)>,
    /// Until when quiet hours last, if it is inside of them.
    pub quiet_until: Option<String>,
    /// Until when requests are rate limited.
    pub held_until: Option<String>,
    /// Why the workspace cannot be read; what was read before stays in force.
    pub unreadable: Option<String>,
}

/// Something that is told as it happens, and that no ledger keeps.
#[derive(Clone, Debug)]
pub struct SseEvent {
    /// `spec`, `daemon`, `output`; `ledger` stands for a new entry there.
    pub kind: &'static str,
    /// JSON.
    pub data: Arc<str>,
}

/// What a daemon shows.
pub struct LiveState {
    head: Mutex<Head>,
    rows: Mutex<BTreeMap<SpecId, SpecRow>>,
    /// What gates of running jobs printed last.
    output: Mutex<BTreeMap<SpecId, String>>,
    news: Sender<SseEvent>,
    /// What is counted.
    pub metrics: Metrics,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after every statement.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Default for LiveState {
    /// A hub of a daemon that begins now.
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
        }
    }
}

impl LiveState {
    fn tell(&self, kind: &'static str, data: &impl Serialize) {
        if self.news.receiver_count() > 0 {
            let data = serde_json::to_string(data).unwrap_or_default().into();
            // Nobody listens any more: nobody misses it.
            let _ = self.news.send(SseEvent { kind, data });
        }
    }

    /// News from now on.
    pub fn listen(&self) -> Receiver<SseEvent> {
        self.news.subscribe()
    }

    /// There is something new in the ledger.
    pub fn noted(&self) {
        self.tell("ledger", &());
    }

    /// Changes what is shown of the daemon itself.
    pub fn set_head(&self, change: impl FnOnce(&mut Head)) {
        let mut head = held(&self.head);
        let before = head.clone();
        change(&mut head);
        if *head != before {
            self.tell("daemon", &*head);
        }
    }

    /// Takes over a plan of the whole workspace.
    pub fn planned(&self, workspace: &Workspace, plan: &Plan) {
        let mut rows = BTreeMap::new();
        for job in &plan.jobs {
            let spec = workspace.spec(&job.spec);
            let targets = job.parts.iter().map(|part| TargetRow {
                target: part.target.clone(),
                reason: part.reason.as_ref().map(ToString::to_string),
                held: part.held,
            });
            let row = SpecRow {
                spec: job.spec.clone(),
                title: spec.map(|spec| spec.title.clone()).unwrap_or_default(),
                clauses: spec.map_or(0, |spec| spec.clauses.len()),
                targets: targets.collect(),
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
            let (clauses, live, changed) = (0, None, false);
            let row = SpecRow { spec: spec.clone(), title, clauses, targets, stand, live, changed };
            rows.entry(spec).or_insert(row);
        }
        let mut now = held(&self.rows);
        for (spec, row) in &mut rows {
            let Some(before) = now.get(spec) else { continue };
            row.live.clone_from(&before.live);
            // What is done about it is told by `stand`.
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

    /// Takes over how specs stand.
    pub fn stand(&self, mut of: impl FnMut(&SpecId) -> Option<Stand>) {
        for (spec, row) in held(&self.rows).iter_mut() {
            let stand = match (of(spec), &row.stand) {
                (None, refused @ Stand::Refused { .. }) => refused.clone(),
                (stand, _) => stand.unwrap_or(Stand::UpToDate),
            };
            if stand == Stand::UpToDate {
                row.targets.iter_mut().for_each(|target| target.reason = None);
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

    /// Specs whose names match one of these patterns; a pattern that none matches is an error.
    ///
    /// # Errors
    /// The pattern.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<SpecId>, String> {
        let rows = held(&self.rows);
        let mut found = Vec::new();
        for pattern in patterns {
            let glob = globset::Glob::new(pattern).map_err(|error| error.to_string())?;
            let glob = glob.compile_matcher();
            let before = found.len();
            found.extend(rows.keys().filter(|spec| glob.is_match(spec)).cloned());
            if found.len() == before {
                return Err(format!("there is no spec `{pattern}`"));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Whether there is such a spec.
    pub fn knows(&self, spec: &str) -> bool {
        held(&self.rows).contains_key(spec)
    }

    /// What a spec's gate printed last.
    pub fn output(&self, spec: &str) -> String {
        held(&self.output).get(spec).cloned().unwrap_or_default()
    }

    /// Everything, as the API gives it.
    pub fn state(&self) -> Value {
        let rows = held(&self.rows);
        let specs: Vec<&SpecRow> = rows.values().collect();
        json!({ "type": "state", "daemon": &*held(&self.head), "specs": specs })
    }

    /// How many specs stand how.
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
        };
        if let Effect::Gate { .. } = effect {
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
