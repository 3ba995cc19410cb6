//! `regen export`: writes a run as one archive.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Context, exit};
use crate::commands::export::export_run;
use crate::types::text::counted;
use crate::workspace::CommandError;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run's number in `regen log`.
    run: i64,
    /// The archive; `-` for standard output. Default: regen-run-RUN.tar.gz here.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes a run as one archive.
pub fn export(door: &Context, args: &ExportArgs) -> Result<u8, CommandError> {
    let places = door.places()?;
    let name = PathBuf::from(format!("regen-run-{}.tar.gz", args.run));
    let path = args.output.clone().unwrap_or(name);
    let mut bytes = Vec::new();
    let (specs, missing) = export_run(&places, args.run, &mut bytes)?;
    if path.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes)?;
    } else {
        let file = File::create(&path)
            .map_err(|why| CommandError::usage(format!("--output {}: {why}", path.display())))?;
        let mut file = BufWriter::new(file);
        file.write_all(&bytes)?;
        file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    }
    if missing > 0 {
        let gone = format!("{} of its attempts deleted by `regen gc`", counted(missing, "part"));
        door.say(&format!("{}: {gone}", door.paint.warn("warning")));
    }
    if door.global.json && path.as_os_str() != "-" {
        door.json(&json!({
            "type": "export", "run": args.run, "file": path, "specs": specs, "missing": missing,
        }));
    } else if !door.global.quiet {
        let (path, specs) = (path.display(), specs.join(" "));
        door.say(&format!(
            "wrote {path}; unpack it and run `regen --spec {specs}` there to replay"
        ));
    }
    Ok(exit::DONE)
}
