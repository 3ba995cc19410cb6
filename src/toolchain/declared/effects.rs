//! Effects of a declared toolchain: text that needs one, found in the sources as they stand.

use std::collections::BTreeSet;

use regex::Regex;

use super::file::EffectFile;
use super::kept::expression;
use crate::toolchain::effect_option;
use crate::toolchain::{
    EffectRules, EffectSubject, Places, ToolCommand, ToolOutput, missing_effect, told_once,
};
use crate::types::{CodeEffect, Finding, GateName, Spec, Target};

/// Text that needs an effect.
pub struct EffectPattern {
    effect: CodeEffect,
    pattern: Regex,
    opens: String,
}

/// The patterns of a toolchain.
pub struct DeclaredEffects {
    /// The suffixes of sources.
    pub sources: Vec<String>,
    /// The patterns.
    pub patterns: Vec<EffectPattern>,
}

impl EffectPattern {
    /// Reads one.
    ///
    /// # Errors
    /// The effect or the pattern is wrong.
    pub fn read(file: &EffectFile) -> Result<Self, String> {
        let effect = CodeEffect::read(&file.name).map_err(|(why, _)| why)?;
        let pattern = expression(&file.pattern)?;
        Ok(Self { effect, pattern, opens: file.opens.clone() })
    }
}

impl DeclaredEffects {
    /// The sentence on effects for a prompt.
    pub fn constraint(&self, spec: &Spec, target: &Target) -> String {
        let granted = self.granted(spec, target);
        let closed = self.patterns.iter().filter(|one| !granted.contains(&one.effect));
        let mut closed: Vec<&str> = closed.map(|one| one.opens.as_str()).collect();
        closed.dedup();
        let start = match granted.len() {
            0 => "Compute results from arguments alone".to_owned(),
            _ => format!("The code may use: {}", CodeEffect::list(granted)),
        };
        match closed.len() {
            0 => format!("{start}."),
            _ => format!("{start}; not allowed: {}.", closed.join(", ")),
        }
    }
}

impl EffectRules for DeclaredEffects {
    fn granted(&self, spec: &Spec, target: &Target) -> BTreeSet<CodeEffect> {
        spec.granted_effects().into_iter().chain(effect_option::effects(target)).collect()
    }

    fn files(&self, _subject: EffectSubject<'_>) -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }

    fn commands(&self, _subject: EffectSubject<'_>, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn read(
        &self,
        gate: &GateName,
        subject: EffectSubject<'_>,
        _outputs: &[ToolOutput],
    ) -> Result<Vec<Finding>, String> {
        let granted = self.granted(subject.spec, subject.target);
        let needed = self.patterns.iter().filter(|one| !granted.contains(&one.effect));
        let needed: Vec<_> = needed.collect();
        let mut findings = Vec::new();
        for (path, bytes) in subject.tree.iter() {
            if !self.sources.iter().any(|suffix| path.as_str().ends_with(suffix)) {
                continue;
            }
            let text = String::from_utf8_lossy(bytes);
            for one in &needed {
                for found in one.pattern.captures_iter(&text) {
                    let whole = found.get(1).or_else(|| found.get(0));
                    let Some(whole) = whole else { continue };
                    let line = 1 + text[..whole.start()].matches('\n').count();
                    let word = one.effect.word();
                    let what = whole.as_str().trim();
                    findings.push(Finding {
                        rule: format!("effect: {word}"),
                        file: Some(path.to_string()),
                        line: u32::try_from(line).ok(),
                        message: missing_effect(&format!("`{what}`"), one.effect, &granted),
                        remedy: Some("compute the result from the arguments alone".to_owned()),
                        ..Finding::default()
                    });
                }
            }
        }
        Ok(told_once(gate, subject.spec, findings))
    }
}
