//! The kit that tests import, and how one sample of a test is run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::toolchain::{Places, Sees, Suite, ToolCommand};
use crate::types::limits;

/// The program that runs one test.
const RUN: &str = "regen-run.js";
/// The file that `'../model'` names.
const MODEL: &str = "export { model } from 'spec-runner';\n";

/// The kit beside a test's file: nothing is installed.
pub fn kit_files(suites: &[Suite]) -> Vec<(String, Vec<u8>)> {
    let package = "{ \"type\": \"module\" }\n";
    let kit = "{ \"name\": \"spec-runner\", \"type\": \"module\", \"exports\": \"./spec-runner.js\", \
               \"types\": \"./spec-runner.d.ts\" }\n";
    let mut files: Vec<(String, Vec<u8>)> = [
        ("package.json", package),
        ("node_modules/spec-runner/package.json", kit),
        ("node_modules/spec-runner/spec-runner.js", include_str!("kit/spec-runner.js")),
        ("node_modules/spec-runner/spec-runner.d.ts", include_str!("kit/spec-runner.d.ts")),
        (RUN, include_str!("kit/run.js")),
        ("model", MODEL),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    .collect();
    for suite in suites {
        let mut path = suite.path.as_str();
        while let Some((folder, _)) = path.rsplit_once('/') {
            files.push((format!("{folder}/model"), MODEL.as_bytes().to_vec()));
            path = folder;
        }
    }
    files
}

/// An answer in the place of the model's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StubAnswer {
    /// The last message of the prompt.
    Echo,
    /// This text.
    #[serde(untagged)]
    Fixed {
        /// The text.
        text: String,
    },
}

impl StubAnswer {
    /// A text.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self::Fixed { text: text.into() }
    }
}

/// What is run of a file.
#[derive(Clone, Debug, Serialize)]
pub struct SampleOrder<'a> {
    /// Begins the line with the result; only regen and the runner know it.
    pub word: &'a str,
    /// The test; `None` to list the tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The answer, if the model is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stub: Option<&'a StubAnswer>,
}

impl SampleOrder<'_> {
    /// The command.
    pub fn command(&self, suite: &Suite, places: &Places) -> ToolCommand {
        let stdin = Some(self.order(suite, places).to_string().into_bytes());
        ToolCommand { stdin, ..run(places) }
    }

    /// The command of a sample for which regen listens: it has no standard input, and asks for its
    /// order.
    pub fn asking(&self, suite: &Suite, places: &Places) -> (ToolCommand, Value) {
        let mut command = run(places);
        command.args.push(limits::GATEWAY_PORT.to_string());
        (command, self.order(suite, places))
    }

    fn order(&self, suite: &Suite, places: &Places) -> Value {
        let mut order = serde_json::json!(self);
        order["file"] = places.source.join(suite.path.as_str()).display().to_string().into();
        order["port"] = limits::GATEWAY_PORT.into();
        order
    }
}

/// Runs the runner. No text becomes code: an answer that did could report the test's result.
fn run(places: &Places) -> ToolCommand {
    let run = places.source.join(RUN).display().to_string();
    ToolCommand {
        program: places.tools.join("bin/node"),
        args: vec!["--disallow-code-generation-from-strings".to_owned(), run],
        sees: Sees::Workspace,
        ..ToolCommand::default()
    }
}

/// What the runner tells.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum SampleResult {
    /// The tests of a file.
    Names {
        /// Their names.
        names: Vec<String>,
    },
    /// The result of a test.
    Ran {
        /// `pass`, `fail` or `error`.
        status: String,
        /// Why it did not pass.
        why: String,
        /// The text that `JSON.parse` could not read, if that is why.
        unread: Option<String>,
    },
}

/// The result in a runner's output. `None`: it ended without one.
pub fn read_sample(output: &str, word: &str) -> Option<SampleResult> {
    let line = output.lines().rev().find_map(|line| line.strip_prefix(word))?;
    serde_json::from_str(line.trim()).ok()
}
