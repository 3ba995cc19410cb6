//! The files of an assistant: instructions, and messages as examples.

use crate::toolchain::Layout;
use crate::toolchain::keys::has_key;
use crate::types::behaviour::percent;
use crate::types::{
    ChatMessage, ChatRole, Finding, GateName, ModelUnderTest, RelPath, Target, Tree,
};

/// The instructions.
pub const SYSTEM: &str = "system.md";
/// Messages that stand before every conversation.
pub const EXAMPLES: &str = "examples.jsonl";

/// Most bytes of the instructions, and of the examples.
pub const MOST_BYTES: usize = 16 * 1024;

pub fn root() -> RelPath {
    RelPath::parse(SYSTEM).expect("a plain name is a path")
}

pub fn layout() -> Layout {
    Layout {
        manifest: "",
        allowed: vec![SYSTEM.to_owned(), EXAMPLES.to_owned()],
        denied: &[],
        artefacts: &[],
        unwritten: |_, _| None,
        comments: &[],
        tests: "",
        suite_extension: ".js",
        people_tests: &[],
    }
}

/// What a model that writes instructions must know.
pub fn prompt_rules(target: &Target) -> Vec<String> {
    let mut rules = vec![
        format!(
            "`{SYSTEM}` (required, at most 16 KiB) is the system message of the assistant: write \
             to the assistant, and say what it must and must not do"
        ),
        format!(
            "`{EXAMPLES}` (optional, at most 16 KiB) has messages that stand before every \
             conversation, each a line {{\"role\": \"user\" or \"assistant\", \"content\": \
             \"…\"}}; it begins with `user`, and `assistant` answers each"
        ),
        "write rules for every conversation that a clause speaks of, not only for those of the \
         tests; texts of tests with more than 40 characters must not be repeated"
            .to_owned(),
    ];
    if let Some(model) = ModelUnderTest::of(target) {
        rules.push(format!(
            "the model `{}` is asked what the tests ask, up to {} times for each test; its answers \
             must pass a test of a MUST clause in {} of all cases",
            model.server.settings.model(),
            model.samples,
            percent(model.rate)
        ));
    }
    rules
}

/// The messages in a tree's examples.
///
/// # Errors
/// A line is wrong: its number from 1, and why.
pub fn examples(tree: &Tree) -> Result<Vec<ChatMessage>, (u32, String)> {
    let Some(bytes) = tree.get(EXAMPLES) else { return Ok(Vec::new()) };
    let text = std::str::from_utf8(bytes).map_err(|_| (1, "it is not UTF-8".to_owned()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let mut all: Vec<ChatMessage> = Vec::new();
    for (number, line) in lines {
        let message: ChatMessage =
            serde_json::from_str(line).map_err(|why| (number, why.to_string()))?;
        let wanted = if all.len().is_multiple_of(2) { ChatRole::User } else { ChatRole::Assistant };
        if message.role != wanted {
            let why = "`user` and `assistant` take turns, and `user` begins";
            return Err((number, why.to_owned()));
        }
        all.push(message);
    }
    if !all.len().is_multiple_of(2) {
        return Err((all.len() as u32, "the last message has no answer of `assistant`".to_owned()));
    }
    Ok(all)
}

/// Findings of the gates `layout` and `lint`.
pub fn lints(gate: &GateName, tree: &Tree) -> Vec<Finding> {
    let found = |file: &str, rule: &str, line: Option<u32>, message: String| Finding {
        gate: gate.to_owned(),
        rule: rule.to_owned(),
        file: Some(file.to_owned()),
        line,
        message,
        ..Finding::default()
    };
    let mut all = Vec::new();
    if gate == "layout" {
        let system = tree.get(SYSTEM).and_then(|bytes| std::str::from_utf8(bytes).ok());
        if system.is_none_or(|text| text.trim().is_empty()) {
            let why = "the instructions are missing, empty or not UTF-8".to_owned();
            all.push(found(SYSTEM, "instructions", None, why));
        }
        if let Err((line, why)) = examples(tree) {
            all.push(found(EXAMPLES, "examples", Some(line), why));
        }
        return all;
    }
    for (path, bytes) in tree.iter() {
        let path = path.as_str();
        if bytes.len() > MOST_BYTES {
            let why = format!("{} bytes; at most {MOST_BYTES} are allowed", bytes.len());
            all.push(found(path, "size", None, why));
        }
        let text = String::from_utf8_lossy(bytes);
        let keyed = (1..).zip(text.lines()).find(|(_, line)| has_key(line));
        all.extend(keyed.map(|(line, _)| {
            let why = "this looks like a key: instructions are no secret".to_owned();
            found(path, "secret", Some(line), why)
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, SYSTEM, examples, lints};
    use crate::types::{RelPath, Tree};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| {
            (RelPath::parse(path).expect("is one"), text.as_bytes().to_vec())
        };
        files.iter().map(file).collect()
    }

    #[test]
    fn examples_take_turns() {
        let (user, assistant) = (
            "{\"role\":\"user\",\"content\":\"a\"}",
            "{\"role\":\"assistant\",\"content\":\"b\"}\n",
        );
        let read = |text: &str| examples(&tree(&[(EXAMPLES, text)]));
        assert_eq!(read(&format!("{user}\n\n{assistant}")).map(|all| all.len()), Ok(2));
        assert_eq!(examples(&Tree::default()), Ok(Vec::new()));
        for (text, line) in [
            (format!("{user}\n{user}"), 2),
            (assistant.to_owned(), 1),
            (user.to_owned(), 1),
            (format!("{user}\n{{\"role\":\"system\",\"content\":\"c\"}}"), 2),
        ] {
            assert_eq!(read(&text).expect_err("is wrong").0, line, "{text}");
        }
    }

    #[test]
    fn keys_and_long_files_are_found() {
        let rules = |text: &str| {
            let found = lints(&"lint".into(), &tree(&[(SYSTEM, text)]));
            found.into_iter().map(|one| one.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules("Use sk-abcdefghijklmnopqrstuvwxyz to pay."), ["secret"]);
        assert_eq!(rules("-----BEGIN PRIVATE KEY-----"), ["secret"]);
        assert_eq!(rules(&"a".repeat(20_000)), ["size"]);
        assert!(rules("Talk of sk-learn, of the task-list and of risk-taking.").is_empty());
        let missing = lints(&"layout".into(), &tree(&[(SYSTEM, " \n")]));
        assert_eq!(missing[0].rule, "instructions");
    }
}
