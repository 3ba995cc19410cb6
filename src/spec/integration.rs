//! Specs without code (`targets: []`): clauses about the specs that they depend on, together.

use crate::toolchain;
use crate::types::{Binding, CheckedProgram, Harness, Problem, Spec, SpecId, Target, TargetName};

/// Gives a spec without code its targets: of each language that all of its dependencies have, one
/// for libraries. If it has examples in some of them, only these. And the programs that its
/// examples run.
pub fn settle<'a>(
    spec: &mut Spec,
    find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
    harness: &'a Harness,
) {
    let depends: Vec<&Spec> = spec.depends.iter().filter_map(find).collect();
    let first = depends.first().map(|first| harness.targets_of(first)).unwrap_or_default();
    let mut shared: Vec<(&TargetName, &Target)> = Vec::new();
    for name in first {
        let Some((name, target)) = for_libraries(name, harness) else { continue };
        let language = toolchain::of(target);
        let is_able = language.links().is_some();
        let is_new = shared.iter().all(|(_, one)| toolchain::of(one).id() != language.id());
        let is_shared = depends.iter().all(|one| harness.linked_target(name, one).is_some());
        if is_able && is_new && is_shared {
            shared.push((name, target));
        }
    }
    let program = |own: &TargetName, other: &Spec| {
        let (name, target) = harness.linked_target(own, other)?;
        toolchain::of(target).program(target)?;
        let service = toolchain::is_service(target);
        let (spec, toolchain) = (other.id.clone(), target.toolchain.clone());
        Some(CheckedProgram { spec, target: name.clone(), toolchain, service })
    };
    let programs = shared.iter().flat_map(|(own, _)| depends.iter().map(move |one| (*own, *one)));
    spec.programs = programs.filter_map(|(own, other)| program(own, other)).collect();
    let has_examples = |(_, target): &&(&TargetName, &Target)| {
        let examples = toolchain::example_suites(spec, target);
        let outside = toolchain::console_tests(spec, target);
        examples.visible.is_some() || examples.hidden.is_some() || !outside.is_empty()
    };
    let named = |(name, _): &(&TargetName, &Target)| (*name).clone();
    let tested: Vec<TargetName> = shared.iter().filter(has_examples).map(named).collect();
    spec.targets = if tested.is_empty() { shared.iter().map(named).collect() } else { tested };
}

/// A generated target for libraries in the language of another target: that one, the first default
/// one, or the first.
fn for_libraries<'a>(
    name: &'a TargetName,
    harness: &'a Harness,
) -> Option<(&'a TargetName, &'a Target)> {
    let language = &harness.target.get(name)?.toolchain;
    let names = [name].into_iter().chain(&harness.harness.default_targets);
    let all = names.chain(harness.target.keys());
    let mut all = all.filter_map(|name| harness.target.get_key_value(name));
    all.find(|(_, one)| {
        one.is_generated()
            && one.toolchain == *language
            && toolchain::of(one).program(one).is_none()
    })
}

/// What a spec without code cannot have, and what cannot be done with one.
pub fn check<'a>(
    spec: &Spec,
    find: &dyn Fn(&SpecId) -> Option<&'a Spec>,
    harness: &Harness,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let wrong =
        |message: String, help: &str| Problem::error("spec::integration", message).help(help);
    for other in spec.depends.iter().filter_map(find).filter(|other| other.integration) {
        let message = format!("it depends on `{}`, which has no code (`targets: []`)", other.id);
        problems.push(wrong(message, "remove it from `depends`"));
    }
    if !spec.integration {
        return problems;
    }
    if spec.depends.is_empty() {
        let message = "it has no code (`targets: []`) and no `depends`, so it has nothing to check";
        let help = "name the specs that its examples use in `depends`, or remove `targets: []`";
        problems.push(wrong(message.to_owned(), help));
    } else if spec.targets.is_empty() && spec.depends.iter().all(|id| find(id).is_some()) {
        let able = toolchain::used(harness.target.values()).into_iter();
        let able = able.filter(|one| one.links().is_some());
        let able: Vec<&str> = able.map(|language| language.language()).collect();
        let message = "it has no code (`targets: []`), and the specs that it depends on have no \
                       target in one language in which such a spec can check them";
        let help = match able.as_slice() {
            [] => "such specs check targets in languages that are built in".to_owned(),
            able => {
                let able = able.join(" or ");
                format!(
                    "add a target in {able} to each of them; if they are programs, harness.toml \
                     also needs a target for libraries in that language"
                )
            }
        };
        problems.push(wrong(message.to_owned(), &help));
    }
    let needless = [
        (spec.contract.is_some(), "a contract", "put it into a spec with targets"),
        (!spec.effects.is_empty(), "`effects`", "grant them to the specs with the code"),
    ];
    for (_, what, help) in needless.into_iter().filter(|(has, ..)| *has) {
        let message = format!("it has {what}, but no code (`targets: []`)");
        problems.push(wrong(message, help));
    }
    for clause in &spec.clauses {
        let mut guards = clause.bindings.iter();
        if guards.any(|binding| matches!(binding, Binding::Guard { .. })) {
            let message = format!("`{}` has a guard, but the spec has no code", clause.id);
            let mut problem = wrong(message, "write the guard into the specs with the code");
            (problem.span, problem.line) = (Some(clause.span), clause.line);
            problems.push(problem);
        }
    }
    problems
}
