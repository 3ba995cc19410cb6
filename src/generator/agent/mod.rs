//! A coding agent: a program that works on the files in a sandbox and asks a model through a
//! gateway. Its answer is the tree that it leaves; its exit status says nothing about the work.

mod events;
mod installed;
mod presets;
mod transcript;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cassette::RecordedRequest;
use super::{
    Generating, Generation, GenerationError, GenerationProgress, Generator, Recordable, Request,
    Workplace, rate_limit,
};
use crate::gateway::{
    AFTER_CAP, ExchangeJournal, Gateway, GatewayReport, GatewayRules, Pace, RateLimits, Upstream,
};
use crate::process::{Ended, Listener, Output, Program};
use crate::sandbox::{LeftFiles, SandboxView, WorkOrder, WorkSandbox};
use crate::types::agent::AgentSettings;
use crate::types::{Digest, Failure, Limits, LimitsConfig, RelPath, Tree, Usage, limits};

pub use installed::on_path;
use presets::find;
pub use presets::{PRESETS, Preset};
pub use transcript::{AgentTranscript, WorkReport, read_transcript};

/// How long a program has to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The file with the task.
const TASK: &str = "SPEC.md";

/// How often progress is told.
const TICK: Duration = Duration::from_secs(1);

/// Writes files into the home, then starts the agent: `PATH TEXT … -- PROGRAM ARGUMENT …`.
const START: &str = r#"mkdir -p "$HOME" || exit 126
while [ "$1" != -- ]; do
  mkdir -p "$(dirname "$HOME/$1")" && printf %s "$2" > "$HOME/$1" || exit 126
  shift 2
done
shift
exec "$@""#;

/// A coding agent.
#[derive(Debug)]
pub struct Agent {
    settings: AgentSettings,
    key: Option<String>,
    pace: Arc<Pace>,
    /// Its program on this machine.
    program: Option<PathBuf>,
}

/// A recorded answer.
#[derive(Serialize, Deserialize)]
struct RecordedWork {
    files: BTreeMap<String, String>,
    transcript: String,
    usage: Usage,
}

impl Agent {
    /// An agent with the key of its model's server.
    pub fn new(settings: AgentSettings, key: Option<String>, servers: &RateLimits) -> Self {
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let pace = servers.of(&settings.server);
        let mut one = Self { settings, key, pace, program: None };
        one.program = one.argv().first().and_then(|name| on_path(name));
        one
    }

