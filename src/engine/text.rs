//! The code that a text is made from and judged with: that of the same job, or the promoted one.

use super::resources::Engine;
use crate::pipeline::{Attempt, State};
use crate::toolchain::about;
use crate::types::{GateReport, Link, TargetJob, TargetName};
use crate::workspace::CommandError;
use crate::{plan, toolchain};

impl Engine {
    /// The target whose code a part is about; `None` for code.
    fn code_of(&self, state: &State, part: &TargetJob) -> Option<&TargetName> {
        let harness = &self.workspace.harness;
        let target = &harness.target[&part.target];
        toolchain::of(target).text()?;
        about::code_of(harness, self.spec(state), target).ok().map(|(name, _)| name)
    }

    /// The accepted attempt at the code that a part is about.
    fn code_attempt<'s>(
        &self,
        state: &'s State,
        part: &TargetJob,
    ) -> Option<(&'s Attempt, &TargetName)> {
        let code = self.code_of(state, part)?;
        let at = state.job.parts.iter().position(|one| one.target == *code)?;
        let (attempt, _) = state.accepted(at)?;
        Some((attempt, code))
    }

    /// The trees that an attempt's candidate uses or is about.
    pub(super) fn links_of(&self, state: &State, attempt: &Attempt) -> Vec<Link> {
        let part = &state.job.parts[attempt.part];
        let mut links = part.links.clone();
        let spec = self.spec(state);
        if let Some((accepted, code)) = self.code_attempt(state, part)
            && let Ok(path) = self.workspace.harness.target[code].path(&spec.id, code)
            && let Some(tree) = accepted.tree
        {
            links.retain(|link| !link.is_code_of(&spec.id));
            links.push(Link::to_code(&spec.id, path, tree, plan::meaning(spec)));
        }
        for text in self.accepted_texts(state, part) {
            links.retain(|link| link.path != text.path);
            links.push(text);
        }
        links
    }

    /// The texts of this job that a part needs.
    fn accepted_texts(&self, state: &State, part: &TargetJob) -> Vec<Link> {
        let (harness, spec) = (&self.workspace.harness, self.spec(state));
        let needed = about::needed(harness, spec, &harness.target[&part.target]);
        let text = |name: &TargetName| {
            let at = state.job.parts.iter().position(|one| one.target == *name)?;
            let tree = state.accepted(at)?.0.tree?;
            let link = plan::link_to_text(spec, &part.target, name, harness)?;
            Some(Link { tree, revision: plan::meaning(spec), ..link })
        };
        needed.into_iter().filter_map(text).collect()
    }

    /// What a prompt for a text says of the code: its items, and the blocks that are run.
    pub(super) fn shown_code(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<String>, CommandError> {
        let Some(code) = self.code_of(state, &state.job.parts[attempt.part]) else {
            return Ok(None);
        };
        let (spec, target) = (self.spec(state), &self.workspace.harness.target[code]);
        let form = toolchain::of(self.part(state, attempt).1).text();
        let Some(form) = form else { return Ok(None) };
        let links = self.links_of(state, attempt);
        let own = links.iter().find(|link| link.is_code_of(&spec.id));
        let tree = own.map(|own| self.objects.get_tree(own.tree)).transpose()?.unwrap_or_default();
        let texts = links.iter().filter(|link| link.is_text_of(&spec.id));
        let texts = texts.map(|link| Ok((link.at.clone(), self.objects.get_tree(link.tree)?)));
        let texts = texts.collect::<Result<Vec<_>, CommandError>>()?;
        Ok(Some(about::shown(spec, target, form, &tree, &texts)))
    }

    /// Tests of the code that a text is about which were not seen to fail.
    pub(super) fn unproven_code(&self, state: &State, attempt: &Attempt) -> Vec<String> {
        let part = &state.job.parts[attempt.part];
        if let Some((accepted, _)) = self.code_attempt(state, part) {
            return GateReport::unproven(&accepted.reports);
        }
        let code = self.code_of(state, part);
        let code = code.map(|code| self.workspace.unproven(&state.job.spec, code));
        code.unwrap_or_default()
    }

    /// A part with the code and the texts of this job among its gate inputs.
    pub(super) fn with_code(&self, state: &State, part: &TargetJob) -> TargetJob {
        let mut part = part.clone();
        if let Some((accepted, code)) = self.code_attempt(state, &part)
            && let Some(tree) = accepted.tree
        {
            part.gate_inputs.insert(plan::code_input(code), tree);
        }
        let texts = self.accepted_texts(state, &part);
        part.gate_inputs.extend(texts.iter().map(|text| (plan::text_input(&text.at), text.tree)));
        part.gate_key = plan::gate_key(&part.gate_inputs);
        part
    }
}
