//! Compares what an adapter printed with what visible examples expect, for the script that agents
//! run in their sandbox. It is not a command for people.

use std::io::Read;

use super::exit;
use crate::contract::VisibleExamples;
use crate::toolchain::COMPARE;
use crate::types::limits;

/// The exit code and the text if this process was started for that: with the file of the examples, a test's name and
/// the adapter's exit status as arguments, and what the adapter printed as input.
pub fn compared() -> Option<(u8, String)> {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect();
    let [_, asked, file, name, status] = args.as_slice() else { return None };
    (asked == COMPARE).then(|| match compare(file, name, status) {
        Ok(wrong) if wrong.is_empty() => (exit::DONE, format!("passed {name}\n")),
        Ok(wrong) => (exit::REJECTED, format!("FAILED {name}\n  {}\n", wrong.join("\n  "))),
        Err(why) => (exit::USAGE, format!("{why}\n")),
    })
}

fn compare(file: &str, name: &str, status: &str) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|why| format!("{file}: {why}"))?;
    let examples: VisibleExamples =
        serde_json::from_str(&text).map_err(|why| format!("{file}: {why}"))?;
    let mut output = Vec::new();
    let most = limits::OUTPUT_BYTES as u64;
    std::io::stdin().take(most).read_to_end(&mut output).map_err(|why| why.to_string())?;
    let status: u8 = status.parse().map_err(|_| format!("{status} is not an exit status"))?;
    // 128 and the signal's number; `timeout` kills with 9.
    let is_killed = status > 128 && status != 128 + 9;
    let output = String::from_utf8_lossy(&output);
    let wrong = examples.judge(name, &output, is_killed);
    wrong.ok_or_else(|| format!("{file}: there is no test `{name}`"))
}
