//! `regen worker` and `regen workers`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::model::DoctorCheck;
use super::{Context, exit, isolation, signals, variable};
use crate::attest::Signer;
use crate::config::{self, wrong_server};
use crate::dispatch::{
    ItemQueue, PoolState, VERSION, WorkerModel, WorkerNeed, WorkerPresence, WorkerTools, pool_state,
};
use crate::gate::{DependencyCache, Machine, find_language_tools};
use crate::generator::{self, Cassettes, GeneratorParts, RateLimits, settings_of};
use crate::process;
use crate::store::given;
use crate::toolchain;
use crate::types::harness::{CassetteMode, SandboxConfig};
use crate::types::{
    GeneratorConfig, GeneratorSettings, Harness, HostTools, Isolation, ToolSet, WorkersConfig,
    is_pool_name, limits,
};
use crate::workers::{
    AskedModel, FleetView, ServerAccess, ServerLink, WorkerRoom, WorkerSettings, WorkersError,
    check_server, look, serve,
};
use crate::workspace::{CommandError, ErrorKind, Sources, load};

/// Text below the help of `worker`.
pub const HELP: &str = "Credentials are read from the variables of the `nats` program: NATS_CREDS, \
    NATS_USER, NATS_PASSWORD, NATS_CA, NATS_CERT, NATS_KEY.\n\n\
    Examples:\n  regen worker --server nats://10.0.0.7:4222 --pool linux-x64\n  \
    regen worker --server tls://nats.example.org --pool linux-x64 --slots 4 --key worker.key\n  \
    regen worker --server tls://nats.example.org --pool models --slots 16 --generator harness.toml\n\n\
    With --generator, it asks models for coordinators with `[workers] ask = \"POOL\"` whose `[generator]` \
    has the same settings; the variable with the key is set here. Let --slots not exceed `requests`.\n\n\
    Ends on SIGTERM or Ctrl-C: gates go back into the queue, questions end without an answer.";

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The NATS server.
    #[arg(long, value_name = "URL", env = "NATS_URL")]
    server: String,
    /// The pool that it works for.
    #[arg(long, value_name = "NAME")]
    pool: String,
    /// How many gates and questions it does at a time. Default: half of the machine's cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    slots: Option<u16>,
    /// Its name, unique among the workers. Default: host and process.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The file with the Ed25519 key that it signs results with.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A `harness.toml`: the models of its `[generator]` are asked for coordinators.
    #[arg(long, value_name = "FILE")]
    generator: Option<PathBuf>,
}

/// Does gates and questions for coordinators until a signal.
pub async fn worker(door: &Context, args: &WorkerArgs) -> Result<u8, CommandError> {
    for (what, text) in [("--pool", Some(&args.pool)), ("--name", args.name.as_ref())] {
        if let Some(text) = text.filter(|text| !is_pool_name(text)) {
            let why = format!("{what}: `{text}` is not 1 to 64 letters, digits, `-` or `_`");
            return Err(CommandError::usage(why));
        }
    }
    if let Some(why) = wrong_server(&args.server) {
        // The address may have a password in it.
        let why = format!("--server {why}");
        return Err(CommandError::usage(why).hint("regen worker --server nats://HOST:4222"));
    }
    // A signal before it serves ends it, too.
    let mut stop = std::pin::pin!(signals::interrupted());
    let (settings, machine) = tokio::select! {
        () = &mut stop => return Ok(exit::DONE),
        prepared = prepared(door, args) => prepared?,
    };
    let me = &settings.me;
    door.say(&format!(
        "worker {}: pool {}, {} at a time, isolation level {}, {}",
        me.name,
        me.pool,
        me.slots,
        me.isolation,
        does(me).join(", ")
    ));
    let name = me.name.clone();
    let say = |text: &str| {
        if door.global.json {
            door.json(&json!({ "type": "worker", "worker": name, "says": text }));
        } else if !door.global.quiet {
            door.say(text);
        }
    };
    serve(&settings, WorkerRoom { machine, say: &say }, stop).await;
    Ok(exit::DONE)
}

