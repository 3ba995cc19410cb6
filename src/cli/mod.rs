//! The command line: arguments, and one file per subcommand.
#![expect(clippy::disallowed_methods, reason = "the door that reads the environment")]

mod args;
mod cassette;
mod check;
mod context;
mod control;
mod diff;
mod doctor;
pub mod exit;
mod export;
mod gc;
mod init;
mod isolation;
mod lint;
mod log;
mod model;
mod rollback;
mod run;
mod show;
mod signals;
mod status;
mod trace;
mod verify;
mod watch;
mod why;

use std::io::Write;
use std::sync::atomic::Ordering;

use clap::{CommandFactory, Parser, Subcommand};

use crate::daemon::Command as DaemonCommand;
use crate::workspace::CommandError;
use args::{Global, RunArgs};
use context::{Context, error_object, variable};

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
    regen --spec roman             generate, gate and promote one spec\n  \
    regen run                      generate everything that is out of date\n  \
    regen plan                     show what would run, and why\n  \
    regen why roman                show why it is, or is not, promoted\n\n\
    Exit codes: 0 success · 1 unexpected · 2 usage or configuration · 10 spec refused · 20 every attempt \
    rejected · 21 spec suspected · 22 drift · 30 generator unavailable · 31 budget exhausted · \
    40 environment · 130 interrupted")]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<CliCommand>,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Generate, gate and promote everything that is out of date.
    #[command(after_help = "Examples:\n  regen run\n  regen run --spec 'text-*' --json")]
    Run(RunArgs),
    /// Show what would run, and why. Calls no model.
    #[command(after_help = "Example:\n  regen plan --json | jq '.jobs[].parts[].reason'")]
    Plan {
        /// A spec by id, path or glob.
        #[arg(short, long = "spec", value_name = "ID|PATH|GLOB", num_args = 1..)]
        specs: Vec<String>,
    },
    /// Check that generated/ is exactly what was accepted for these specs. Calls no model.
    #[command(after_help = check::HELP)]
    Check(check::CheckArgs),
    /// Verify attestations and the trees beside them, offline.
    #[command(
        after_help = "Examples:\n  regen verify\n  regen verify --key release.pub generated/roman\n\n\
        Exit codes: 0 all are valid · 22 one is not"
    )]
    Verify(verify::VerifyArgs),
    /// Check specs: unbound requirements, vague words, contradictions. Calls no model.
    #[command(after_help = "Examples:\n  regen lint\n  regen lint --level note roman\n  \
        regen lint --format sarif > lint.sarif\n  regen lint docs/requirements.md\n\n\
        Exit codes: 0 no errors · 10 a finding of level error. `[lint.rules]` in harness.toml sets levels.")]
    Lint(lint::LintArgs),
    /// Show changed clauses and the targets they make out of date. Calls no model.
    #[command(
        after_help = "Examples:\n  regen diff                     against what is promoted\n  \
        regen diff HEAD~1              against a Git revision\n  \
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
    /// Show each spec: promoted or not, and how its last job ended.
    #[command(
        after_help = "Examples:\n  regen status\n  regen status --follow          update until Ctrl-C"
    )]
    Status {
        /// Keep updating.
        #[arg(short, long)]
        follow: bool,
    },
    /// Show events, oldest first; for one spec its promotions, with the clauses that changed.
    #[command(after_help = "Examples:\n  regen log roman                  its promotions\n  \
                            regen log --spec roman --limit 20\n  regen log --follow --json")]
    Log {
        /// A spec, by id or path: show its promotions.
        #[arg(value_name = "SPEC", conflicts_with_all = ["spec", "limit", "follow"])]
        of: Option<String>,
        /// Only this spec.
        #[arg(short, long, value_name = "ID")]
        spec: Option<String>,
        /// Only the newest entries.
        #[arg(short = 'n', long, default_value_t = 200)]
        limit: u32,
        /// Keep printing new entries.
        #[arg(short, long)]
        follow: bool,
    },
    /// Show the attempts of a run: prompts, replies, gate results and output.
    #[command(after_help = "Example:\n  regen show 12 --spec roman --attempt 2 | less")]
    Show(show::ShowArgs),
    /// Write a run as one archive that can be replayed elsewhere.
    #[command(
        after_help = "Example:\n  regen export 12 && tar -xzf regen-run-12.tar.gz && cd regen-run-12 && \
                            regen --spec roman"
    )]
    Export(export::ExportArgs),
    /// Delete stored data of old failed attempts.
    #[command(after_help = "Examples:\n  regen gc --dry-run\n  regen gc --days 7")]
    Gc(gc::GcArgs),
    /// Explain why a spec is, or is not, promoted: fault, clause, findings.
    Why {
        /// The spec's id.
        spec: String,
    },
    /// Put an earlier promotion of a spec back, with its lockfile entry and attestation.
    #[command(
        after_help = "Examples:\n  regen rollback roman             to the previous promotion\n  \
                            regen log roman                  list the promotions\n  regen rollback roman --to 12"
    )]
    Rollback(rollback::RollbackArgs),
    /// Watch specs, validators and configuration, and regenerate affected targets.
    #[command(after_help = "Shuts down cleanly on SIGTERM or Ctrl-C; reloads on SIGHUP.\n\n\
                            Examples:\n  regen watch --json | tee watch.jsonl\n  regen watch --http 127.0.0.1:7300")]
    Watch(watch::WatchArgs),
    /// Reload the workspace and run these specs next.
    #[command(
        after_help = "Examples:\n  regen trigger roman\n  regen trigger roman --force    even if up to date"
    )]
    Trigger {
        /// Specs, by id or glob.
        specs: Vec<String>,
        /// Regenerate them even if up to date.
        #[arg(long, requires = "specs")]
        force: bool,
    },
    /// Cancel these specs' jobs until their inputs change or `regen retry`.
    #[command(after_help = "Example:\n  regen cancel 'text-*'")]
    Cancel {
        /// Specs, by id or glob.
        #[arg(required = true)]
        specs: Vec<String>,
    },
    /// Retry failed specs: these, or all.
    #[command(after_help = "Example:\n  regen retry roman")]
    Retry {
        /// Specs, by id or glob.
        specs: Vec<String>,
    },
    /// Pause scheduling; running jobs finish.
    Pause,
    /// Resume scheduling.
    Resume,
    /// Record, list, check and delete recorded model exchanges.
    #[command(subcommand)]
    Cassette(cassette::CassetteCommand),
    /// Create a workspace in this folder.
    Init,
    /// Check the machine: tools, folders, generator.
    #[command(
        after_help = "The server is asked which models it has, which costs nothing.\n\nExamples:\n  regen doctor\n  regen doctor --deep"
    )]
    Doctor {
        /// Ask each model one short question too, at its price.
        #[arg(long)]
        deep: bool,
    },
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  regen completions bash > ~/.local/share/bash-completion/completions/regen"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Prints a usage error, the help or the version; the latter two go to standard output.
fn misread(error: &clap::Error) -> u8 {
    drop(error.print());
    if error.use_stderr() && std::env::args().any(|arg| arg == "--json") {
        let message = error.render().to_string();
        drop(writeln!(std::io::stdout(), "{}", error_object(exit::USAGE, message.trim(), &[])));
    }
    if error.use_stderr() { exit::USAGE } else { exit::DONE }
}

