//! Effects of Python code, and its public items: both are listed by one program in the sandbox.

use std::collections::BTreeSet;

use super::audit::{AuditLine, Noticed, PublicItem, read};
use super::contract::surface;
use super::program::{OF_PROGRAMS, OF_SERVICES};
use super::{commands, package};
use crate::toolchain::kind_option::{is_program, is_service};
use crate::toolchain::{
    EffectRules, EffectSubject, Places, ToolCommand, ToolOutput, effects_sentence, missing_effect,
    told_once,
};
use crate::toolchain::{effect_option, package_option};
use crate::types::{CodeEffect, Finding, GateName, Spec, Target, gate::clean};

/// The rule of a module that cannot be parsed.
const SYNTAX: &str = "syntax";

/// The rules of Python.
pub struct PythonEffects;

impl EffectRules for PythonEffects {
    fn granted(&self, spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
        spec.granted_effects().into_iter().chain(effect_option::effects(target)).collect()
    }

    fn files(&self, _subject: EffectSubject<'_>) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    fn commands(&self, subject: EffectSubject<'_>, places: &Places) -> Vec<ToolCommand> {
        vec![commands::audit(subject, places)]
    }

    fn read(
        &self,
        gate: &GateName,
        subject: EffectSubject<'_>,
        outputs: &[ToolOutput],
    ) -> Result<Vec<Finding>, String> {
        let [output] = outputs else { return Err("the modules were not listed".to_owned()) };
        let Some(lines) = read(&output.stdout) else { return unread(gate, output) };
        let granted = open(subject.spec, subject.target);
        let is_free = |what: &str| {
            is_program(subject.target) && OF_PROGRAMS.contains(&what)
                || is_service(subject.target) && OF_SERVICES.contains(&what)
        };
        let mut findings = Vec::new();
        let (mut items, mut exported): (Vec<PublicItem>, _) = (Vec::new(), None);
        for line in lines {
            match line {
                AuditLine::Syntax(noticed) => findings.push(unreadable(noticed)),
                AuditLine::Suppress(noticed) => findings.push(suppressed(noticed)),
                AuditLine::Import(noticed) => {
                    findings.push(unknown_import(&noticed, subject));
                }
                AuditLine::Program(noticed) => findings.push(no_program(&noticed)),
                AuditLine::Unreached(noticed) => findings.push(unreached(&noticed)),
                AuditLine::Effect { effect, noticed } => {
                    let effect = CodeEffect::read(&effect).map_err(|(why, _)| why)?;
                    if !granted.contains(&effect) && !is_free(&noticed.what) {
                        findings.push(needed(effect, noticed, &granted));
                    }
                }
                AuditLine::Public(item) => items.push(item),
                AuditLine::All { names, line } => {
                    // Set twice, it is not a literal.
                    let names = if exported.is_some() { None } else { names };
                    exported = Some((names, line));
                }
                AuditLine::End => {}
            }
        }
        // Syntax errors first: of what cannot be parsed nothing else is known.
        if findings.iter().any(|one: &Finding| one.rule == SYNTAX) {
            findings.retain(|one| one.rule == SYNTAX);
        } else if let Some(interface) = &subject.spec.contract {
            let root = package::items(subject.spec);
            findings.extend(surface(interface, root.as_str(), &items, exported));
        }
        Ok(told_once(gate, subject.spec, findings))
    }
}

/// The effects that candidates may have: those that are granted, and a program's streams.
fn open(spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
    let streams = CodeEffect::STREAMS.into_iter().filter(|_| is_program(target));
    PythonEffects.granted(spec, target).into_iter().chain(streams).collect()
}

/// A list without its end: the parser itself failed over the candidate.
fn unread(gate: &GateName, output: &ToolOutput) -> Result<Vec<Finding>, String> {
    let why = clean(&output.stderr, &[]);
    // A program that does not even start says nothing about the candidate.
    if output.status.is_some() && output.stdout.is_empty() {
        return Err(format!(
            "the interpreter failed to list the modules ({}): {why}",
            output.ended
        ));
    }
    let message = format!("the modules cannot be read ({}): {why}", output.ended);
    let finding = Finding {
        gate: gate.to_owned(),
        rule: "unreadable".to_owned(),
        message,
        ..Finding::default()
    };
    Ok(vec![finding])
}

