//! `regen rollback`: puts an earlier promotion back.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::args::NamedSpecArgs;
use super::{Context, control, exit, run, variable};
use crate::commands::rollback::roll_back;
use crate::daemon::Command;
use crate::daemon::client::Client;
use crate::engine::{Engine, Options};
use crate::generator;
use crate::report::{Progress, render, words};
use crate::types::{JobOutcome, SpecId};
use crate::workspace::{CommandError, Workspace, load};

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    specs: NamedSpecArgs,
    /// The run to go back to, as in `regen log SPEC`. Default: the promotion before the current
    /// one.
    #[arg(long, value_name = "RUN")]
    to: Option<i64>,
    /// Save manual edits to .regen/drift/ and replace them, instead of refusing.
    #[arg(long)]
    discard_edits: bool,
}

/// Rolls back.
pub async fn rollback(door: &Context, args: &RollbackArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    let named = args.specs.all();
    // While a daemon runs, only it writes.
    if let Some(client) = Client::connect(&places).await? {
        let act = Command::Rollback { to: args.to, discard_edits: args.discard_edits };
        for spec in control::ids(door, &named)? {
            let answer = client.order(act, &[spec], &door.by).await?;
            if door.global.json {
                door.json(&json!({ "type": "done", "specs": answer.specs }));
            } else {
                door.say(&format!("{}: rolled back; {HELD}", answer.specs.join(", ")));
            }
        }
        return Ok(exit::DONE);
    }
    let _lock = run::lock(door, &places)?;
    Engine::recover(&places)?;
    let mut workspace = load(&places, None)?;
    let migrated = workspace.upgrade_lock()?;
    migrated.iter().for_each(|line| door.say(&format!("regen.lock: {line}")));
    let mut code = exit::DONE;
    for spec in workspace.select(&named)?.unwrap_or_default() {
        // Read again for each: the one before changed the lockfile.
        code = code.max(one(door, load(&places, None)?, args, &spec).await?);
    }
    Ok(code)
}

/// Rolls back one spec.
async fn one(
    door: &Context,
    workspace: Workspace,
    args: &RollbackArgs,
    spec: &SpecId,
) -> Result<u8, CommandError> {
    let only = Some([spec.clone()].into());
    if workspace.has_errors(only.as_ref()) {
        return Ok(refused(door, &workspace, only.as_ref()));
    }
    let tools = workspace.tools(&door.tool_env()).await?;
    let model = workspace.harness.model();
    let progress = Arc::new(Progress::new(door.style(), door.paint, model));
    let options = Options {
        only,
        by: door.by.clone(),
        force: false,
        discard_edits: args.discard_edits,
        keep: false,
        variable,
        servers: Default::default(),
        generators: Arc::new(generator::of),
        sets: Arc::default(),
        observer: progress.clone(),
    };
    let done = roll_back(Arc::new(workspace), Arc::new(tools), options, spec, args.to).await;
    progress.end().into_iter().for_each(|why| door.lose(why));
    let done = done?;
    let code = exit::of_job(&done.outcome);
    let (name, run) = (door.paint.name(spec), done.to);
    if door.global.json {
        door.json(&json!({
            "type": "rollback", "exit_code": code, "spec": spec, "to": run, "held": done.held,
            "outcome": done.outcome,
        }));
    } else if done.outcome != JobOutcome::Promoted && progress.has_told(spec) {
        // The event said it.
    } else if done.outcome != JobOutcome::Promoted {
        let text = words::outcome(&done.outcome, None, door.paint);
        door.say(&format!("{name}: {}", text.trim_end()));
    } else if !door.global.quiet {
        let held = if done.held { HELD } else { "it is what the spec requires now" };
        door.say(&format!("{name}: rolled back to run {run}; {held}"));
    }
    Ok(code)
}

/// A refused spec has no plan, so the rolled-back tree could not be held.
fn refused(door: &Context, workspace: &Workspace, only: Option<&BTreeSet<SpecId>>) -> u8 {
    let problems = workspace.problems_of(only);
    let code = exit::SPEC_REFUSED;
    if door.global.json {
        door.json(&json!({ "type": "rollback", "exit_code": code, "problems": problems }));
    } else {
        let text = render(problems, &workspace.sources, door.paint);
        door.say(text.trim_end());
        door.say("not rolled back; fix the spec first");
    }
    code
}

const HELD: &str = "it stays until the spec changes or `regen run --force`";