/// Runs the program on this thread and returns its exit code.
///
/// `sandbox::keep` comes first: it forks, so no runtime thread may exist yet. The runtime is built
/// here, not in `main.rs`, because an async function is compiled in the crate that polls it, and
/// the binary crate would compile all of it again.
pub fn start() -> u8 {
    crate::sandbox::keep(std::env::args_os());
    crate::generator::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_or(exit::ENVIRONMENT, |runtime| runtime.block_on(main()))
}

/// Runs the command line. Gives the exit code.
async fn main() -> u8 {
    crate::process::keep_private();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misread(&error),
    };
    let door = Context::new(cli.global.clone());
    if let Err(error) = signals::log(&cli.global) {
        door.say(&format!("error: --log-file: {error}"));
        return exit::USAGE;
    }
    if let Err(error) = signals::second_ends() {
        door.say(&format!("error: signals: {error}"));
        return exit::ENVIRONMENT;
    }
    let watches = matches!(cli.command, Some(CliCommand::Watch(_)));
    let work = perform(&door, cli.run, cli.command);
    let result = tokio::select! {
        result = work => result,
        // A daemon handles the signal itself and shuts down cleanly.
        () = signals::interrupted(), if !watches => {
            door.say("Interrupted. Rerun the command to resume");
            return exit::INTERRUPTED;
        }
    };
    let code = result.unwrap_or_else(|error| door.fail(&error));
    if door.lost.load(Ordering::Relaxed) && code == exit::DONE {
        door.say("error: cannot write to standard output");
        return exit::ENVIRONMENT;
    }
    code
}

