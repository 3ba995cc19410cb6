//! `regen trigger`, `cancel`, `retry`, `pause`, `resume`: commands to the running daemon.

use serde_json::json;

use super::{Context, exit};
use crate::daemon::Command;
use crate::daemon::client::Client;
use crate::types::SpecId;
use crate::workspace::{CommandError, ErrorKind, load};

/// The error when no daemon runs.
pub const NO_DAEMON: &str = "no daemon runs in this workspace";

/// Ids of the named specs, for the daemon. A name that is not in the files may be known to it.
pub fn ids(door: &Context, specs: &[String]) -> Result<Vec<String>, CommandError> {
    let known = load(&door.layout()?, None).and_then(|workspace| workspace.select(specs));
    match known {
        Ok(Some(ids)) => Ok(ids.into_iter().map(String::from).collect()),
        _ => Ok(specs.to_vec()),
    }
}

/// Sends a command to the daemon.
pub async fn order(door: &Context, act: Command, specs: &[String]) -> Result<u8, CommandError> {
    let Some(client) = Client::connect(&door.places()?).await? else {
        let hint = "start one with `regen watch`, or use `regen run`";
        return Err(CommandError::new(ErrorKind::NoDaemon, NO_DAEMON).hint(hint));
    };
    let answer = client.order(act, &ids(door, specs)?, &door.by).await?;
    if door.global.json {
        door.json(&json!({ "type": "done", "specs": answer.specs }));
    } else {
        door.say(&said(act, &answer.specs));
    }
    Ok(exit::DONE)
}

fn said(act: Command, specs: &[SpecId]) -> String {
    let names = specs.join(", ");
    match act {
        Command::Pause => "paused; running jobs finish".to_owned(),
        Command::Resume => "resumed".to_owned(),
        Command::Trigger { .. } if specs.is_empty() => "reloaded".to_owned(),
        Command::Trigger { .. } => format!("scheduled next: {names}"),
        Command::Cancel if specs.is_empty() => "nothing to cancel".to_owned(),
        Command::Cancel => format!("cancelled: {names}"),
        Command::Rollback { .. } => format!("rolled back: {names}"),
        Command::Retry if specs.is_empty() => "nothing to retry".to_owned(),
        Command::Retry => format!("retrying: {names}"),
    }
}