    fn preset(&self) -> Option<&'static Preset> {
        self.settings.agent.as_deref().and_then(find)
    }

    fn argv(&self) -> Vec<String> {
        match self.preset() {
            Some(preset) if self.settings.argv.is_empty() => {
                preset.argv.iter().map(|&part| part.to_owned()).collect()
            }
            _ => self.settings.argv.clone(),
        }
    }

    /// Its command line, with places for what differs from attempt to attempt.
    fn line(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:={}@".contains(c);
        let word = |word: String| {
            let word = word.replace("{model}", &self.settings.server.model);
            let is_plain = !word.is_empty() && word.chars().all(plain);
            if is_plain { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
        };
        self.argv().into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// The program over an open sandbox.
    fn command(&self, request: &Request, work: &WorkSandbox, token: &str) -> Program {
        let home = work.home.join("agent");
        let base_url = format!("http://127.0.0.1:{}", limits::GATEWAY_PORT);
        let file = work.source.join(TASK).display().to_string();
        let put = |text: &str| {
            text.replace("{prompt_file}", &file)
                .replace("{model}", &self.settings.server.model)
                .replace("{base_url}", &base_url)
                .replace("{token}", token)
                .replace("{prompt}", &request.prompt.system)
        };
        let preset = self.preset();
        let mut args: Vec<OsString> = vec!["-c".into(), START.into(), "sh".into()];
        for (path, text) in preset.iter().flat_map(|one| one.files) {
            args.extend([(*path).into(), put(text).into()]);
        }
        args.push("--".into());
        args.extend(self.program.iter().map(|path| path.as_os_str().to_owned()));
        args.extend(self.argv().iter().skip(1).map(|part| put(part).into()));
        let mut env: BTreeMap<String, OsString> = work.env.iter().cloned().collect();
        let path = env.get("PATH").cloned().unwrap_or_default();
        let own = self.program.as_deref().and_then(Path::parent).unwrap_or(Path::new("/usr/bin"));
        let mut path = format!("{}:{}:/usr/local/bin", path.to_string_lossy(), own.display());
        let runs = self.program.as_deref().and_then(installed::interpreter);
        if let Some(folder) = runs.as_deref().and_then(Path::parent) {
            path += &format!(":{}", folder.display());
        }
        env.insert("PATH".to_owned(), path.into());
        env.insert("HOME".to_owned(), home.into());
        let own = preset.iter().flat_map(|one| one.env);
        env.extend(own.map(|(name, value)| ((*name).to_owned(), put(value).into())));
        Program {
            path: "/bin/sh".into(),
            args,
            dir: work.source.clone(),
            env: env.into_iter().collect(),
            stdin: None,
            timeout: Duration::from_secs(self.settings.wall_s),
        }
    }

    async fn work(
        &self,
        request: &Request,
        place: Workplace,
        progress: &dyn GenerationProgress,
    ) -> Result<Generation, GenerationError> {
        let Workplace { sandbox: mut work, journal } = place;
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = said.clone();
        work.session.listen(Some(Listener(Arc::new(move |bytes| {
            let mut said = hears.lock().unwrap_or_else(PoisonError::into_inner);
            let room = limits::AGENT_OUTPUT.saturating_sub(said.len()).min(bytes.len());
            said.extend_from_slice(&bytes[..room]);
        }))));
        let gateway = self.gateway(journal)?;
        let program = self.command(request, &work, gateway.token());
        let told = AtomicUsize::new(0);
        let tell = || {
            let before = told.load(Ordering::Relaxed);
            told.store(tell(&said, before, progress), Ordering::Relaxed);
        };
        let grows = async {
            loop {
                tokio::time::sleep(TICK).await;
                tell();
            }
        };
        let output = tokio::select! {
            output = self.run(&work, program, &gateway) => output?,
            () = grows => unreachable!("it goes on"),
        };
        // Everything that it started has ended.
        let left = work.session.collect().await.map_err(|why| unusable(&why))?;
        let report = gateway.report();
        tell();
        let mut said = said.lock().map(|said| said.clone()).unwrap_or_default();
        let (tree, ignored) = tree_of(left, &work);
        said.extend(WorkReport::new(&said, &output, &report, ignored).line());
        work.session.close().await;
        let is_changed = request.base.is_some_and(|base| base != tree.digest());
        let asked = report.requests + report.repeated > 0;
        if !is_changed && !asked && matches!(output.ended, Ended::Exit(126 | 127)) {
            return Err(not_started(&said));
        }
        self.end(&output, report, tree, said)
    }

    fn gateway(&self, journal: Arc<dyn ExchangeJournal>) -> Result<Arc<Gateway>, GenerationError> {
        super::install_tls();
        let wrong = |why: String| GenerationError::new(Failure::Configuration, why);
        let server = self.settings.server.clone();
        let models = [server.model.clone()].into_iter().chain(self.settings.small_model.clone());
        let rules = GatewayRules {
            models: models.collect(),
            output_tokens: server.max_output_tokens,
            tokens: self.settings.attempt_tokens,
        };
        let upstream = Upstream::new(server, self.key.clone(), self.pace.clone());
        let upstream = upstream.map_err(|why| wrong(why.to_string()))?;
        Gateway::new(rules, upstream, journal).map_err(|why| wrong(why.to_string()))
    }

    /// Runs the program until it ends, or some time after its tokens are used up.
    async fn run(
        &self,
        work: &WorkSandbox,
        program: Program,
        gateway: &Arc<Gateway>,
    ) -> Result<Output, GenerationError> {
        let hosted = work.session.host(SandboxView::Build, program, limits::GATEWAY_PORT);
        let (door, output) = hosted.map_err(|why| unusable(&why))?;
        let mut output = std::pin::pin!(output);
        let ended = {
            let serving = async {
                match door.listener().await {
                    Ok(listener) => match gateway.clone().serve(listener).await {},
                    // The program's end says why.
                    Err(_) => std::future::pending::<()>().await,
                }
            };
            let capped = async {
                gateway.capped().await;
                tokio::time::sleep(AFTER_CAP).await;
            };
            tokio::select! {
                output = &mut output => Some(output),
                () = serving => None,
                () = capped => None,
            }
        };
        drop(door);
        let ended = match ended {
            Some(ended) => ended,
            None => output.await,
        };
        ended.map_err(|why| unusable(&why))
    }

    fn end(
        &self,
        output: &Output,
        report: GatewayReport,
        tree: Tree,
        transcript: Vec<u8>,
    ) -> Result<Generation, GenerationError> {
        let failed = output.ended != Ended::Exit(0);
        let status = report.status.filter(|status| failed && is_servers(*status));
        let (usage, model) = (report.usage, self.settings.server.model.clone());
        let left = Generation::Workspace { tree, transcript, usage, model, replay: None };
        if report.capped {
            let most = self.settings.attempt_tokens;
            let message = format!(
                "the agent wanted more than the {most} tokens of `attempt_tokens`; it used {}",
                report.earlier + report.usage.input + report.usage.output
            );
            let error = GenerationError::new(Failure::Budget, message);
            return Err(GenerationError { served: true, left: Some(Box::new(left)), ..error });
        }
        let none = reqwest::header::HeaderMap::new();
        let error = status.map(|status| super::wire::classify::of_response(status, &none, ""));
        let silent = || {
            let message = "the model's server gave no answer to the agent's last request";
            GenerationError::new(Failure::Connection, message.to_owned())
        };
        let error = error.or_else(|| (failed && report.is_silent).then(silent));
        if let Some(error) = error {
            let served = usage != Usage::default();
            return Err(GenerationError { served, left: Some(Box::new(left)), ..error });
        }
        Ok(left)
    }
}

/// Tells the whole lines that an agent has printed since these bytes, up to a number of turns.
/// Gives how many bytes are told.
fn tell(said: &Mutex<Vec<u8>>, before: usize, progress: &dyn GenerationProgress) -> usize {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    progress.grown(said.len());
    let end = said.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1).max(before);
    let lines = String::from_utf8_lossy(&said[before..end]);
    let turns = lines.lines().flat_map(events::turns);
    turns.take(limits::TURNS_AT_A_TIME).for_each(|turn| progress.turn(&turn));
    end
}

