//! `regen cassette`: recorded model exchanges.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::args::SpecArgs;
use super::{Context, RunArgs, exit, run};
use crate::generator::{Cassette as Recording, Cassettes};
use crate::types::InputsDigest;
use crate::types::harness::CassetteMode;
use crate::types::text::counted;
use crate::workspace::{CommandError, WorkspaceLayout, load, load_harness};

/// Recordings by path; unreadable ones with the reason.
type Recordings = Vec<(PathBuf, Result<Recording, String>)>;

/// Subcommands of `cassette`.
#[derive(Debug, Subcommand)]
pub enum CassetteCommand {
    /// Run specs against the real generator and record every exchange.
    #[command(after_help = "Example:\n  regen cassette record roman --force")]
    Record(RunArgs),
    /// List the recordings.
    #[command(after_help = "Example:\n  regen cassette ls roman")]
    Ls(SpecArgs),
    /// Show a recording: request and response.
    Show {
        /// The beginning of the recording's key.
        key: String,
    },
    /// Check that every recording is complete and unedited; calls no model.
    #[command(after_help = "Example:\n  regen cassette verify")]
    Verify(SpecArgs),
    /// Delete recordings of specs and revisions that no longer exist.
    Prune {
        #[command(flatten)]
        specs: SpecArgs,
        /// Only list them.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs a subcommand.
pub async fn run(door: &Context, command: CassetteCommand) -> Result<u8, CommandError> {
    match command {
        CassetteCommand::Record(args) => run::run(door, args, Some(CassetteMode::Record)).await,
        CassetteCommand::Ls(specs) => list(door, &recordings(&door.reading()?, &specs)?),
        CassetteCommand::Show { key } => show(door, &door.reading()?, &key),
        CassetteCommand::Verify(specs) => verify(door, recordings(&door.reading()?, &specs)?),
        CassetteCommand::Prune { specs, dry_run } => prune(door, &specs, dry_run).await,
    }
}

fn cassettes(places: &WorkspaceLayout) -> Result<Cassettes, CommandError> {
    let harness = load_harness(places, None)?;
    Ok(Cassettes::new(places.root.join(harness.harness.cassettes)))
}

/// The recordings of the named specs, also of removed ones; without names all, also those that
/// cannot be read.
fn recordings(places: &WorkspaceLayout, specs: &SpecArgs) -> Result<Recordings, CommandError> {
    let mut all: Recordings = cassettes(places)?.all();
    let names = specs.all();
    if !names.is_empty() {
        let of = |one: &Result<Recording, String>| {
            one.as_ref().ok().map(|c| c.meta.context.spec.clone())
        };
        let past = all.iter().filter_map(|(_, one)| of(one)).collect();
        let only = load(places, None)?.select_among(&names, &past)?;
        all.retain(|(_, one)| of(one).is_some_and(|spec| only.contains(&spec)));
    }
    Ok(all)
}

fn list(door: &Context, all: &Recordings) -> Result<u8, CommandError> {
    let mut code = exit::DONE;
    for (path, cassette) in all {
        match cassette {
            Ok(cassette) if door.global.json => {
                door.json(&json!({ "key": cassette.key, "meta": cassette.meta, "path": path }));
            }
            Ok(cassette) => {
                let meta = &cassette.meta;
                let (context, key) = (&meta.context, cassette.key.short());
                door.show(&format!(
                    "{key} {} · {} · attempt {} · {} · {} · {} + {} tokens",
                    context.spec,
                    context.target,
                    context.attempt,
                    cassette.label(),
                    meta.model,
                    meta.usage.input,
                    meta.usage.output
                ));
            }
            Err(why) => {
                door.say(&format!("{}: {why}", path.display()));
                code = exit::USAGE;
            }
        }
    }
    Ok(code)
}

fn show(door: &Context, places: &WorkspaceLayout, key: &str) -> Result<u8, CommandError> {
    let all = cassettes(places)?.all();
    let found = all.into_iter().filter_map(|(_, c)| c.ok());
    let mut found = found.filter(|c: &Recording| c.key.to_string().starts_with(key));
    let wrong = |text: String| Err(CommandError::usage(text).hint("run `regen cassette ls`"));
    let cassette = match (found.next(), found.next()) {
        (Some(cassette), None) => cassette,
        (None, _) => return wrong(format!("no recording's key starts with `{key}`")),
        _ => return wrong(format!("several recordings' keys start with `{key}`")),
    };
    if door.global.json {
        door.json(&cassette);
    } else {
        door.show(&format!("{}\n\n---\n\n{}", cassette.request_text(), cassette.response_text()));
    }
    Ok(exit::DONE)
}

fn verify(door: &Context, all: Recordings) -> Result<u8, CommandError> {
    let (count, mut bad, mut unverified) = (all.len(), Vec::new(), Vec::new());
    for (path, cassette) in all {
        match cassette.and_then(|cassette| cassette.check().map(|()| cassette)) {
            Err(why) => {
                door.say(&format!("{}: {why}", path.display()));
                bad.push(path);
            }
            Ok(cassette) if !cassette.is_verifiable() => unverified.push(path),
            Ok(_) => {}
        }
    }
    if door.global.json {
        door.json(&json!({
            "type": "verify", "cassettes": count, "bad": bad, "unverified": unverified,
        }));
    } else {
        door.say(&format!("{} of {count} cassettes are complete", count - bad.len()));
        if !unverified.is_empty() {
            let text = format!(
                "unverified: {}, of format 1, which has no digest of the response; record them again \
                 to have edits noticed",
                counted(unverified.len(), "cassette")
            );
            door.say(&text);
        }
    }
    Ok(if bad.is_empty() { exit::DONE } else { exit::USAGE })
}

async fn prune(door: &Context, specs: &SpecArgs, dry_run: bool) -> Result<u8, CommandError> {
    let places = &door.layout()?;
    let workspace = load(places, None)?;
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan = workspace.plan(&tools, None, false)?;
    let current = |spec: &str, target: &str, key: InputsDigest| {
        let mut parts = plan.jobs.iter().filter(|job| job.spec == spec).flat_map(|job| &job.parts);
        parts.any(|part| part.target == target && part.key == key)
    };
    let all = recordings(places, specs)?;
    let contexts: Vec<_> =
        all.iter().filter_map(|(_, one)| Some(one.as_ref().ok()?.meta.context.clone())).collect();
    for (path, cassette) in all {
        let Ok(cassette) = cassette else { continue };
        let context = &cassette.meta.context;
        // A recording of format 1 may still replay, although its job's digest is of an older
        // format: it is deleted once the target has one of today's.
        let mut newer = contexts
            .iter()
            .filter(|one| (&one.spec, &one.target) == (&context.spec, &context.target));
        let is_known = plan.jobs.iter().any(|job| {
            job.spec == context.spec && job.parts.iter().any(|part| part.target == context.target)
        });
        let replaced = newer.any(|one| current(&one.spec, &one.target, one.job));
        // While a spec is refused it is not known which of its recordings are in use.
        let refused = workspace.files.values().any(|id| *id == context.spec)
            && workspace.spec(&context.spec).is_none();
        let is_current = current(&context.spec, &context.target, context.job);
        if !refused && !is_current && (cassette.is_verifiable() || replaced || !is_known) {
            if !dry_run {
                std::fs::remove_file(&path)?;
            }
            door.show(&path.display().to_string());
        }
    }
    Ok(exit::DONE)
}
