//! Renders prompts: deterministic, with a stable beginning, within a token budget.

mod redact;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use serde_json::json;

use crate::types::text::visible_line;
use crate::types::{AttemptKind, Finding, Problem, Prompt, Spec, Tree, limits};

pub use redact::HeldOut;

/// The two templates; users can replace either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// `system.md`: the rules.
    pub system: String,
    /// `task.md`: everything else.
    pub task: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            system: include_str!("templates/system.md").to_owned(),
            task: include_str!("templates/task.md").to_owned(),
        }
    }
}

/// What an agent is told, and the file with its task.
const ORDER: &str = include_str!("templates/order.md");
const WORK: &str = include_str!("templates/work.md");

/// What a model is told first that writes a page.
const PAGE: &str = include_str!("templates/page.md");

/// The variables a template may use.
const VARIABLES: [&str; 24] = [
    "assistant",
    "page",
    "text",
    "json",
    "manifest",
    "long",
    "language",
    "root",
    "fence",
    "spec_id",
    "title",
    "spec",
    "clauses",
    "constraints",
    "contract",
    "dependencies",
    "suites",
    "accepted",
    "changes",
    "candidate",
    "findings",
    "problem",
    "tried",
    "kind",
];

/// A file inside a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A contract in the target's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContractPrompt {
    /// The sentence before the items.
    pub intro: &'static str,
    /// The public items to write.
    pub items: Vec<String>,
    /// The harness's file with the types, if there are types.
    pub types: Option<File>,
    /// How to use that file.
    pub hint: &'static str,
    /// The command that runs its visible examples where a program works on a candidate.
    pub command: &'static str,
}

/// A spec that another one depends on, as a prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PromptDependency {
    /// Its id.
    pub id: String,
    /// Its text, or what of its code can be used.
    pub text: String,
    /// Whether its code can be used.
    pub is_code: bool,
}

impl PromptDependency {
    /// One whose text is all that can be used.
    pub fn text(spec: &Spec) -> Self {
        Self { id: spec.id.to_string(), text: spec.visible.clone(), is_code: false }
    }

    /// One whose code can be used: how, and its items.
    pub fn code(spec: &Spec, words: &str, items: &str, types: Option<&File>) -> Self {
        let block = |text: &str| {
            let fence = fence(text);
            format!("\n\n{fence}\n{}\n{fence}", text.trim_end())
        };
        let types = types.map(|file| format!("\n\nIts `{}`:{}", file.path, block(&file.text)));
        let text = format!("{words}{}{}", block(items), types.unwrap_or_default());
        Self { id: spec.id.to_string(), text, is_code: true }
    }
}

/// The inputs of a prompt.
#[derive(Debug)]
pub struct PromptInputs<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// Specs it depends on.
    pub depends: &'a [PromptDependency],
    /// The language's name.
    pub language: &'a str,
    /// Whether instructions of an assistant are asked for.
    pub assistant: bool,
    /// Whether a page is asked for.
    pub page: bool,
    /// For a text: the code that it is about, as the model is shown it.
    pub text: Option<String>,
    /// The required file of the target.
    pub root: String,
    /// The harness's own file, which is not shown.
    pub manifest: &'static str,
    /// Rules of the target for the model.
    pub constraints: Vec<String>,
    /// The contract, if the spec has one.
    pub contract: Option<ContractPrompt>,
    /// The user's suites.
    pub suites: Vec<File>,
    /// The promoted tree, if any.
    pub accepted: Option<&'a Tree>,
    /// Names of the clauses changed since its promotion.
    pub changes: Vec<String>,
    /// The kind of the attempt.
    pub kind: AttemptKind,
    /// The last candidate, for a repair.
    pub candidate: Option<&'a Tree>,
    /// The findings of its gates.
    pub findings: Vec<Finding>,
    /// Why the last reply was unusable.
    pub problem: Option<String>,
    /// One line for each failed approach.
    pub tried: Vec<String>,
    /// Whether the prompt is for a program that works on the files.
    pub agent: bool,
    /// The command that runs the tests there.
    pub tests: Option<&'static str>,
    /// Whether the answer must be one JSON object.
    pub json: bool,
    /// Maximum tokens of the prompt.
    pub most_tokens: Option<usize>,
}