/// Whether a status is the server's own trouble, not that of the request.
fn is_servers(status: u16) -> bool {
    status == 401 || status == 403 || status == 429 || status >= 500
}

/// The candidate's files among those that are left; what was ignored is named.
fn tree_of(left: LeftFiles, work: &WorkSandbox) -> (Tree, Vec<String>) {
    let mut ignored = left.ignored;
    let own = |path: &str| work.own.iter().any(|(own, _)| own == path);
    let mut files = Vec::new();
    for (path, bytes) in left.files {
        if own(&path) {
            if !work.is_own(&path, &bytes) {
                ignored.push(format!("{path}: it is the harness's, and stays as it was"));
            }
        } else {
            match RelPath::parse(&path) {
                Ok(path) => files.push((path, bytes)),
                Err(why) => ignored.push(format!("{path}: {why}")),
            }
        }
    }
    (files.into_iter().collect(), ignored)
}

/// The error of a program that the shell could not start.
fn not_started(said: &[u8]) -> GenerationError {
    let turns = read_transcript(&String::from_utf8_lossy(said)).turns;
    let last = turns.last().map(|words| format!(": {words}")).unwrap_or_default();
    let message = format!(
        "the agent's program did not start in the sandbox{last}; list what it needs to read in \
         `[sandbox] read_only`"
    );
    GenerationError::new(Failure::Configuration, message)
}

fn unusable(why: &dyn std::fmt::Display) -> GenerationError {
    GenerationError::new(Failure::Configuration, format!("{why}; see `regen doctor`"))
}

/// The program of an agent, and its command line. `version` also asks what it calls its version.
///
/// # Errors
/// What is missing.
pub async fn program_of(settings: &AgentSettings, version: bool) -> Result<String, String> {
    let agent = Agent::new(settings.clone(), Some("set".to_owned()), &RateLimits::default());
    agent.check_setup().map_err(|error| error.message)?;
    let Some(path) = agent.program.clone() else { return Err("no program".to_owned()) };
    let name = path.display().to_string();
    if !version {
        return Ok(format!("{name}, as `{}`", agent.line()));
    }
    let ask = Program {
        path,
        args: vec!["--version".into()],
        dir: std::env::temp_dir(),
        env: std::env::vars_os()
            .map(|(key, value)| (key.to_string_lossy().into(), value))
            .collect(),
        stdin: None,
        timeout: VERSION_TIMEOUT,
    };
    let said = crate::process::run(&ask).await.map_err(|why| why.to_string())?;
    let text = said.text();
    let version = match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(version) if said.succeeded() => version,
        _ => "it tells no version",
    };
    Ok(format!("{name} ({version}), as `{}`", agent.line()))
}

