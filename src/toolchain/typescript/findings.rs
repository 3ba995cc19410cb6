//! Reads what the tools of compiling gates found.

use serde::Deserialize;

use super::type_errors::{TypeError, type_errors};
use crate::toolchain::ToolOutput;
use crate::types::{Finding, GateName};

/// The linter's list.
#[derive(Deserialize)]
struct BiomeOutput {
    diagnostics: Vec<BiomeFinding>,
}

/// One finding of the linter.
#[derive(Deserialize)]
struct BiomeFinding {
    severity: String,
    message: String,
    category: String,
    location: Option<BiomePlace>,
}

#[derive(Deserialize)]
struct BiomePlace {
    path: String,
    start: BiomeStart,
}

#[derive(Deserialize)]
struct BiomeStart {
    line: u32,
}

/// Why the driver could not load the package.
#[derive(Deserialize)]
#[serde(tag = "kind", rename = "load")]
struct ModuleFailure {
    file: Option<String>,
    line: Option<u32>,
    what: String,
}

/// The findings in a tool's output.
///
/// # Errors
/// The output is not what the tool writes.
pub fn read(gate: &GateName, output: &ToolOutput) -> Result<Vec<Finding>, String> {
    let text = &output.stdout;
    let mut findings = match gate.as_str() {
        "lint" => lint(text)?,
        "types" => type_errors(text).into_iter().map(of_types).collect(),
        "test" | "hidden" => load(output),
        _ => Vec::new(),
    };
    let lint = ["lint", "types"].contains(&gate.as_str());
    for finding in &mut findings {
        gate.clone_into(&mut finding.gate);
        finding.lint = lint && finding.rule != "parse";
    }
    Ok(findings)
}

/// Whether a failure without findings is the candidate's fault: it made a tool crash.
pub fn is_crash(output: &ToolOutput) -> bool {
    output.status.is_none()
}

fn at(rule: &str, file: String, line: u32, message: String) -> Finding {
    let (rule, file, line) = (rule.to_owned(), Some(file), Some(line));
    Finding { rule, file, line, message, ..Finding::default() }
}

fn lint(text: &str) -> Result<Vec<Finding>, String> {
    let found: BiomeOutput = serde_json::from_str(text).map_err(|why| why.to_string())?;
    let counts = |one: &BiomeFinding| one.severity != "information" && one.severity != "hint";
    let finding = |one: BiomeFinding| {
        let rule = one.category.trim_start_matches("lint/");
        match one.location {
            Some(place) => at(rule, place.path, place.start.line, one.message),
            None => Finding { line: None, file: None, ..at(rule, String::new(), 0, one.message) },
        }
    };
    Ok(found.diagnostics.into_iter().filter(counts).map(finding).collect())
}

fn of_types(error: TypeError) -> Finding {
    let name = error.message.split('\'').nth(1).filter(|_| error.rule == "TS7016");
    let types = name.map(|name| name.trim_start_matches('@').replace('/', "__"));
    let remedy = types.map(|name| {
        format!("only the user can: `\"@types/{name}\"` in `allowed_dependencies` of the target")
    });
    // What may be missing: of an object, of a name, in a call.
    let is_open = ["TS2531", "TS2532", "TS2533", "TS2722", "TS18047", "TS18048", "TS18049"];
    let check = "check first that it is there: an element of an array or a record may be missing \
        (`noUncheckedIndexedAccess`)";
    let check = is_open.contains(&error.rule.as_str()).then(|| check.to_owned());
    let remedy = remedy.or(check);
    Finding { remedy, ..at(&error.rule, error.file, error.line, error.message) }
}

/// The last line that the driver wrote. Without one, the package ended the driver's process.
fn load(output: &ToolOutput) -> Vec<Finding> {
    if output.status == Some(0) {
        return Vec::new();
    }
    let mut lines = output.stdout.lines().rev();
    let failure = lines.find_map(|line| serde_json::from_str::<ModuleFailure>(line).ok());
    let ModuleFailure { file, line, what: message } = failure.unwrap_or_else(|| ModuleFailure {
        file: None,
        line: None,
        what: format!("loading the package ended the process: {}", output.ended),
    });
    vec![Finding { rule: "import".to_owned(), file, line, message, ..Finding::default() }]
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::toolchain::ToolOutput;

    fn found(gate: &'static str, stdout: &str) -> Vec<(String, Option<String>, Option<u32>)> {
        let output = ToolOutput { stdout: stdout.to_owned(), ..ToolOutput::default() };
        let findings = read(&gate.into(), &output).expect("is read");
        findings.into_iter().map(|one| (one.rule, one.file, one.line)).collect()
    }

    #[test]
    fn outputs_of_the_tools_are_findings_at_their_place() {
        let file = || Some("src/index.ts".to_owned());
        let biome = "{\"diagnostics\": [{\"severity\": \"warning\", \"message\": \"no\", \"category\": \
            \"lint/correctness/noUnusedImports\", \"location\": {\"path\": \"src/index.ts\", \"start\": \
            {\"line\": 2, \"column\": 1}}}, {\"severity\": \"information\", \"message\": \"\", \
            \"category\": \"a\", \"location\": null}]}";
        assert_eq!(
            found("lint", biome),
            [("correctness/noUnusedImports".to_owned(), file(), Some(2))]
        );
        let tsc =
            "src/index.ts(6,3): error TS2322: Type 'a' is not 'b'.\n  More.\nFound 1 error.\n";
        assert_eq!(found("types", tsc), [("TS2322".to_owned(), file(), Some(6))]);
        let output = ToolOutput { stdout: tsc.to_owned(), ..ToolOutput::default() };
        let message = &read(&"types".into(), &output).expect("is read")[0].message;
        assert_eq!(message, "Type 'a' is not 'b'.\n  More.");
        let open = "src/index.ts(3,1): error TS2532: Object is possibly 'undefined'.\n".to_owned();
        let output = ToolOutput { stdout: open, ..ToolOutput::default() };
        let remedy = read(&"types".into(), &output).expect("is read").remove(0).remedy;
        assert!(remedy.is_some_and(|text| text.contains("noUncheckedIndexedAccess")));
        let load =
            "x\n{\"kind\": \"load\", \"file\": \"src/index.ts\", \"line\": 1, \"what\": \"no\"}\n";
        assert_eq!(found("test", load), [("import".to_owned(), file(), Some(1))]);
        assert_eq!(found("types", "no list"), []);
        for (gate, text) in [("lint", "no list"), ("lint", ""), ("lint", "{}")] {
            let output = ToolOutput { stdout: text.to_owned(), ..ToolOutput::default() };
            assert!(read(&gate.into(), &output).is_err(), "{gate}: {text}");
        }
    }
}
