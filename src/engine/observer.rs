//! Observers of a run.

use std::sync::Arc;

use crate::pipeline::{Effect, State};
use crate::types::{Event, Job};

/// Observes a run. Views implement it; the engine does not know them.
pub trait Observer {
    /// A job changed; `state` is its state after the event.
    fn event(&self, job: &Job, state: &State, event: &Event);
    /// A step starts.
    fn begin(&self, job: &Job, state: &State, effect: &Effect);
    /// A completion has grown to this many characters.
    fn streaming(&self, job: &Job, characters: usize);
    /// What an agent says that it did.
    fn turn(&self, _job: &Job, _text: &str) {}
    /// A note for people.
    fn note(&self, text: &str);
    /// Output of a gate's program.
    fn output(&self, _job: &Job, _gate: &str, _bytes: &[u8]) {}
}

/// Several observers as one.
pub struct Observers(pub Vec<Arc<dyn Observer + Send + Sync>>);

impl Observer for Observers {
    fn event(&self, job: &Job, state: &State, event: &Event) {
        self.0.iter().for_each(|one| one.event(job, state, event));
    }

    fn begin(&self, job: &Job, state: &State, effect: &Effect) {
        self.0.iter().for_each(|one| one.begin(job, state, effect));
    }

    fn streaming(&self, job: &Job, characters: usize) {
        self.0.iter().for_each(|one| one.streaming(job, characters));
    }

    fn turn(&self, job: &Job, text: &str) {
        self.0.iter().for_each(|one| one.turn(job, text));
    }

    fn note(&self, text: &str) {
        self.0.iter().for_each(|one| one.note(text));
    }

    fn output(&self, job: &Job, gate: &str, bytes: &[u8]) {
        self.0.iter().for_each(|one| one.output(job, gate, bytes));
    }
}
