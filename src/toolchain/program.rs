//! Console examples that are judged from outside of the program.

use super::commands::{Places, ToolCommand};
use super::shared::console::{ConsoleStep, parse};
use crate::types::{ClauseId, Digest, Problem, Spec};

/// How a language starts a candidate that is a program.
pub trait ProgramLanguage: Sync {
    /// The commands that build it.
    fn build(&self, places: &Places) -> Vec<ToolCommand>;

    /// The command that runs it.
    fn run(&self, spec: &Spec, args: &[String], places: &Places) -> ToolCommand;
}

/// A console example: commands, and what they must print.
#[derive(Clone, Debug)]
pub struct ConsoleTest {
    /// Its name: the clause's `test_id`, `console` and its number.
    pub name: String,
    /// The clause.
    pub clause: ClauseId,
    /// Whether it is held out.
    pub hidden: bool,
    /// The digest of its definition.
    pub key: Digest,
    /// The commands.
    pub steps: Vec<ConsoleStep>,
}

/// The console examples of a spec. Those with errors are left out.
pub fn tests(spec: &Spec) -> Vec<ConsoleTest> {
    let mut tests = Vec::new();
    for clause in &spec.clauses {
        let Some(id) = clause.test_ids().next() else { continue };
        let mine = clause.examples.iter().filter(|one| !one.ignored && one.language == "console");
        for (at, example) in mine.enumerate() {
            let name = format!("{id}__console{}", at + 1);
            let Ok(steps) = parse(&example.code, &spec.id) else { continue };
            let key = Digest::of_parts(["console test 1", &spec.id, &name, &example.code]);
            let (clause, hidden) = (clause.id.clone(), example.hidden);
            tests.push(ConsoleTest { name, clause, hidden, key, steps });
        }
    }
    tests
}

/// What is wrong with the console examples of a spec.
pub fn check(spec: &Spec) -> Vec<Problem> {
    let examples = spec.clauses.iter().flat_map(|clause| &clause.examples);
    let mine = examples.filter(|one| !one.ignored && one.language == "console");
    let problem = |(message, line, help): (String, usize, &str)| {
        let mut problem = Problem::error("spec::example", message);
        problem.line = line;
        problem.help(help)
    };
    let wrong = mine.filter_map(|example| match parse(&example.code, &spec.id) {
        Err((message, line)) => {
            let help =
                "a transcript is `$ PROGRAM ARGUMENTS` and its output; see docs/formats/spec.md";
            Some((message, example.line + line, help))
        }
        Ok(steps) if steps.iter().all(ConsoleStep::is_silent) => {
            let message = "a program that does nothing passes this transcript".to_owned();
            Some((message, example.line, "write what it prints, or its exit status: `? 2`"))
        }
        Ok(_) => None,
    });
    wrong.map(problem).collect()
}
