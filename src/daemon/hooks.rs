//! User programs that are run on events. Jobs never wait for them, and their failures do not affect
//! jobs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Notice, View};
use crate::engine::Observer;
use crate::process::{self, Ended, Program};
use crate::toolchain;
use crate::types::{DriftResult, Hook, HookEvent, JobOutcome, limits};
use crate::workspace::now;

/// The hooks of a workspace, from its last valid configuration.
pub struct Hooks {
    hooks: Arc<Mutex<Vec<Hook>>>,
    /// Names of variables that hold keys, or did earlier.
    secret: Arc<Mutex<BTreeSet<String>>>,
    root: PathBuf,
    told: Sender<(HookEvent, Value)>,
    observer: Arc<dyn Observer + Send + Sync>,
}

impl Hooks {
    /// Hooks that run in a folder, with this environment.
    pub fn new(
        root: &Path,
        env: Vec<(String, OsString)>,
        observer: Arc<dyn Observer + Send + Sync>,
    ) -> Self {
        let (told, waiting) = channel(limits::HOOKS_WAITING);
        let hooks: Arc<Mutex<Vec<Hook>>> = Arc::default();
        let secret: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let (dir, shared, heard) = (root.to_owned(), secret.clone(), observer.clone());
        let runner = HookRunner { root: dir, env, secret: shared, observer: heard };
        tokio::spawn(runner.run(hooks.clone(), waiting));
        Self { hooks, secret, root: root.to_owned(), told, observer }
    }

    fn tell(&self, event: HookEvent, mut about: Value) {
        let wanted = self.hooks.lock().is_ok_and(|all| all.iter().any(|h| h.on.contains(&event)));
        if !wanted {
            return;
        }
        about["event"] = json!(event);
        about["at"] = json!(now());
        about["workspace"] = json!(self.root);
        if self.told.try_send((event, about)).is_err() {
            self.observer.note("hooks are too slow; some events were dropped");
        }
    }
}

impl View for Hooks {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Read(workspace) => {
                let keys = toolchain::model_keys(&workspace.harness);
                if let (Ok(mut hooks), Ok(mut secret)) = (self.hooks.lock(), self.secret.lock()) {
                    hooks.clone_from(&workspace.harness.hook);
                    secret.extend(keys);
                }
            }
            Notice::Unreadable(error) => {
                self.tell(HookEvent::Unreadable, json!({ "message": error.to_string() }));
            }
            Notice::Ended { spec, outcome, again, parked } => {
                let again = again.map(|again| again.as_secs());
                let about = json!({
                    "spec": spec, "outcome": outcome, "again_in_s": again, "parked": parked,
                });
                let event = match outcome {
                    JobOutcome::Promoted => HookEvent::Promoted,
                    JobOutcome::Rejected { .. } => HookEvent::Rejected,
                    JobOutcome::SpecSuspected { .. } | JobOutcome::SpecRefused { .. } => {
                        HookEvent::SpecSuspected
                    }
                    JobOutcome::Drifted { .. } => HookEvent::Drifted,
                    JobOutcome::Failed { .. } => HookEvent::Failed,
                    JobOutcome::Cancelled => HookEvent::Cancelled,
                    JobOutcome::Superseded | JobOutcome::Waits { .. } => return,
                };
                self.tell(event, about.clone());
                if *parked {
                    self.tell(HookEvent::Parked, about);
                }
            }
            Notice::Held { time } => {
                self.tell(HookEvent::Held, json!({ "again_in_s": time.as_secs() }));
            }
            Notice::Paused { by } => self.tell(HookEvent::Paused, json!({ "by": by })),
            Notice::Resumed { by } => self.tell(HookEvent::Resumed, json!({ "by": by })),
            Notice::DriftChecked { spec, result } => {
                if let DriftResult::Drift { findings } = result {
                    self.tell(HookEvent::Drift, json!({ "spec": spec, "findings": findings }));
                }
            }
            Notice::Idle => self.tell(HookEvent::Idle, json!({})),
        }
    }
}

struct HookRunner {
    root: PathBuf,
    env: Vec<(String, OsString)>,
    secret: Arc<Mutex<BTreeSet<String>>>,
    observer: Arc<dyn Observer + Send + Sync>,
}

impl HookRunner {
    /// Runs one after the other, in the order of the events.
    async fn run(self, hooks: Arc<Mutex<Vec<Hook>>>, mut waiting: Receiver<(HookEvent, Value)>) {
        while let Some((event, about)) = waiting.recv().await {
            let hooks = hooks.lock().map(|hooks| hooks.clone()).unwrap_or_default();
            for hook in hooks.iter().filter(|hook| hook.on.contains(&event)) {
                if let Err(why) = self.one(hook, &about).await {
                    self.observer.note(&format!("hook {}: {why}", hook.argv.join(" ")));
                }
            }
        }
    }

    async fn one(&self, hook: &Hook, about: &Value) -> Result<(), String> {
        let Some((name, args)) = hook.argv.split_first() else { return Ok(()) };
        let path = if name.contains('/') { self.root.join(name) } else { name.into() };
        let secret = self.secret.lock().map(|secret| secret.clone()).unwrap_or_default();
        let env = self.env.iter().filter(|(name, _)| !secret.contains(name)).cloned().collect();
        let program = Program {
            path,
            args: args.iter().map(OsString::from).collect(),
            dir: self.root.clone(),
            env,
            stdin: Some(format!("{about}\n").into_bytes()),
            timeout: hook.timeout_s.map_or(limits::HOOK_TIMEOUT, std::time::Duration::from_secs),
        };
        let output = process::run(&program).await.map_err(|error| error.to_string())?;
        let said = output.errors();
        let said = said.lines().next().unwrap_or_default();
        match output.ended {
            Ended::Exit(0) => Ok(()),
            Ended::Timeout => Err(format!("timed out after {}s", program.timeout.as_secs())),
            Ended::Exit(code) => Err(format!("exit status {code}: {said}")),
            Ended::Signal(signal) => Err(format!("signal {signal}: {said}")),
            Ended::Limit(_) => Err(said.to_owned()),
        }
    }
}