fn at(noticed: &Noticed, rule: &str, message: String, remedy: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        file: Some(noticed.file.clone()),
        line: Some(noticed.line),
        message,
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}

/// A module that cannot be parsed.
fn unreadable(noticed: Noticed) -> Finding {
    let message = format!("syntax error: {}", noticed.what);
    Finding { remedy: None, ..at(&noticed, SYNTAX, message, "") }
}

fn suppressed(noticed: Noticed) -> Finding {
    let message = format!("`{}` disables a check", noticed.what.trim());
    at(&noticed, "suppress", message, "remove the comment and fix the code instead")
}

fn unknown_import(noticed: &Noticed, subject: EffectSubject<'_>) -> Finding {
    let root = noticed.what.split('.').next().unwrap_or_default();
    let line = format!("{{ {root} = \"==…\" }}");
    let message = package_option::not_allowed(&noticed.what, "the standard library", &line);
    let remedy = "use the standard library, and import the package's modules relatively";
    let remedy = package_option::instead(subject.target, remedy);
    at(noticed, "import", message, &subject.with_depends(remedy))
}

fn no_program(noticed: &Noticed) -> Finding {
    let remedy = "define `main() -> int | None` and end with `if __name__ == \"__main__\":` and \
        `sys.exit(main())`";
    at(noticed, "program", noticed.what.clone(), remedy)
}

fn unreached(noticed: &Noticed) -> Finding {
    let message = format!("no module imports `{}`: nothing tests it", noticed.what);
    at(noticed, "unreached", message, "import it where it is used, or leave this file out")
}

/// A use that says which effect is missing, and what to do.
fn needed(effect: CodeEffect, noticed: Noticed, granted: &BTreeSet<CodeEffect>) -> Finding {
    let (what, word) = (&noticed.what, effect.word());
    let message = missing_effect(&format!("`{what}`"), effect, granted);
    let remedy = match effect {
        CodeEffect::Stdout | CodeEffect::Stderr => "return the text instead of printing it",
        CodeEffect::Stdin => "take the text as an argument instead of reading it",
        CodeEffect::State => "keep it in a value of the caller",
        CodeEffect::Unsafe => "write it without the interpreter's insides",
        CodeEffect::Thread => "compute the result in the caller's thread",
        CodeEffect::Process => "return a value or raise an exception instead",
        _ => "compute the result from the arguments alone",
    };
    at(&noticed, &format!("effect: {word}"), message, remedy)
}

/// What an effect opens, for prompts.
fn opens(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Fs => "files and folders (`open`, `pathlib`)",
        CodeEffect::Net => "the network (`socket`, `urllib.request`)",
        CodeEffect::Env => "the surroundings (`os.environ`, `sys.argv`, `random`)",
        CodeEffect::Process => "processes (`subprocess`, `sys.exit`)",
        CodeEffect::Clock => "the time (`time`, `datetime.now`)",
        CodeEffect::Thread => "threads (`threading`, `asyncio`)",
        CodeEffect::Stdin => "standard input (`input`)",
        CodeEffect::Stdout => "standard output (`print`)",
        CodeEffect::Stderr => "standard error (`logging`, `warnings`)",
        CodeEffect::State => "state that outlives a call (`global`)",
        CodeEffect::Unsafe => {
            "the interpreter's insides (`eval`, `__import__`, `__globals__`, `inspect`, `ctypes`)"
        }
    }
}

/// The same for a program, which has arguments and an exit status.
fn opens_in_program(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Env => "the surroundings (`os.environ`, `random`)",
        CodeEffect::Process => "other processes (`subprocess`)",
        other => opens(other),
    }
}

/// The same for a service, which listens on its port.
fn opens_in_service(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Net => "other parts of the network (`socket`, `urllib.request`)",
        CodeEffect::Env => "other surroundings (`random`)",
        other => opens_in_program(other),
    }
}

/// The sentence on effects for a prompt.
pub fn constraint(spec: &Spec, target: &Target) -> String {
    let opens = match (is_program(target), is_service(target)) {
        (_, true) => opens_in_service,
        (true, _) => opens_in_program,
        _ => opens,
    };
    effects_sentence(&open(spec, target), opens)
}
