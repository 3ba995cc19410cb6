//! Signals and the log, for all commands.

use std::sync::atomic::AtomicBool;

use super::args::Global;
use super::exit;
use crate::store::given::append_given;

/// Exits at once on the second signal. The next start recovers what was under way.
pub(super) fn second_ends() -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    let asked = std::sync::Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        register_conditional_shutdown(signal, exit::INTERRUPTED.into(), asked.clone())?;
        register(signal, asked.clone())?;
    }
    Ok(())
}

/// Resolves on SIGINT, SIGTERM or SIGHUP. Dropping the work kills its processes.
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
        (Ok(mut terminate), Ok(mut hangup)) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {},
                _ = terminate.recv() => {},
                _ = hangup.recv() => {},
            }
        }
        _ => drop(tokio::signal::ctrl_c().await),
    }
}

/// Starts the log.
pub(super) fn log(global: &Global) -> std::io::Result<()> {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::prelude::*;
    use tracing_subscriber::{fmt, registry};
    let level = match global.verbose {
        0 if global.log_file.is_some() => "regen=info",
        0 => "regen=warn",
        1 => "regen=info",
        _ => "regen=trace,info",
    };
    let filter = level.parse::<Targets>();
    let log = registry().with(filter.map_err(std::io::Error::other)?);
    let lines = fmt::layer().with_ansi(false).log_internal_errors(false);
    match &global.log_file {
        Some(path) => {
            let file = append_given(path).map_err(|why| {
                std::io::Error::new(why.kind(), format!("{}: {why}", path.display()))
            })?;
            log.with(lines.with_writer(std::sync::Mutex::new(file))).init();
        }
        None => log.with(lines.with_writer(std::io::stderr)).init(),
    }
    Ok(())
}
