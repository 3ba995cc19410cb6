//! The workers that there are, and what they may run.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::types::{Fingerprint, Isolation, is_pool_name};

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerPresence {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: String,
    /// Its version of regen.
    pub version: String,
    /// Its tools, by language.
    pub tools: BTreeMap<String, WorkerTools>,
    /// The models that it asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<WorkerModel>,
    /// Its isolation level.
    pub isolation: Isolation,
    /// How many gates and questions it does at a time.
    pub slots: usize,
    /// How many it does now.
    pub busy: usize,
    /// The id of the key it signs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A worker's tools for a language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTools {
    /// Their digest.
    pub fingerprint: Fingerprint,
    /// Their versions.
    pub version: String,
}

/// A model that a worker asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerModel {
    /// Its name.
    pub model: String,
    /// The digest of the settings that an answer depends on.
    pub fingerprint: Fingerprint,
}

/// What is wanted of a worker.
#[derive(Clone, Copy, Debug)]
pub enum WorkerNeed<'a> {
    /// The tools of a language.
    Language(&'a str),
    /// A model.
    Model(&'a str),
}

/// A queue of one run, for workers that can run what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemQueue {
    /// The pool.
    pub pool: String,
    /// The version of regen.
    pub version: String,
    /// The first digits of the digest of the tools, or of the settings of a model.
    pub tools: String,
    /// The lowest isolation level.
    pub isolation: u8,
    /// The run.
    pub run: String,
}

impl ItemQueue {
    /// A queue.
    pub fn new(pool: &str, tools: Fingerprint, isolation: Isolation, run: &str) -> Self {
        Self {
            pool: pool.to_owned(),
            version: VERSION.to_owned(),
            tools: short(tools),
            isolation: isolation.0,
            run: run.to_owned(),
        }
    }

    /// Parses a queue's name.
    pub fn parse(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('=').collect();
        let [pool, version, tools, isolation, run] = parts.try_into().ok()?;
        if ![pool, version, tools, run].iter().all(|part| is_pool_name(part)) {
            return None;
        }
        Some(Self {
            pool: pool.to_owned(),
            version: version.replace('_', "."),
            tools: tools.to_owned(),
            isolation: isolation.parse().ok()?,
            run: run.to_owned(),
        })
    }

    /// The subject of its messages, followed by an item's id.
    pub fn subject(&self) -> String {
        self.to_string().replace('=', ".")
    }
}

impl fmt::Display for ItemQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.replace('.', "_");
        write!(f, "{}={version}={}={}={}", self.pool, self.tools, self.isolation, self.run)
    }
}

fn short(tools: Fingerprint) -> String {
    tools.0.to_string().chars().take(16).collect()
}

impl WorkerPresence {
    /// Whether a worker can say this of itself. Others can write it too.
    pub fn is_plausible(&self) -> bool {
        let is_short = |text: &String| text.len() <= 200;
        let tools = self.tools.iter().all(|(id, one)| is_short(id) && is_short(&one.version));
        is_pool_name(&self.name)
            && is_pool_name(&self.pool)
            && is_short(&self.version)
            && (1..=256).contains(&self.slots)
            && self.busy <= self.slots
            && self.tools.len() <= 100
            && self.models.len() <= 100
            && self.models.iter().all(|one| is_short(&one.model))
            && tools
    }

    /// Whether it takes gates from a queue.
    pub fn serves(&self, queue: &ItemQueue) -> bool {
        let tools = self.tools.values().map(|one| one.fingerprint);
        let mut has = tools.chain(self.models.iter().map(|one| one.fingerprint));
        self.pool == queue.pool
            && self.version == queue.version
            && self.isolation.0 >= queue.isolation
            && has.any(|one| short(one) == queue.tools)
    }

    /// Why it takes none from a queue of its pool.
    fn mismatch(&self, queue: &ItemQueue, wanted: WorkerNeed<'_>) -> String {
        let name = &self.name;
        if self.version != queue.version {
            let (theirs, ours) = (&self.version, &queue.version);
            return format!("{name} is regen {theirs}, this is regen {ours}");
        }
        if self.isolation.0 < queue.isolation {
            let (has, wanted) = (self.isolation, Isolation(queue.isolation));
            return format!("{name} has isolation level {has}, and {wanted} is required");
        }
        match wanted {
            WorkerNeed::Language(language) => match self.tools.get(language) {
                None => format!("{name} has no tools for `{language}`"),
                Some(tools) => format!("{name} has {}", tools.version),
            },
            WorkerNeed::Model(model) => match self.models.iter().find(|one| one.model == *model) {
                None => format!("{name} does not ask `{model}`"),
                Some(_) => format!("{name} asks `{model}` with other settings"),
            },
        }
    }
}

