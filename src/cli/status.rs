//! `regen status`: shows the state of every spec, with `--follow` as it changes.

use std::pin::pin;

use futures::StreamExt;
use serde_json::{Value, json};

use super::control::NO_DAEMON;
use super::{Context, exit};
use crate::daemon::client::{AGAIN, Client, Told};
use crate::pipeline::State;
use crate::report::words;
use crate::store::{Ledger, SqliteLedger};
use crate::types::JobOutcome;
use crate::workspace::{CommandError, load, today};

/// Shows each spec: what is promoted, and how its last job ended.
pub async fn show_status(door: &Context) -> Result<u8, CommandError> {
    let workspace = load(&door.places()?, None)?;
    super::run::tell_missing_history(door, &workspace);
    let tools = workspace.tools(&door.tool_env()).await?;
    let plan = workspace.plan(&tools, None, false)?;
    let ledger = SqliteLedger::read(&workspace.places.ledger())?;
    let mut rows = Vec::new();
    for job in &plan.jobs {
        let last = match &ledger {
            Some(ledger) => ledger.last_job(&job.spec)?,
            None => None,
        };
        let state = last
            .as_ref()
            .map(|(_, entries)| State::fold(entries.iter().map(|entry| &entry.event)))
            .transpose()?
            .flatten();
        let word = match &state {
            None => "no job here",
            Some(state) => state.outcome().map_or("running or interrupted", JobOutcome::word),
        };
        let at = last.and_then(|(_, entries)| entries.last().map(|entry| entry.at.clone()));
        for part in &job.parts {
            let standing = workspace.standing.spec.get(&job.spec);
            let standing = standing.and_then(|s| s.target.get(&part.target));
            rows.push(json!({
                "spec": job.spec, "target": part.target, "reason": part.reason,
                "plan": words::part(part),
                "tree": standing.map(|s| s.tree), "generator": standing.map(|s| s.origin.words()),
                "last_job": word, "at": at,
            }));
        }
    }
    // A ledger of an earlier version says nothing of prices before it is written to.
    let spent = ledger.and_then(|ledger| ledger.spent(&today()).ok()).unwrap_or_default();
    if door.global.json {
        let problems = &workspace.problems;
        let status = json!({
            "type": "status", "targets": rows, "problems": problems, "today": spent,
        });
        door.json(&status);
        return Ok(exit::DONE);
    }
    if spent.calls > 0 {
        let tokens = spent.tokens;
        door.show(&format!("today: {tokens} tokens, {}", words::money(&spent)));
    }
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let tree = text("tree").chars().take(12).collect::<String>();
        door.show(&format!(
            "{:<20} {:<10} {tree:<12} {:<24} {}",
            text("spec"),
            text("target"),
            text("last_job"),
            text("plan")
        ));
    }
    Ok(exit::DONE)
}

/// Shows the status, again whenever it changes.
pub async fn follow_status(door: &Context) -> Result<u8, CommandError> {
    let places = door.places()?;
    if Client::connect(&places).await?.is_none() {
        // Without a daemon the ledger is read once; nothing changes by itself.
        show_status(door).await?;
        door.say(NO_DAEMON);
    }
    let mut shown = String::new();
    loop {
        if let Some(client) = Client::connect(&places).await? {
            // When the daemon stops, waits for the next one.
            let _ = follow_state(door, &client, &mut shown).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow_state(
    door: &Context,
    client: &Client,
    shown: &mut String,
) -> Result<(), CommandError> {
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

/// Prints a state that differs from the last one.
fn show_state(door: &Context, state: &Value, shown: &mut String) {
    let text = if door.global.json { state.to_string() } else { table(state) };
    if text == *shown {
        return;
    }
    if !door.global.json && door.shows_terminal() {
        // A terminal is cleared and drawn again.
        door.redraw(&text);
    } else if door.global.json {
        door.show(&text);
    } else {
        // Elsewhere only new lines are printed.
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
        ("held_until", "rate limited by the model server until"),
        ("unreadable", "invalid workspace, keeping the last valid configuration:"),
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
