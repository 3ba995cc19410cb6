//! Whether a spec's code can use that of the specs that it depends on.

use crate::toolchain;
use crate::types::{Harness, Problem, Spec, SpecId, Target, TargetName};

/// For each target: the same language, no program, no more effects.
pub fn check<'a>(
    spec: &Spec,
    find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
    harness: &Harness,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = harness.targets_of(spec).iter();
    let targets = named.filter_map(|name| Some((name, harness.target.get(name)?)));
    for (name, target) in targets.filter(|(_, target)| target.is_generated()) {
        let user = User { spec, name, target, harness };
        for other in spec.depends.iter().filter(|other| **other != spec.id) {
            let other = find(other).filter(|other| !other.integration);
            problems.extend(other.and_then(|other| user.problem(other)));
        }
    }
    problems
}

/// A target of a spec whose code uses others.
struct User<'a> {
    spec: &'a Spec,
    name: &'a TargetName,
    target: &'a Target,
    harness: &'a Harness,
}

impl User<'_> {
    fn problem(&self, other: &Spec) -> Option<Problem> {
        let language = toolchain::of(self.target);
        let (links, id) = (language.links()?, &other.id);
        let Some((_, target)) = self.harness.linked_target(self.name, other) else {
            let language = language.language();
            let message = format!("it depends on `{id}`, which has no target in {language}");
            let help = format!("add a target in {language} to `{id}`, as `{}` here", self.name);
            return Some(Problem::error("spec::dependency_language", message).help(help));
        };
        if self.spec.programs.iter().any(|one| one.spec == *id) {
            // Its examples run it as it is.
            return None;
        }
        if let Some(why) = links.refusal(target) {
            let message = format!("it depends on `{id}`, whose code cannot be used: {why}");
            return Some(Problem::error("spec::dependency_program", message));
        }
        let lacking = links.lacking(self.target, target);
        if !lacking.is_empty() {
            let message = format!(
                "it depends on `{id}`, whose code may use packages that are not allowed here"
            );
            let names = lacking.join(", ");
            let help = format!("add to `allowed_dependencies` of `{}`: {names}", self.name);
            return Some(Problem::error("spec::dependency_packages", message).help(help));
        }
        // What has no code has no effects.
        let rules = language.effect_rules().filter(|_| !self.spec.integration)?;
        let own = rules.granted(self.spec, self.target);
        let more = rules.granted(other, target);
        let more: Vec<&str> = more.difference(&own).map(|effect| effect.word()).collect();
        let message =
            format!("it depends on `{id}`, whose code may have effects that are not granted here");
        let help = format!("add `effects: [{}]` to its front matter", more.join(", "));
        let problem = Problem::error("spec::dependency_effects", message).help(help);
        (!more.is_empty()).then_some(problem)
    }
}
