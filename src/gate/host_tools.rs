//! Finds the languages' tools on this machine; cached until what determines them changes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::process::{self, Program};
use crate::store::write_atomic;
use crate::toolchain::prose::linter::{VALE, ValeProbe};
use crate::toolchain::{self, HostProbe, Toolchain};
use crate::types::{Digest, Encoder, Harness, HostTools, ToolEnv, ToolSet};

/// A tool is missing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ToolsError(String);

/// Cached tools.
#[derive(Serialize, Deserialize)]
struct RememberedTools {
    /// Digest of all that determines them.
    key: Digest,
    tools: HostTools,
}

/// Finds the tools for a workspace's generated targets.
///
/// # Errors
/// A program or component is missing for every language; the message tells how to install it.
pub async fn find_tools(
    harness: &Harness,
    env: &ToolEnv,
    cache: &Path,
) -> Result<ToolSet, ToolsError> {
    let mut found = ToolSet::default();
    for language in toolchain::used(harness.target.values()) {
        let id = language.id().to_owned();
        match find(language, env, cache).await {
            Ok(tools) => drop(found.found.insert(id, tools)),
            Err(ToolsError(why)) => drop(found.missing.insert(id, why)),
        }
    }
    if harness.target.values().any(|target| !target.style_rules.is_empty())
        && let Ok(tools) = find_linter(env, cache).await
    {
        found.found.insert(VALE.to_owned(), tools);
    }
    match found.missing.values().next() {
        Some(why) if found.found.is_empty() => Err(ToolsError(why.clone())),
        _ => Ok(found),
    }
}

/// Finds the tools of a language; uses `cache` if nothing changed.
///
/// # Errors
/// As [`find_tools`].
pub async fn find(
    language: &dyn Toolchain,
    env: &ToolEnv,
    cache: &Path,
) -> Result<HostTools, ToolsError> {
    let cache = cache.join(format!("tools-{}.json", language.id()));
    find_by(language.host_tools(), language.rules_version(), env, &cache).await
}

/// Finds the linter of prose.
///
/// # Errors
/// It is missing; the message tells how to install it.
pub async fn find_linter(env: &ToolEnv, cache: &Path) -> Result<HostTools, ToolsError> {
    find_by(&ValeProbe, "", env, &cache.join("linter-vale.json")).await
}

async fn find_by(
    probe: &dyn HostProbe,
    rules: &str,
    env: &ToolEnv,
    cache: &Path,
) -> Result<HostTools, ToolsError> {
    let (name, hint) = (probe.program(), probe.install_hint());
    let folders = env.get("PATH").cloned().unwrap_or_default();
    // A relative folder could be the workspace's.
    let in_folders = |name: &&str| {
        let mut folders = std::env::split_paths(&folders).filter(|dir| dir.is_absolute());
        folders.find_map(|dir| Some(dir.join(name)).filter(|path| path.is_file()))
    };
    let program = [name].iter().chain(probe.other_programs()).find_map(in_folders);
    let program = program.ok_or_else(|| ToolsError(format!("no `{name}` on PATH; {hint}")))?;
    let key = key(probe, rules, env, &program);
    let remembered = std::fs::read(cache).ok();
    let remembered = remembered.and_then(|b| serde_json::from_slice::<RememberedTools>(&b).ok());
    if let Some(known) = remembered.filter(|known| known.key == key)
        && probe.components(&known.tools).iter().all(|(path, _)| path.is_file())
    {
        return Ok(known.tools);
    }
    let mut answers = Vec::new();
    for question in probe.questions() {
        answers.push(ask(probe, env, &program, question).await?);
    }
    let real = program.canonicalize().unwrap_or_else(|_| program.clone());
    let mut tools = probe.tools(env, &real, &answers).map_err(ToolsError)?;
    probe.shown().iter().flat_map(|pattern| matching(pattern)).for_each(|path| tools.show(path));
    if let Some((_, help)) = probe.components(&tools).into_iter().find(|(path, _)| !path.is_file())
    {
        return Err(ToolsError(help));
    }
    let text = RememberedTools { key, tools };
    let bytes = serde_json::to_vec_pretty(&text).expect("tools are plain data");
    if let Err(error) = write_atomic(cache, &bytes) {
        tracing::warn!("cannot cache the tools: {error}");
    }
    Ok(text.tools)
}

/// The paths that exist of a pattern with `*` in its last part.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Ok(name) = globset::Glob::new(name) else { return Vec::new() };
    let name = name.compile_matcher();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries.filter(|entry| name.is_match(entry.file_name())).collect();
    found.sort_by_key(std::fs::DirEntry::file_name);
    found.into_iter().map(|entry| entry.path()).collect()
}

/// The digest of all that determines the tools.
fn key(probe: &dyn HostProbe, rules: &str, env: &ToolEnv, program: &Path) -> Digest {
    let mut out = Encoder::new("tools wanted");
    out.text(rules);
    let watched = probe.watched(env);
    for path in [program.to_owned()].iter().chain(&watched) {
        let meta = path.metadata().ok();
        let time = meta.as_ref().and_then(|meta| meta.modified().ok());
        let time = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        out.text(path.to_string_lossy());
        out.option(meta.map(|meta| meta.len()), Encoder::number);
        out.option(time, |out, time| out.number(time.as_secs()).number(time.subsec_nanos().into()));
    }
    for name in probe.variables() {
        out.option(env.get(name), |out, value| out.text(value.to_string_lossy()));
    }
    out.finish()
}

async fn ask(
    probe: &dyn HostProbe,
    env: &ToolEnv,
    path: &Path,
    args: &[&str],
) -> Result<String, ToolsError> {
    let names = ["PATH"].iter().chain(probe.variables());
    let env = names.filter_map(|name| Some(((*name).to_owned(), env.get(name)?.clone())));
    let program = Program {
        path: path.to_owned(),
        args: args.iter().map(OsString::from).collect(),
        dir: PathBuf::from("/"),
        env: env.collect(),
        stdin: None,
        timeout: Duration::from_secs(60),
    };
    let output = process::run(&program).await.map_err(|e| ToolsError(e.to_string()))?;
    if output.succeeded() {
        Ok(output.text())
    } else {
        let why = output.errors();
        Err(ToolsError(format!("`{} {}` failed: {}", probe.program(), args.join(" "), why.trim())))
    }
}
