//! `regen gc`: deletes data of old attempts that were never promoted.

use clap::Args;
use serde_json::json;

use super::{Context, exit, run};
use crate::commands::gc::collect_garbage;
use crate::engine::Engine;
use crate::types::text::counted;
use crate::workspace::{CommandError, load_harness};

/// Arguments of `gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Days to keep data of failed attempts, instead of `[retention] days`.
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// Only print what would be deleted.
    #[arg(long)]
    dry_run: bool,
}

/// Deletes data of old attempts that were never promoted.
pub fn gc(door: &Context, args: &GcArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    let _lock = run::lock(door, &places)?;
    Engine::recover(&places)?;
    let days = load_harness(&places, None)?.retention.days;
    let swept = collect_garbage(&places, args.days.unwrap_or(days), args.dry_run)?;
    if door.global.json {
        door.json(&json!({ "type": "gc", "dry_run": args.dry_run, "swept": swept }));
        return Ok(exit::DONE);
    }
    let verb = if args.dry_run { "would delete" } else { "deleted" };
    let kib = swept.bytes.div_ceil(1024);
    let objects = counted(swept.objects, "object");
    door.say(&format!("{verb} {objects} ({kib} KiB); kept {}", swept.kept));
    Ok(exit::DONE)
}
