//! Effects of a candidate's own code: clippy's lists of what is closed, by resolved paths, and the
//! rules of `tamper` over the source with its macros expanded.

mod methods;
mod paths;
mod pointers;
mod shadows;
mod statics;
mod unfolded;

use std::collections::{BTreeMap, BTreeSet};

use super::options::{CrateType, RustOptions};
use super::{commands, reach, rustc_json};
use crate::toolchain::{
    EffectRules, EffectSubject, Places, ToolCommand, ToolOutput, kind_option, missing_effect,
    told_once,
};
use crate::types::gate::clean;
use crate::types::{CodeEffect, Finding, GateName, Spec, Target};
use paths::{CLOSED, Closed, OF_PROGRAMS, OF_SERVICES};

/// Rust's check of effects.
pub struct RustEffects;

/// The lints that find effects: the beginning of their names, and the rest.
const LINT: &str = "clippy::disallowed_";
const LINTS: [&str; 3] = ["methods", "types", "macros"];
/// The level at which no attribute changes a lint: `allow` does not switch it off, and, unlike with
/// `forbid`, an honest `#![warn(clippy::all)]` is no error.
const FORCED: &str = "--force-warn";

/// One command.
#[derive(Clone, Copy, Debug)]
struct ExpansionRun {
    /// `--lib` or `--bins`.
    root: &'static str,
    /// The choice of features, if it is not the default.
    features: Option<&'static str>,
    /// Whether it prints the expanded source; otherwise it lints.
    expands: bool,
}

/// Both kinds of commands, for the library and the program, with each choice of features.
fn steps(subject: EffectSubject<'_>) -> Vec<ExpansionRun> {
    let features = match reach::features(subject.tree).len() {
        0 => vec![None],
        _ => vec![None, Some("--all-features"), Some("--no-default-features")],
    };
    let roots = [("--lib", "src/lib.rs"), ("--bins", "src/main.rs")];
    let roots = roots.into_iter().filter(|(_, file)| subject.tree.get(file).is_some());
    let roots: Vec<&str> = roots.map(|(root, _)| root).collect();
    // The compiler's commands come first: cargo asks each other program for its version.
    let kinds = [true, false].into_iter();
    let chosen = kinds.flat_map(|expands| features.iter().map(move |one| (expands, *one)));
    let all = chosen.flat_map(|(expands, features)| {
        roots.iter().map(move |root| ExpansionRun { root, features, expands })
    });
    all.collect()
}

impl ExpansionRun {
    /// The folder of its `clippy.toml`.
    fn folder(self) -> String {
        format!(".effects/{}", self.root.trim_start_matches('-'))
    }

    fn command(self, granted: &BTreeSet<CodeEffect>, places: &Places) -> ToolCommand {
        let lints = LINTS.map(|lint| format!("{LINT}{lint}"));
        let mut args = if self.expands {
            vec!["rustc", self.root, "--profile", "check"]
        } else {
            vec!["clippy", self.root, "--message-format=json"]
        };
        args.extend(self.features);
        args.extend(["--offline", "--quiet", "--"]);
        if self.expands {
            args.push("-Zunpretty=expanded");
        } else {
            args.extend(lints.iter().flat_map(|lint| [FORCED, lint.as_str()]));
            let is_safe = !granted.contains(&CodeEffect::Unsafe);
            args.extend(is_safe.then_some([FORCED, "unsafe-code"]).into_iter().flatten());
        }
        let folder = places.source.join(self.folder()).display().to_string();
        // With it nothing is built.
        let unstable = ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned());
        let env = if self.expands { unstable } else { ("CLIPPY_CONF_DIR".to_owned(), folder) };
        ToolCommand { env: vec![env], ..commands::bare(&args, places) }
    }
}

impl EffectRules for RustEffects {
    fn granted(&self, spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
        spec.granted_effects().into_iter().chain(RustOptions::of(target).effects).collect()
    }

