//! `regen grade`: grades answers from elsewhere.

use std::io::Read;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{Context, exit, isolation};
use crate::commands::grade::read_answers;
use crate::types::limits;
use crate::workspace::{CommandError, load};

/// Text below the help.
pub const HELP: &str = "Each line of standard input is {\"answer\": \"…\"}, or also \"test\": \"its title\"; \
    without it all visible tests of the spec grade the answer.\n\n\
    Example:\n  regen grade behavior < answers.jsonl > grades.jsonl\n\n\
    Exit codes: 0 all were graded · 21 a test is wrong by itself";

/// Arguments of `grade`.
#[derive(Debug, Args)]
pub struct GradeArgs {
    /// The spec.
    #[arg(value_name = "SPEC")]
    spec: String,
}

/// Grades.
pub async fn grade(door: &Context, args: &GradeArgs) -> Result<u8, CommandError> {
    let places = door.layout()?;
    let workspace = load(&places, None)?;
    let id = workspace.select_one(&args.spec)?;
    let mut bytes = Vec::new();
    let most = limits::RESULT_BYTES as u64;
    std::io::stdin().take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(CommandError::usage("the answers are larger than regen reads at once"));
    }
    let answers = read_answers(&bytes)?;
    let tools = Arc::new(workspace.tools(&door.tool_env()).await?);
    let sandbox = &workspace.harness.sandbox;
    let probe = Arc::new(isolation::demand(door, &places.cache, sandbox).await?);
    let grades = workspace.grade(&id, &answers, &tools, &probe).await?;
    let mut code = exit::DONE;
    for one in &grades {
        let grade = match one.passed {
            Some(true) => "pass",
            Some(false) => "fail",
            None => "error",
        };
        if one.passed.is_none() {
            code = exit::SPEC_SUSPECTED;
        }
        let line = json!({
            "line": one.line, "test": one.test, "clause": one.clause, "grade": grade,
            "why": one.why,
        });
        door.print(&format!("{line}\n"));
    }
    Ok(code)
}
