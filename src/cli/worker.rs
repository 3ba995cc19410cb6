//! `regen worker` and `regen workers`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::model::DoctorCheck;
use super::{Context, exit, isolation, signals, variable};
use crate::attest::Signer;
use crate::config::wrong_server;
use crate::dispatch::{VERSION, WorkerPresence, WorkerTools};
use crate::gate::{DependencyCache, Machine, find_language_tools};
use crate::store::given;
use crate::toolchain;
use crate::types::harness::SandboxConfig;
use crate::types::{Harness, HostTools, ToolSet, WorkersConfig, is_pool_name, limits};
use crate::workers::{
    FleetView, ServerAccess, ServerLink, WorkerRoom, WorkerSettings, WorkersError, check_server,
    look, serve,
};
use crate::workspace::{CommandError, ErrorKind, load};

/// Text below the help of `worker`.
pub const HELP: &str = "Credentials are read from the variables of the `nats` program: NATS_CREDS, \
    NATS_USER, NATS_PASSWORD, NATS_CA, NATS_CERT, NATS_KEY.\n\n\
    Examples:\n  regen worker --server nats://10.0.0.7:4222 --pool linux-x64\n  \
    regen worker --server tls://nats.example.org --pool linux-x64 --slots 4 --key worker.key\n\n\
    Ends on SIGTERM or Ctrl-C; what it runs then goes back into the queue.";

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The NATS server.
    #[arg(long, value_name = "URL", env = "NATS_URL")]
    server: String,
    /// The pool that it works for.
    #[arg(long, value_name = "NAME")]
    pool: String,
    /// How many gates it runs at a time. Default: half of the machine's cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    slots: Option<u16>,
    /// Its name, unique among the workers. Default: host and process.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The file with the Ed25519 key that it signs results with.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Runs gates for coordinators until a signal.
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
    let cache = door.cache()?;
    let probe = isolation::demand(door, &cache, &SandboxConfig::default()).await?;
    let mut tools = ToolSet::default();
    for language in toolchain::all() {
        match find_language_tools(*language, &door.tool_env(), &cache).await {
            Ok(found) => drop(tools.found.insert(language.id().to_owned(), found)),
            Err(why) => drop(tools.missing.insert(language.id().to_owned(), why.to_string())),
        }
    }
    let signer = args.key.as_deref().map(read_key).transpose()?;
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
        isolation: probe.level,
        slots: args.slots.map_or((cores / 2).max(1), usize::from),
        busy: 0,
        key: signer.as_ref().map(|signer| signer.public().to_string()),
    };
    let link = Arc::new(ServerLink::new(&args.server, ServerAccess::read(variable)));
    door.say(&format!(
        "worker {}: pool {}, {} at a time, isolation level {}, {}",
        me.name,
        me.pool,
        me.slots,
        me.isolation,
        me.tools.keys().cloned().collect::<Vec<_>>().join(", ")
    ));
    let machine = Machine {
        tools: Arc::new(tools),
        probe: Arc::new(probe),
        layers: DependencyCache::new(&cache),
        validators: PathBuf::from("/dev/null/regen"),
        read_only: Vec::new(),
    };
    let name = me.name.clone();
    let say = |text: &str| {
        if door.global.json {
            door.json(&json!({ "type": "worker", "worker": name, "says": text }));
        } else if !door.global.quiet {
            door.say(text);
        }
    };
    let settings = WorkerSettings { me, link, signer, cache: cache.join("worker") };
    serve(&settings, WorkerRoom { machine, say: &say }, signals::interrupted()).await;
    Ok(exit::DONE)
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
    for (target, pool) in &config.pools {
        let mut of_pool = workers.iter().filter(|one| one.pool == *pool).peekable();
        if of_pool.peek().is_none() {
            hints.insert(format!("no worker is in pool `{pool}`: `regen worker --pool {pool}`"));
        }
        let Some(target) = harness.target.get(target) else { continue };
        let id = toolchain::of(target).id();
        hints.extend(of_pool.filter_map(|one| differs(one, id, tools.get(id)?)));
    }
    let hints: Vec<String> = hints.into_iter().chain(seen.hint).collect();
    let says = format!("nats-server {}, {} workers", seen.version, workers.len());
    DoctorCheck { name, good: true, says, hint: (!hints.is_empty()).then(|| hints.join("; ")) }
}

/// Why a worker runs no gates of a language for this machine.
fn differs(one: &WorkerPresence, language: &str, here: &HostTools) -> Option<String> {
    let name = &one.name;
    if one.version != VERSION {
        return Some(format!("{name} is regen {}, this is regen {VERSION}", one.version));
    }
    match one.tools.get(language) {
        None => Some(format!("{name} has no tools for `{language}`")),
        Some(tools) if tools.fingerprint == here.fingerprint() => None,
        Some(tools) => Some(format!("{name} has {}, this machine {}", tools.version, here.version)),
    }
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
    pools.extend(config.pools.values().map(|pool| (pool.as_str(), 0)));
    pools.extend(view.waiting.iter().map(|(pool, count)| (pool.as_str(), *count)));
    for (pool, count) in &pools {
        let here = view.workers.iter().filter(|one| one.pool == *pool).count();
        door.show(&format!("pool {pool}: {here} workers, {count} gates waiting"));
    }
    for one in &view.workers {
        let other = if one.version == VERSION {
            String::new()
        } else {
            format!("  regen {}, not {VERSION}: gets no work", one.version)
        };
        let tools: Vec<&str> = one.tools.keys().map(String::as_str).collect();
        door.show(&format!(
            "{:<24} {:<12} {} of {} busy  level {}  {}{other}",
            one.name,
            one.pool,
            one.busy,
            one.slots,
            one.isolation,
            tools.join(" ")
        ));
    }
    Ok(exit::DONE)
}
