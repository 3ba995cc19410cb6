//! `regen status`: shows the state of every spec, with `--follow` as it changes.

use std::collections::BTreeSet;
use std::pin::pin;

use futures::StreamExt;
use serde_json::{Value, json};

use super::control::NO_DAEMON;
use super::{Context, exit, worker};
use crate::daemon::client::{AGAIN, Client, Told};
use crate::report::words;
use crate::store::{Day, DriftCheck, Ledger, SqliteLedger};
use crate::types::text::counted;
use crate::types::{DriftResult, Job, JobOutcome, SpecId};
use crate::workers::fleet_words;
use crate::workspace::{CommandError, Workspace, load, today};

/// Shows the daemon and today's spending, then each spec: what is promoted, and how its last job
/// ended.
pub async fn show_status(door: &Context, specs: &[String]) -> Result<u8, CommandError> {
    let workspace = load(&door.reading_state()?, None)?;
    super::run::tell_missing_history(door, &workspace);
    let only = if specs.is_empty() { None } else { workspace.select(specs)? };
    let daemon = daemon(&workspace).await;
    let tools = door.known_tools(&workspace).await;
    let plan = workspace.plan(&tools, only.as_ref(), false)?;
    let ledger = SqliteLedger::read(&workspace.places.ledger())?;
    let day = today();
    // A ledger of an earlier version says nothing of prices before it is written to.
    let spend = ledger.as_ref().and_then(|ledger| ledger.spent(&day).ok()).unwrap_or_default();
    let mut rows = Vec::new();
    let mut drift = Vec::new();
    for job in &plan.jobs {
        let check = ledger.as_ref().map(|ledger| ledger.drift_check(&job.spec)).transpose()?;
        drift.extend(check.flatten());
        rows.extend(rows_of(&workspace, ledger.as_ref(), job)?);
    }
    let workers = workspace.harness.workers.as_ref();
    let fleet = worker::fleet(workers).await;
    let fleet = workers.zip(fleet).map(|(at, seen)| fleet_words(&at.server, &seen));
    if door.global.json {
        let problems = &workspace.problems;
        let today = json!({
            "day": day, "tokens": spend.tokens, "usd": spend.known_usd(),
            "unpriced": spend.unpriced, "reserved": spend.reserved,
        });
        door.json(&json!({
            "type": "status", "daemon": daemon, "today": today, "targets": rows,
            "drift": drift, "workers": fleet, "problems": problems,
        }));
        return Ok(exit::DONE);
    }
    door.show(&format!("daemon: {}", daemon_words(&daemon)));
    door.show(&format!("today:  {}", money(&workspace, &spend)));
    if let Some(words) = &fleet {
        door.show(&format!("workers: {words}"));
    }
    for DriftCheck { spec, at, result } in &drift {
        let words = result.as_ref().map(DriftResult::words);
        let words = words.unwrap_or_else(|| "a check for drift has not ended".to_owned());
        door.show(&format!("{spec}: {words} ({at})"));
    }
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let tree = text("tree").chars().take(12).collect::<String>();
        door.show(&format!(
            "{:<20} {:<10} {tree:<12} {:<24} {}",
            text("spec"),
            if row["verifies"] == true { "–".to_owned() } else { text("target") },
            text("last_job"),
            text("plan")
        ));
    }
    Ok(exit::DONE)
}

/// The rows of a spec's targets.
fn rows_of(
    workspace: &Workspace,
    ledger: Option<&SqliteLedger>,
    job: &Job,
) -> Result<Vec<Value>, CommandError> {
    let (last, state) = super::why::last_job(ledger, &job.spec)?;
    // A job without parts only counts what a check for drift cost.
    let word = match state.as_ref().filter(|state| !state.job.parts.is_empty()) {
        None => "no job here",
        Some(state) => state.outcome().map_or("running or interrupted", JobOutcome::word),
    };
    let at = last.and_then(|(_, entries)| entries.last().map(|entry| entry.at.clone()));
    let row = |part: &crate::types::TargetJob| {
        let standing = workspace.standing.spec.get(&job.spec);
        let standing = standing.and_then(|s| s.target.get(&part.target));
        json!({
            "spec": job.spec, "target": part.target, "verifies": part.verifies, "reason": part.reason,
            "plan": words::part(part),
            "tree": standing.map(|s| s.tree), "generator": standing.map(|s| s.origin.words()),
            "last_job": word, "at": at,
        })
    };
    Ok(job.parts.iter().map(row).collect())
}

