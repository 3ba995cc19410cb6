//! `regen doctor`: checks whether the machine can run this workspace.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit};
use serde_json::json;

use super::model::{self, AgentRoom, AskModel, DoctorCheck};
use super::{Context, exit, isolation, worker};
use crate::gate::{find_language_tools, find_linter};
use crate::sandbox::Missing;
use crate::toolchain::{self, prose::linter};
use crate::types::limits;
use crate::workspace::{CommandError, ErrorKind, Workspace, load};

/// Checks tools, folders and generator, also by one call with `deep`. Exit code 40 when something
/// is missing.
pub async fn doctor(door: &Context, deep: bool) -> Result<u8, CommandError> {
    let ask = if deep { AskModel::Answer } else { AskModel::List };
    let (checks, missing) = look(door, ask).await?;
    tell(door, &checks, &missing);
    let good = checks.iter().all(|check| check.good);
    Ok(if good { exit::DONE } else { exit::ENVIRONMENT })
}

/// Warns a starting daemon about failed checks. It starts anyway: what is missing may be installed
/// later.
pub async fn preflight(door: &Context) -> Result<(), CommandError> {
    let (checks, _) = look(door, AskModel::Nothing).await?;
    for check in checks.iter().filter(|check| !check.good) {
        door.say(&format!("{}: {}: {}", door.paint.warn("warning"), check.name, check.says));
        if let Some(hint) = &check.hint {
            door.say(&format!("  hint: {hint}"));
        }
    }
    Ok(())
}

async fn look(
    door: &Context,
    ask: AskModel,
) -> Result<(Vec<DoctorCheck>, Vec<Missing>), CommandError> {
    let mut checks = vec![open_files(&getrlimit(Resource::Nofile))];
    let mut add = |name: &str, result: Result<String, String>| {
        let name = name.to_owned();
        let good = result.is_ok();
        let says = result.unwrap_or_else(|why| why);
        checks.push(DoctorCheck { name, good, says, hint: None });
    };
    let found = door.cache();
    let cache = found.as_ref().map_or(std::path::PathBuf::from("/dev/null/regen"), Clone::clone);
    let usable = found.map_err(|error| error.lines()).and_then(|cache| writable(&cache));
    add("cache folder", usable.map(|()| cache.display().to_string()));
    let loaded = door.reading().and_then(|places| load(&places, None));
    // Without a workspace, every built-in language.
    let languages = match &loaded {
        Ok(workspace) => toolchain::used(workspace.harness.target.values()),
        Err(_) => toolchain::all().to_vec(),
    };
    let mut here = BTreeMap::new();
    for language in languages {
        let tools = find_language_tools(language, &door.tool_env(), &cache).await;
        here.extend(tools.iter().map(|tools| (language.id().to_owned(), tools.clone())));
        add(language.id(), tools.map(|t| t.version).map_err(|e| e.to_string()));
    }
    let config = loaded.as_ref().map(|w| w.harness.sandbox.clone()).unwrap_or_default();
    let probe = isolation::probe(&cache, &config).await;
    let by = probe.sandbox.backend().name();
    let level = format!("level {} ({}, by {by})", probe.level, probe.level.means());
    let enough = isolation::enough(&probe, &config);
    let refused = |error: CommandError| match error.kind() {
        ErrorKind::Isolation => {
            format!("{level} is too low; {}", isolation::allows(&probe))
        }
        _ => error.lines(),
    };
    add("isolation", enough.map(|()| level.clone()).map_err(refused));
    match loaded {
        Err(error) => add("workspace", Err(error.lines())),
        Ok(workspace) => {
            let state = &workspace.places.state;
            add("workspace", writable(state).map(|()| workspace.places.root.display().to_string()));
            let errors = workspace.refused(None);
            let admitted = format!("{} admitted", workspace.specs.len());
            let refused = format!("refused: {}", errors.join(", "));
            add("specs", if errors.is_empty() { Ok(admitted) } else { Err(refused) });
            let harness = &workspace.harness;
            match &harness.generator {
                None => add("generator", Ok("not needed: no target is generated".to_owned())),
                Some(generator) => {
                    let read_only = &workspace.read_only();
                    let room = AgentRoom { sandbox: &probe.sandbox, read_only };
                    let pool = harness.workers.as_ref().and_then(|one| one.ask.as_deref());
                    checks.extend(model::checks(generator, ask, room, pool).await);
                    checks.extend(model::under_test(harness, ask, room).await);
                }
            }
            checks.extend(style(door, &workspace, &cache).await);
            if let Some(config) = &harness.workers {
                checks.push(worker::checked(harness, config, &here).await);
            }
        }
    }
    Ok((checks, probe.missing))
}

