//! Effects of code, and its public items. A program in the sandbox lists what the
//! modules use; the type checker compares what they export with the contract.

use std::collections::BTreeSet;

use super::audit::{ModuleLine, ModulePlace, read};
use super::contract::surface;
use super::package::Dialect;
use super::program::{OF_PROGRAMS, OF_SERVICES};
use super::{commands, packages};
use crate::toolchain::kind_option::{is_program, is_service};
use crate::toolchain::{
    EffectRules, EffectSubject, Places, ToolCommand, ToolOutput, effects_sentence, missing_effect,
    told_once,
};
use crate::toolchain::{effect_option, package_option};
use crate::types::{CodeEffect, Finding, GateName, Spec, Target, gate::clean};

/// The rule of a module that cannot be parsed.
const SYNTAX: &str = "syntax";

/// The rules of a language.
pub struct ScriptEffects(pub Dialect);

/// The effects that a spec and its target grant.
fn granted(spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
    spec.granted_effects().into_iter().chain(effect_option::effects(target)).collect()
}

/// The effects that candidates may have: those that are granted, and a program's streams.
fn open(spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
    let streams = CodeEffect::STREAMS.into_iter().filter(|_| is_program(target));
    granted(spec, target).into_iter().chain(streams).collect()
}

impl EffectRules for ScriptEffects {
    fn granted(&self, spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
        granted(spec, target)
    }

    fn files(&self, subject: EffectSubject<'_>) -> Vec<(String, Vec<u8>)> {
        let interface = subject.spec.contract.as_ref();
        interface.map(|one| surface::files(one, self.0)).unwrap_or_default()
    }

    fn commands(&self, subject: EffectSubject<'_>, places: &Places) -> Vec<ToolCommand> {
        let compared = subject.spec.contract.is_some();
        let surface = compared.then(|| commands::check_types(surface::CONFIG, places));
        [commands::audit(subject, places, self.0)].into_iter().chain(surface).collect()
    }

    fn read(
        &self,
        gate: &GateName,
        subject: EffectSubject<'_>,
        outputs: &[ToolOutput],
    ) -> Result<Vec<Finding>, String> {
        let [output, more @ ..] = outputs else { return Err("no module was listed".to_owned()) };
        let Some(lines) = read(&output.stdout) else { return unread(gate, output) };
        let granted = open(subject.spec, subject.target);
        let is_free = |what: &str| {
            is_program(subject.target) && OF_PROGRAMS.contains(&what)
                || is_service(subject.target) && OF_SERVICES.contains(&what)
        };
        let (mut findings, mut types) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                ModuleLine::Syntax(place) => findings.push(unreadable(&place)),
                ModuleLine::Suppress(place) => findings.push(suppressed(&place)),
                ModuleLine::Import(place) => {
                    findings.push(unknown_import(&place, subject));
                }
                ModuleLine::Unreached(place) => findings.push(unreached(&place)),
                ModuleLine::Effect { effect, place } => {
                    let effect = CodeEffect::read(&effect).map_err(|(why, _)| why)?;
                    if !granted.contains(&effect) && !is_free(&place.what) {
                        findings.push(needed(effect, &place, &granted));
                    }
                }
                ModuleLine::Type { name, line } => types.push((name, line)),
                ModuleLine::End => {}
            }
        }
        // Syntax errors first: of what cannot be parsed nothing else is known.
        if findings.iter().any(|one: &Finding| one.rule == SYNTAX) {
            findings.retain(|one| one.rule == SYNTAX);
        } else if let Some(interface) = &subject.spec.contract {
            findings.extend(surface::exported_types(interface, &types, self.0));
            let [checked] = more else { return Err("no public item was compared".to_owned()) };
            findings.extend(surface::read(interface, checked, self.0)?);
        }
        Ok(told_once(gate, subject.spec, findings))
    }
}

/// A list without its end: the parser itself failed over the candidate.
fn unread(gate: &GateName, output: &ToolOutput) -> Result<Vec<Finding>, String> {
    let why = clean(&output.stderr, &[]);
    // A program that does not even start says nothing about the candidate.
    if output.status.is_some() && output.stdout.is_empty() {
        return Err(format!("Node failed to list the modules ({}): {why}", output.ended));
    }
    let message = format!("the modules cannot be read ({}): {why}", output.ended);
    let (gate, rule) = (gate.to_owned(), "unreadable".to_owned());
    Ok(vec![Finding { gate, rule, message, ..Finding::default() }])
}

