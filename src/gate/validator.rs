//! Custom gates: commands, and validators that speak JSON on stdin and stdout.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::{PreparedSources, prepare, visible};
use super::context::GateContext;
use super::programs::read;
use super::result::{self, GateResult};
use super::workspace::GateSandbox;
use crate::process::{Ended, Output, Program};
use crate::store::files;
use crate::toolchain::{self, BuildContext};
use crate::types::{
    Candidate, ClauseId, Finding, GateConfig, GateFormat, GateName, Outcome, Resource, SpecId,
    TargetName, gate::clean, limits, read_toml,
};

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// `validators/<name>/validator.toml`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidatorManifest {
    /// The program, relative to the validator's folder or a name on PATH, and its arguments.
    pub argv: Vec<String>,
    /// Timeout in seconds; the gate's own `timeout_s` takes precedence.
    pub timeout_s: Option<u64>,
}

/// The request to a validator on its standard input: one JSON object.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ValidatorRequest {
    /// Version of the protocol: 1.
    pub version: u32,
    /// The gate's name.
    pub gate: GateName,
    /// The spec's id.
    pub spec: SpecId,
    /// The target's name.
    pub target: TargetName,
    /// Absolute path of the candidate's tree. Changes to it are discarded.
    pub tree: String,
    /// The spec's clauses.
    pub clauses: Vec<RequestClause>,
}

/// A clause in the request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RequestClause {
    /// Its identity, `<spec>/<name>`.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// The report of a validator on its standard output: one JSON object and nothing else. Its exit
/// status must be 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidatorReport {
    /// Version of the protocol: 1.
    pub version: u32,
    /// `pass`, `fail`, or `error` if the validator itself failed.
    pub outcome: ValidatorOutcome,
    /// The findings. A `fail` has at least one, a `pass` none.
    #[serde(default)]
    pub findings: Vec<ReportFinding>,
    /// For `error`: what failed.
    #[serde(default)]
    pub message: Option<String>,
}

/// A validator's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValidatorOutcome {
    /// The tree is accepted.
    Pass,
    /// The tree is rejected.
    Fail,
    /// The validator failed.
    Error,
}

/// A finding of a validator.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFinding {
    /// The rule.
    pub rule: String,
    /// The problem.
    pub message: String,
    /// The file, relative to the tree.
    #[serde(default)]
    pub file: Option<String>,
    /// Line from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// Identities of affected clauses.
    #[serde(default)]
    pub clauses: Vec<String>,
    /// The remedy.
    #[serde(default)]
    pub remedy: Option<String>,
}

/// Reads the manifest of a validator in a folder of validators.
///
/// # Errors
/// It is missing or invalid; the message names it.
pub fn manifest(validators: &Path, name: &str) -> Result<ValidatorManifest, String> {
    let mut parts = Path::new(name).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(one)), None) if one == name)
    {
        return Err(format!("the validator {name:?} of a gate is not the name of a folder"));
    }
    let path = validators.join(name).join("validator.toml");
    let named = |why: String| format!("{}: {why}", path.display());
    let bytes = files::read_capped(&path, limits::CONFIG_BYTES)
        .map_err(|error| format!("{error}; a gate in harness.toml uses this validator"))?;
    let manifest: ValidatorManifest =
        read_toml(&String::from_utf8_lossy(&bytes)).map_err(|e| named(e.message().to_owned()))?;
    if manifest.argv.is_empty() {
        Err(named("`argv` is empty; set the program".to_owned()))
    } else {
        Ok(manifest)
    }
}

/// Runs a custom gate.
pub async fn run(bench: &GateContext<'_>, name: &GateName, candidate: &Candidate) -> GateResult {
    let Some(gate) = bench.gates.get(name) else {
        return GateResult::error(format!("unknown gate `{name}`"));
    };
    let ran = match (&gate.validator, &gate.argv) {
        (Some(validator), _) => validate(bench, name, validator, candidate).await,
        (None, Some(argv)) => command(bench, name, gate, argv, candidate).await,
        (None, None) => Err(GateResult::error(format!("the gate `{name}` has no program"))),
    };
    ran.unwrap_or_else(|seen| seen)
}

fn program(room: &GateSandbox<'_>, argv: &[String], folder: &Path, timeout: Duration) -> Program {
    let own = folder.join(&argv[0]);
    // Other names are searched on the PATH of the gate's programs.
    let path = if own.is_file() { own } else { PathBuf::from(&argv[0]) };
    room.program(path, argv[1..].to_vec(), timeout)
}