    fn files(&self, subject: EffectSubject<'_>) -> Vec<(String, Vec<u8>)> {
        let granted = open(subject.spec, subject.target);
        let is_program = is_program(subject.target);
        let service = if kind_option::is_service(subject.target) { &OF_SERVICES[..] } else { &[] };
        let paths = |step: ExpansionRun| {
            let program = match step.root {
                _ if !is_program => &[],
                "--bins" => &OF_PROGRAMS[..],
                _ => &OF_PROGRAMS[..2],
            };
            [program, service].concat()
        };
        let lints = steps(subject).into_iter().filter(|step| !step.expands);
        let files = lints.map(|step| {
            let text = configuration(&granted, &paths(step));
            (format!("{}/clippy.toml", step.folder()), text.into_bytes())
        });
        files.collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    fn commands(&self, subject: EffectSubject<'_>, places: &Places) -> Vec<ToolCommand> {
        let granted = open(subject.spec, subject.target);
        steps(subject).into_iter().map(|step| step.command(&granted, places)).collect()
    }

    fn read(
        &self,
        gate: &GateName,
        subject: EffectSubject<'_>,
        outputs: &[ToolOutput],
    ) -> Result<Vec<Finding>, String> {
        let mut findings = unfolded::unreadable(subject.tree);
        let (expanded, lints): (Vec<_>, Vec<_>) =
            steps(subject).into_iter().zip(outputs).partition(|(step, _)| step.expands);
        for (step, output) in lints.into_iter().chain(expanded) {
            match output.status {
                _ if !step.expands => findings.extend(lint_findings(gate, step, output, subject)?),
                Some(0) => {
                    findings.extend(unfolded::find(&output.stdout, subject));
                    findings.extend(changing(&output.stdout, subject));
                    findings.extend(pointer(&output.stdout, subject));
                }
                // With other features the gates do not require that it compiles.
                _ if !findings.is_empty() || step.features.is_some() => {}
                _ => findings.push(not_expanded(output)?),
            }
        }
        Ok(told_once(gate, subject.spec, findings))
    }
}

fn is_program(target: &Target) -> bool {
    RustOptions::of(target).crate_type == CrateType::Bin
}

/// The effects that candidates may have: those that are granted, and a program's streams.
fn open(spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
    let streams = CodeEffect::STREAMS.into_iter().filter(|_| is_program(target));
    RustEffects.granted(spec, target).into_iter().chain(streams).collect()
}

/// A `clippy.toml` that closes everything that is not granted.
fn configuration(granted: &BTreeSet<CodeEffect>, open: &[&str]) -> String {
    let closed = |closed: &&Closed| !closed.effect.is_some_and(|one| granted.contains(&one));
    let list = |of: fn(&Closed) -> &'static str| {
        let groups = CLOSED.iter().filter(closed);
        let paths = groups.flat_map(|group| {
            let reason = group.effect.map_or("surroundings", CodeEffect::word);
            of(group).split_whitespace().map(move |path| (path, reason))
        });
        let paths = paths.filter(|(path, _)| !open.contains(path));
        let entry =
            |(path, reason)| format!("{{ path = \"{path}\", reason = \"closed: {reason}\" }},\n");
        paths.map(entry).collect::<String>()
    };
    format!(
        "disallowed-methods = [\n{}]\ndisallowed-types = [\n{}]\ndisallowed-macros = [\n{}]\n",
        list(|group| group.methods),
        list(|group| group.types),
        list(|group| group.macros)
    )
}

/// The finding for source that compiles, but cannot be expanded.
fn not_expanded(output: &ToolOutput) -> Result<Finding, String> {
    let why = clean(&output.stderr, &[]);
    if output.status.is_none() || !output.stderr.contains("could not compile") {
        return Err(format!("cargo failed to expand macros ({}): {why}", output.ended));
    }
    let message = format!("the source with its macros expanded cannot be read: {why}");
    Ok(Finding { message, ..unfolded::finding("unreadable", None) })
}

/// What clippy found, as effects.
fn lint_findings(
    gate: &GateName,
    step: ExpansionRun,
    output: &ToolOutput,
    subject: EffectSubject<'_>,
) -> Result<Vec<Finding>, String> {
    let found = rustc_json::read_all(gate, &output.stdout, "", &[]).findings;
    let (effects, others): (Vec<_>, Vec<_>) = found.into_iter().partition(is_effect);
    let is_error = |finding: &Finding| finding.message.starts_with("error");
    let others: Vec<_> = others.into_iter().filter(is_error).collect();
    if !effects.is_empty() {
        let granted = open(subject.spec, subject.target);
        return Ok(effects.into_iter().map(|finding| typed(finding, &granted)).collect());
    }
    let compiles = !output.stderr.contains("could not compile");
    let is_ours =
        |finding: &Finding| finding.file.as_ref().is_some_and(|file| file.ends_with("clippy.toml"));
    let ours = others.iter().find(|finding| is_ours(finding));
    if output.status == Some(0) || (ours.is_none() && !compiles && step.features.is_some()) {
        return Ok(Vec::new());
    }
    if ours.is_some() || (others.is_empty() && compiles) {
        let why = ours.map_or_else(|| clean(&output.stderr, &[]), |one| one.message.clone());
        return Err(format!("clippy failed to check effects ({}): {why}", output.ended));
    }
    if others.is_empty() {
        return Ok(vec![unfolded::finding("unreadable", None)]);
    }
    Ok(others.into_iter().map(beside_no_tests).collect())
}

fn is_effect(finding: &Finding) -> bool {
    let lint = finding.rule.strip_prefix(LINT);
    finding.rule == "unsafe_code" || lint.is_some_and(|lint| LINTS.contains(&lint))
}