fn at(place: &ModulePlace, rule: &str, message: String, remedy: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        file: Some(place.file.clone()),
        line: Some(place.line),
        message,
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}

/// A module that cannot be parsed.
fn unreadable(place: &ModulePlace) -> Finding {
    let message = format!("syntax error: {}", place.what);
    let remedy = "use only syntax that is JavaScript once its types are removed: no `enum`, no \
        `namespace`, no parameter properties, no decorators. For `constructor(private x: T) {}` declare \
        the field, `private x: T;`, and set it, `this.x = x`; for an `enum` write `const X = { A: 0 } \
        as const`";
    let is_erasable = !place.what.contains("strip-only");
    let remedy = Some(remedy.to_owned()).filter(|_| !is_erasable);
    Finding { remedy, ..at(place, SYNTAX, message, "") }
}

fn suppressed(place: &ModulePlace) -> Finding {
    let message = format!("`{}` disables a check", place.what.trim());
    at(place, "suppress", message, "remove the comment and fix the code instead")
}

fn unknown_import(place: &ModulePlace, subject: EffectSubject<'_>) -> Finding {
    let message = match packages::package_of(&place.what) {
        Some(name) => {
            let line = format!("{{ \"{name}\" = \"…\" }}");
            package_option::not_allowed(&place.what, "Node", &line)
        }
        None => format!("`{}` is not a module of this package", place.what),
    };
    let remedy = "import the package's modules with their ends: `from \"./module.ts\"`, or `.js` in \
        JavaScript";
    let remedy = package_option::instead(subject.target, remedy);
    at(place, "import", message, &subject.with_depends(remedy))
}

fn unreached(place: &ModulePlace) -> Finding {
    let message =
        format!("no module imports `{}`, or only its types: nothing tests it", place.what);
    at(place, "unreached", message, "import it where it is used, or leave this file out")
}

/// A use that says which effect is missing, and what to do.
fn needed(effect: CodeEffect, place: &ModulePlace, granted: &BTreeSet<CodeEffect>) -> Finding {
    let (what, word) = (&place.what, effect.word());
    let message = missing_effect(&format!("`{what}`"), effect, granted);
    let remedy = match effect {
        CodeEffect::Stdout | CodeEffect::Stderr => "return the text instead of printing it",
        CodeEffect::Stdin => "take the text as an argument instead of reading it",
        CodeEffect::State => "keep it in a value of the caller",
        CodeEffect::Unsafe => "write it without the interpreter's insides",
        CodeEffect::Thread => "compute the result before the call returns",
        CodeEffect::Process => "return a value or throw an error instead",
        CodeEffect::Env if what.ends_with("without a locale") => {
            "name a locale, or compare with `<`"
        }
        _ => "compute the result from the arguments alone",
    };
    at(place, &format!("effect: {word}"), message, remedy)
}

/// What an effect opens, for prompts.
fn opens(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Fs => "files and folders (`node:fs`)",
        CodeEffect::Net => "the network (`fetch`, `node:net`)",
        CodeEffect::Env => {
            "the surroundings (`process.env`, `Math.random`, a locale that is not named)"
        }
        CodeEffect::Process => "processes (`node:child_process`, `process.exit`)",
        CodeEffect::Clock => "the time (`Date.now`, `new Date()`, `setTimeout`, `performance`)",
        CodeEffect::Thread => "work after the call (`Worker`, `queueMicrotask`)",
        CodeEffect::Stdin => "standard input (`process.stdin`)",
        CodeEffect::Stdout => "standard output (`console.log`)",
        CodeEffect::Stderr => "standard error (`console.error`)",
        CodeEffect::State => "state that outlives a call (variables and containers of a module)",
        CodeEffect::Unsafe => {
            "the interpreter's insides (`eval`, `Function`, `globalThis`, `import()`, `__proto__`, \
             changed prototypes)"
        }
    }
}

/// The same for a program, which has arguments and an exit status.
fn opens_in_program(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Process => "other processes (`node:child_process`)",
        other => opens(other),
    }
}

/// The same for a service, which listens on its port.
fn opens_in_service(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Net => "other parts of the network (`fetch`, `node:net`)",
        CodeEffect::Env => "other surroundings (`Math.random`, a locale that is not named)",
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
