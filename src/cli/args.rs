//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::complete;
use crate::types::SpecId;

/// The specs that a command concerns.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct SpecArgs {
    /// Specs, by id, path or glob. Default: all.
    #[arg(value_name = "SPEC", add = ArgValueCandidates::new(complete::specs))]
    specs: Vec<String>,
    /// The same as SPEC.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1.., hide = true)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    named: Vec<String>,
}

impl SpecArgs {
    /// All patterns, in the order of the two spellings.
    pub(super) fn all(&self) -> Vec<String> {
        self.specs.iter().chain(&self.named).cloned().collect()
    }
}

/// The specs that a command changes: at least one.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct NamedSpecArgs {
    /// Specs, by id, path or glob.
    #[arg(value_name = "SPEC", required_unless_present = "named")]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    specs: Vec<String>,
    /// The same as SPEC.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1.., hide = true)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    named: Vec<String>,
}

impl NamedSpecArgs {
    /// One spec.
    pub(super) fn of(spec: &SpecId) -> Self {
        Self { specs: vec![spec.to_string()], named: Vec::new() }
    }

    /// All patterns, in the order of the two spellings.
    pub(super) fn all(&self) -> Vec<String> {
        self.specs.iter().chain(&self.named).cloned().collect()
    }
}

/// A past run and its specs.
#[derive(Clone, Debug, Args)]
pub(super) struct PastArgs {
    /// A run's number in `regen log`, and specs of it by id or glob. Default: the last run.
    #[arg(value_name = "RUN|SPEC", add = ArgValueCandidates::new(complete::runs_and_specs))]
    names: Vec<String>,
    /// The same as SPEC.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1.., hide = true)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    named: Vec<String>,
}

impl PastArgs {
    /// The run's number, if the first name is one, and the specs.
    pub(super) fn parts(&self) -> (Option<i64>, Vec<String>) {
        let run = self.names.first().and_then(|name| name.parse().ok());
        let specs = self.names.iter().skip(usize::from(run.is_some()));
        (run, specs.chain(&self.named).cloned().collect())
    }
}

/// Arguments of `run` and `cassette record`.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) specs: SpecArgs,
    #[command(flatten)]
    pub(super) flags: RunFlags,
    /// The earlier and the present id of a spec that takes its code along.
    #[arg(skip)]
    pub(super) renamed: Option<(SpecId, SpecId)>,
}

impl RunArgs {
    /// Of one spec, with the code of another one.
    pub(super) fn renamed(from: SpecId, to: SpecId) -> Self {
        let specs = SpecArgs { specs: vec![to.to_string()], named: Vec::new() };
        Self { specs, flags: RunFlags::default(), renamed: Some((from, to)) }
    }
}

/// Arguments of regen without a subcommand.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct BareArgs {
    /// Run these specs, by id, path or glob; short for `regen run SPEC…`.
    #[arg(short, long = "spec", value_name = "SPEC", num_args = 1..)]
    #[arg(add = ArgValueCandidates::new(complete::specs))]
    specs: Vec<String>,
    #[command(flatten)]
    flags: RunFlags,
}

impl BareArgs {
    /// The same as arguments of `run`; `None` if no spec is named.
    pub(super) fn run(self) -> Option<RunArgs> {
        let Self { specs, flags } = self;
        let named = !specs.is_empty();
        named.then(|| RunArgs {
            specs: SpecArgs { specs, named: Vec::new() },
            flags,
            renamed: None,
        })
    }
}

/// Options of a run.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct RunFlags {
    /// Regenerate even if up to date.
    #[arg(long)]
    pub(super) force: bool,
    /// Save manual edits to .regen/drift/ and replace them, instead of refusing. Restores the
    /// promoted files from the store if nothing else changed.
    #[arg(long)]
    pub(super) discard_edits: bool,
    /// Keep the candidates' folders and print their paths.
    #[arg(long)]
    pub(super) keep: bool,
}

/// Arguments of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Run as if started in this folder.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
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