/// If a validator fails on the candidate, it also runs on a known good tree, to tell whether the
/// candidate or the validator is at fault.
async fn validate(
    bench: &GateContext<'_>,
    gate: &GateName,
    validator: &str,
    candidate: &Candidate,
) -> Result<GateResult, GateResult> {
    let (answer, evidence) = ask(bench, gate, validator, candidate).await?;
    let seen = match answer {
        Ok(seen) => seen,
        Err(why) => {
            let same = bench.control.digest() == candidate.digest();
            let works = !same && ask(bench, gate, validator, bench.control).await?.0.is_ok();
            if works {
                let message =
                    format!("the validator {validator} fails only on this candidate: {why}");
                GateResult::fail(vec![result::finding(gate, "breaks_validator", message)])
            } else {
                GateResult::error(format!("validator {validator}: {why}"))
            }
        }
    };
    Ok(GateResult { evidence, ..seen })
}

/// Runs a validator on a tree. Gives its report, or an error, and its output.
async fn ask(
    bench: &GateContext<'_>,
    gate: &GateName,
    validator: &str,
    candidate: &Candidate,
) -> Result<(Result<GateResult, String>, Vec<u8>), GateResult> {
    let folder = bench.validators.join(validator);
    let manifest = manifest(bench.validators, validator).map_err(GateResult::error)?;
    let own = bench.gates.get(gate).and_then(|gate| gate.timeout_s);
    let timeout = match (manifest.timeout_s, own) {
        (Some(seconds), None) => Duration::from_secs(seconds),
        _ => bench.timeout,
    };
    let PreparedSources { files, layers, .. } =
        prepare(bench, gate, candidate, &visible(bench)).await?;
    let room = GateSandbox::open(bench, gate, files, &layers, Some(&folder)).await?;
    let mut program = program(&room, &manifest.argv, &folder, timeout);
    let clause =
        |c: &crate::types::Clause| RequestClause { id: c.id.to_string(), text: c.text.clone() };
    let request = ValidatorRequest {
        version: PROTOCOL,
        gate: gate.to_owned(),
        spec: bench.spec.id.clone(),
        target: bench.name.to_owned(),
        tree: room.root(),
        clauses: bench.spec.clauses.iter().map(clause).collect(),
    };
    program.stdin = Some(serde_json::to_vec(&request).expect("a request is plain data"));
    let output = room.run(&program, true).await;
    let (root, output) = (room.root(), output?);
    let answer = match (output.ended, report(validator, &output)) {
        (Ended::Limit(resource), _) => Ok(used_up(&room, gate, validator, resource)),
        (_, Ok(report)) => Ok(conclude(bench, gate, &root, report)),
        (_, Err(why)) => Err(why),
    };
    room.close().await;
    Ok((answer, output.evidence()))
}

/// A program that exceeds a limit on a candidate.
fn used_up(
    room: &GateSandbox<'_>,
    gate: &GateName,
    program: &str,
    resource: Resource,
) -> GateResult {
    let one = Finding {
        gate: gate.to_owned(),
        rule: resource.word().to_owned(),
        message: format!("{program}: {}", room.hit(resource)),
        ..Finding::default()
    };
    GateResult::fail(vec![one]).limit(resource)
}

/// Parses a validator's report. Anything but one valid report is an error, never a pass.
fn report(validator: &str, output: &Output) -> Result<ValidatorReport, String> {
    match output.ended {
        Ended::Timeout => return Err(format!("no answer within {}s", output.elapsed.as_secs())),
        Ended::Signal(signal) => return Err(format!("killed by signal {signal}")),
        Ended::Limit(resource) => return Err(format!("exceeded the limit of {}", resource.word())),
        Ended::Exit(0) => {}
        Ended::Exit(status) => {
            let said = clean(&output.errors(), &[]);
            return Err(format!("exited with status {status}: {said}"));
        }
    }
    if output.stdout.len() > limits::REPORT_BYTES || output.dropped > 0 {
        return Err("the report is too long".to_owned());
    }
    let report: ValidatorReport =
        serde_json::from_slice(&output.stdout).map_err(|why| format!("invalid report: {why}"))?;
    let empty = report.findings.is_empty();
    match report.outcome {
        _ if report.version != PROTOCOL => {
            Err(format!("protocol version {} instead of {PROTOCOL}", report.version))
        }
        ValidatorOutcome::Pass if !empty => {
            Err("the outcome is `pass`, but there are findings".to_owned())
        }
        ValidatorOutcome::Fail if empty => {
            Err("the outcome is `fail`, but there is no finding".to_owned())
        }
        ValidatorOutcome::Error => {
            Err(report.message.unwrap_or_else(|| format!("{validator} reported an error")))
        }
        _ => Ok(report),
    }
}