/// What a pool can do for a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// A worker serves it.
    Served,
    /// No worker is there.
    Empty,
    /// There are workers, and none serves it.
    Mismatch(String),
}

/// What the workers can do for a queue.
pub fn pool_state(
    workers: &[WorkerPresence],
    queue: &ItemQueue,
    wanted: WorkerNeed<'_>,
) -> PoolState {
    let pool: Vec<_> = workers.iter().filter(|one| one.pool == queue.pool).collect();
    if pool.iter().any(|one| one.serves(queue)) {
        return PoolState::Served;
    }
    let mut why: Vec<String> = pool.iter().map(|one| one.mismatch(queue, wanted)).collect();
    why.dedup();
    why.truncate(3);
    if why.is_empty() { PoolState::Empty } else { PoolState::Mismatch(why.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::{
        ItemQueue, PoolState, WorkerModel, WorkerNeed, WorkerPresence, WorkerTools, pool_state,
    };
    use crate::types::{Digest, Fingerprint, Isolation};

    fn worker(name: &str, tools: &str) -> WorkerPresence {
        let fingerprint = Fingerprint(Digest::of(tools));
        let own = WorkerTools { fingerprint, version: tools.to_owned() };
        WorkerPresence {
            name: name.to_owned(),
            pool: "linux".to_owned(),
            version: super::VERSION.to_owned(),
            tools: [("python".to_owned(), own)].into(),
            models: Vec::new(),
            isolation: Isolation(2),
            slots: 1,
            busy: 0,
            key: None,
        }
    }

    #[test]
    fn a_queue_is_served_where_version_tools_and_isolation_match() {
        let tools = Fingerprint(Digest::of("Python 3.11"));
        let queue = ItemQueue::new("linux", tools, Isolation(2), "ab12");
        assert_eq!(ItemQueue::parse(&queue.to_string()).as_ref(), Some(&queue));
        assert_eq!(queue.subject().matches('.').count(), 4);
        for wrong in ["linux=1=2=2", "\u{1b}[2J=1=2=2=run", "linux=1=2=300=run", "linux=1=2=2="] {
            assert_eq!(ItemQueue::parse(wrong), None, "{wrong}");
        }
        let state =
            |one: WorkerPresence| pool_state(&[one], &queue, WorkerNeed::Language("python"));
        let good = worker("a", "Python 3.11");
        assert_eq!(state(good.clone()), PoolState::Served);
        let python = WorkerNeed::Language("python");
        assert_eq!(pool_state(&[], &queue, python), PoolState::Empty);
        let told = |one: WorkerPresence| match state(one) {
            PoolState::Mismatch(why) => why,
            other => panic!("{other:?}"),
        };
        let older = WorkerPresence { version: "0.0.1".to_owned(), ..good.clone() };
        let this = super::VERSION;
        assert_eq!(told(older), format!("a is regen 0.0.1, this is regen {this}"));
        let lower = WorkerPresence { isolation: Isolation(1), ..good.clone() };
        assert_eq!(told(lower), "a has isolation level 1, and 2 is required");
        assert_eq!(told(worker("a", "Python 3.12")), "a has Python 3.12");
        let none = WorkerPresence { tools: Default::default(), ..good.clone() };
        assert_eq!(told(none), "a has no tools for `python`");
        assert!(good.is_plausible());
        let (name, pool) = ("\u{1b}[2J".to_owned(), "<b>".to_owned());
        for wrong in [
            WorkerPresence { name, ..good.clone() },
            WorkerPresence { pool, ..good.clone() },
            WorkerPresence { busy: 2, ..good.clone() },
            WorkerPresence { busy: usize::MAX, slots: usize::MAX, ..good.clone() },
            worker("a", &"9".repeat(1000)),
        ] {
            assert!(!wrong.is_plausible(), "{wrong:?}");
        }
        let other = WorkerPresence { pool: "mac".to_owned(), ..good };
        assert_eq!(pool_state(&[other], &queue, python), PoolState::Empty);
    }

    #[test]
    fn a_model_is_asked_by_those_with_the_same_settings() {
        let settings = Fingerprint(Digest::of("qwen, cold"));
        let queue = ItemQueue::new("linux", settings, Isolation(0), "ab12");
        let qwen = WorkerNeed::Model("qwen");
        let asks = |settings: &str| WorkerPresence {
            models: vec![WorkerModel {
                model: "qwen".to_owned(),
                fingerprint: Fingerprint(Digest::of(settings)),
            }],
            ..worker("a", "Python 3.11")
        };
        assert_eq!(pool_state(&[asks("qwen, cold")], &queue, qwen), PoolState::Served);
        let told = |one| match pool_state(&[one], &queue, qwen) {
            PoolState::Mismatch(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(asks("qwen, warm")), "a asks `qwen` with other settings");
        assert_eq!(told(worker("a", "Python 3.11")), "a does not ask `qwen`");
    }
}
