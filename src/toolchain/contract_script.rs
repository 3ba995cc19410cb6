//! The script with which a program that works on a candidate runs the contract's visible examples.

use std::path::Path;

use super::commands::{Places, ToolCommand};
use super::contract::ContractLanguage;
use super::language::Toolchain;
use super::shell::{exports, line, quoted};
use crate::contract::{ContractTest, VisibleExamples};
use crate::types::{Interface, limits};

/// Its file.
pub const FILE: &str = "regen_contract.sh";
/// How it is run.
pub const COMMAND: &str = "sh regen_contract.sh";
/// The file with the examples, next to it.
pub const EXAMPLES: &str = "regen_contract.json";
/// The argument with which regen compares the output of an adapter with what a test expects.
pub const COMPARE: &str = "compare-examples";
/// Runs one test.
const RUN: &str = include_str!("contract_script.txt");
/// The descriptor that the adapter moves its output to.
const DESCRIPTOR: u32 = 20;

/// The files of the script. `regen` is this program. `None` without an example that it can run.
pub fn files(
    language: &dyn Toolchain,
    contract: &dyn ContractLanguage,
    interface: &Interface,
    tests: &[ContractTest],
    places: &Places,
    regen: &Path,
) -> Option<Vec<(String, Vec<u8>)>> {
    let examples = VisibleExamples::of(interface, tests);
    let calls = examples.calls(DESCRIPTOR);
    let mut build = contract.visible(places);
    let adapter = build.pop().filter(|_| !calls.is_empty())?;
    let env = exports(language.environment(places));
    let build: String = build.iter().map(step).collect();
    let regen = quoted(&regen.display().to_string());
    let mut text = format!(
        "#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 2\n{env}work=$(mktemp -d) || exit 2\n\
         seconds={}\nadapter={}\nbuild() {{\n{build}:\n}}\n\
         regen() {{ {regen} {COMPARE} {EXAMPLES} \"$@\"; }}\n{RUN}",
        limits::TEST_TIMEOUT.as_secs(),
        quoted(&line(&adapter)),
    );
    for (name, calls) in &calls {
        text.push_str(&format!("check {} <<'CALLS'\n{calls}CALLS\n", quoted(name)));
    }
    text.push_str(
        "rm -rf \"$work\"\necho \"$((all - failed)) of $all passed\"\n[ \"$failed\" -eq 0 ]\n",
    );
    let examples = serde_json::to_vec(&examples).ok()?;
    Some(vec![(FILE.to_owned(), text.into_bytes()), (EXAMPLES.to_owned(), examples)])
}

/// A command that ends a function if it fails, with its input.
fn step(command: &ToolCommand) -> String {
    let input = command.stdin.as_deref().map(String::from_utf8_lossy);
    let input = input.map_or(String::new(), |text| format!("{text}\nINPUT\n"));
    let from = if input.is_empty() { "" } else { " <<'INPUT'" };
    format!("{}{from} || return\n{input}", line(command))
}