/// Performs a command; without one, runs the named specs.
async fn perform(
    door: &Context,
    run: RunArgs,
    command: Option<CliCommand>,
) -> Result<u8, CommandError> {
    let Some(command) = command else {
        return if !run.specs.is_empty() {
            run::run(door, run, None).await
        } else if door.global.json {
            Err(CommandError::usage(
                "nothing to do; name specs with --spec, or a command".to_owned(),
            ))
        } else {
            drop(Cli::command().print_help());
            Ok(exit::USAGE)
        };
    };
    if run != RunArgs::default() {
        return Err(CommandError::usage(
            "options of a run before another command have no effect; put them after `run`"
                .to_owned(),
        ));
    }
    match command {
        CliCommand::Run(args) => run::run(door, args, None).await,
        CliCommand::Plan { specs } => run::plan(door, &specs).await,
        CliCommand::Check(args) => check::check(door, &args).await,
        CliCommand::Diff(args) => diff::diff(door, &args),
        CliCommand::Lint(args) => lint::lint(door, &args),
        CliCommand::Trace(args) => trace::trace(door, &args),
        CliCommand::Rollback(args) => rollback::rollback(door, &args).await,
        CliCommand::Watch(args) => watch::watch(door, &args).await,
        CliCommand::Trigger { specs, force } => {
            control::order(door, DaemonCommand::Trigger { force }, &specs).await
        }
        CliCommand::Cancel { specs } => control::order(door, DaemonCommand::Cancel, &specs).await,
        CliCommand::Retry { specs } => control::order(door, DaemonCommand::Retry, &specs).await,
        CliCommand::Pause => control::order(door, DaemonCommand::Pause, &[]).await,
        CliCommand::Resume => control::order(door, DaemonCommand::Resume, &[]).await,
        CliCommand::Status { follow: true } => status::follow_status(door).await,
        CliCommand::Status { follow: false } => status::show_status(door).await,
        CliCommand::Log { of: Some(spec), .. } => log::show_promotions(door, &spec),
        CliCommand::Show(args) => show::show(door, &args),
        CliCommand::Export(args) => export::export(door, &args),
        CliCommand::Gc(args) => gc::gc(door, &args),
        CliCommand::Verify(args) => verify::verify(door, &args),
        CliCommand::Log { spec, limit, follow, .. } => {
            let shown = log::show_entries(door, spec.as_deref(), limit, follow);
            if follow {
                log::follow_entries(door, spec.as_deref(), shown?).await
            } else {
                shown.map(|_| exit::DONE)
            }
        }
        CliCommand::Why { spec } => why::why(door, &spec).await,
        CliCommand::Cassette(command) => cassette::run(door, command).await,
        CliCommand::Init => init::init(door),
        CliCommand::Doctor { deep } => doctor::doctor(door, deep).await,
        CliCommand::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "regen", &mut std::io::stdout());
            Ok(exit::DONE)
        }
    }
}