/// Looks at models, sandbox and tools.
async fn prepared(
    door: &Context,
    args: &WorkerArgs,
) -> Result<(WorkerSettings, Machine), CommandError> {
    let cache = door.cache()?;
    let asked = args.generator.as_deref().map(models).transpose()?.unwrap_or_default();
    let signer = args.key.as_deref().map(read_key).transpose()?;
    let probe = isolation::demand(door, &cache, &SandboxConfig::default()).await?;
    let mut tools = ToolSet::default();
    for language in toolchain::all() {
        match find_language_tools(*language, &door.tool_env(), &cache).await {
            Ok(found) => drop(tools.found.insert(language.id().to_owned(), found)),
            Err(why) => drop(tools.missing.insert(language.id().to_owned(), why.to_string())),
        }
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let shown = |(id, tools): (&String, &HostTools)| {
        let fingerprint = tools.fingerprint();
        (id.clone(), WorkerTools { fingerprint, version: tools.version.clone() })
    };
    let me = WorkerPresence {
        name: args.name.clone().unwrap_or_else(own_name),
        pool: args.pool.clone(),
        version: VERSION.to_owned(),
        tools: tools.found.iter().map(shown).collect(),
        models: asked.iter().map(|one| one.shown.clone()).collect(),
        isolation: probe.level,
        slots: args.slots.map_or((cores / 2).max(1), usize::from),
        busy: 0,
        key: signer.as_ref().map(|signer| signer.public().to_string()),
    };
    let link = Arc::new(ServerLink::new(&args.server, ServerAccess::read(variable)));
    let machine = Machine {
        tools: Arc::new(tools),
        probe: Arc::new(probe),
        layers: DependencyCache::new(&cache),
        validators: PathBuf::from("/dev/null/regen"),
        read_only: Vec::new(),
    };
    let cache = cache.join("worker");
    Ok((WorkerSettings { me, link, signer, cache, models: asked }, machine))
}

/// The languages and models of a worker.
fn does(one: &WorkerPresence) -> Vec<String> {
    let models = one.models.iter().map(|one| format!("model {}", one.model));
    one.tools.keys().cloned().chain(models).collect()
}

/// The models of a configuration, each with the one that asks it.
fn models(path: &Path) -> Result<Vec<AskedModel>, CommandError> {
    let name = path.display().to_string();
    let wrong = |why: String| CommandError::usage(format!("--generator {name}: {why}"));
    let bytes = given::read_given(path, limits::CONFIG_BYTES);
    let bytes = bytes.map_err(|why| wrong(why.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8".to_owned()))?;
    let harness = config::parse(&name, &text).map_err(|problems| {
        CommandError::config(problems, Sources::from([(name.clone(), text.clone())]))
    })?;
    let none = || {
        let why = "it has no `[generator]` of kind `openai`; agents work on the coordinator";
        wrong(why.to_owned())
    };
    let config = harness.generator.as_ref().ok_or_else(none)?;
    // No program that this worker starts has them.
    process::conceal(harness.generator_keys().iter().map(String::as_str));
    let servers = RateLimits::default();
    let mut models = Vec::new();
    for number in 0..harness.tiers() {
        let mut config = config.tier(number);
        let GeneratorSettings::Openai(server) = &config.settings else { continue };
        let model = server.model.clone();
        let read = |name: &str| variable(name).filter(|key| !key.trim().is_empty());
        let key = config.settings.api_key_env().map(|name| (name.to_owned(), read(name)));
        if let Some((name, None)) = &key {
            return Err(wrong(format!("the variable {name} is not set: put the key into it")));
        }
        config.cassettes = Some(CassetteMode::Off);
        let made = generator::of(GeneratorParts {
            config: &config,
            key: key.and_then(|(_, key)| key),
            cassettes: Cassettes::new(PathBuf::new()),
            servers: &servers,
            elsewhere: None,
        });
        let made = made.map_err(|why| wrong(why.to_string()))?;
        let shown = WorkerModel { model, fingerprint: settings_of(made.as_ref()) };
        let twice = models.iter().any(|one: &AskedModel| one.shown == shown);
        if twice {
            let why = format!("two tiers ask `{}` with the same settings", shown.model);
            return Err(wrong(why));
        }
        models.push(AskedModel { shown, generator: made });
    }
    if models.is_empty() { Err(none()) } else { Ok(models) }
}

fn own_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let host: String = host.chars().map(fits).take(40).collect();
    format!("{host}-{}", std::process::id())
}

fn read_key(path: &Path) -> Result<Signer, CommandError> {
    let wrong = |why: String| CommandError::usage(format!("--key {}: {why}", path.display()));
    let bytes = given::read_given(path, limits::CONFIG_BYTES);
    let bytes = bytes.map_err(|why| wrong(why.to_string()))?;
    Signer::parse(&String::from_utf8_lossy(&bytes)).map_err(wrong)
}

/// The workers of the workspace's server; `None` without `[workers]`.
pub(super) async fn fleet(
    workers: Option<&WorkersConfig>,
) -> Option<Result<FleetView, WorkersError>> {
    let link = ServerLink::new(&workers?.server, ServerAccess::read(variable));
    Some(look(&link).await)
}

/// Checks the server and workers of `[workers]`, with the tools of this machine.
pub(super) async fn checked(
    harness: &Harness,
    config: &WorkersConfig,
    tools: &BTreeMap<String, HostTools>,
) -> DoctorCheck {
    let name = "workers".to_owned();
    let access = ServerAccess::read(variable);
    let seen = match check_server(&config.server, &access, config.monitor.as_deref()).await {
        Ok(seen) => seen,
        Err(why) => {
            let hint = "until it is there, gates run on this machine; see docs/scale.md";
            let (says, hint) = (why.to_string(), Some(hint.to_owned()));
            return DoctorCheck { name, good: false, says, hint };
        }
    };
    let workers = &seen.view.workers;
    let mut hints = BTreeSet::new();
    let least = config.min_isolation.max(harness.sandbox.min_level);
    for (target, pool) in &config.pools {
        let Some(target) = harness.target.get(target) else { continue };
        let id = toolchain::of(target).id();
        let Some(here) = tools.get(id) else { continue };
        let queue = ItemQueue::new(pool, here.fingerprint(), least, "doctor");
        let mut of_pool = workers.iter().filter(|one| one.pool == *pool).peekable();
        if of_pool.peek().is_none() {
            hints.insert(format!("no worker is in pool `{pool}`: `regen worker --pool {pool}`"));
        }
        for one in of_pool {
            let state = pool_state(std::slice::from_ref(one), &queue, WorkerNeed::Language(id));
            if let PoolState::Mismatch(why) = state {
                hints.insert(format!("{why}; this machine has {}", here.version));
            }
        }
    }
    if let (Some(pool), Some(generator)) = (&config.ask, &harness.generator) {
        hints.extend(unasked(workers, pool, generator));
    }
    let hints: Vec<String> = hints.into_iter().chain(seen.hint).collect();
    let says = format!("nats-server {}, {} workers", seen.version, workers.len());
    DoctorCheck { name, good: true, says, hint: (!hints.is_empty()).then(|| hints.join("; ")) }
}

/// What keeps the workers of a pool from asking the models of this workspace.
fn unasked(
    workers: &[WorkerPresence],
    pool: &str,
    generator: &GeneratorConfig,
) -> BTreeSet<String> {
    let mut hints = BTreeSet::new();
    for number in 0..=generator.tiers.len() {
        let config = generator.tier(number);
        let GeneratorSettings::Openai(server) = &config.settings else { continue };
        let (key, cassettes) = (None, Cassettes::new(PathBuf::new()));
        let servers = &RateLimits::default();
        let parts = GeneratorParts { config: &config, key, cassettes, servers, elsewhere: None };
        let Ok(made) = generator::of(parts) else { continue };
        let settings = settings_of(made.as_ref());
        let queue = ItemQueue::new(pool, settings, Isolation::default(), "doctor");
        let start = format!("`regen worker --pool {pool} --generator harness.toml`");
        match pool_state(workers, &queue, WorkerNeed::Model(&server.model)) {
            PoolState::Served => {}
            PoolState::Empty => drop(hints.insert(format!("no worker is in `{pool}`: {start}"))),
            PoolState::Mismatch(why) => drop(hints.insert(format!("{why}: {start}"))),
        }
    }
    hints
}

/// Shows the workers and queues.
pub async fn workers(door: &Context) -> Result<u8, CommandError> {
    let workspace = load(&door.layout()?, None)?;
    let Some(config) = &workspace.harness.workers else {
        let why = "harness.toml has no `[workers]`: gates run on this machine";
        return Err(CommandError::usage(why));
    };
    let seen = fleet(Some(config)).await.expect("there is a server");
    let view = seen.map_err(|why| CommandError::new(ErrorKind::Io, why).hint("regen doctor"))?;
    if door.global.json {
        door.json(&json!({
            "type": "workers", "server": config.server, "workers": view.workers,
            "waiting": view.waiting,
        }));
        return Ok(exit::DONE);
    }
    let mut pools: BTreeMap<&str, u64> = BTreeMap::new();
    pools.extend(config.pools.values().chain(&config.ask).map(|pool| (pool.as_str(), 0)));
    pools.extend(view.waiting.iter().map(|(pool, count)| (pool.as_str(), *count)));
    for (pool, count) in &pools {
        let here = view.workers.iter().filter(|one| one.pool == *pool).count();
        door.show(&format!("pool {pool}: {here} workers, {count} waiting"));
    }
    for one in &view.workers {
        let other = if one.version == VERSION {
            String::new()
        } else {
            format!("  regen {}, not {VERSION}: gets no work", one.version)
        };
        door.show(&format!(
            "{:<24} {:<12} {} of {} busy  level {}  {}{other}",
            one.name,
            one.pool,
            one.busy,
            one.slots,
            one.isolation,
            does(one).join(", ")
        ));
    }
    Ok(exit::DONE)
}
