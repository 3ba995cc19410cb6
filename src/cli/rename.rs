//! `regen rename`: gives the promoted code of a spec to the same spec under another id.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::args::RunArgs;
use super::{Context, complete, exit, remove, run};
use crate::engine::Engine;
use crate::promote::Promoter;
use crate::types::SpecId;
use crate::workspace::{CommandError, Workspace, load};

/// Text below the help.
pub const HELP: &str = "Rename the spec's file, or change its `id`, before.\n\nExamples:\n  \
    git mv specs/roman.md specs/numerals.md && regen rename roman numerals\n\n\
    The package gets the new name, and all gates run over it. Change nothing else of the spec: what no test\n\
    checks is not looked at. Specs that depend on it are made again by the next run.\n\n\
    Exit codes: 0 renamed · 2 not possible · 20 the gates refuse the code under its new name · 22 edited by hand";

/// Arguments of `rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The id under which the code is promoted.
    #[arg(value_name = "OLD", add = ArgValueCandidates::new(complete::specs))]
    old: String,
    /// The id that the spec has now.
    #[arg(value_name = "NEW", add = ArgValueCandidates::new(complete::specs))]
    new: String,
}

/// Renames.
pub async fn rename(door: &Context, args: RenameArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    let lock = run::lock(door, &places)?;
    Engine::recover(&places)?;
    let workspace = load(&places, None)?;
    let (old, new) = names(&workspace, &args)?;
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    let trees = workspace.standing.spec[&old].target.values();
    for unit in trees.filter_map(|tree| tree.path.rsplit_once('/')).map(|(unit, _)| unit) {
        let edited = promoter.edited(unit, &old)?;
        if !edited.is_empty() {
            let files = edited.join(", ");
            door.say(&format!("{old}: not renamed: edited by hand: {files}"));
            return Ok(exit::DRIFT);
        }
    }
    drop(lock);
    // A rename that was interrupted after the promotion has only the old code to remove.
    if !workspace.standing.spec.contains_key(&new) {
        let code = run::run(door, RunArgs::renamed(old.clone(), new.clone()), None).await?;
        if code != exit::DONE {
            door.say(&format!("{old}: not renamed; `regen run {new}` asks a model for the code"));
            return Ok(code);
        }
    }
    remove::remove(door, &remove::RemoveArgs::of(&old)).await
}

/// The two ids, if the one can become the other.
fn names(workspace: &Workspace, args: &RenameArgs) -> Result<(SpecId, SpecId), CommandError> {
    let promoted = SpecId::parse(&args.old);
    let Some(old) = promoted.filter(|old| workspace.standing.spec.contains_key(old)) else {
        let why = format!("nothing of `{}` is promoted", args.old);
        return Err(CommandError::usage(why).hint("`regen status` lists what is"));
    };
    if let Some((file, _)) = workspace.files.iter().find(|(_, id)| **id == old) {
        let why = format!("{file} still has the id `{old}`");
        let new = &args.new;
        let hint = format!("rename it to {new}.md, or set `id: {new}` in its front matter, first");
        return Err(CommandError::usage(why).hint(hint));
    }
    let Some(spec) = workspace.spec(&args.new) else {
        let why = format!("`{}` is not the id of a spec, or the spec is refused", args.new);
        return Err(workspace.nearest_to(&args.new, CommandError::usage(why)));
    };
    Ok((old, spec.id.clone()))
}
