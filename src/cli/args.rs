//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `run`, and of regen without a subcommand.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct RunArgs {
    /// A spec by id, path or glob; several may be given.
    #[arg(short, long = "spec", value_name = "ID|PATH|GLOB", num_args = 1..)]
    pub(super) specs: Vec<String>,
    /// Make up-to-date targets again.
    #[arg(long)]
    pub(super) force: bool,
    /// Save edits by hand in .regen/drift/ and replace them, instead of refusing.
    #[arg(long)]
    pub(super) discard_edits: bool,
    /// Leave the candidates' workspaces, and say where they are.
    #[arg(long)]
    pub(super) keep: bool,
}

/// Arguments of every command.
#[derive(Clone, Debug, Args)]
pub(super) struct Global {
    /// The configuration; by default harness.toml here or in a folder above.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// One JSON object, or JSON lines, on standard output.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Say nothing but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log what regen does; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// When to colour.
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
