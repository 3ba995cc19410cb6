//! `regen log`: shows events, with `--follow` as they happen; of one spec its promotions.

use std::collections::BTreeSet;
use std::pin::pin;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use futures::StreamExt;
use serde_json::json;

use super::control::NO_DAEMON;
use super::{Context, complete, exit};
use crate::commands::log::read_promotions;
use crate::daemon::client::{AGAIN, Client, Told};
use crate::pipeline::State;
use crate::report::{diff, words};
use crate::store::{Ledger, SqliteLedger};
use crate::types::event::Entry;
use crate::types::text::visible_line;
use crate::types::{SpecId, limits};
use crate::workspace::{CommandError, Workspace, WorkspaceLayout, load};

/// Arguments of `log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Specs, by id, path or glob: show their promotions.
    #[arg(value_name = "SPEC", conflicts_with_all = ["spec", "limit", "follow"])]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    promotions: Vec<String>,
    /// Show only the events of these specs.
    #[arg(short, long, value_name = "SPEC", num_args = 1..)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    spec: Vec<String>,
    /// Only the newest entries.
    #[arg(short = 'n', long, default_value_t = 200)]
    limit: u32,
    /// Keep printing new entries.
    #[arg(short, long)]
    follow: bool,
}

/// Shows events, or the promotions of the named specs.
pub async fn log(door: &Context, args: &LogArgs) -> Result<u8, CommandError> {
    let places = door.reading_state()?;
    if !args.promotions.is_empty() {
        let workspace = load(&places, None)?;
        for spec in past(&workspace, &args.promotions)? {
            show_promotions(door, &workspace, &spec)?;
        }
        return Ok(exit::DONE);
    }
    let only =
        if args.spec.is_empty() { None } else { Some(past(&load(&places, None)?, &args.spec)?) };
    let newest = show_entries(door, &places, only.as_ref(), args)?;
    if args.follow {
        return follow_entries(door, &places, only.as_ref(), newest).await;
    }
    Ok(exit::DONE)
}

/// The matching specs, also removed ones: they have a history, too.
fn past(workspace: &Workspace, names: &[String]) -> Result<BTreeSet<SpecId>, CommandError> {
    let jobs = match SqliteLedger::read(&workspace.places.ledger())? {
        Some(ledger) => ledger.jobs(None, u32::MAX)?,
        None => Vec::new(),
    };
    workspace.select_among(names, &jobs.into_iter().map(|job| job.spec).collect())
}

/// Shows the promotions of a spec.
fn show_promotions(door: &Context, workspace: &Workspace, id: &SpecId) -> Result<(), CommandError> {
    let steps = read_promotions(workspace, id)?;
    if door.global.json {
        door.json(&json!({ "type": "promotions", "spec": id, "promotions": steps }));
        return Ok(());
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
    Ok(())
}

/// Shows the newest entries, oldest first. Gives the number of the newest one; `follow`: more come.
fn show_entries(
    door: &Context,
    places: &WorkspaceLayout,
    only: Option<&BTreeSet<SpecId>>,
    args: &LogArgs,
) -> Result<i64, CommandError> {
    let Some(ledger) = SqliteLedger::read(&places.ledger())? else {
        if !args.follow {
            door.say("no events yet");
        }
        return Ok(0);
    };
    let newest = ledger.newest()?;
    let mut entries = match only {
        None => ledger.log(None, args.limit)?,
        Some(only) => {
            let of_one = only.iter().map(|spec| ledger.log(Some(spec), args.limit));
            let all: Result<Vec<_>, _> = of_one.collect();
            all?.into_iter().flatten().collect()
        }
    };
    entries.sort_by_key(|entry| entry.seq);
    let surplus = entries.len().saturating_sub(args.limit as usize);
    for entry in entries.iter().skip(surplus).filter(|entry| entry.seq <= newest) {
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
async fn follow_entries(
    door: &Context,
    places: &WorkspaceLayout,
    only: Option<&BTreeSet<SpecId>>,
    mut after: i64,
) -> Result<u8, CommandError> {
    let mut alone = false;
    let wanted = |entry: &Entry| {
        only.is_none_or(|only| entry.spec.as_ref().is_some_and(|spec| only.contains(spec)))
    };
    loop {
        if let Some(client) = Client::connect(places).await? {
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
