//! `regen watch`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::channel;

use super::{Door, exit, isolation, run, variable};
use crate::daemon::{Daemon, View};
use crate::engine::{Engine, EngineError, Options, Workspace, load, result_word};
use crate::report::{Paint, Progress, Style, render};
use crate::types::JobOutcome;

/// What a person sees beside the events of jobs.
struct Seen {
    /// The problems that were shown last: they are shown when they change.
    problems: Mutex<String>,
    style: Style,
    paint: Paint,
    progress: Arc<Progress>,
}

impl Seen {
    fn say(&self, text: &str) {
        if self.style != Style::Quiet {
            self.progress.line(text);
        }
    }

    fn json(&self, value: &serde_json::Value) {
        self.progress.json(value);
    }
}

impl View for Seen {
    fn read(&self, workspace: &Workspace) {
        let text = render(workspace.problems_of(None), &workspace.sources, self.paint);
        let Ok(mut last) = self.problems.lock() else { return };
        if *last != text && !text.is_empty() {
            self.say(text.trim_end());
        }
        *last = text;
    }

    fn unreadable(&self, error: &EngineError) {
        self.json(&json!({ "type": "unreadable", "message": error.to_string() }));
        if let EngineError::Config { problems, sources } = error {
            self.say(render(problems, sources, self.paint).trim_end());
        }
        self.say(&format!("{error}: what was read before stays in force"));
    }

    fn ended(&self, spec: &str, outcome: &JobOutcome, rest: Option<Duration>, parked: bool) {
        let word = result_word(outcome);
        let seconds = rest.map(|rest| rest.as_secs());
        self.json(&json!({
            "type": "ended", "spec": spec, "result": word, "again_in_s": seconds, "parked": parked,
        }));
        match seconds {
            Some(seconds) => self.say(&format!("{spec}: {word}; tried again in {seconds} s")),
            None if parked => self.say(&format!(
                "{spec}: {word}; parked until its spec, configuration or checks change"
            )),
            None => {}
        }
    }

    fn idle(&self) {
        self.json(&json!({ "type": "idle" }));
        self.say("up to date; watching");
    }
}

/// Watches until it is told to end.
pub async fn watch(door: &Door) -> Result<u8, EngineError> {
    let places = door.places()?;
    let _lock = run::lock(door, &places)?;
    for spec in Engine::recover(&places)? {
        door.say(&format!("{spec}: a promotion that was interrupted is finished"));
    }
    let harness = load::harness(&places, None)?;
    let probe = isolation::demand(door, &places.cache, &harness.sandbox).await?;
    let style = door.style();
    let progress = Arc::new(Progress::new(style, door.paint, &harness.generator.model));
    let problems = Mutex::default();
    let view = Arc::new(Seen { problems, style, paint: door.paint, progress: progress.clone() });
    let options = Options {
        only: None,
        by: door.by.clone(),
        force: false,
        discard_edits: false,
        keep: false,
        variable,
        observer: progress.clone(),
    };
    let wanted = door.wanted();
    let daemon = Daemon { places, wanted, isolation: Arc::new(probe), options, view };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (reload, asked) = channel(1);
    let work = daemon.run(asked);
    tokio::pin!(work);
    loop {
        tokio::select! {
            never = &mut work => match never {},
            _ = hangup.recv() => drop(reload.try_send(())),
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    progress.clear();
    Ok(exit::DONE)
}
