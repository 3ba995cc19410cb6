//! The isolation level of this machine, and whether it suffices.

use std::path::Path;

use super::{Context, variable};
use crate::sandbox::{self, Probe};
use crate::types::Isolation;
use crate::types::harness::SandboxConfig;
use crate::workspace::{CommandError, ErrorKind};

/// The variable that must allow a level below the default, in addition to `harness.toml`.
const ALLOWS: &str = "REGEN_MIN_LEVEL";

/// Probes what isolation this machine offers.
pub async fn probe(cache: &Path, config: &SandboxConfig) -> Probe {
    // This running program, even if its file was replaced meanwhile.
    let supervisor = if cfg!(target_os = "linux") {
        Path::new("/proc/self/exe").to_owned()
    } else {
        std::env::current_exe().unwrap_or_default()
    };
    let memory = config.memory_mb.unwrap_or_else(three_quarters);
    sandbox::probe(&supervisor, cache, memory).await
}

/// Probes, and fails if the level is too low to run candidates.
///
/// # Errors
/// The level is too low; the message lists what is missing and how to fix it.
pub async fn demand(
    door: &Context,
    cache: &Path,
    config: &SandboxConfig,
) -> Result<Probe, CommandError> {
    let probe = probe(cache, config).await;
    enough(&probe, config)?;
    if let Err(error) = probe.sandbox.sweep() {
        tracing::warn!("cannot remove folders of earlier sandboxes: {error}");
    }
    if probe.level < Isolation::NAMESPACES && !door.global.quiet {
        let text = format!("isolation: level {} ({})", probe.level, probe.level.means());
        door.say(&format!(
            "{}: {text}, allowed by configuration; see `regen doctor`",
            door.paint.warn("warning")
        ));
    }
    if probe.without_landlock && !door.global.quiet {
        let text = "warning: Landlock is not available; see `regen doctor`";
        door.say(text);
    }
    Ok(probe)
}

/// Whether a level suffices.
///
/// # Errors
/// It is too low, or the variable that allows a lower one is invalid.
pub fn enough(probe: &Probe, config: &SandboxConfig) -> Result<(), CommandError> {
    let wanted = wanted(config)?;
    if probe.level < wanted { Err(refusal(probe, wanted)) } else { Ok(()) }
}

fn wanted(config: &SandboxConfig) -> Result<Isolation, CommandError> {
    let usual = Isolation::NAMESPACES;
    if config.min_level >= usual {
        return Ok(config.min_level);
    }
    let Some(text) = variable(ALLOWS) else { return Ok(usual) };
    let wrong =
        || CommandError::usage(format!("{ALLOWS}=`{text}` is invalid; it must be 0, 1, 2 or 3"));
    let level = text.parse().map(Isolation).map_err(|_| wrong())?;
    if level <= Isolation::CGROUP { Ok(level.max(config.min_level)) } else { Err(wrong()) }
}

fn refusal(probe: &Probe, wanted: Isolation) -> CommandError {
    let text = format!(
        "isolation level {} ({}) is too low; {wanted} ({}) is required",
        probe.level,
        probe.level.means(),
        wanted.means()
    );
    let mut error = CommandError::new(ErrorKind::Isolation, text);
    for one in &probe.missing {
        error = error.hint(format!("  {}", one.what));
        if !one.hint.is_empty() {
            error = error.hint(format!("    hint: {}", one.hint));
        }
    }
    error.hint(allows(probe))
}

/// The settings that allow this level.
pub fn allows(probe: &Probe) -> String {
    let level = probe.level;
    format!(
        "to allow weaker isolation, set `[sandbox] min_level = {level}` in harness.toml and \
         {ALLOWS}={level} in the environment"
    )
}

/// Three quarters of the machine's memory in MiB; 4096 if /proc/meminfo cannot be read.
fn three_quarters() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kib.map_or(4096, |kib| kib / 1024 * 3 / 4)
}
