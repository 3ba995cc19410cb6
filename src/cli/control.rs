//! `regen trigger`, `cancel`, `retry`, `pause`, `resume`: commands to the running daemon.

use serde_json::json;

use super::{Context, exit};
use crate::daemon::Command;
use crate::daemon::client::Client;
use crate::types::SpecId;
use crate::workspace::{CommandError, ErrorKind};

/// Said where a daemon is asked for and none runs.
pub const NO_DAEMON: &str = "no daemon runs in this workspace";

/// Gives an order.
pub async fn order(door: &Context, act: Command, specs: &[String]) -> Result<u8, CommandError> {
    let Some(client) = Client::connect(&door.places()?).await? else {
        let why = "start one with `regen watch`, or use `regen run`, which needs none";
        return Err(CommandError::new(ErrorKind::NoDaemon, format!("{NO_DAEMON}: {why}")));
    };
    let answer = client.order(act, specs, &door.by).await?;
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
        Command::Pause => "paused: no job starts; what runs goes on to its end".to_owned(),
        Command::Resume => "jobs start again".to_owned(),
        Command::Trigger { .. } if specs.is_empty() => "reloaded everything".to_owned(),
        Command::Trigger { .. } => format!("first: {names}"),
        Command::Cancel if specs.is_empty() => "nothing to cancel: they are up to date".to_owned(),
        Command::Cancel => format!("cancelled: {names}"),
        Command::Rollback { .. } => format!("rolled back: {names}"),
        Command::Retry if specs.is_empty() => "nothing to try again: none has failed".to_owned(),
        Command::Retry => format!("tried again: {names}"),
    }
}