fn conclude(
    bench: &GateContext<'_>,
    gate: &GateName,
    root: &str,
    report: ValidatorReport,
) -> GateResult {
    let findings = report.findings.into_iter().map(|one| Finding {
        gate: gate.to_owned(),
        rule: one.rule,
        file: one.file,
        line: one.line,
        message: clean(&one.message, &[root]),
        clauses: known(bench, &one.clauses),
        remedy: one.remedy,
        values: None,
        in_suite: false,
        lint: false,
    });
    GateResult::fail(findings.collect())
}

fn known(bench: &GateContext<'_>, names: &[String]) -> Vec<ClauseId> {
    names.iter().filter_map(|name| bench.spec.clause(name)).map(|c| c.id.clone()).collect()
}

async fn command(
    bench: &GateContext<'_>,
    name: &GateName,
    gate: &GateConfig,
    argv: &[String],
    candidate: &Candidate,
) -> Result<GateResult, GateResult> {
    let PreparedSources { files, layers, .. } =
        prepare(bench, name, candidate, &visible(bench)).await?;
    let room = GateSandbox::open(bench, name, files, &layers, None).await?;
    let program = program(&room, argv, Path::new("/"), bench.timeout);
    let output = room.run(&program, true).await;
    let (root, places, output) = (room.root(), room.places().clone(), output?);
    if let Ended::Limit(resource) = output.ended {
        let seen = used_up(&room, name, &argv[0], resource);
        return Ok(GateResult { evidence: output.evidence(), ..seen });
    }
    room.close().await;
    let findings = match gate.format {
        GateFormat::Compiler => {
            let context = BuildContext { places: &places, suites: &[] };
            toolchain::of(bench.target).read_build(name, &read(&output), &context).findings
        }
        GateFormat::Lines => {
            let text = output.text() + &output.errors();
            text.lines().filter_map(|line| finding(name, line, &root)).collect()
        }
    };
    let mut seen = GateResult { evidence: output.evidence(), ..GateResult::default() };
    match output.ended {
        Ended::Exit(0) if gate.format == GateFormat::Lines => {}
        Ended::Timeout => seen.outcome = Some(Outcome::Timeout),
        _ => seen.findings = findings,
    }
    if output.ended != Ended::Exit(0) && seen.findings.is_empty() {
        let text = output.text() + &output.errors();
        seen.findings.push(Finding {
            gate: name.to_owned(),
            rule: argv[0].clone(),
            message: format!("`{}` {}: {}", argv[0], output.ended, clean(&text, &[&root])),
            ..Finding::default()
        });
    }
    Ok(seen)
}

/// `path:line[:column]: message`.
fn finding(gate: &GateName, line: &str, root: &str) -> Option<Finding> {
    let line = clean(line, &[root]);
    let (file, rest) = line.split_once(':')?;
    let (number, rest) = rest.split_once(':')?;
    let number = number.trim().parse().ok()?;
    let message = match rest.split_once(':') {
        Some((column, message)) if column.trim().parse::<u32>().is_ok() => message,
        _ => rest,
    };
    Some(Finding {
        gate: gate.to_owned(),
        rule: gate.to_string(),
        file: Some(file.to_owned()),
        line: Some(number),
        message: message.trim().to_owned(),
        ..Finding::default()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{finding, manifest};

    #[test]
    fn a_validator_is_in_its_folder() {
        for name in ["../x", "/etc", "a/b", ".", "..", "", "a/"] {
            let why = manifest(Path::new("/nowhere"), name).expect_err(name);
            assert!(why.contains("is not the name of a folder"), "{name}: {why}");
        }
        assert!(manifest(Path::new("/nowhere"), "own").expect_err("none").contains("own/"));
    }

    #[test]
    fn lines_are_read() {
        let one = finding(&"g".into(), "/w/src/lib.rs:3:7: too long: 120", "/w").expect("is one");
        assert_eq!((one.file.as_deref(), one.line), (Some("src/lib.rs"), Some(3)));
        assert_eq!(one.message, "too long: 120");
        assert!(finding(&"g".into(), "all is well", "/w").is_none());
    }
}
