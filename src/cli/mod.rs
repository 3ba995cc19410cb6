//! The command line: arguments, and one file per subcommand.
#![expect(clippy::disallowed_methods, reason = "the door that reads the environment")]

mod args;
mod cassette;
mod check;
mod command;
mod complete;
mod context;
mod control;
mod diff;
mod doctor;
mod examples;
mod exec;
pub mod exit;
mod export;
mod gc;
mod grade;
mod help;
mod init;
mod isolation;
mod lint;
mod log;
mod migrate;
mod model;
mod output;
mod plan;
mod remove;
mod rename;
mod rollback;
mod run;
mod samples;
mod show;
mod signals;
mod status;
mod toolchain;
mod trace;
mod verify;
mod watch;
mod why;
mod worker;

use std::io::Write;

use clap::FromArgMatches;
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use crate::daemon::Command as DaemonCommand;
use crate::workspace::CommandError;
use args::{BareArgs, RunArgs};
use command::{Cli, CliCommand, SchemaFormat};
use context::{Context, error_object, variable};

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
    if let Some((code, text)) = examples::compared() {
        drop(std::io::stdout().write_all(text.as_bytes()));
        return code;
    }
    if let Some(code) = completed() {
        return code;
    }
    crate::generator::install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_or(exit::ENVIRONMENT, |runtime| runtime.block_on(main()))
}

/// Answers a shell that completes a command line, which it asks for with the variable `COMPLETE`.
fn completed() -> Option<u8> {
    let asked = std::env::var_os("COMPLETE").is_some_and(|shell| !shell.is_empty());
    if !asked {
        return None;
    }
    let here = std::env::current_dir().ok();
    let engine = CompleteEnv::with_factory(help::command).bin("regen").completer("regen");
    match engine.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(true) => Some(exit::DONE),
        Ok(false) => None,
        Err(error) => Some(misread(&error)),
    }
}

/// Parses the arguments, and goes to the folder of `-C`.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = help::command();
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    let cli =
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
    if let Some(folder) = &cli.global.directory {
        std::env::set_current_dir(folder).map_err(|error| {
            let why = format!("-C {}: {error}", folder.display());
            command.error(clap::error::ErrorKind::Io, why)
        })?;
    }
    Ok(cli)
}

