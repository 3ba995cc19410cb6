//! `regen log`: shows events, with `--follow` as they happen; of one spec its promotions.

use std::pin::pin;

use futures::StreamExt;
use serde_json::json;

use super::control::NO_DAEMON;
use super::{Context, exit};
use crate::commands::log::read_promotions;
use crate::daemon::client::{AGAIN, Client, Told};
use crate::pipeline::State;
use crate::report::{diff, words};
use crate::store::{Ledger, SqliteLedger};
use crate::types::event::Entry;
use crate::types::limits;
use crate::types::text::visible_line;
use crate::workspace::{CommandError, load};

/// Shows the promotions of a spec.
pub fn show_promotions(door: &Context, spec: &str) -> Result<u8, CommandError> {
    let places = door.places()?;
    // A deleted spec has a history, too.
    let known = load(&places, None)?.select(&[spec.to_owned()]);
    let id = known.ok().flatten().and_then(|ids| ids.into_iter().next());
    let id = id.map_or_else(|| spec.to_owned(), String::from);
    let steps = read_promotions(&places, &id)?;
    if door.global.json {
        door.json(&json!({ "type": "promotions", "spec": id, "promotions": steps }));
        return Ok(exit::DONE);
    }
    if steps.is_empty() {
        door.say(&format!("`{id}` was never promoted here; see `regen log`"));
    }
    for step in steps {
        let trees: Vec<_> =
            step.trees.iter().map(|(target, tree)| format!("{target} {}", tree.short())).collect();
        let by: Vec<_> = step.origins.values().cloned().collect();
        let by = by.first().map(|by| format!(" by {}", visible_line(by))).unwrap_or_default();
        let what = match step.rollback {
            Some(to) => door.paint.warn(&format!("rolled back to run {to}")),
            None => door.paint.good("promoted"),
        };
        let current = if step.stands { door.paint.name("  current") } else { String::new() };
        let run = door.paint.name(&format!("run {:>4}", step.run));
        door.show(&format!("{run}  {}  {what} {}{by}{current}", step.at, trees.join(", ")));
        let text = diff::clauses(&step.changes, door.paint);
        if !text.is_empty() {
            let indented: Vec<_> = text.lines().map(|line| format!("    {line}")).collect();
            door.show(&indented.join("\n"));
        }
    }
    Ok(exit::DONE)
}

/// Shows the newest entries, oldest first. Gives the number of the newest one; `follow`: more come.
pub fn show_entries(
    door: &Context,
    spec: Option<&str>,
    limit: u32,
    follow: bool,
) -> Result<i64, CommandError> {
    let Some(ledger) = SqliteLedger::read(&door.places()?.ledger())? else {
        if !follow {
            door.say("no events yet");
        }
        return Ok(0);
    };
    let newest = ledger.newest()?;
    for entry in ledger.log(spec, limit)?.iter().filter(|entry| entry.seq <= newest) {
        show_entry(door, &ledger, entry)?;
    }
    Ok(newest)
}

/// One entry as a line; behind a job's last one the job's outcome, fault and cost.
fn show_entry(door: &Context, ledger: &SqliteLedger, entry: &Entry) -> Result<(), CommandError> {
    let spec = entry.spec.clone().unwrap_or_default();
    let head = format!("{} {:>4} {spec:<16}", entry.at, entry.run);
    if door.global.json {
        door.json(entry);
    } else {
        door.show(&format!("{head} {}", words::event(&entry.event, door.paint)));
    }
    let Some(job) = entry.job else { return Ok(()) };
    let entries = ledger.job(job)?;
    if entries.last().is_none_or(|last| last.seq != entry.seq) {
        return Ok(());
    }
    let state = State::fold(entries.iter().map(|entry| &entry.event)).ok().flatten();
    let Some(state) = state else { return Ok(()) };
    let Some(outcome) = state.outcome() else { return Ok(()) };
    let spend = ledger.spent_by(job)?;
    let attempts = state.attempts.len();
    if door.global.json {
        door.json(&json!({
            "type": "job_ended", "job": job, "spec": entry.spec, "outcome": outcome,
            "attempts": attempts, "tokens": spend.tokens, "usd": spend.usd,
            "unpriced": spend.unpriced,
        }));
    } else {
        door.show(&format!("{head} {}", words::job_end(outcome, attempts, &spend, door.paint)));
    }
    Ok(())
}

/// Follows the log behind an entry: through the daemon if one runs, else by reading the ledger.
pub async fn follow_entries(
    door: &Context,
    spec: Option<&str>,
    mut after: i64,
) -> Result<u8, CommandError> {
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
                    if wanted(&entry)
                        && let Some(ledger) = SqliteLedger::read(&places.ledger())?
                    {
                        show_entry(door, &ledger, &entry)?;
                    }
                }
            }
        }
        if !alone {
            door.say(&format!("{NO_DAEMON}: following the ledger"));
            alone = true;
        }
        if let Some(ledger) = SqliteLedger::read(&places.ledger())? {
            for entry in ledger.after(after, limits::FOLLOWED)? {
                after = entry.seq;
                if wanted(&entry) {
                    show_entry(door, &ledger, &entry)?;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