/// Checks the templates: syntax and variable names.
pub fn check(templates: &Templates) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, text) in [("system.md", &templates.system), ("task.md", &templates.task)] {
        let mut env = environment();
        if let Err(error) = env.add_template_owned(name, text.clone()) {
            let mut problem = Problem::error("template::syntax", error.to_string()).file(name);
            problem.line = error.line().unwrap_or(0);
            problems.push(problem);
            continue;
        }
        let Ok(template) = env.get_template(name) else { continue };
        let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
        unknown.sort();
        for variable in unknown.iter().filter(|v| !VARIABLES.contains(&v.as_str())) {
            let message = format!("unknown template variable `{variable}`");
            let help = format!("known variables: {}", VARIABLES.join(", "));
            let mut problem = Problem::error("template::variable", message).help(help).file(name);
            let at = text.lines().position(|line| line.contains(variable.as_str()));
            problem.line = at.map_or(0, |line| line + 1);
            problems.push(problem);
        }
    }
    problems
}

/// Steps of one template: a large workspace's prompt takes some thousands.
const FUEL: u64 = 10_000_000;

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    env.set_syntax(syntax.expect("the delimiters are the default ones"));
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env
}

/// Renders a prompt. If it is too long, leaves out the promoted tree first, then the user's suites.
///
/// # Errors
/// An error of the template engine, or the prompt is too long.
pub fn render(templates: &Templates, inputs: &PromptInputs<'_>) -> Result<Prompt, String> {
    for (accepted, suites) in [(true, true), (false, true), (false, false)] {
        let prompt = render_with(templates, inputs, accepted, suites)?;
        let tokens = tokens(&prompt);
        match inputs.most_tokens {
            Some(most) if tokens > most => tracing::debug!(tokens, most, "prompt is cut"),
            _ => return Ok(prompt),
        }
    }
    Err("the spec alone exceeds the model's context; split it, or raise context_tokens".into())
}

/// An upper estimate of a prompt's tokens.
pub fn tokens(prompt: &Prompt) -> usize {
    (prompt.system.len() + prompt.user.len()).div_ceil(limits::BYTES_PER_TOKEN)
}

