//! `regen exec`: runs a program while nothing in `generated/` is switched.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

use super::{Context, run};
use crate::engine::Engine;
use crate::promote::Promoter;
use crate::store::{ReadersLock, WriterLock};
use crate::types::limits;
use crate::workspace::{CommandError, ErrorKind, WorkspaceLayout, load};

/// Text below the help.
pub const HELP: &str = "The program, and what it starts, sees all promoted code as it was at one \
    moment: a promotion waits until it has ended, at most 30 s, and is tried again later.\n\n\
    Examples:\n  regen exec -- rsync -a generated/ /srv/app/\n  \
    regen exec --spec roman -- tar -cf roman.tar generated/roman\n\n\
    Exit codes: the program's · 2 a spec is not promoted · 40 the program cannot be started";

/// The variable that tells a `regen exec` within a program that another one of this folder holds
/// the lock.
const WITHIN: &str = "REGEN_EXEC";

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Fail if one of these specs is not promoted: ids, paths or globs.
    #[arg(short, long, num_args = 1.., value_name = "SPEC")]
    spec: Vec<String>,
    /// The program and its arguments.
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs the program in place of this one.
pub fn exec(door: &Context, args: &ExecArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    places.make_state()?;
    let lock = whole(door, &places)?;
    if !args.spec.is_empty() {
        let workspace = load(&places, None)?;
        let promoted = workspace.standing.spec.keys().cloned().collect();
        workspace.select_among(&args.spec, &promoted)?;
    }
    lock.keep_beyond_exec()?;
    let (program, rest) = args.command.split_first().expect("clap requires one");
    let why = Command::new(program).args(rest).env(WITHIN, &places.state).exec();
    let message = format!("cannot start {}: {why}", program.to_string_lossy());
    Err(CommandError::new(ErrorKind::Io, message))
}

/// The lock of a reader, once `generated/` is whole.
fn whole(door: &Context, places: &WorkspaceLayout) -> Result<ReadersLock, CommandError> {
    let promoter = Promoter::new(places.root.clone(), places.state.clone());
    let started = Instant::now();
    let is_within = std::env::var_os(WITHIN).is_some_and(|state| state == places.state);
    loop {
        let lock = if is_within {
            ReadersLock::shared_within(&places.state)?
        } else {
            ReadersLock::shared(&places.state)?
        };
        if !promoter.is_torn()? {
            return Ok(lock);
        }
        // A promotion was killed: the next writer finishes it.
        drop(lock);
        if WriterLock::is_free(&places.state) {
            let _lock = run::lock(door, places)?;
            Engine::recover(places)?;
        } else if started.elapsed() > limits::READERS {
            let why = "a promotion was interrupted, and another regen runs; restart that one";
            return Err(CommandError::new(ErrorKind::Promotion, why));
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
