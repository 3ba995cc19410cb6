//! Guards: static rules over the files of a tree.

use crate::toolchain;
use crate::types::{
    Binding, Clause, CodeEffect, Finding, GateName, Problem, Spec, Status, Target, Tree,
};

/// The guards, each with its rule.
pub const GUARDS: [(&str, &str); 5] = [
    ("effects", "the effects that the clause grants: `guard: effects stdout`"),
    ("forbid_unsafe", "no `unsafe` anywhere in the tree"),
    ("forbid", "none of the identifiers given: `guard: forbid unwrap expect`"),
    ("stateless", "no arguments: requests to a service go to two instances in turn"),
    ("max_lines", "no file with more lines than the number given: `guard: max_lines 400`"),
];

/// The problem of an invalid guard, if any.
pub fn problem(name: &str, args: &[String]) -> Option<Problem> {
    let Some((_, demand)) = GUARDS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = GUARDS.iter().map(|(name, _)| *name).collect();
        let problem = Problem::error("spec::guard", format!("unknown guard `{name}`"));
        return Some(problem.help(format!("known guards: {}", known.join(", "))));
    };
    let unknown = args.iter().filter(|_| name == "effects").find_map(|a| CodeEffect::read(a).err());
    if let Some((message, help)) = unknown {
        return Some(Problem::error("spec::effect", message).help(help));
    }
    let right = match (name, args) {
        ("forbid_unsafe" | "stateless", args) => args.is_empty(),
        ("max_lines", args) => args.len() == 1 && args[0].parse::<usize>().is_ok(),
        (_, args) => !args.is_empty(),
    };
    let message = format!("invalid arguments for guard `{name}`: `{}`", args.join(" "));
    (!right).then(|| Problem::error("spec::guard", message).help(format!("it requires {demand}")))
}

/// Checks every guard of a spec's clauses that are not drafts.
pub fn check(gate: &GateName, spec: &Spec, target: &Target, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for clause in spec.clauses.iter().filter(|clause| clause.status != Status::Draft) {
        for binding in &clause.bindings {
            if let Binding::Guard { name, args } = binding {
                let found = match name.as_str() {
                    "forbid_unsafe" => identifiers(tree, &["unsafe".to_owned()], target),
                    "forbid" => identifiers(tree, args, target),
                    // It grants; what is not granted is refused where code is compiled.
                    // Requests show whether a service is stateless.
                    "effects" | "stateless" => Vec::new(),
                    _ => long_files(tree, args),
                };
                findings.extend(found.into_iter().map(|f| complete(f, gate, name, clause)));
            }
        }
    }
    findings
}

fn complete(finding: Finding, gate: &GateName, rule: &str, clause: &Clause) -> Finding {
    let (gate, rule) = (gate.to_owned(), format!("guard: {rule}"));
    let clauses = vec![clause.id.clone()];
    Finding { gate, rule, clauses, remedy: Some(clause.text.clone()), ..finding }
}

/// Finds identifiers in a file's code, including macros, but not in comments or strings. A file
/// that cannot be parsed does not pass.
fn identifiers(tree: &Tree, names: &[String], target: &Target) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, bytes) in tree.iter() {
        let mut found = |line: Option<u32>, message: String| {
            let file = Some(path.to_string());
            findings.push(Finding { file, line, message, ..Finding::default() });
        };
        let text = String::from_utf8_lossy(bytes);
        match toolchain::of(target).identifiers(path, &text) {
            None => {
                let language = toolchain::of(target).language();
                let message =
                    format!("the guard cannot check this file, which is not {language}; remove it");
                found(None, message);
            }
            Some(Err(why)) => found(Some(1), why),
            Some(Ok(all)) => {
                for (name, line) in all.into_iter().filter(|(name, _)| names.contains(name)) {
                    found(Some(line), format!("`{name}` is forbidden here"));
                }
            }
        }
    }
    findings
}

fn long_files(tree: &Tree, args: &[String]) -> Vec<Finding> {
    let most = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(0);
    let count = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count();
    let long = tree.iter().filter(|(_, bytes)| count(bytes) > most);
    long.map(|(path, bytes)| Finding {
        file: Some(path.to_string()),
        message: format!("{path} has {} lines; the limit is {most}", count(bytes)),
        ..Finding::default()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::spec_for_tests::spec;
    use crate::types::{RelPath, Tree};

    fn lines(binding: &str, code: &str) -> Vec<u32> {
        let (spec, target) = spec(&format!("- it holds `guard: {binding}`\n"));
        let file = (RelPath::parse("src/lib.rs").unwrap(), code.as_bytes().to_vec());
        let found = check(&"layout".into(), &spec, &target, &Tree::from_iter([file]));
        found.into_iter().map(|finding| finding.line.unwrap_or(0)).collect()
    }

    #[test]
    fn arguments_must_make_sense() {
        for (name, args, right) in [
            ("forbid_unsafe", "", true),
            ("forbid_unsafe", "x", false),
            ("forbid", "unwrap", true),
            ("forbid", "", false),
            ("effects", "fs stdout", true),
            ("effects", "", false),
            ("effects", "files", false),
            ("stateless", "", true),
            ("stateless", "x", false),
            ("max_lines", "400", true),
            ("max_lines", "", false),
            ("max_lines", "many", false),
            ("no_such", "", false),
        ] {
            let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
            assert_eq!(super::problem(name, &args).is_none(), right, "{name} {args:?}");
        }
    }

    #[test]
    fn comments_and_strings_are_ignored() {
        assert_eq!(lines("forbid_unsafe", "// unsafe\nconst A: &str = \"unsafe\";"), [0u32; 0]);
        assert_eq!(lines("forbid_unsafe", "fn a() {\n unsafe { b() } }"), [2]);
        assert_eq!(lines("forbid_unsafe", "m! { x\n\nunsafe }"), [3]);
        assert_eq!(lines("forbid unwrap", "fn a() { b.unwrap() }"), [1]);
        assert_eq!(lines("forbid unwrap", "fn a() { b.r#unwrap() }"), [1]);
        assert_eq!(lines("forbid_unsafe", "fn a( {"), [1]);
        assert_eq!(lines("max_lines 2", "a\nb\nc\n"), [0]);
    }

    #[test]
    fn files_of_other_languages_are_rejected() {
        let (spec, target) = spec("- it holds `guard: forbid eval`\n");
        let file = |path: &str| (RelPath::parse(path).unwrap(), b"eval(1)".to_vec());
        let found =
            |path| check(&"layout".into(), &spec, &target, &Tree::from_iter([file(path)])).len();
        assert_eq!((found("src/data.py"), found("src/a.rs")), (1, 1));
    }
}