fn render_with(
    templates: &Templates,
    inputs: &PromptInputs<'_>,
    accepted: bool,
    suites: bool,
) -> Result<Prompt, String> {
    let files = |tree: Option<&Tree>| -> Vec<File> {
        let files = tree.into_iter().flat_map(Tree::iter);
        let types = inputs.contract.as_ref().and_then(|contract| contract.types.as_ref());
        let own =
            |path: &str| path == inputs.manifest || types.is_some_and(|types| types.path == path);
        let files = files.filter(|(path, _)| !own(path.as_str()));
        files.map(|(path, bytes)| File { path: path.to_string(), text: text(bytes) }).collect()
    };
    let suites = if suites { inputs.suites.as_slice() } else { &[] };
    let accepted = files(inputs.accepted.filter(|_| accepted));
    let candidate = files(inputs.candidate);
    let clauses = inputs.spec.clauses.iter();
    let clauses: Vec<_> =
        clauses.map(|c| json!({ "id": c.id, "level": c.level, "text": c.text })).collect();
    let findings = findings(inputs);
    let long = candidate.iter().any(|file| file.text.lines().count() >= limits::EDIT_LINES);
    let texts = candidate.iter().chain(&accepted).map(|file| file.text.as_str());
    let all = texts.chain([inputs.spec.visible.as_str()]).collect::<Vec<_>>().join("\n");
    let tried = inputs.tried.iter().rev().take(limits::TRIED_LINES).rev();
    let tried = tried.map(|line| visible_line(line)).collect::<Vec<_>>();
    let problem = inputs.problem.as_deref().map(visible_line);
    let context = json!({
        "assistant": inputs.assistant, "page": inputs.page, "text": inputs.text, "language": inputs.language, "manifest": inputs.manifest, "root": inputs.root, "fence": fence(&all),
        "spec_id": inputs.spec.id, "title": inputs.spec.title, "spec": inputs.spec.visible,
        "clauses": clauses, "dependencies": inputs.depends, "constraints": inputs.constraints,
        "contract": inputs.contract, "suites": suites, "accepted": accepted, "candidate": candidate, "changes": inputs.changes,
        "tests": inputs.tests, "json": inputs.json, "long": long, "findings": findings, "problem": problem, "kind": inputs.kind, "tried": tried,
    });
    let context = Value::from(minijinja::value::Serde(&context));
    let mut env = environment();
    let mut render = |name: &'static str, text: &str| {
        env.add_template_owned(name, text.to_owned()).map_err(|e| e.to_string())?;
        let template = env.get_template(name).map_err(|e| e.to_string())?;
        template.render(context.clone()).map(|text| tidy(&text)).map_err(|e| format!("{name}: {e}"))
    };
    if inputs.agent {
        return Ok(Prompt::new(render("order.md", ORDER)?, render("work.md", WORK)?));
    }
    // Only the beginning is another one for a page, unless the user wrote it.
    let system = templates
        .system
        .split_once("{% endif %}")
        .filter(|_| inputs.page && templates.system == Templates::default().system);
    let system = system.map_or(templates.system.clone(), |(_, form)| format!("{PAGE}{form}"));
    Ok(Prompt::new(render("system.md", &system)?, render("task.md", &templates.task)?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

/// A tilde fence longer than any run of tildes in the request, and at least six.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '~').map(str::len).max().unwrap_or(0);
    "~".repeat(6.max(longest + 1))
}

/// Output of a tool or candidate; several lines are put into a fence that they cannot close.
fn fenced(message: &str) -> String {
    if !message.contains('\n') {
        return message.to_owned();
    }
    let fence = fence(message);
    format!("\n\n  {fence}\n  {}\n  {fence}", message.replace('\n', "\n  "))
}

/// At most one empty line between blocks.
fn tidy(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for line in text.trim().lines() {
        if !(line.trim().is_empty() && out.last().is_some_and(|last| last.is_empty())) {
            out.push(line.trim_end());
        }
    }
    out.join("\n") + "\n"
}

/// The most useful findings, with their clauses' texts.
fn findings(inputs: &PromptInputs<'_>) -> Vec<serde_json::Value> {
    let mut list: Vec<&Finding> = inputs.findings.iter().collect();
    list.sort_by_key(|finding| !finding.rule.starts_with("E0") && finding.rule != "error");
    let mut bytes = 0;
    let mut out = Vec::new();
    for finding in list.into_iter().take(limits::PROMPT_FINDINGS) {
        bytes += finding.message.len();
        if bytes > limits::PROMPT_FINDING_BYTES && !out.is_empty() {
            break;
        }
        let clauses: Vec<_> = finding
            .clauses
            .iter()
            .filter_map(|id| inputs.spec.clause(id.as_str()))
            .map(|clause| json!({ "id": clause.id, "text": clause.text }))
            .collect();
        out.push(json!({
            "gate": finding.gate, "rule": finding.rule, "file": finding.file, "line": finding.line,
            "message": fenced(&finding.message), "clauses": clauses,
            "remedy": finding.remedy,
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{PromptInputs, Templates, check, fence, render};
    use crate::spec_for_tests::spec;
    use crate::types::{AttemptKind, ClauseId, Finding};

    #[test]
    fn a_repair_prompt_shows_finding_clause_and_candidate_deterministically() {
        let (spec, _) = spec(
            "# S\n\n- it MUST add `test_id: adds`\n\n  ```rust hidden\n  s::secret();\n  ```\n",
        );
        let inputs = || PromptInputs {
            spec: &spec,
            depends: &[],
            language: "Rust",
            assistant: false,
            page: false,
            text: None,
            root: "src/lib.rs".to_owned(),
            manifest: "",
            constraints: vec!["be brief".to_owned()],
            contract: None,
            suites: Vec::new(),
            accepted: None,
            changes: Vec::new(),
            kind: AttemptKind::Repair,
            candidate: None,
            findings: vec![Finding {
                gate: "test".into(),
                rule: "adds".to_owned(),
                file: Some("tests/regen_examples.rs".to_owned()),
                message: "left: 1\nright: 2".to_owned(),
                clauses: vec![ClauseId::new("s", "adds")],
                ..Finding::default()
            }],
            problem: None,
            tried: Vec::new(),
            agent: false,
            tests: None,
            json: false,
            most_tokens: None,
        };
        let prompt = render(&Templates::default(), &inputs()).expect("renders");
        for part in ["s/adds", "it MUST add", "left: 1", "tests/regen_examples.rs", "Mend"] {
            assert!(prompt.user.contains(part), "{part} is missing in:\n{}", prompt.user);
        }
        assert!(!prompt.user.contains("secret"));
        let task = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        let endless = Templates { task: task.to_owned(), ..Templates::default() };
        assert!(render(&endless, &inputs()).unwrap_err().contains("fuel"));
        assert_eq!(prompt, render(&Templates::default(), &inputs()).expect("renders"));
        let mut tight = inputs();
        tight.most_tokens = Some(10);
        assert!(render(&Templates::default(), &tight).is_err());
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_its_line() {
        assert!(check(&Templates::default()).is_empty());
        let task = "a\n{{ specc }}".to_owned();
        let problems = check(&Templates { task, ..Templates::default() });
        assert_eq!((problems[0].line, problems[0].file.as_str()), (2, "task.md"));
    }

    #[test]
    fn the_fence_is_longer_than_any_run() {
        assert_eq!(fence("a ~~~ b").len(), 6);
        assert_eq!(fence(&"~".repeat(9)).len(), 10);
    }
}