/// An error that the gates' own builds do not have: the code needs the tests beside it.
fn beside_no_tests(finding: Finding) -> Finding {
    let remedy = "the code must compile without the tests beside it";
    Finding { remedy: Some(remedy.to_owned()), ..finding }
}

/// A finding of clippy that says which effect is missing, and what to do.
fn typed(finding: Finding, granted: &BTreeSet<CodeEffect>) -> Finding {
    let path = finding.message.split('`').nth(1).unwrap_or_default().to_owned();
    let closed = |word: &str| finding.message.contains(&format!("closed: {word}"));
    let effect = match finding.rule.as_str() {
        "unsafe_code" => Some(CodeEffect::Unsafe),
        _ => CodeEffect::ALL.into_iter().find(|effect| closed(effect.word())),
    };
    let Some(effect) = effect else {
        let message = format!("`{path}` tells the code where it stands or who calls it");
        return Finding { message, ..unfolded::finding("surroundings", Some(&finding)) };
    };
    let what = match effect {
        CodeEffect::Unsafe => "`unsafe` and attributes that count as it".to_owned(),
        _ => format!("`{path}`"),
    };
    needed(effect, &what, finding, granted)
}

/// Statics that can change, unless that is granted.
fn changing(expanded: &str, subject: EffectSubject<'_>) -> Vec<Finding> {
    let granted = open(subject.spec, subject.target);
    let Ok(tokens) = expanded.parse() else { return Vec::new() };
    if granted.contains(&CodeEffect::State) {
        return Vec::new();
    }
    let found = unfolded::at_words(subject.tree, statics::find(tokens));
    let what = |name: &str, at: &Finding| match at.file {
        Some(_) => format!("the static `{name}`, which can change,"),
        None => format!("the static `{name}`, which a macro makes and which can change,"),
    };
    found
        .into_iter()
        .map(|(name, at)| needed(CodeEffect::State, &what(&name, &at), at, &granted))
        .collect()
}

/// A raw pointer, unless that is granted.
fn pointer(expanded: &str, subject: EffectSubject<'_>) -> Option<Finding> {
    let granted = open(subject.spec, subject.target);
    let line = |text: &str| pointers::first(text.parse().ok()?);
    if granted.contains(&CodeEffect::Unsafe) || line(expanded).is_none() {
        return None;
    }
    let mut files = subject.tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
    let place = files
        .find_map(|(path, bytes)| Some((path.to_string(), line(&String::from_utf8_lossy(bytes))?)));
    let (file, line) = place.unzip();
    let at = Finding { file, line, ..Finding::default() };
    Some(needed(CodeEffect::Unsafe, "a raw pointer", at, &granted))
}

/// The finding that an effect is missing, at the place of another one.
fn needed(effect: CodeEffect, what: &str, at: Finding, granted: &BTreeSet<CodeEffect>) -> Finding {
    let message = missing_effect(what, effect, granted);
    let remedy = match effect {
        CodeEffect::Stdout | CodeEffect::Stderr => "return the text instead of printing it",
        CodeEffect::Stdin => "take the text as an argument instead of reading it",
        CodeEffect::Unsafe => "write it in safe Rust",
        CodeEffect::Thread => "compute the result in the caller's thread",
        CodeEffect::State => "keep it in a value of the caller; for a table, use `LazyLock`",
        CodeEffect::Process => "return a value or an error instead",
        _ => "compute the result from the arguments alone",
    };
    let rule = format!("effect: {}", effect.word());
    Finding { message, rule, remedy: Some(remedy.to_owned()), ..at }
}

/// The sentence on effects for a prompt.
pub fn constraint(spec: &Spec, target: &Target) -> String {
    let open = open(spec, target);
    // "From arguments alone" already excludes state.
    let told = |effect: &CodeEffect| !open.contains(effect) && *effect != CodeEffect::State;
    let opens = |effect: CodeEffect| match effect {
        CodeEffect::Net if kind_option::is_service(target) => "other parts of the network",
        CodeEffect::Env if kind_option::is_service(target) => "other parts of the environment",
        other => paths::opens(other),
    };
    let closed: Vec<&str> = CodeEffect::ALL.into_iter().filter(told).map(opens).collect();
    let arguments = is_program(target).then_some("arguments");
    let service = kind_option::is_service(target)
        .then_some("`TcpListener` and the connections that it accepts, `std::env::var`");
    let may: Vec<&str> =
        arguments.into_iter().chain(service).chain(open.into_iter().map(paths::opens)).collect();
    let may = match may.len() {
        0 => "Compute results from arguments alone".to_owned(),
        _ => format!("The code may use: {}", may.join(", ")),
    };
    let not = match closed.len() {
        0 => String::new(),
        _ => format!("; not allowed: {}", closed.join(", ")),
    };
    format!(
        "{may}{not}. Do not use `#[allow]`, `file!`, `line!`, or `cfg` of the platform or profile."
    )
}
