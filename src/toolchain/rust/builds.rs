//! How candidates are built for their tests: first where there are no tests, then the tests against
//! what was built.

use super::{commands, reach};
use crate::toolchain::{BuildKind, Places, Sees, Suite, TestBuild, ToolCommand};
use crate::types::{Spec, Tree};

/// The other builds of a candidate: as for a release, without its default features, unless the spec
/// itself names them, and with the others, unless the spec names one.
pub fn of(spec: &Spec, tree: &Tree) -> Vec<BuildKind> {
    let defaults = reach::defaults(tree);
    let named = |feature: &String| {
        let word = format!("`{feature}`");
        spec.clauses.iter().any(|clause| clause.text.contains(&word))
    };
    let bare = defaults.iter().any(|feature| !named(feature));
    let features = reach::features(tree);
    let more = features.iter().any(|one| one != "default" && !defaults.contains(one))
        && !features.iter().any(named);
    let kinds = [(true, BuildKind::Release), (bare, BuildKind::Bare), (more, BuildKind::Full)];
    kinds.into_iter().filter_map(|(differs, kind)| differs.then_some(kind)).collect()
}

/// Cargo's arguments for a build.
pub fn flags(kind: BuildKind) -> &'static [&'static str] {
    match kind {
        BuildKind::Usual => &[],
        BuildKind::Release => &["--release"],
        BuildKind::Bare => &["--no-default-features"],
        BuildKind::Full => &["--all-features"],
    }
}

/// What only runs a candidate is not optimized in a build for a release: it would cost more than
/// the candidate. The candidate's own code is, and everything else is as in that build.
const RUNS_IT: [&str; 7] =
    ["--", "-C", "opt-level=0", "-C", "debug-assertions=off", "-C", "overflow-checks=off"];

/// The command that builds a target which runs the candidate.
pub fn runner(target: [&str; 2], kind: BuildKind, places: &Places) -> ToolCommand {
    let flags = flags(kind);
    if kind != BuildKind::Release {
        return commands::cargo([&["build"], &target[..], flags].concat(), places);
    }
    let mut command = commands::cargo([&["rustc"], &target[..], flags].concat(), places);
    command.args.extend(RUNS_IT.map(str::to_owned));
    command
}

/// The commands of a build. Cargo does not build the candidate again for the tests: it compares its
/// files, and tests are none of them.
pub fn commands(tests: TestBuild<'_>, places: &Places) -> Vec<ToolCommand> {
    let kind = flags(tests.kind);
    let first = if tests.own { &["test", "--no-run"][..] } else { &["build"] };
    let first = commands::cargo([first, kind].concat(), places);
    let names = tests.suites.iter().filter(|suite| is_program(suite));
    let names: Vec<&str> = names.map(|suite| suite.file().trim_end_matches(".rs")).collect();
    let all = [ToolCommand { sees: Sees::Candidate, ..first }];
    let then = match tests.kind {
        BuildKind::Release => {
            names.iter().map(|name| runner(["--test", name], tests.kind, places)).collect()
        }
        _ if names.is_empty() => Vec::new(),
        _ => {
            let names = names.into_iter().flat_map(|name| ["--test", name]);
            let args = ["test", "--no-run"].iter().chain(kind).copied().chain(names).collect();
            vec![commands::cargo(args, places)]
        }
    };
    all.into_iter().chain(then).collect()
}

/// Whether a mounted file is a test program: modules and data are in folders.
fn is_program(suite: &Suite) -> bool {
    !suite.data && suite.path.as_str().ends_with(".rs") && !suite.file().contains('/')
}
