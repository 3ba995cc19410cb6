//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `run`, and of regen without a subcommand.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct RunArgs {
    /// A spec by id, path or glob; several may be given.
    #[arg(short, long = "spec", value_name = "ID|PATH|GLOB", num_args = 1..)]
    pub(super) specs: Vec<String>,
    /// Regenerate even if up to date.
    #[arg(long)]
    pub(super) force: bool,
    /// Save manual edits to .regen/drift/ and replace them, instead of refusing.
    #[arg(long)]
    pub(super) discard_edits: bool,
    /// Keep the candidates' folders and print their paths.
    #[arg(long)]
    pub(super) keep: bool,
}

/// Arguments of every command.
#[derive(Clone, Debug, Args)]
pub(super) struct Global {
    /// Configuration file. Default: harness.toml here or in a folder above.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print one JSON object, or JSON lines, on standard output.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log what regen does; repeat for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(super) color: Colour,
    /// Write the log to a file instead of standard error.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    Auto,
    Always,
    Never,
}