impl Generator for Agent {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn request_id(&self, request: &Request) -> Digest {
        self.recorded_request(request).key()
    }

    fn ceiling(&self, _: &Request) -> Usage {
        Usage { output: self.settings.attempt_tokens, ..Usage::default() }
    }

    fn deadline(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.settings.wall_s) + limits::SANDBOX_START * 2 + AFTER_CAP)
    }

    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        rate_limit(&self.pace)
    }

    fn order(&self, request: &Request) -> Result<Option<WorkOrder>, GenerationError> {
        self.check_setup()?;
        let own = *self.settings.limits;
        let config = LimitsConfig {
            memory_mb: own.memory_mb.or(Some(4096)),
            processes: own.processes.or(Some(600)),
            open_files: own.open_files.or(Some(4096)),
            disk_mb: own.disk_mb.or(Some(2048)),
            cpu_s: own.cpu_s.or(Some(self.settings.wall_s.saturating_mul(4))),
            output_mb: own.output_mb.or(Some(64)),
            ..own
        };
        Ok(Some(WorkOrder {
            files: vec![(TASK.to_owned(), request.prompt.user.clone().into_bytes())],
            shown: self.program.iter().flat_map(|program| installed::shown(program)).collect(),
            limits: Limits::of(&config),
        }))
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        work: Option<Workplace>,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            let work = work.ok_or_else(|| unusable(&"an agent needs a sandbox"))?;
            self.work(&request, work, progress).await
        })
    }
}

impl Recordable for Agent {
    fn recorded_request(&self, request: &Request) -> RecordedRequest {
        let prompt = &request.prompt;
        let body = json!({
            "agent": self.settings.agent, "argv": self.argv(), "model": self.settings.server.model,
            "order": prompt.system, "task": prompt.user, "tree": request.base,
        });
        RecordedRequest { path: "agent".to_owned(), sample: request.sample, body }
    }

    fn recorded_answer(&self, answer: &Generation) -> Vec<u8> {
        let Generation::Workspace { tree, transcript, usage, .. } = answer else {
            return answer.transcript().to_vec();
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = tree.iter().map(|(path, bytes)| (path.to_string(), text(bytes))).collect();
        let work = RecordedWork { files, transcript: text(transcript), usage: *usage };
        serde_json::to_vec_pretty(&work).expect("it is plain data")
    }

    fn replay<'a>(
        &'a self,
        _: Request,
        answer: String,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            let wrong = |why: String| GenerationError::new(Failure::BadResponse, why);
            let work: RecordedWork =
                serde_json::from_str(&answer).map_err(|why| wrong(why.to_string()))?;
            let file = |(path, text): (String, String)| {
                Ok((
                    RelPath::parse(&path).map_err(|why| wrong(why.to_string()))?,
                    text.into_bytes(),
                ))
            };
            let tree = work.files.into_iter().map(file).collect::<Result<Tree, _>>()?;
            progress.grown(work.transcript.len());
            Ok(Generation::Workspace {
                tree,
                transcript: work.transcript.into_bytes(),
                usage: work.usage,
                model: self.settings.server.model.clone(),
                replay: None,
            })
        })
    }

    fn check_setup(&self) -> Result<(), GenerationError> {
        let wrong = |why: String| Err(GenerationError::new(Failure::Configuration, why));
        if let (Some(name), None) = (&self.settings.server.api_key_env, &self.key) {
            return wrong(format!("the variable {name} is not set: put the server's key into it"));
        }
        if self.program.is_none() {
            let name = self.argv().first().cloned().unwrap_or_default();
            return wrong(if name.contains('/') {
                format!("the agent's program `{name}` is not there, or may not be executed")
            } else {
                format!("the agent's program `{name}` is not on PATH: install it")
            });
        }
        Ok(())
    }

    fn secret(&self) -> Option<&str> {
        self.key.as_deref()
    }
}
