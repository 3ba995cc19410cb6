//! What a daemon that runs is asked: orders, and to go on telling.

use std::pin::pin;

use futures::StreamExt;
use serde_json::{Value, json};

use super::{Context, exit, history};
use crate::daemon::Command;
use crate::daemon::client::{AGAIN, Client, Told};
use crate::store::Ledger;
use crate::types::event::Entry;
use crate::types::limits;
use crate::workspace::EngineError;

const NONE: &str = "no daemon runs in this workspace";

/// Gives an order.
pub async fn order(door: &Context, act: Command, specs: &[String]) -> Result<u8, EngineError> {
    let Some(client) = Client::connect(&door.places()?).await? else {
        let hint = "start one with `regen watch`, or use `regen run`, which needs none";
        return Err(EngineError::NoDaemon(format!("{NONE}: {hint}")));
    };
    let answer = client.order(act, specs, &door.by).await?;
    if door.global.json {
        door.json(&json!({ "type": "done", "specs": answer.specs }));
    } else {
        door.say(&said(act, &answer.specs));
    }
    Ok(exit::DONE)
}

fn said(act: Command, specs: &[String]) -> String {
    let names = specs.join(", ");
    match act {
        Command::Pause => "paused: no job starts; what runs goes on to its end".to_owned(),
        Command::Resume => "jobs start again".to_owned(),
        Command::Trigger { .. } if specs.is_empty() => "everything was read anew".to_owned(),
        Command::Trigger { .. } => format!("first: {names}"),
        Command::Cancel if specs.is_empty() => "nothing to cancel: they are up to date".to_owned(),
        Command::Cancel => format!("cancelled: {names}"),
        Command::Rollback { .. } => format!("rolled back: {names}"),
        Command::Retry if specs.is_empty() => "nothing to try again: none has failed".to_owned(),
        Command::Retry => format!("tried again: {names}"),
    }
}

/// Shows how everything stands, again whenever it changes.
pub async fn status(door: &Context) -> Result<u8, EngineError> {
    let places = door.places()?;
    if Client::connect(&places).await?.is_none() {
        // Without one there is the ledger, and nothing that changes by itself.
        history::status(door).await?;
        door.say(NONE);
    }
    let mut shown = String::new();
    loop {
        if let Some(client) = Client::connect(&places).await? {
            // A daemon that ends is waited for.
            let _ = follow_state(door, &client, &mut shown).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow_state(
    door: &Context,
    client: &Client,
    shown: &mut String,
) -> Result<(), EngineError> {
    let state = client.state().await?;
    let mut news = pin!(client.events(state["seq"].as_i64().unwrap_or_default()).await?);
    show_state(door, &state, shown);
    while let Some(Told { kind, .. }) = news.next().await {
        if kind != "output" {
            show_state(door, &client.state().await?, shown);
        }
    }
    Ok(())
}

/// Shows a state that is another one than before.
fn show_state(door: &Context, state: &Value, shown: &mut String) {
    let text = if door.global.json { state.to_string() } else { table(state) };
    if text == *shown {
        return;
    }
    if !door.global.json && door.shows_terminal() {
        // From the top of an empty screen.
        door.show(&format!("\x1b[H\x1b[2J{text}"));
    } else if door.global.json {
        door.show(&text);
    } else {
        // Lines that were not there before.
        let new: Vec<&str> =
            text.lines().filter(|line| !shown.lines().any(|l| l == *line)).collect();
        door.show(&new.join("\n"));
    }
    *shown = text;
}

fn table(state: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let daemon = &state["daemon"];
    let mut lines = vec![format!("regen watch since {}", text(&daemon["since"]))];
    if let Some(by) = daemon["paused"][1].as_str() {
        lines.push(format!("paused since {} by {by}", text(&daemon["paused"][0])));
    }
    for (key, says) in [
        ("quiet_until", "quiet hours until"),
        ("held_until", "the generator wants to be left alone until"),
        ("unreadable", "the workspace cannot be read, what was read before stays in force:"),
    ] {
        if let Some(value) = daemon[key].as_str() {
            lines.push(format!("{says} {value}"));
        }
    }
    for spec in state["specs"].as_array().into_iter().flatten() {
        let live = &spec["live"];
        let detail = match spec["state"].as_str().unwrap_or_default() {
            "running" if live.is_object() => {
                format!(
                    "attempt {} · {} · {}",
                    live["attempt"],
                    text(&live["target"]),
                    text(&live["doing"])
                )
            }
            "resting" => format!("until {}: {}", text(&spec["until"]), text(&spec["why"])),
            "parked" | "refused" => text(&spec["why"]),
            "waiting" => format!("since {}", text(&spec["since"])),
            _ => String::new(),
        };
        let (name, word) = (text(&spec["spec"]), text(&spec["state"]));
        lines.push(format!("{name:<24} {word:<12} {detail}").trim_end().to_owned());
    }
    lines.join("\n")
}

/// Goes on with the log behind an entry: told by a daemon while one runs, else read.
pub async fn log(door: &Context, spec: Option<&str>, mut after: i64) -> Result<u8, EngineError> {
    let places = door.places()?;
    let mut alone = false;
    let wanted = |entry: &Entry| spec.is_none() || entry.spec.as_deref() == spec;
    loop {
        if let Some(client) = Client::connect(&places).await? {
            alone = false;
            if let Ok(news) = client.events(after).await {
                let mut news = pin!(news);
                while let Some(Told { kind, data }) = news.next().await {
                    let entry = (kind == "entry").then(|| serde_json::from_value::<Entry>(data));
                    let Some(Ok(entry)) = entry else { continue };
                    after = entry.seq;
                    if wanted(&entry) {
                        history::show(door, &entry);
                    }
                }
            }
        }
        if !alone {
            door.say(&format!("{NONE}: following the ledger"));
            alone = true;
        }
        if let Some(ledger) = Ledger::read(&places.ledger())? {
            for entry in ledger.after(after, limits::FOLLOWED)? {
                after = entry.seq;
                if wanted(&entry) {
                    history::show(door, &entry);
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
