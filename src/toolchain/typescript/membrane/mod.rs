//! Tests in TypeScript and JavaScript: examples and suites for vitest, `node:test` and Jest. The
//! tests run in one process, the candidate in another sandbox; `wire.txt` says what crosses between
//! them.

mod compared;
mod suites;
mod watched;

pub use suites::names;

use super::package::{Dialect, linked};
use super::{commands, tools_layer};
use crate::toolchain::apart::ApartTests;
use crate::toolchain::{DependencyLayer, Membrane, Places, Suite, TestProgram, ToolCommand};
use crate::types::{Example, Problem, Spec};

/// The candidate's side.
const STAGE: &str =
    concat!(include_str!("wire.txt"), include_str!("../modules.txt"), include_str!("stage.txt"));
/// The tests' side.
const RUNNER: &str = concat!(
    include_str!("wire.txt"),
    include_str!("../modules.txt"),
    include_str!("examples.txt"),
    include_str!("mirror.txt"),
    include_str!("mistakes.txt"),
    include_str!("runner.txt")
);
/// Removes the types of the tests.
const STRIP: &str = concat!(
    include_str!("../modules.txt"),
    include_str!("examples.txt"),
    include_str!("strip.txt")
);
/// Their files. Names of suites do not start like this.
const STAGE_FILE: &str = "regen_stage.mjs";
const RUNNER_FILE: &str = "regen_runner.mjs";
/// The lines that the packages' names replace.
const PLACE: &str = "const PACKAGE = null;\nconst LINKED = [];\n";
/// The line before an example.
const MARK: &str = "//# regen: ";

/// Tests in one of the languages.
pub struct ScriptSuites(pub Dialect);

/// Those in TypeScript.
static TYPESCRIPT: ScriptSuites = ScriptSuites(Dialect::TypeScript);
/// Those in JavaScript.
static JAVASCRIPT: ScriptSuites = ScriptSuites(Dialect::JavaScript);

impl ApartTests for ScriptSuites {
    fn runs(&self, example: &Example) -> bool {
        let own = self.0.choose(["ts", "typescript"], ["js", "javascript"]);
        !example.ignored && own.contains(&example.language.as_str())
    }

    fn examples_path(&self) -> &'static str {
        self.0.choose("tests/regen_examples.ts", "tests/regen_examples.js")
    }

    fn head(&self, _spec: &Spec) -> String {
        String::new()
    }

    fn example(&self, id: &str, code: &str) -> (String, String) {
        (id.to_owned(), format!("{MARK}{id}\n{}\n", code.trim_end()))
    }

    fn watched(&self, code: &str) -> String {
        watched::watched(code)
    }

    fn suite_name(&self) -> String {
        format!("{{}}.test{}", self.0.end())
    }

    fn is_test_file(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_suite = suites::is_named_as_test(name) || name.starts_with("regen_");
        is_suite && name.ends_with(self.0.end())
    }

    fn reads(&self, path: &str) -> bool {
        suites::is_named_as_test(path)
    }

    fn names(&self, text: &str) -> Result<Vec<String>, String> {
        names(text)
    }

    fn command(&self, program: &TestProgram, test: &str, places: &Places) -> ToolCommand {
        let out = commands::out(places);
        let args = [RUNNER_FILE, &program.source, test, self.0.end(), &out];
        let own = [STAGE_FILE, self.0.end(), &commands::packages(places), &out];
        let joined = commands::joined(&own, "1>&2", places);
        let tests = commands::joined(&args, "5>&2 1>/dev/null 2>&1", places);
        ToolCommand { joined: Some(Box::new(joined)), ..tests }
    }

    fn sides(&self, message: &str) -> Option<(String, String)> {
        compared::compared(message)
    }

    fn whole(&self) -> &'static dyn Membrane {
        self.0.choose(&TYPESCRIPT, &JAVASCRIPT)
    }
}

impl Membrane for ScriptSuites {
    fn candidate_files(&self, _spec: &Spec) -> Vec<(String, Vec<u8>)> {
        vec![(STAGE_FILE.to_owned(), STAGE.as_bytes().to_vec())]
    }

    fn tests_files(&self, spec: &Spec) -> Vec<(String, Vec<u8>)> {
        let linked = serde_json::json!(linked(spec));
        let name =
            format!("const PACKAGE = \"{}\";\nconst LINKED = {linked};\n", spec.id.package());
        vec![(RUNNER_FILE.to_owned(), RUNNER.replacen(PLACE, &name, 1).into_bytes())]
    }

    fn tests_layer(&self) -> Box<dyn DependencyLayer> {
        Box::new(tools_layer::TESTS)
    }

    fn prepare_candidate(&self, places: &Places) -> Option<ToolCommand> {
        self.0.choose(true, false).then(|| commands::strip(places, self.0))
    }

    fn prepare_tests(&self, places: &Places) -> Option<ToolCommand> {
        self.0.choose(true, false).then(|| commands::strip_tests(STRIP, places, self.0))
    }
}

/// Why an example cannot be run, if it cannot, and its line from 0.
pub fn check_example(dialect: Dialect, example: &Example) -> Result<(), (String, usize)> {
    if !ScriptSuites(dialect).runs(example) {
        return Ok(());
    }
    if let Some(line) = example.code.lines().position(|line| line.starts_with(MARK.trim_end())) {
        return Err((
            format!("a line begins with `{}`, which regen writes", MARK.trim_end()),
            line,
        ));
    }
    let tokens = super::words::tokens(&example.code).map_err(|why| (why, 0))?;
    if tokens.is_empty() {
        return Err(("the example has no code".to_owned(), 0));
    }
    match names(&example.code) {
        Ok(names) if names.is_empty() => Ok(()),
        _ => Err(("an example is the body of a test, not a test".to_owned(), 0)),
    }
}

/// Files that look like suites and are none: their tests would not run.
pub fn unread(dialect: Dialect, suite: &Suite) -> Option<Problem> {
    let file = suite.file();
    let is_read = ScriptSuites(dialect).is_test_file(file) && !file.contains('/');
    (suites::is_named_as_test(file) && !is_read).then(|| {
        let message = format!("the tests in {file} are not run");
        let help = format!(
            "suites are files `NAME.test{}` beside each other, without folders",
            dialect.end()
        );
        Problem::error("suite::name", message).help(help)
    })
}

#[cfg(test)]
mod tests {
    use super::{PLACE, RUNNER};

    #[test]
    fn the_tests_side_has_a_place_for_the_package() {
        assert_eq!(RUNNER.matches(PLACE).count(), 1);
    }
}
