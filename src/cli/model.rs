//! What `regen doctor` says of the models' servers.

use std::path::PathBuf;
use std::sync::Arc;

use super::variable;
use crate::config::nearest;
use crate::gate::open_alone;
use crate::gateway::NoJournal;
use crate::generator::{
    self, AgentTranscript, CallContext, Cassettes, Generation, GenerationError, GenerationProgress,
    GeneratorParts, KnownModel, RateLimits, Request, Workplace, read_transcript,
};
use crate::process::Ended;
use crate::sandbox::Sandbox;
use crate::toolchain;
use crate::types::generator::ServerSettings;
use crate::types::harness::{CassetteMode, ReplyForm};
use crate::types::{
    AttemptKind, Digest, Failure, GeneratorConfig, GeneratorSettings, Harness, InputsDigest,
    Prompt, limits,
};
use crate::workspace::today;

/// One thing that was looked at. A hint on what is good is a warning.
pub struct DoctorCheck {
    /// What.
    pub name: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was found.
    pub says: String,
    /// What to do.
    pub hint: Option<String>,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskModel {
    /// The configuration alone: no server is asked.
    Nothing,
    /// Its server is asked which models it has.
    List,
    /// The model itself is asked, once.
    Answer,
}

/// Where an agent is tried.
#[derive(Clone, Copy)]
pub struct AgentRoom<'a> {
    /// The sandbox.
    pub sandbox: &'a Sandbox,
    /// Files and folders that it may read.
    pub read_only: &'a [PathBuf],
}

/// One check of `[generator]`, and one of each tier.
pub async fn checks(
    config: &GeneratorConfig,
    ask: AskModel,
    room: AgentRoom<'_>,
    pool: Option<&str>,
) -> Vec<DoctorCheck> {
    let mut checks = Vec::new();
    for number in 0..=config.tiers.len() {
        let name = match number {
            0 => "generator".to_owned(),
            number => format!("tier {number}"),
        };
        let mut check = DoctorCheck { name, good: true, says: String::new(), hint: None };
        let config = config.tier(number);
        let pool = pool.filter(|_| matches!(config.settings, GeneratorSettings::Openai(_)));
        if let Some(pool) = pool {
            let model = &config.settings.server().model;
            check.says = format!("{model}, asked by workers of pool `{pool}`");
        } else if let Err(why) = tier(&config, ask, room, &mut check).await {
            (check.good, check.says) = (false, why);
        }
        checks.push(check);
    }
    checks
}

/// One check of each model under test.
pub async fn under_test(harness: &Harness, ask: AskModel, room: AgentRoom<'_>) -> Vec<DoctorCheck> {
    let mut checks = Vec::new();
    for (name, target) in &harness.target {
        let Some(model) = toolchain::model_under_test(target) else { continue };
        let name = format!("model of {name}");
        let mut check = DoctorCheck { name, good: true, says: String::new(), hint: None };
        if let Err(why) = tier(&model.server, ask, room, &mut check).await {
            (check.good, check.says) = (false, why);
        }
        checks.push(check);
    }
    checks
}

async fn tier(
    config: &GeneratorConfig,
    ask: AskModel,
    room: AgentRoom<'_>,
    check: &mut DoctorCheck,
) -> Result<(), String> {
    let server = config.settings.server();
    let key = server.api_key_env.as_deref().map(|name| (name, variable(name)));
    if config.cassette_mode() == CassetteMode::Replay {
        "cassettes: no model is called".clone_into(&mut check.says);
        return Ok(());
    }
    if let Some((name, None)) = key {
        return Err(format!("{name} is not set"));
    }
    let key = key.and_then(|(_, key)| key);
    let (api, url) = (server.api(), &server.base_url);
    check.says = format!("{} at {url}, api = \"{}\"", server.model, api.word());
    if let GeneratorSettings::Command(agent) = &config.settings {
        let program = generator::program_of(agent, ask != AskModel::Nothing).await?;
        check.says = format!("{} at {url}, through {program}", server.model);
    }
    if ask == AskModel::Nothing {
        return Ok(());
    }
    listed(server, key.as_deref(), check).await?;
    if ask == AskModel::Answer {
        answered(config, key, room, check).await?;
    }
    Ok(())
}

