//! `vale`, a linter of prose, which the user configures by `.vale.ini` in the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::page::is_page_file;
use crate::toolchain::{HostProbe, ToolCommand};
use crate::types::{Finding, GateName, HostTools, Target, ToolEnv, Tree};

/// The gate, and the linter's key among the tools.
pub const VALE: &str = "vale";

/// Its configuration in the workspace.
pub const VALE_FILE: &str = ".vale.ini";

/// Where its files are beside the pages.
const FOLDER: &str = ".vale";

/// The rule of a comment that changes what the linter looks at.
const SETTINGS: &str = "settings";

/// Finds the linter on this machine.
pub struct ValeProbe;

impl HostProbe for ValeProbe {
    fn program(&self) -> &'static str {
        VALE
    }
    fn install_hint(&self) -> &'static str {
        "see https://vale.sh/docs/install"
    }
    fn variables(&self) -> &'static [&'static str] {
        &["HOME"]
    }
    fn tools(&self, _: &ToolEnv, path: &Path, answers: &[String]) -> Result<HostTools, String> {
        let version = answers.concat().split_whitespace().collect::<Vec<_>>().join(" ");
        let paths = [(VALE.to_owned(), path.to_owned())].into();
        Ok(HostTools { version, paths })
    }
    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)> {
        vec![(tools.path(VALE), "`vale` is not where it was".to_owned())]
    }
}

/// The folder of styles that a configuration names.
pub fn styles_path(ini: &str) -> Option<&str> {
    let top = ini.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let mut pairs = top.filter_map(|line| line.split_once('='));
    let (_, path) = pairs.find(|(key, _)| key.trim() == "StylesPath")?;
    Some(path.trim().trim_end_matches('/'))
}

/// Whether the user names the linter in `gates`. Otherwise its findings are notes.
pub fn rejects(target: &Target) -> bool {
    target.gates.as_ref().is_some_and(|gates| gates.iter().any(|gate| gate.as_str() == VALE))
}

/// The linter's files as the gate sees them.
pub fn rules(target: &Target) -> impl Iterator<Item = (String, Vec<u8>)> {
    let at = |path: &String| format!("{FOLDER}/{path}");
    target.style_rules.iter().map(move |(path, text)| (at(path), text.clone().into_bytes()))
}

/// The command over the pages of a tree.
pub fn command(tools: &HostTools, tree: &Tree) -> ToolCommand {
    let config = format!("--config={FOLDER}/{VALE_FILE}");
    let options = [config.as_str(), "--output=JSON", "--no-exit", "--"].map(str::to_owned);
    let pages = tree.iter().map(|(path, _)| path.to_string()).filter(|path| is_page_file(path));
    ToolCommand {
        program: tools.path(VALE),
        args: options.into_iter().chain(pages).collect(),
        ..ToolCommand::default()
    }
}

/// One alert of the linter's output.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alert {
    check: String,
    line: u32,
    message: String,
    severity: String,
    #[serde(default)]
    action: Suggestion,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Suggestion {
    name: String,
    params: Option<Vec<String>>,
}

/// The findings, each with whether it is an error. `None` for another output.
pub fn read(gate: &GateName, output: &str) -> Option<Vec<(bool, Finding)>> {
    let files: BTreeMap<String, Vec<Alert>> = serde_json::from_str(output).ok()?;
    let found = |file: &str, one: Alert| {
        let words =
            one.action.params.filter(|words| one.action.name == "replace" && !words.is_empty());
        let finding = Finding {
            gate: gate.to_owned(),
            rule: one.check,
            file: Some(file.to_owned()),
            line: Some(one.line),
            message: one.message,
            remedy: words.map(|words| format!("Write `{}`", words.join("` or `"))),
            ..Finding::default()
        };
        (one.severity == "error", finding)
    };
    let all = files.into_iter().flat_map(|(file, alerts)| {
        let file = file.strip_prefix("./").unwrap_or(&file).to_owned();
        alerts.into_iter().map(move |one| found(&file, one)).collect::<Vec<_>>()
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by(|(_, a), (_, b)| (&a.file, a.line, &a.rule).cmp(&(&b.file, b.line, &b.rule)));
    Some(all)
}

/// Comments with which a page would change what the linter looks at.
pub fn settings(gate: &GateName, tree: &Tree) -> Vec<Finding> {
    static SETTING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)(<!--|\[comment\]:).*\bvale\b").expect("the pattern is a constant")
    });
    let pages = tree.iter().filter(|(path, _)| is_page_file(path.as_str()));
    let found = |(path, bytes): (&crate::types::RelPath, &[u8])| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let lines = text.lines().zip(1_u32..).filter(|(line, _)| SETTING.is_match(line));
        let found = lines.map(|(_, line)| Finding {
            gate: gate.to_owned(),
            rule: SETTINGS.to_owned(),
            file: Some(path.to_string()),
            line: Some(line),
            message: "a comment for the linter".to_owned(),
            remedy: Some("Delete the comment: the style is the workspace's".to_owned()),
            ..Finding::default()
        });
        found.collect::<Vec<_>>()
    };
    pages.flat_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::{read, styles_path};

    #[test]
    fn alerts_and_configurations_are_read() {
        let output = r#"{"b.md":[{"Action":{"Name":"replace","Params":["use"]},"Span":[1,7],
            "Check":"Own.Words","Description":"","Link":"","Message":"Use 'use'.",
            "Severity":"error","Match":"utilise","Line":3},{"Action":{"Name":"","Params":null},
            "Span":[1,2],"Check":"Own.Long","Message":"Long.","Severity":"suggestion","Line":1}]}"#;
        let found = read(&"vale".into(), output).expect("is its output");
        let told = |(is_error, one): &(bool, crate::types::Finding)| {
            format!("{is_error} {} {:?} {}", one.line.unwrap_or(0), one.remedy, one.rule)
        };
        let told: Vec<String> = found.iter().map(told).collect();
        assert_eq!(told, ["false 1 None Own.Long", "true 3 Some(\"Write `use`\") Own.Words"]);
        assert_eq!(read(&"vale".into(), "{}").map(|all| all.len()), Some(0));
        assert!(read(&"vale".into(), "E100 [loader] Runtime error").is_none());
        assert!(read(&"vale".into(), r#"{"Code":"E100","Line":1,"Text":"x"}"#).is_none());
        assert_eq!(styles_path("# x\nStylesPath = a/b/\n[*.md]\nx = y\n"), Some("a/b"));
        assert_eq!(styles_path("[*.md]\nStylesPath = a\n"), None);
    }
}
