//! Parses cargo's JSON output.

use serde::Deserialize;

use super::contract::ADAPTER;
use crate::toolchain::{Built, Suite, TestProgram};
use crate::types::{Finding, GateName, limits};

/// Errors that say that something has no such name: of a suite that calls a candidate, it is the
/// candidate that lacks it.
const MISSING_NAMES: [&str; 17] = [
    "E0026", "E0027", "E0063", "E0404", "E0405", "E0407", "E0412", "E0423", "E0425", "E0432",
    "E0433", "E0437", "E0438", "E0560", "E0599", "E0603", "E0609",
];

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Diagnostic,
    },
    CompilerArtifact {
        target: ArtifactTarget,
        profile: Profile,
        #[serde(default)]
        executable: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    code: Option<Code>,
    spans: Vec<SourceSpan>,
    children: Vec<Child>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct SourceSpan {
    file_name: String,
    line_start: u32,
    is_primary: bool,
    #[serde(default)]
    text: Vec<SpanText>,
}

/// A line of a span; columns count from 1.
#[derive(Deserialize)]
struct SpanText {
    text: String,
    highlight_start: usize,
}

#[derive(Deserialize)]
struct Child {
    level: String,
    message: String,
    #[serde(default)]
    spans: Vec<SourceSpan>,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    src_path: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Parses `cargo … --message-format=json`. `root` is the crate's root; `suites` are mounted files:
/// their warnings are ignored and their errors name the clause.
pub fn read(gate: &GateName, output: &str, root: &str, suites: &[Suite]) -> Built {
    let mut said = read_all(gate, output, root, suites);
    said.findings.truncate(limits::FINDINGS);
    said
}

/// The same with all findings.
pub fn read_all(gate: &GateName, output: &str, root: &str, suites: &[Suite]) -> Built {
    let mut said = Built::default();
    // The candidate's library, which is built before its tests.
    let mut library = String::new();
    // Its own programs.
    let mut starts = Vec::new();
    for line in output.lines().filter(|line| line.starts_with('{')) {
        match serde_json::from_str(line) {
            Ok(Line::CompilerMessage { message }) => {
                said.findings.extend(finding(gate, message, suites, &library));
            }
            Ok(Line::CompilerArtifact { target, executable: None, .. })
                if target.kind.iter().any(|kind| kind == "lib")
                    && target.src_path.starts_with(root) =>
            {
                library = target.name.replace('-', "_");
            }
            Ok(Line::CompilerArtifact { target, profile, executable: Some(executable) })
                if profile.test || target.src_path.ends_with(ADAPTER) =>
            {
                let source = target.src_path.strip_prefix(root).unwrap_or(&target.src_path);
                let source = source.trim_start_matches('/').to_owned();
                said.programs.push(TestProgram { executable, source, starts: Vec::new() });
            }
            Ok(Line::CompilerArtifact { target, executable: Some(executable), .. })
                if target.kind.iter().any(|kind| kind == "bin") =>
            {
                starts.push(executable);
            }
            _ => {}
        }
    }
    said.programs.iter_mut().for_each(|program| program.starts.clone_from(&starts));
    said.findings.dedup();
    said.findings.sort_by_key(|finding| finding.rule == "warning");
    said
}

fn finding(
    gate: &GateName,
    diagnostic: Diagnostic,
    suites: &[Suite],
    library: &str,
) -> Option<Finding> {
    let error = diagnostic.level.starts_with("error");
    let place = diagnostic.spans.iter().find(|span| span.is_primary);
    // Summaries such as "aborting due to 2 previous errors" have neither place nor code.
    if !(error || diagnostic.level == "warning") || (place.is_none() && diagnostic.code.is_none()) {
        let linker = error && diagnostic.message.contains("linking");
        if !linker {
            return None;
        }
    }
    let mounted = place.and_then(|p| suites.iter().find(|s| s.path.as_str() == p.file_name));
    if mounted.is_some() && !error {
        return None;
    }
    let clauses =
        mounted.zip(place).map_or_else(Vec::new, |(suite, p)| suite.clauses_at(p.line_start));
    let code = diagnostic.code.as_ref().map_or("", |code| code.code.as_str());
    let is_own = |suite: &Suite| {
        !MISSING_NAMES.contains(&code) || is_own_name(code, &diagnostic, suite, library)
    };
    let in_suite = mounted.is_some_and(is_own);
    let help = diagnostic.children.iter().find(|child| child.level == "help");
    let text = diagnostic.rendered.unwrap_or(diagnostic.message);
    // An error of the language has a number.
    let lint = code.starts_with(|first: char| first.is_ascii_lowercase());
    Some(Finding {
        gate: gate.to_owned(),
        rule: diagnostic.code.map_or_else(|| diagnostic.level.clone(), |code| code.code),
        file: place.map(|p| p.file_name.clone()),
        line: place.map(|p| p.line_start),
        message: crate::types::gate::clean(&text, &[]),
        clauses,
        remedy: help.map(|child| child.message.clone()),
        values: None,
        in_suite,
        lint,
    })
}

/// Whether a name that is missing or private is not one of the candidate's: it is reached through
/// another crate, through the suite itself, or through nothing.
fn is_own_name(code: &str, diagnostic: &Diagnostic, suite: &Suite, library: &str) -> bool {
    let notes = diagnostic.children.iter().filter(|child| child.level == "note");
    let mut defined = notes.flat_map(|note| &note.spans);
    if code == "E0603" {
        return defined.any(|span| span.file_name == suite.path.as_str());
    }
    let place = diagnostic.spans.iter().find(|span| span.is_primary);
    let Some(line) = place.and_then(|place| place.text.first()) else { return false };
    if !["E0405", "E0412", "E0425", "E0432", "E0433"].contains(&code) || library.is_empty() {
        return false;
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let (before, after): (String, String) = (
        line.text.chars().take(line.highlight_start.saturating_sub(1)).collect(),
        line.text.chars().skip(line.highlight_start.saturating_sub(1)).collect(),
    );
    let head = &before[before.trim_end_matches(word).len()..];
    let path = format!("{head}{after}");
    let path = path.trim_start_matches(':');
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    let first = &path[..end];
    // What an import of the candidate's items, by name or all, may have brought in.
    let imports = suite.text.split("use ").skip(1).map(|rest| rest.split(';').next().unwrap_or(""));
    let mut imports = imports.filter(|one| one.trim_start_matches(':').starts_with(library));
    first != library && !imports.any(|one| one.contains('*') || one.contains(first))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn diagnostics_have_place_code_and_hint() {
        let output = r#"{"reason":"compiler-message","message":{"level":"error","message":"cannot find","code":{"code":"E0425"},"spans":[{"file_name":"src/lib.rs","line_start":3,"is_primary":true}],"children":[{"level":"help","message":"import it"}],"rendered":"error[E0425]: cannot find\n"}}
{"reason":"compiler-message","message":{"level":"error","message":"aborting","code":null,"spans":[],"children":[],"rendered":"x"}}
{"reason":"compiler-artifact","target":{"src_path":"/w/tests/a.rs"},"profile":{"test":true},"executable":"/t/a-1"}
not json"#;
        let said = read(&"check".into(), output, "/w", &[]);
        assert_eq!(said.findings.len(), 1);
        assert_eq!(said.findings[0].rule, "E0425");
        assert_eq!(said.findings[0].line, Some(3));
        assert_eq!(said.findings[0].remedy.as_deref(), Some("import it"));
        assert_eq!(said.programs[0].source, "tests/a.rs");
    }
}
