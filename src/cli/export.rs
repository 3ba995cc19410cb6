//! `regen export`: writes a run as one archive.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::args::PastArgs;
use super::output::write_output;
use super::{Context, exit};
use crate::commands::export::export_run;
use crate::commands::show::find_run;
use crate::types::text::counted;
use crate::workspace::CommandError;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    past: PastArgs,
    /// The archive; `-` for standard output. Default: regen-run-RUN.tar.gz here.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes a run as one archive.
pub fn export(door: &Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let places = door.reading_state()?;
    let (run, specs) = args.past.parts();
    let (run, only) = find_run(&places, run, &specs)?;
    let name = PathBuf::from(format!("regen-run-{run}.tar.gz"));
    let path = args.output.clone().unwrap_or(name);
    let mut bytes = Vec::new();
    let (specs, missing) = export_run(&places, run, only.as_ref(), &mut bytes)?;
    if path.as_os_str() == "-" {
        door.bytes(&bytes);
    } else {
        write_output(&path, &bytes)?;
    }
    if missing > 0 {
        let gone = format!("{} of its attempts deleted by `regen gc`", counted(missing, "part"));
        door.say(&format!("{}: {gone}", door.paint.warn("warning")));
    }
    if door.global.json && path.as_os_str() != "-" {
        door.json(&json!({
            "type": "export", "run": run, "file": path, "specs": specs, "missing": missing,
        }));
    } else if !door.global.quiet {
        let (path, specs) = (path.display(), specs.join(" "));
        door.say(&format!("wrote {path}; unpack it and run `regen run {specs}` there to replay"));
    }
    Ok(exit::DONE)
}
