//! `regen trace`: shows which test covers which clause.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::args::SpecArgs;
use super::{Context, exit};
use crate::report::trace as report;
use crate::store::{files, write_atomic};
use crate::types::limits;
use crate::workspace::{CommandError, load};

/// The committed snapshot, beside harness.toml.
const SNAPSHOT: &str = "regen.trace";

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Test results of hand-written code: JUnit XML, or JSON lines of libtest or nextest.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    results: Vec<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    format: TraceFormat,
    /// Write regen.trace (clauses and their tests), to be committed.
    #[arg(long, conflicts_with_all = ["check", "specs", "named"])]
    write: bool,
    /// Fail if regen.trace is out of date.
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    Human,
    Json,
    Html,
    Markdown,
    Csv,
    Junit,
}

/// Traces clauses to tests.
pub fn trace(door: &Context, args: &TraceArgs) -> Result<u8, CommandError> {
    let workspace = load(&door.reading_state()?, None)?;
    let only = workspace.select(&args.specs.all())?;
    let matrix = workspace.trace(only.as_ref(), &args.results)?;
    let low = matrix.below(&workspace.harness.trace);
    let path = workspace.places.root.join(SNAPSHOT);
    let snapshot = matrix.snapshot();
    let mut changes = Vec::new();
    if args.write {
        write_atomic(&path, snapshot.as_bytes())?;
    } else if args.check {
        let known = if path.is_file() {
            files::read_capped(&path, limits::RESULT_BYTES)?
        } else {
            Vec::new()
        };
        let known = String::from_utf8_lossy(&known);
        let selected = |line: &&str| {
            let spec = line.split('/').next().unwrap_or_default();
            only.as_ref().is_none_or(|only| only.contains(spec))
        };
        let known: Vec<&str> = known.lines().filter(selected).collect();
        changes = differences(&known, &snapshot);
    }
    let code = if !changes.is_empty() {
        exit::DRIFT
    } else if !low.is_empty() {
        exit::REJECTED
    } else {
        exit::DONE
    };
    let format = if door.global.json { TraceFormat::Json } else { args.format };
    match format {
        TraceFormat::Human if args.check || args.write || door.global.quiet => {}
        TraceFormat::Human => door.show(&report::human(&matrix, door.paint)),
        TraceFormat::Json => {
            let shares: Vec<_> = report::LEVELS
                .iter()
                .map(|one| json!({ "level": one, "share": matrix.share(*one) }))
                .collect();
            door.json(&json!({
                "type": "trace", "exit_code": code, "clauses": matrix.rows, "strays": matrix.strays,
                "covered": shares, "changes": changes,
            }));
        }
        TraceFormat::Html => door.print(&report::html(&matrix)),
        TraceFormat::Markdown => door.print(&report::markdown(&matrix)),
        TraceFormat::Csv => door.print(&report::csv(&matrix)),
        TraceFormat::Junit => door.print(&report::junit(&matrix)),
    }
    if format == TraceFormat::Human && !door.global.quiet {
        door.say(&report::summary(&matrix));
    }
    for line in &changes {
        door.say(&format!("{SNAPSHOT}: {line}"));
    }
    if !changes.is_empty() {
        door.say(&format!(
            "{}: {SNAPSHOT} is out of date; run `regen trace --write`",
            door.paint.bad("error")
        ));
    }
    for line in low {
        door.say(&format!("{}: {line}", door.paint.bad("error")));
    }
    Ok(code)
}

/// The lines that are in only one of two snapshots.
fn differences(known: &[&str], now: &str) -> Vec<String> {
    let known: BTreeSet<&str> = known.iter().copied().collect();
    let now: BTreeSet<&str> = now.lines().collect();
    let gone = known.difference(&now).map(|line| format!("- {line}"));
    gone.chain(now.difference(&known).map(|line| format!("+ {line}"))).collect()
}