/// Runs the command line. Gives the exit code.
async fn main() -> u8 {
    crate::process::keep_private();
    let cli = match parse() {
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
    let watches = matches!(cli.command, Some(CliCommand::Watch(_) | CliCommand::Worker(_)));
    let work = perform(&door, cli.bare, cli.command);
    let result = tokio::select! {
        result = work => result,
        // A daemon and a worker handle the signal themselves and shut down cleanly.
        () = signals::interrupted(), if !watches => {
            door.say("Interrupted. Rerun the command to resume");
            return exit::INTERRUPTED;
        }
    };
    let code = result.unwrap_or_else(|error| door.fail(&error));
    door.end(code)
}

/// Performs a command; without one, runs the named specs.
async fn perform(
    door: &Context,
    bare: BareArgs,
    command: Option<CliCommand>,
) -> Result<u8, CommandError> {
    let Some(command) = command else {
        return match bare.run() {
            Some(args) => run::run(door, args, None).await,
            None if door.global.json => {
                let why = "nothing to do; name specs with --spec, or a command";
                Err(CommandError::usage(why.to_owned()))
            }
            None => {
                door.show(&help::command().render_help().to_string());
                Ok(exit::USAGE)
            }
        };
    };
    if bare != BareArgs::default() {
        return Err(CommandError::usage(
            "options of a run before another command have no effect; put them after `run`"
                .to_owned(),
        ));
    }
    match command {
        CliCommand::Run(args) => run::run(door, args, None).await,
        CliCommand::Plan(args) => plan::plan(door, &args).await,
        CliCommand::Check(args) => check::check(door, &args).await,
        CliCommand::Diff(args) => diff::diff(door, &args),
        CliCommand::Lint(args) => lint::lint(door, &args),
        CliCommand::Trace(args) => trace::trace(door, &args),
        CliCommand::Rollback(args) => rollback::rollback(door, &args).await,
        CliCommand::Exec(args) => exec::exec(door, &args),
        CliCommand::Remove(args) => remove::remove(door, &args).await,
        CliCommand::Rename(args) => rename::rename(door, args).await,
        CliCommand::Watch(args) => watch::watch(door, &args).await,
        CliCommand::Status { specs, follow: true } => {
            status::follow_status(door, &specs.all()).await
        }
        CliCommand::Status { specs, follow: false } => {
            status::show_status(door, &specs.all()).await
        }
        CliCommand::Log(args) => log::log(door, &args).await,
        CliCommand::Show(args) => show::show(door, &args),
        CliCommand::Export(args) => export::export(door, &args),
        CliCommand::Grade(args) => grade::grade(door, &args).await,
        CliCommand::Samples(command) => samples::samples(door, &command),
        CliCommand::Gc(args) => gc::gc(door, &args),
        CliCommand::Verify(args) => verify::verify(door, &args),
        CliCommand::Why(specs) => why::why(door, &specs.all()).await,
        CliCommand::Cassette(command) => cassette::run(door, command).await,
        CliCommand::Worker(args) => worker::worker(door, &args).await,
        CliCommand::Workers => worker::workers(door).await,
        other => around(door, other).await,
    }
}

/// Performs a command to the daemon, or one that needs no workspace.
async fn around(door: &Context, command: CliCommand) -> Result<u8, CommandError> {
    match command {
        CliCommand::Trigger { specs, force } => {
            let specs = specs.all();
            if force && specs.is_empty() {
                return Err(CommandError::usage("--force requires the names of specs".to_owned()));
            }
            control::order(door, DaemonCommand::Trigger { force }, &specs).await
        }
        CliCommand::Cancel(specs) => {
            control::order(door, DaemonCommand::Cancel, &specs.all()).await
        }
        CliCommand::Retry(specs) => control::order(door, DaemonCommand::Retry, &specs.all()).await,
        CliCommand::Pause => control::order(door, DaemonCommand::Pause, &[]).await,
        CliCommand::Resume => control::order(door, DaemonCommand::Resume, &[]).await,
        CliCommand::Init(args) => init::init(door, &args).await,
        CliCommand::Migrate(args) => migrate::migrate(door, &args),
        CliCommand::Toolchain(command) => toolchain::run(door, command).await,
        CliCommand::Doctor { deep } => doctor::doctor(door, deep).await,
        CliCommand::Schema { format } => {
            door.print(&schema(format));
            Ok(exit::DONE)
        }
        CliCommand::Man { output } => help::man(door, output.as_deref()),
        CliCommand::Completions { shell } => completions(door, shell),
        _ => unreachable!("performed before"),
    }
}

/// The JSON schema of a format.
fn schema(format: SchemaFormat) -> String {
    let pretty =
        |schema: schemars::Schema| serde_json::to_string_pretty(&schema).unwrap_or_default();
    match format {
        SchemaFormat::Harness => crate::config::schema(),
        SchemaFormat::Policy => crate::config::policy_schema(),
        SchemaFormat::ValidatorRequest => {
            pretty(schemars::schema_for!(crate::gate::ValidatorRequest))
        }
        SchemaFormat::ValidatorReport => {
            pretty(schemars::schema_for!(crate::gate::ValidatorReport))
        }
        SchemaFormat::Toolchain => pretty(schemars::schema_for!(crate::toolchain::ToolchainFile)),
    }
}

/// Prints a script that lets a shell ask regen for completions.
fn completions(door: &Context, shell: clap_complete::Shell) -> Result<u8, CommandError> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    if let Some(completer) = shells.completer(&shell.to_string()) {
        completer.write_registration("COMPLETE", "regen", "regen", "regen", &mut script)?;
    }
    door.print(&String::from_utf8_lossy(&script));
    Ok(exit::DONE)
}
