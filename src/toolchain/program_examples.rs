//! Examples that are judged from outside of the program: console examples and requests.

use super::page::{self, PageAssertion};
use super::shared::console::{self, ConsoleStep};
use super::shared::hurl::{self, HurlEntry};
use super::{is_page, kind_option};
use crate::types::{
    Binding, CheckedProgram, Clause, ClauseId, Digest, Example, Problem, Spec, SpecId, Status,
    Target,
};

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
    /// The spec of the program, if it is not the candidate.
    pub program: Option<SpecId>,
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
    /// Assertions on a page.
    Page(Vec<PageAssertion>),
}

/// The guard by which consecutive requests go to two instances of a service.
const STATELESS: &str = "stateless";
const HURL: &str = "hurl";
const CONSOLE: &str = "console";

const SUPPORTED: &str = "supported are `{{host}}/PATH` as URL, headers, [QueryStringParams], [FormParams], \
    bodies in JSON or text, `HTTP` or `HTTP/1.1` with a status, [Captures], and [Asserts] of status, \
    header, body, `bytes count`, jsonpath and variable; see docs/services.md";

/// The languages of the examples of a target that is a program, or of programs that a spec without
/// code checks.
pub fn languages(spec: &Spec, target: &Target) -> Vec<&'static str> {
    let of = |service: bool| if service { HURL } else { CONSOLE };
    if is_page(target) {
        return vec![page::LANGUAGE];
    }
    if !spec.integration {
        return vec![of(kind_option::is_service(target))];
    }
    let mut all: Vec<_> = checked(spec, target).map(|one| of(one.service)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The programs that a spec without code checks in a target.
fn checked<'a>(spec: &'a Spec, target: &Target) -> impl Iterator<Item = &'a CheckedProgram> {
    spec.programs.iter().filter(move |one| one.toolchain == target.toolchain)
}

fn examples<'a>(clause: &'a Clause, language: &str) -> impl Iterator<Item = &'a Example> {
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
    let languages = languages(spec, target);
    let clauses = spec.clauses.iter();
    for (clause, language) in clauses.flat_map(|one| languages.iter().map(move |l| (one, *l))) {
        let Some(id) = clause.test_ids().next() else { continue };
        for (at, example) in examples(clause, language).enumerate() {
            let name = format!("{id}__{language}{}", at + 1);
            let Ok((steps, program)) = parse(example, spec, target) else { continue };
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
                let program = program.clone();
                tests.push(ProgramTest { name, clause, hidden, key, program, steps });
            }
            tests.push(ProgramTest { name, clause, hidden, key, program, steps });
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
            Self::Page(all) => all.iter().all(PageAssertion::is_vacuous).then_some((
                "an empty page passes this block",
                "assert something that an empty page does not have",
            )),
        }
    }
}

/// What an example does, and the spec of the program if it is not the candidate.
type ParsedExample = (ProgramSteps, Option<SpecId>);

fn parse(
    example: &Example,
    spec: &Spec,
    target: &Target,
) -> Result<ParsedExample, (String, usize)> {
    let is_service = example.language == HURL;
    let program = if spec.integration { Some(program(example, spec, target)?) } else { None };
    let steps = if example.language == page::LANGUAGE {
        ProgramSteps::Page(page::read(&example.code)?)
    } else if is_service {
        ProgramSteps::Requests(hurl::parse(&example.code)?, 1)
    } else {
        let package = program.as_ref().unwrap_or(&spec.id).package();
        ProgramSteps::Console(console::parse(&example.code, &package)?)
    };
    Ok((steps, program))
}

/// The program that an example of a spec without code runs: the service, or the program that the
/// first command names.
fn program(example: &Example, spec: &Spec, target: &Target) -> Result<SpecId, (String, usize)> {
    let is_service = example.language == HURL;
    let all: Vec<&SpecId> = checked(spec, target)
        .filter(|one| one.service == is_service)
        .map(|one| &one.spec)
        .collect();
    if is_service && let [only] = all.as_slice() {
        return Ok((*only).clone());
    }
    let names = all.iter().map(|id| format!("`{}`", id.package())).collect::<Vec<_>>();
    if is_service {
        let names = names.join(", ");
        let why = format!("`depends` names several services ({names}), and requests go to one");
        return Err((why, 0));
    }
    let command = example.code.lines().find_map(|line| line.strip_prefix("$ "));
    let first = command.and_then(|command| command.split_whitespace().next());
    let named = all.into_iter().find(|id| Some(&*id.package()) == first);
    let why =
        || format!("the commands must start with {}, a program in `depends`", names.join(" or "));
    named.cloned().ok_or_else(|| (why(), 0))
}

/// What is wrong with the examples of a spec for a target that is a program.
pub fn check(spec: &Spec, target: &Target) -> Vec<Problem> {
    let languages = languages(spec, target);
    let clauses = spec.clauses.iter();
    let all = clauses.flat_map(|clause| languages.iter().flat_map(|one| examples(clause, one)));
    let problem = |(message, line, help): (String, usize, &str)| {
        let mut problem = Problem::error("spec::example", message);
        problem.line = line;
        problem.help(help)
    };
    let wrong = all.filter_map(|example| match parse(example, spec, target) {
        Err((message, line)) => {
            let help = if spec.integration && program(example, spec, target).is_err() {
                "an example runs one program: write another spec without code for another one"
            } else if example.language == page::LANGUAGE {
                "an assertion is `SELECTOR PROPERTY OPERATOR VALUE`; see docs/pages.md"
            } else if example.language == HURL {
                SUPPORTED
            } else {
                "a transcript is `$ PROGRAM ARGUMENTS` and its output; see docs/formats/spec.md"
            };
            Some((message, example.line + line, help))
        }
        Ok((steps, _)) => {
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
