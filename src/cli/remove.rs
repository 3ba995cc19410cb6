//! `regen remove`: deletes the promoted code of a spec.

use clap::Args;
use serde_json::json;

use super::args::NamedSpecArgs;
use super::{Context, exit, run};
use crate::commands::remove::{RemoveOutcome, remove_spec};
use crate::engine::Engine;
use crate::types::SpecId;
use crate::workspace::{CommandError, Workspace, load};

/// Text below the help.
pub const HELP: &str = "Examples:\n  git rm specs/roman.md && regen remove roman\n  \
    git checkout HEAD -- generated/roman regen.lock   undo\n\n\
    Exit codes: 0 removed · 2 nothing is promoted, or the spec's file still exists · 22 edited by hand";

/// Arguments of `remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    #[command(flatten)]
    specs: NamedSpecArgs,
    /// Remove the code even if the spec's file still exists. The next run generates it again.
    #[arg(long)]
    force: bool,
    /// Save manual edits to .regen/drift/ and delete them, instead of refusing.
    #[arg(long)]
    discard_edits: bool,
}

impl RemoveArgs {
    /// Of one spec whose file is gone.
    pub fn of(spec: &SpecId) -> Self {
        Self { specs: NamedSpecArgs::of(spec), force: false, discard_edits: false }
    }
}

/// Removes the code of the named specs.
pub async fn remove(door: &Context, args: &RemoveArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    let named = args.specs.all();
    let _lock = run::lock(door, &places)?;
    Engine::recover(&places)?;
    let workspace = load(&places, None)?;
    let promoted = workspace.standing.spec.keys().cloned().collect();
    let specs = workspace.select_among(&named, &promoted)?;
    if !args.force {
        specs.iter().try_for_each(|spec| refuse_existing(&workspace, spec))?;
    }
    let mut code = exit::DONE;
    for spec in &specs {
        // Read again for each: the one before changed the lockfile.
        let workspace = load(&places, None)?;
        let outcome = remove_spec(&workspace, spec, args.discard_edits, &door.by)?;
        code = code.max(tell(door, spec, &outcome));
        tell_users(door, &workspace, spec, &outcome);
    }
    Ok(code)
}

/// Refuses a spec whose file exists: the next run would generate it again.
fn refuse_existing(workspace: &Workspace, spec: &SpecId) -> Result<(), CommandError> {
    let file = workspace.files.iter().find(|(_, id)| *id == spec);
    let Some((file, _)) = file else { return Ok(()) };
    let why = format!("{file} still exists, so the next run would generate `{spec}` again");
    Err(CommandError::usage(why).hint(format!("delete {file} first, or use --force")))
}

/// Names the specs that use the removed code.
fn tell_users(door: &Context, workspace: &Workspace, spec: &SpecId, outcome: &RemoveOutcome) {
    let is_gone = matches!(outcome, RemoveOutcome::Removed(_)) && !door.global.quiet;
    let users = workspace.read.iter().filter(|one| is_gone && one.depends.contains(spec));
    for user in users.filter(|_| !door.global.json) {
        door.say(&format!("{}: it depends on `{spec}`, whose code is gone", user.id));
    }
}

fn tell(door: &Context, spec: &SpecId, outcome: &RemoveOutcome) -> u8 {
    let (code, folder, files) = match outcome {
        RemoveOutcome::Removed(unit) => (exit::DONE, Some(unit.as_str()), &[][..]),
        RemoveOutcome::Drifted(files) => (exit::DRIFT, None, &files[..]),
    };
    if door.global.json {
        door.json(&json!({
            "type": "remove", "exit_code": code, "spec": spec, "removed": folder, "edited": files,
        }));
        return code;
    }
    let name = door.paint.name(spec);
    match folder {
        Some(folder) if !door.global.quiet => door.say(&format!(
            "{name}: removed {folder}; if it is committed, `git checkout HEAD -- {folder} regen.lock` undoes it"
        )),
        Some(_) => {}
        None => door.say(&format!(
            "{name}: {}: edited by hand:\n  {}\nhint: --discard-edits saves these files in .regen/drift/ first",
            door.paint.bad("not removed"),
            files.join("\n  ")
        )),
    }
    code
}