/// The daemon's own state; `null` if none runs or it does not answer.
async fn daemon(workspace: &Workspace) -> Value {
    let client = Client::connect(&workspace.places).await.ok().flatten();
    let Some(client) = client else { return Value::Null };
    client.state().await.map(|mut state| state["daemon"].take()).unwrap_or_default()
}

fn daemon_words(daemon: &Value) -> String {
    let Some(since) = daemon["since"].as_str() else { return "not running".to_owned() };
    let held = [
        ("quiet_until", "quiet hours until"),
        ("held_until", "rate limited by the model server until"),
        ("unreadable", "invalid workspace, keeping the last valid configuration:"),
    ];
    let paused = daemon["paused"][1].as_str().map(|by| {
        format!("paused since {} by {by}", daemon["paused"][0].as_str().unwrap_or_default())
    });
    let held =
        held.iter().filter_map(|(key, says)| Some(format!("{says} {}", daemon[*key].as_str()?)));
    let all = [format!("running since {since}")].into_iter().chain(paused).chain(held);
    all.collect::<Vec<_>>().join("; ")
}

/// Today's spending, with the limits of a day.
fn money(workspace: &Workspace, spend: &Day) -> String {
    let budget = &workspace.harness.budget;
    let tokens = budget.day_tokens.map(|most| format!("{most} tokens"));
    let usd = budget.day_usd.map(|most| format!("{most:.2} USD"));
    let caps: Vec<_> = tokens.into_iter().chain(usd).collect();
    let caps =
        if caps.is_empty() { String::new() } else { format!(" (limit {})", caps.join(", ")) };
    let reserved = match spend.reserved {
        0 => String::new(),
        tokens => format!(
            "; {} reserved for calls that have not ended, were cut or told no count",
            counted(tokens, "token")
        ),
    };
    words::spent(spend) + &caps + &reserved
}

/// Shows the status, again whenever it changes.
pub async fn follow_status(door: &Context, specs: &[String]) -> Result<u8, CommandError> {
    let places = door.reading_state()?;
    let only = load(&places, None)?.select(specs)?;
    if Client::connect(&places).await?.is_none() {
        // Without a daemon the ledger is read once; nothing changes by itself.
        show_status(door, specs).await?;
        door.say(NO_DAEMON);
    }
    let mut shown = String::new();
    loop {
        if let Some(client) = Client::connect(&places).await? {
            // When the daemon stops, waits for the next one.
            let _ = follow_state(door, &client, only.as_ref(), &mut shown).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow_state(
    door: &Context,
    client: &Client,
    only: Option<&BTreeSet<SpecId>>,
    shown: &mut String,
) -> Result<(), CommandError> {
    let state = client.state().await?;
    let mut news = pin!(client.events(state["seq"].as_i64().unwrap_or_default()).await?);
    show_state(door, &within(state, only), shown);
    while let Some(Told { kind, .. }) = news.next().await {
        if kind != "output" {
            show_state(door, &within(client.state().await?, only), shown);
        }
    }
    Ok(())
}

/// The state of the selected specs.
fn within(mut state: Value, only: Option<&BTreeSet<SpecId>>) -> Value {
    let wanted = |spec: &Value| {
        only.is_none_or(|only| spec["spec"].as_str().is_some_and(|id| only.contains(id)))
    };
    if let Some(specs) = state["specs"].as_array_mut() {
        specs.retain(wanted);
    }
    state
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
