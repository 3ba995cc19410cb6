//! Reads what the tools of compiling gates found.

use serde::Deserialize;

use crate::toolchain::ToolOutput;
use crate::types::{Finding, GateName};

/// The exit status of a Rust program that panicked.
const PANIC: i32 = 101;

/// One finding of the linter.
#[derive(Deserialize)]
struct RuffFinding {
    code: Option<String>,
    message: String,
    filename: String,
    location: RuffPlace,
}

#[derive(Deserialize)]
struct RuffPlace {
    row: u32,
}

#[derive(Deserialize)]
struct PyreflyOutput {
    errors: Vec<PyreflyFinding>,
}

/// One finding of the type checker.
#[derive(Deserialize)]
struct PyreflyFinding {
    line: u32,
    path: String,
    name: String,
    description: String,
}

/// Why the driver could not load the package.
#[derive(Deserialize)]
#[serde(tag = "kind", rename = "load")]
struct LoadFailure {
    file: Option<String>,
    line: Option<u32>,
    what: String,
}

/// The findings in a tool's output. `root` is the candidate's folder there.
///
/// # Errors
/// The output is not what the tool writes.
pub fn read(gate: &GateName, output: &ToolOutput, root: &str) -> Result<Vec<Finding>, String> {
    let text = &output.stdout;
    let mut findings = match gate.as_str() {
        "lint" => lint(text, root)?,
        "types" => types(text)?,
        "test" | "hidden" => load(output),
        _ => Vec::new(),
    };
    findings.iter_mut().for_each(|finding| gate.clone_into(&mut finding.gate));
    Ok(findings)
}

/// Whether a failure without findings is the candidate's fault: it made a tool crash.
pub fn is_crash(output: &ToolOutput) -> bool {
    output.status.is_none_or(|status| status == PANIC)
}

fn lint(text: &str, root: &str) -> Result<Vec<Finding>, String> {
    let found: Vec<RuffFinding> = serde_json::from_str(text).map_err(|why| why.to_string())?;
    let finding = |one: RuffFinding| {
        let file = one.filename.strip_prefix(root).unwrap_or(&one.filename);
        Finding {
            lint: one.code.is_some(),
            rule: one.code.unwrap_or_else(|| "syntax".to_owned()),
            file: Some(file.trim_start_matches('/').to_owned()),
            line: Some(one.location.row),
            message: one.message,
            ..Finding::default()
        }
    };
    Ok(found.into_iter().map(finding).collect())
}

fn types(text: &str) -> Result<Vec<Finding>, String> {
    let found: PyreflyOutput = serde_json::from_str(text).map_err(|why| why.to_string())?;
    let finding = |one: PyreflyFinding| Finding {
        rule: one.name,
        lint: true,
        file: Some(one.path),
        line: Some(one.line),
        message: one.description,
        ..Finding::default()
    };
    Ok(found.errors.into_iter().map(finding).collect())
}

/// The last line that the driver wrote, behind what the package printed. Without one, the package
/// ended the driver's process.
fn load(output: &ToolOutput) -> Vec<Finding> {
    if output.status == Some(0) {
        return Vec::new();
    }
    let mut lines = output.stdout.lines().rev();
    let failure = lines.find_map(|line| serde_json::from_str::<LoadFailure>(line).ok());
    let LoadFailure { file, line, what: message } = failure.unwrap_or_else(|| LoadFailure {
        file: None,
        line: None,
        what: format!("importing the package ended the process: {}", output.ended),
    });
    vec![Finding { rule: "import".to_owned(), file, line, message, ..Finding::default() }]
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::toolchain::ToolOutput;

    fn found(gate: &'static str, stdout: &str) -> Vec<(String, Option<String>, Option<u32>)> {
        let output = ToolOutput { stdout: stdout.to_owned(), ..ToolOutput::default() };
        let findings = read(&gate.into(), &output, "/src").expect("is read");
        findings.into_iter().map(|one| (one.rule, one.file, one.line)).collect()
    }

    #[test]
    fn outputs_of_the_tools_are_findings_at_their_place() {
        let file = || Some("src/a/__init__.py".to_owned());
        let ruff = "[{\"code\": \"F401\", \"filename\": \"/src/src/a/__init__.py\", \"location\": \
            {\"row\": 2, \"column\": 8}, \"message\": \"`os` imported but unused\"}]";
        assert_eq!(found("lint", ruff), [("F401".to_owned(), file(), Some(2))]);
        let pyrefly = "{\"errors\": [{\"line\": 6, \"path\": \"src/a/__init__.py\", \"name\": \
            \"bad-assignment\", \"description\": \"no\"}]}";
        assert_eq!(found("types", pyrefly), [("bad-assignment".to_owned(), file(), Some(6))]);
        let load = "x\n{\"kind\": \"load\", \"file\": \"src/a/__init__.py\", \"line\": 1, \
            \"what\": \"no\"}\n";
        assert_eq!(found("test", load), [("import".to_owned(), file(), Some(1))]);
        for (gate, text) in [("lint", "no JSON"), ("types", ""), ("types", "{}")] {
            let output = ToolOutput { stdout: text.to_owned(), ..ToolOutput::default() };
            assert!(read(&gate.into(), &output, "/src").is_err(), "{gate}: {text}");
        }
    }
}