/// Asks for the list of models.
async fn listed(
    server: &ServerSettings,
    key: Option<&str>,
    check: &mut DoctorCheck,
) -> Result<(), String> {
    let trimmed = key.map(str::trim);
    let known = generator::known_models(server, trimmed).await;
    match known.map_err(|error| unreachable(server, &error))? {
        KnownModel::NoList => check.says.push_str(": reachable; it lists no models"),
        KnownModel::Listed { ends } => {
            check.says.push_str(": reachable, has the model");
            check.hint = ends.and_then(|date| ending(&server.model, &date));
        }
        KnownModel::Unknown(others) => {
            let near = nearest(&server.model, others.iter().map(String::as_str));
            let near = near.map_or_else(
                || {
                    format!(
                        "it has {}",
                        others.iter().take(5).cloned().collect::<Vec<_>>().join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            let (model, url) = (&server.model, &server.base_url);
            check.hint = Some(near);
            return Err(format!("model unknown: {url} is reachable and has no `{model}`"));
        }
    }
    Ok(())
}

fn unreachable(server: &ServerSettings, error: &GenerationError) -> String {
    let url = &server.base_url;
    match (error.failure, &server.api_key_env) {
        (Failure::Unauthorised, Some(name)) => {
            format!("key refused: {url} does not take the key in {name}: {error}")
        }
        (Failure::Unauthorised, None) => {
            format!("key refused: {url} wants a key: set `api_key_env` in [generator]: {error}")
        }
        (Failure::Connection | Failure::TimedOut, _) => format!("not reachable: {url}: {error}"),
        _ => format!("{url}: {error}"),
    }
}

/// A warning of a model that ends, or has ended.
fn ending(model: &str, date: &str) -> Option<String> {
    let end: jiff::civil::Date = date.parse().ok()?;
    let now: jiff::civil::Date = today().parse().ok()?;
    let days = (end - now).get_days();
    (i64::from(days) <= limits::SHUTDOWN_DAYS).then(|| match days {
        ..=0 => format!("`{model}` was shut down on {date}: choose another model"),
        days => format!("`{model}` is shut down on {date}, in {days} days: choose another model"),
    })
}

/// Keeps what a person should know.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl GenerationProgress for Notes {
    fn grown(&self, _: usize) {}

    fn note(&self, text: &str) {
        // A list of lines is whole after every statement.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text.to_owned());
    }
}

/// Asks the model itself; by the agent, if it is asked by one.
async fn answered(
    config: &GeneratorConfig,
    key: Option<String>,
    room: AgentRoom<'_>,
    check: &mut DoctorCheck,
) -> Result<(), String> {
    let server = config.settings.server();
    let config = GeneratorConfig { cassettes: Some(CassetteMode::Off), ..config.clone() };
    let servers = RateLimits::default();
    let cassettes = Cassettes::new(PathBuf::new());
    let parts =
        GeneratorParts { config: &config, key, cassettes, servers: &servers, elsewhere: None };
    let notes = Notes::default();
    let failed = |error: GenerationError| format!("no answer: {error}");
    let generator = generator::of(parts).map_err(failed)?;
    let work = match generator.order(&question()).map_err(failed)? {
        Some(order) => {
            let sandbox = open_alone(room.sandbox, room.read_only, &order).await?;
            Some(Workplace { sandbox, journal: Arc::new(NoJournal) })
        }
        None => None,
    };
    let answer = generator.generate(question(), work, &notes).await.map_err(failed)?;
    if matches!(answer, Generation::Workspace { .. }) {
        check.says.push_str(&ran(answer.transcript())?);
        return Ok(());
    }
    let usage = answer.usage();
    check
        .says
        .push_str(&format!("; it answered: {} tokens read, {} written", usage.input, usage.output));
    let notes = notes.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    check.hint = notes.into_iter().next().or(check.hint.take());
    if server.reply == ReplyForm::Json && !is_held_to_a_schema(&answer) {
        check.hint = Some("set reply = \"files\" in [generator]".to_owned());
        return Err(format!("{} does not hold answers to a JSON schema", server.base_url));
    }
    Ok(())
}

/// What an agent did that had one question, in words.
fn ran(transcript: &[u8]) -> Result<String, String> {
    let AgentTranscript { turns, seen } = read_transcript(&String::from_utf8_lossy(transcript));
    let Some(seen) = seen else { return Err("the agent was not seen".to_owned()) };
    let told = seen.told().replace('\n', "; ");
    if seen.requests > 0 && seen.ended == Ended::Exit(0).to_string() {
        return Ok(format!("; the agent {told}"));
    }
    let last = turns.last().map(|turn| format!("; its last words: {turn}")).unwrap_or_default();
    Err(format!("the agent does not work in the sandbox: it {told}{last}"))
}

fn question() -> Request {
    Request {
        prompt: Prompt::new(
            "You are asked whether you can answer. Answer with the one word: ready".to_owned(),
            "Answer with the one word: ready".to_owned(),
        ),
        kind: AttemptKind::Generate,
        sample: 0,
        base: None,
        call: None,
        context: CallContext {
            spec: "doctor".into(),
            target: "doctor".into(),
            job: InputsDigest(Digest::of("doctor")),
            attempt: 1,
        },
    }
}

fn is_held_to_a_schema(answer: &Generation) -> bool {
    let Generation::Text { completion, .. } = answer else { return true };
    let value: Result<serde_json::Value, _> = serde_json::from_str(completion.text.trim());
    value.is_ok_and(|value| value["files"].is_array())
}
