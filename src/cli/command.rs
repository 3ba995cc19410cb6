//! The commands and their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::args::{BareArgs, Global, NamedSpecArgs, RunArgs, SpecArgs};
use super::{
    cassette, check, diff, exec, export, gc, grade, init, lint, log, migrate, plan, remove, rename,
    samples,
};
use super::{rollback, show, toolchain, trace, verify, watch, worker};

/// Generates code from specs and promotes only what passes its gates.
///
/// Reads Markdown specs, asks a coding model for the code, checks every answer with gates, and
/// promotes it into generated/ only when every gate passes.
#[derive(Debug, Parser)]
#[command(
    name = "regen",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = false
)]
#[command(after_help = "Examples:\n  regen init                     start a workspace here\n  \
    regen run roman                generate, gate and promote one spec\n  \
    regen run                      generate everything that is out of date\n  \
    regen plan                     show what would run, why, and the most it can cost\n  \
    regen why roman                show why it is, or is not, promoted\n  \
    regen check                    in CI: is generated/ what was accepted for these specs?\n\n\
    Exit codes: 0 success · 1 unexpected · 2 usage or configuration · 10 spec refused · 20 every attempt \
    rejected · 21 spec suspected · 22 drift · 30 generator unavailable · 31 budget exhausted · \
    40 environment · 130 interrupted")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) bare: BareArgs,
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Option<CliCommand>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(super) enum CliCommand {
    /// Create a workspace.
    #[command(after_help = init::HELP)]
    Init(init::InitArgs),
    /// Generate, gate and promote everything that is out of date, or these specs.
    #[command(
        after_help = "Examples:\n  regen run\n  regen run roman\n  regen run 'text-*' --json"
    )]
    Run(RunArgs),
    /// Show what would run, why, and the most it can cost. Calls no model.
    #[command(after_help = plan::HELP)]
    Plan(plan::PlanArgs),
    /// Check that generated/ is exactly what was accepted for these specs. Calls no model.
    #[command(after_help = check::HELP)]
    Check(check::CheckArgs),
    /// Verify attestations and the trees beside them, offline.
    #[command(after_help = "Examples:\n  regen verify\n  regen verify roman\n  \
        regen verify --key release.pub generated/roman\n\n\
        Exit codes: 0 all are valid · 22 one is not")]
    Verify(verify::VerifyArgs),
    /// Check specs: unbound demands, vague words, contradictions. Calls no model.
    #[command(after_help = "Examples:\n  regen lint\n  regen lint --level note roman\n  \
        regen lint --format sarif > lint.sarif\n  regen lint docs/requirements.md\n\n\
        Exit codes: 0 no errors · 10 a finding of level error. `[lint.rules]` in harness.toml sets levels.")]
    Lint(lint::LintArgs),
    /// Show changed clauses and the targets they make out of date. Calls no model.
    #[command(
        after_help = "Examples:\n  regen diff                     against what is promoted\n  \
        regen diff roman               only this spec\n  \
        regen diff HEAD~1 roman        against a Git revision\n  \
        regen diff main..feature --format markdown\n  \
        regen diff --merge-base main   clauses that both sides changed are conflicts\n\n\
        Exit codes: 0 compared · 10 both sides changed a clause (--merge-base)"
    )]
    Diff(diff::DiffArgs),
    /// Show each clause's tests and their last result. Calls no model.
    #[command(after_help = "Examples:\n  regen trace                    the matrix\n  \
        regen trace --results target/junit.xml\n  regen trace --format html > trace.html\n  \
        regen trace --write            then commit regen.trace\n  regen trace --check            in CI\n\n\
        Exit codes: 0 · 20 fewer clauses covered than `[trace]` in harness.toml requires · 22 regen.trace is \
        out of date (--check)")]
    Trace(trace::TraceArgs),
    /// Show the daemon, today's spending, and each spec: promoted or not, and how its last job
    /// ended.
    #[command(after_help = "Examples:\n  regen status\n  regen status roman\n  \
        regen status --follow          update until Ctrl-C")]
    Status {
        #[command(flatten)]
        specs: SpecArgs,
        /// Keep updating.
        #[arg(short, long)]
        follow: bool,
    },
    /// Show events, oldest first; for named specs their promotions, with the clauses that changed.
    #[command(after_help = "Examples:\n  regen log roman                  its promotions\n  \
                            regen log --spec roman --limit 20\n  regen log --follow --json")]
    Log(log::LogArgs),
    /// Show the attempts of a run: prompts, replies, gate results and output. Default: the last
    /// run.
    #[command(after_help = "Examples:\n  regen show                       the last run\n  \
        regen show roman                 the last run of a spec\n  \
        regen show 12 roman --attempt 2 | less")]
    Show(show::ShowArgs),
    /// Write a run as one archive that can be replayed elsewhere. Default: the last run.
    #[command(
        after_help = "Example:\n  regen export 12 && tar -xzf regen-run-12.tar.gz && cd regen-run-12 && \
                            regen run roman"
    )]
    Export(export::ExportArgs),
    /// Write graded answers of models under test as training data.
    #[command(subcommand)]
    #[command(after_help = samples::HELP)]
    Samples(samples::SamplesCommand),
    /// Grade answers from elsewhere by a spec's tests of behaviour. Calls no model.
    #[command(after_help = grade::HELP)]
    Grade(grade::GradeArgs),
    /// Delete stored data of old failed attempts.
    #[command(after_help = "Examples:\n  regen gc --dry-run\n  regen gc --days 7")]
    Gc(gc::GcArgs),
    /// Explain why specs are, or are not, promoted: fault, clause, findings. Default: the specs of
    /// the last run.
    #[command(after_help = "Examples:\n  regen why\n  regen why roman")]
    Why(SpecArgs),
    /// Put an earlier promotion of specs back, with lockfile entry and attestation.
    #[command(
        after_help = "Examples:\n  regen rollback roman             to the previous promotion\n  \
                            regen log roman                  list the promotions\n  regen rollback roman --to 12"
    )]
    Rollback(rollback::RollbackArgs),
    /// Delete the promoted code of a spec, with lockfile entry and attestation.
    #[command(after_help = remove::HELP)]
    Remove(remove::RemoveArgs),
    /// Give a spec's code to the same spec under another id. Calls no model.
    #[command(after_help = rename::HELP)]
    Rename(rename::RenameArgs),
    /// Run a program while no promoted code is switched.
    #[command(after_help = exec::HELP)]
    Exec(exec::ExecArgs),
    /// Watch specs, validators and configuration, and regenerate affected targets.
    #[command(after_help = "Shuts down cleanly on SIGTERM or Ctrl-C; reloads on SIGHUP.\n\n\
                            Examples:\n  regen watch --json | tee watch.jsonl\n  regen watch --http :7300")]
    Watch(watch::WatchArgs),
    /// Run gates, or ask a model, for regen on other machines.
    #[command(after_help = worker::HELP)]
    Worker(worker::WorkerArgs),
    /// Show the workers of `[workers]`, and the gates that wait for one.
    #[command(after_help = "Examples:\n  regen workers\n  regen workers --json")]
    Workers,
    /// Reload the workspace and run these specs next.
    #[command(
        after_help = "Examples:\n  regen trigger roman\n  regen trigger roman --force    even if up to date"
    )]
    Trigger {
        #[command(flatten)]
        specs: SpecArgs,
        /// Regenerate them even if up to date.
        #[arg(long)]
        force: bool,
    },
    /// Cancel these specs' jobs until their inputs change or `regen retry`.
    #[command(after_help = "Example:\n  regen cancel 'text-*'")]
    Cancel(NamedSpecArgs),
    /// Retry failed specs: these, or all.
    #[command(after_help = "Example:\n  regen retry roman")]
    Retry(SpecArgs),
    /// Pause scheduling; running jobs finish.
    #[command(after_help = "Example:\n  regen pause")]
    Pause,
    /// Resume scheduling.
    #[command(after_help = "Example:\n  regen resume")]
    Resume,
    /// Record, list, check and delete recorded model exchanges.
    #[command(subcommand)]
    #[command(after_help = "Examples:\n  regen cassette record roman --force\n  regen cassette ls")]
    Cassette(cassette::CassetteCommand),
    /// Show the change of `harness.toml` for another language, and what would be generated.
    #[command(after_help = migrate::HELP)]
    Migrate(migrate::MigrateArgs),
    /// List, print and check toolchains that a file declares.
    #[command(subcommand)]
    #[command(after_help = "Examples:\n  regen toolchain ls\n  regen toolchain check go")]
    Toolchain(toolchain::ToolchainCommand),
    /// Check the machine: tools, folders, generator.
    #[command(
        after_help = "The server is asked which models it has, which costs nothing.\n\nExamples:\n  regen doctor\n  \
        regen doctor --deep\n\nExit codes: 0 all is there · 40 something is missing"
    )]
    Doctor {
        /// Ask each model one short question too, at its price.
        #[arg(long)]
        deep: bool,
    },
    /// Print the JSON schema of harness.toml, for editors.
    #[command(after_help = "Example:\n  regen schema > harness.schema.json")]
    Schema {
        /// The format to describe.
        #[arg(value_enum, default_value = "harness", value_name = "FORMAT")]
        format: SchemaFormat,
    },
    /// Print the manual page, or write one page per command into a folder.
    #[command(
        after_help = "Examples:\n  regen man | man -l -\n  regen man --output ~/.local/share/man/man1"
    )]
    Man {
        /// Write `regen.1`, `regen-run.1` … into this folder.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Print a completion script for a shell. It completes specs, targets, gates and runs too.
    #[command(
        after_help = "Example:\n  regen completions bash > ~/.local/share/bash-completion/completions/regen"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The formats with a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum SchemaFormat {
    Harness,
    Policy,
    ValidatorRequest,
    ValidatorReport,
    Toolchain,
}
