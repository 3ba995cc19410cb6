//! `regen samples`: graded answers of models under test, as training data.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Context, exit};
use crate::commands::samples::SampleFormat;
use crate::types::text::counted;
use crate::workspace::{CommandError, load};

/// Text below the help.
pub const HELP: &str = "Example:\n  regen samples export behavior --format trl-dpo --out data/\n\n\
    The folder gets train.jsonl, validation.jsonl (all answers to one of five prompts), meta.jsonl and \
    README.md.\nPrompts of hidden tests are never written. Regen trains nothing.";

/// What is done with samples.
#[derive(Debug, Subcommand)]
pub enum SamplesCommand {
    /// Write the graded answers to a spec's visible tests as training data.
    #[command(after_help = HELP)]
    Export(SamplesExport),
}

/// Arguments of `samples export`.
#[derive(Debug, Args)]
pub struct SamplesExport {
    /// The spec.
    #[arg(value_name = "SPEC")]
    spec: String,
    /// The format of the lines.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: SampleFormat,
    /// The folder to write into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Performs it.
pub fn samples(door: &Context, command: &SamplesCommand) -> Result<u8, CommandError> {
    let SamplesCommand::Export(args) = command;
    let workspace = load(&door.reading_state()?, None)?;
    let id = workspace.select_one(&args.spec)?;
    let written = workspace.export_samples(&id, args.format, &args.out)?;
    let folder = args.out.display();
    if door.global.json {
        door.json(&json!({
            "type": "samples", "spec": id, "folder": args.out, "train": written.train,
            "validation": written.validation, "left_out": written.left_out,
        }));
    } else if !door.global.quiet {
        let lines = counted(written.train + written.validation, "line");
        let held = written.validation;
        door.say(&format!("wrote {lines} to {folder}, of which {held} are for validation"));
        if written.left_out > 0 {
            let left_out = counted(written.left_out, "sample");
            door.say(&format!("{left_out} left out; README.md says why"));
        }
    }
    Ok(exit::DONE)
}
