//! `regen migrate`: plans the change of a target's language.

use clap::Args;
use serde_json::json;

use super::{Context, exit};
use crate::commands::migrate::{Migration, migrate as plan};
use crate::store::files::read_capped;
use crate::types::limits;
use crate::types::text::counted;
use crate::workspace::{CommandError, load};

/// Text below the help.
pub const HELP: &str = "Specs stay as they are; nothing is written.\n\nExamples:\n  \
    regen migrate --from rust --to typescript\n  \
    regen migrate --from rust --to go > go.diff && git apply go.diff && regen run\n\n\
    Exit codes: 0 planned · 2 a language is unknown · 10 a spec cannot be generated in the new language";

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The language of the targets to change.
    #[arg(long, value_name = "TOOLCHAIN")]
    from: String,
    /// Their new language.
    #[arg(long, value_name = "TOOLCHAIN")]
    to: String,
}

/// Shows the changed configuration as a diff, and what would be generated.
pub fn migrate(door: &Context, args: &MigrateArgs) -> Result<u8, CommandError> {
    let places = door.reading()?;
    let workspace = load(&places, None)?;
    let bytes =
        read_capped(&places.config, limits::CONFIG_BYTES).map_err(CommandError::no_workspace)?;
    let text = String::from_utf8_lossy(&bytes);
    let plan = plan(&workspace, &text, &args.from, &args.to)?;
    let code = if plan.problems.is_empty() { exit::DONE } else { exit::SPEC_REFUSED };
    if door.global.json {
        let made: Vec<_> = plan
            .made
            .iter()
            .map(|(spec, target, replaces)| {
                json!({ "spec": spec, "target": target, "replaces": replaces })
            })
            .collect();
        let problems: Vec<_> = plan
            .problems
            .iter()
            .map(|one| json!({ "file": one.file, "line": one.line, "code": one.code, "message": one.message, "help": one.help }))
            .collect();
        door.json(&json!({
            "type": "migration", "from": args.from, "to": args.to, "diff": plan.diff,
            "makes": made, "problems": problems, "unused": plan.dropped,
        }));
        return Ok(code);
    }
    door.show(&plan.diff);
    tell(door, &plan);
    Ok(code)
}

fn tell(door: &Context, plan: &Migration) {
    door.say(&format!("would generate {}:", counted(plan.made.len(), "target")));
    for (spec, target, replaces) in &plan.made {
        let replaces =
            replaces.as_ref().map_or(String::new(), |path| format!(", replaces {path}/"));
        door.say(&format!("  {spec} · {target}{replaces}"));
    }
    for text in &plan.dropped {
        door.say(&format!("not used any more: {text}"));
    }
    for one in &plan.problems {
        let line = if one.line > 0 { format!(":{}", one.line) } else { String::new() };
        door.say(&format!("{}: {}{line}: {}", door.paint.bad("error"), one.file, one.message));
        if let Some(help) = &one.help {
            door.say(&format!("  hint: {help}"));
        }
    }
}
