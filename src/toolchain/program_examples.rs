//! Examples that are judged from outside of the program: console examples and requests.

use super::kind_option;
use super::shared::console::{self, ConsoleStep};
use super::shared::hurl::{self, HurlEntry};
use crate::types::{Binding, Clause, ClauseId, Digest, Example, Problem, Spec, Status, Target};

/// An example of a program: commands and what they must print, or requests and what the answers
/// must be.
#[derive(Clone, Debug)]
pub struct ProgramTest {
    /// Its name: the clause's `test_id`, the kind of the example and its number.
    pub name: String,
    /// The clause.
    pub clause: ClauseId,
    /// Whether it is held out.
    pub hidden: bool,
    /// The digest of its definition.
    pub key: Digest,
    /// What is done.
    pub steps: ProgramSteps,
}

/// What an example of a program does.
#[derive(Clone, Debug)]
pub enum ProgramSteps {
    /// Commands.
    Console(Vec<ConsoleStep>),
    /// Requests to so many instances of a service in turn.
    Requests(Vec<HurlEntry>, usize),
}

/// The guard by which consecutive requests go to two instances of a service.
const STATELESS: &str = "stateless";
const HURL: &str = "hurl";
const CONSOLE: &str = "console";

const SUPPORTED: &str = "supported are `{{host}}/PATH` as URL, headers, [QueryStringParams], [FormParams], \
    bodies in JSON or text, `HTTP` or `HTTP/1.1` with a status, [Captures], and [Asserts] of status, \
    header, body, `bytes count`, jsonpath and variable; see docs/services.md";

/// The language of the examples of a target that is a program.
fn language(target: &Target) -> &'static str {
    if kind_option::is_service(target) { HURL } else { CONSOLE }
}

fn examples<'a>(clause: &'a Clause, target: &Target) -> impl Iterator<Item = &'a Example> {
    let language = language(target);
    clause.examples.iter().filter(move |one| !one.ignored && one.language == language)
}

/// The first clause that demands a service without state.
fn stateless(spec: &Spec) -> Option<&Clause> {
    let is_it = |one: &Binding| matches!(one, Binding::Guard { name, .. } if name == STATELESS);
    let mut clauses = spec.clauses.iter().filter(|clause| clause.status != Status::Draft);
    clauses.find(|clause| clause.bindings.iter().any(is_it))
}

/// The examples of a spec for a target that is a program. Those with errors are left out.
pub fn tests(spec: &Spec, target: &Target) -> Vec<ProgramTest> {
    let mut tests = Vec::new();
    let language = language(target);
    for clause in &spec.clauses {
        let Some(id) = clause.test_ids().next() else { continue };
        for (at, example) in examples(clause, target).enumerate() {
            let name = format!("{id}__{language}{}", at + 1);
            let Ok(steps) = parse(example, spec) else { continue };
            let key = Digest::of_parts([
                &format!("{language} test 1"),
                spec.id.as_str(),
                &name,
                &example.code,
            ]);
            let (clause, hidden) = (clause.id.clone(), example.hidden);
            if let (Some(stateless), Some(steps)) = (stateless(spec), steps.in_turn()) {
                let name = format!("{name}_{STATELESS}");
                let key = Digest::of_parts([&name, key.to_string().as_str()]);
                let clause = stateless.id.clone();
                tests.push(ProgramTest { name, clause, hidden, key, steps });
            }
            tests.push(ProgramTest { name, clause, hidden, key, steps });
        }
    }
    tests
}

impl ProgramSteps {
    /// The same requests to two instances, if there are several.
    fn in_turn(&self) -> Option<Self> {
        match self {
            Self::Requests(entries, _) if entries.len() > 1 => {
                Some(Self::Requests(entries.clone(), 2))
            }
            _ => None,
        }
    }

    /// What passes the example without doing anything, and what to add; `None` if nothing does.
    fn vacuous(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Console(steps) => steps.iter().all(ConsoleStep::is_silent).then_some((
                "a program that does nothing passes this transcript",
                "write what it prints, or its exit status: `? 2`",
            )),
            Self::Requests(entries, _) => hurl::is_vacuous(entries).then_some((
                "a service that answers every request with status 404 and nothing else passes \
                 this example",
                "write what else the answer has, or add a request to the example that has another \
                 answer",
            )),
        }
    }
}

fn parse(example: &Example, spec: &Spec) -> Result<ProgramSteps, (String, usize)> {
    if example.language == HURL {
        return hurl::parse(&example.code).map(|entries| ProgramSteps::Requests(entries, 1));
    }
    console::parse(&example.code, &spec.id.package()).map(ProgramSteps::Console)
}

/// What is wrong with the examples of a spec for a target that is a program.
pub fn check(spec: &Spec, target: &Target) -> Vec<Problem> {
    let all = spec.clauses.iter().flat_map(|clause| examples(clause, target));
    let problem = |(message, line, help): (String, usize, &str)| {
        let mut problem = Problem::error("spec::example", message);
        problem.line = line;
        problem.help(help)
    };
    let wrong = all.filter_map(|example| match parse(example, spec) {
        Err((message, line)) => {
            let help = if example.language == HURL {
                SUPPORTED
            } else {
                "a transcript is `$ PROGRAM ARGUMENTS` and its output; see docs/formats/spec.md"
            };
            Some((message, example.line + line, help))
        }
        Ok(steps) => {
            let (message, help) = steps.vacuous()?;
            Some((message.to_owned(), example.line, help))
        }
    });
    wrong.map(problem).collect()
}

/// What is wrong with the guard `stateless`, if a spec has it.
pub fn check_guard(spec: &Spec, target: &Target) -> Option<Problem> {
    let clause = stateless(spec)?;
    let is_service = kind_option::is_service(target);
    if is_service && tests(spec, target).iter().any(|test| test.steps.in_turn().is_some()) {
        return None;
    }
    let message = format!("the guard `{STATELESS}` of clause `{}` cannot fail", clause.id);
    let help = if is_service {
        "add a `hurl` example with two requests: they go to two instances of the service"
    } else {
        "it is for targets with `kind = \"service\"`"
    };
    let mut problem = Problem::error("spec::guard", message).help(help);
    (problem.span, problem.line) = (Some(clause.span), clause.line);
    Some(problem)
}