/// The linter of prose, if the workspace configures it. It is needed only where a target names it.
async fn style(door: &Context, workspace: &Workspace, cache: &Path) -> Option<DoctorCheck> {
    let mut targets = workspace.harness.target.values();
    targets.clone().find(|target| !target.style_rules.is_empty())?;
    let found = find_linter(&door.tool_env(), cache).await;
    let is_needed = targets.any(linter::rejects);
    let name = linter::VALE.to_owned();
    Some(match found {
        Ok(tools) => DoctorCheck { name, good: true, says: tools.version, hint: None },
        Err(why) => DoctorCheck {
            name,
            good: !is_needed,
            says: "the style of texts is not checked".to_owned(),
            hint: Some(why.to_string()),
        },
    })
}

/// Whether the limits on open files suffice for regen and for programs in sandboxes.
fn open_files(limit: &Rlimit) -> DoctorCheck {
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let needed = limits::OPEN_FILES;
    let why = if soft < needed {
        Err(format!("the limit is {soft} (`ulimit -n`); regen needs {needed}"))
    } else if hard < limits::GATE_OPEN_FILES {
        let needed = limits::GATE_OPEN_FILES;
        Err(format!("the hard limit is {hard} (`ulimit -Hn`); sandboxes need {needed}"))
    } else if soft == u64::MAX {
        Ok("no limit".to_owned())
    } else {
        Ok(format!("at most {soft} at a time"))
    };
    let hint = format!(
        "ulimit -n {0}; `LimitNOFILE={0}` in a systemd unit; `docker run --ulimit nofile={0}`",
        limits::GATE_OPEN_FILES
    );
    let hint = why.is_err().then_some(hint);
    let name = "open files".to_owned();
    DoctorCheck { name, good: why.is_ok(), says: why.unwrap_or_else(|e| e), hint }
}

fn tell(door: &Context, checks: &[DoctorCheck], missing: &[Missing]) {
    if door.global.json {
        let good = checks.iter().all(|check| check.good);
        let missing: Vec<_> =
            missing.iter().map(|one| json!({ "what": one.what, "hint": one.hint })).collect();
        let list: Vec<_> = checks
            .iter()
            .map(|c| json!({ "name": c.name, "good": c.good, "says": c.says, "hint": c.hint }))
            .collect();
        door.json(&json!({ "type": "doctor", "good": good, "checks": list, "missing": missing }));
        return;
    }
    for check in checks {
        let mark = match &check.hint {
            _ if !check.good => door.paint.bad("FAIL"),
            Some(_) => door.paint.warn("warn"),
            None => door.paint.good("ok  "),
        };
        door.show(&format!("{mark} {:<14} {}", check.name, check.says));
        if let Some(hint) = &check.hint {
            door.show(&format!("       hint: {hint}"));
        }
        for one in missing.iter().filter(|_| check.name == "isolation") {
            door.show(&format!("     without {}", one.what));
            if !one.hint.is_empty() {
                door.show(&format!("       hint: {}", one.hint));
            }
        }
    }
}

fn writable(folder: &Path) -> Result<(), String> {
    let why = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder).map_err(why)?;
    tempfile::tempfile_in(folder).map(drop).map_err(why)
}
