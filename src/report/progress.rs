//! Progress of a run: a spinner line per running job on a terminal, plain lines elsewhere, JSON
//! lines for machines.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Styler, for_terminal, words};
use crate::engine::Observer;
use crate::pipeline::{Effect, State};
use crate::process::without_secrets;
use crate::types::text::visible_line;
use crate::types::{AdmittedSpec, Event, Job, JobOutcome, SpecId, Usage};

/// Verbosity of the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Only errors.
    Quiet,
    /// Lines and, on a terminal, a live line per running job.
    Human {
        /// Whether standard error is a terminal.
        terminal: bool,
    },
    /// One JSON object per event on standard output.
    Json,
}

/// Shows the progress of a run.
pub struct Progress {
    style: Style,
    paint: Styler,
    /// The model's name, shown with replays.
    model: String,
    live: Mutex<LiveLines>,
    /// Why writing to standard output failed first.
    lost: OnceLock<String>,
}

#[derive(Default)]
struct LiveLines {
    all: MultiProgress,
    /// The live line of each running job, with its prefix.
    bars: BTreeMap<SpecId, (ProgressBar, String)>,
    tokens: u64,
    /// The specs, for the words of clauses in diagnoses.
    specs: BTreeMap<SpecId, AdmittedSpec>,
    /// Specs whose last outcome was told.
    told: BTreeSet<SpecId>,
}

impl Progress {
    /// A new view. `model` is shown with replays.
    pub fn new(style: Style, paint: Styler, model: &str) -> Self {
        Self {
            style,
            paint,
            model: model.to_owned(),
            live: Mutex::default(),
            lost: OnceLock::new(),
        }
    }

    /// The specs that jobs are of. Diagnoses then show the words of their clauses.
    pub fn know(&self, specs: &[AdmittedSpec]) {
        if let Ok(mut live) = self.live.lock() {
            live.specs = specs.iter().map(|spec| (spec.id.clone(), spec.clone())).collect();
        }
    }

    /// Whether the outcome of a spec's job was printed.
    pub fn has_told(&self, spec: &SpecId) -> bool {
        self.live.lock().is_ok_and(|live| live.told.contains(spec))
    }

    /// Prints the outcome of a job, and removes its live line. A promotion is an event already.
    fn ended(&self, spec: &SpecId, outcome: &JobOutcome) {
        let Ok(mut live) = self.live.lock() else { return };
        if let Some((bar, _)) = live.bars.remove(spec) {
            bar.finish_and_clear();
            live.all.remove(&bar);
        }
        live.told.insert(spec.clone());
        let known = live.specs.get(spec).map(|spec| &**spec);
        let text = words::outcome(outcome, known, self.paint);
        drop(live);
        let text = format!("{}: {}", self.paint.name(spec), text.trim_end());
        // What the work needs has failed, not the work.
        let is_error = matches!(outcome, JobOutcome::Failed { .. });
        if self.style == Style::Quiet && is_error {
            drop(writeln!(std::io::stderr(), "{}", for_terminal(&text)));
        }
        if !matches!(outcome, JobOutcome::Promoted) {
            self.line(&text);
        }
    }

    /// Prints a line for people.
    pub fn line(&self, text: &str) {
        let Ok(live) = self.live.lock() else { return };
        // A closed standard error is not an error.
        match self.style {
            Style::Quiet | Style::Json => {}
            Style::Human { terminal: true } => drop(live.all.println(for_terminal(text))),
            Style::Human { terminal: false } => {
                drop(writeln!(std::io::stderr(), "{}", for_terminal(text)))
            }
        }
    }

    /// Prints a line for machines.
    pub fn json(&self, value: &serde_json::Value) {
        if self.style == Style::Json {
            let text = without_secrets(&value.to_string());
            let written = writeln!(std::io::stdout(), "{text}");
            if let Some(why) = written.err().filter(|why| why.kind() != ErrorKind::BrokenPipe) {
                let _ = self.lost.set(why.to_string());
            }
        }
    }

    /// Removes the live lines. Gives why lines for machines are lost, if they are.
    pub fn end(&self) -> Option<&str> {
        self.clear();
        self.lost.get().map(String::as_str)
    }

    /// Removes the live lines.
    pub fn clear(&self) {
        if let Ok(mut live) = self.live.lock() {
            live.bars.clear();
            drop(live.all.clear());
        }
    }

    fn replayed(&self, event: &Event) {
        if let Event::Completed { replay: Some(date), .. } = event {
            self.line(&format!("  {}", self.paint.warn(&words::replay(date, &self.model))));
        }
    }
}

impl Observer for Progress {
    fn event(&self, job: &Job, state: &State, event: &Event) {
        let body = serde_json::to_value(event).unwrap_or_default();
        self.json(&json!({ "type": "event", "spec": job.spec, "body": body }));
        if let Event::Completed { usage: Usage { input, output, .. }, .. } = event
            && let Ok(mut live) = self.live.lock()
        {
            live.tokens += input + output;
        }
        let indent = match event {
            Event::AttemptStarted { .. } | Event::Promoted { .. } | Event::Resumed => " ",
            _ => "   ",
        };
        self.line(&format!(
            "{}{indent}{}",
            self.paint.name(&job.spec),
            words::event(event, self.paint)
        ));
        self.replayed(event);
        if let Event::CandidateMade { attempt, .. } = event
            && let Some(again) = state.judged_before(*attempt)
        {
            let text = format!(
                "the same files as in attempt {again}: refused again, for the same reasons"
            );
            self.line(&format!("{}   {}", self.paint.name(&job.spec), self.paint.bad(&text)));
        }
        if let Some(outcome) = state.outcome() {
            self.ended(&job.spec, outcome);
        }
    }

    fn begin(&self, job: &Job, state: &State, effect: &Effect) {
        let Style::Human { terminal: true } = self.style else { return };
        let Ok(mut live) = self.live.lock() else { return };
        if !live.bars.contains_key(&job.spec) {
            let bar = live.all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {msg} · {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            live.bars.insert(job.spec.clone(), (bar, String::new()));
        }
        let attempt = state.attempt();
        let doing = effect.doing(state);
        let number = attempt.map_or(0, |attempt| attempt.number);
        let text = format!("{} · attempt {number} · {doing} · {} tokens", job.spec, live.tokens);
        let text = visible_line(&text);
        if let Some((bar, prefix)) = live.bars.get_mut(&job.spec) {
            bar.set_message(text.clone());
            *prefix = text;
        }
    }

    fn streaming(&self, job: &Job, characters: usize) {
        if let Ok(live) = self.live.lock()
            && let Some((bar, prefix)) = live.bars.get(&job.spec)
        {
            bar.set_message(format!("{prefix} · {characters} characters"));
        }
    }

    fn turn(&self, job: &Job, text: &str) {
        self.json(&json!({ "type": "turn", "spec": job.spec, "text": text }));
        let text = self.paint.dim(&format!("the agent: {text}"));
        self.line(&format!("{}     {text}", self.paint.name(&job.spec)));
    }

    fn note(&self, text: &str) {
        self.json(&json!({ "type": "note", "text": text }));
        self.line(text);
    }
}
