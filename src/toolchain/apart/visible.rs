//! The script with which a program that works on a candidate runs the visible tests.

use crate::toolchain::shell::{exports, line, quoted};
use crate::toolchain::{Places, Suite, TestCase, TestProgram, Toolchain};
use crate::types::limits;

/// Its file. Names of suites do not start like this.
pub const FILE: &str = "regen_tests.sh";
/// How it is run.
pub const COMMAND: &str = "sh regen_tests.sh";
/// Runs one test over `code`, the candidate's side, and tells its result.
const RUN: &str = include_str!("visible.txt");

/// Runs tests as gates do: each in a process of its own, joined with a fresh one of the candidate.
/// `None` if none of them runs apart from the candidate.
pub fn script(language: &dyn Toolchain, suites: &[Suite], places: &Places) -> Option<String> {
    let native = language.native()?;
    let (mut code, mut calls) = (None, String::new());
    for suite in suites.iter().filter(|suite| !suite.tests.is_empty()) {
        let (executable, source) = (String::new(), suite.path.to_string());
        let program = TestProgram { executable, source, starts: Vec::new() };
        for test in &suite.tests {
            let (program, name, expected) = (&program, test.name.as_str(), Some(test));
            let case = TestCase { program, name, expected, nonce: "", mutant: None };
            for mut command in native.run_test(&case, places) {
                code = command.joined.take().or(code);
                let title = quoted(&format!("{}::{name}", suite.path));
                calls.push_str(&format!("run {title} {}\n", line(&command)));
            }
        }
    }
    let seconds = limits::TEST_TIMEOUT.as_secs();
    let code = format!("code() {{ exec timeout -k 2 {} {}; }}\n", seconds + 10, line(&*code?));
    let env = language.environment(places).into_iter();
    let env = env.chain([(limits::SECONDS.to_owned(), seconds.to_string())]);
    let env = exports(env);
    let ends = "echo \"$((all - failed)) of $all passed\"\n[ \"$failed\" -eq 0 ]\n";
    Some(format!("#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 2\n{env}{code}{RUN}{calls}{ends}"))
}
