//! Reads the suites of a target: files of people, below `validators/` or where `tests` names them.

use std::path::Path;

use super::error::CommandError;
use super::given_tests::given;
use super::model::Workspace;
use crate::plan::Checks;
use crate::spec::Parsed;
use crate::store::files;
use crate::toolchain::prose::linter::VALE;
use crate::toolchain::{self, Suite, SuiteFile};
use crate::types::{Digest, Problem, RelPath, Spec, Target, TargetName, limits};

impl Workspace {
    /// Reads the suites of a target of a spec.
    pub(super) fn read_suites(
        &mut self,
        one: &mut Parsed,
        name: &TargetName,
        target: &Target,
        checks: &mut Checks,
    ) -> Result<Vec<Suite>, CommandError> {
        let folder = Path::new(&self.harness.harness.validators);
        let folder = folder.join(one.spec.id.package()).join(name);
        let place = self.places.root.join(&folder);
        for file in files::not_files(&place)? {
            one.problems.push(not_a_file(&format!("{}/{file}", folder.display()), &one.spec));
        }
        let mut read = Vec::new();
        for (file, bytes) in files::folder(&place)? {
            if files::is_dotted(Path::new(""), Path::new(&file)) {
                continue;
            }
            let label = folder.join(&file).display().to_string();
            let stored = files::stored(bytes.clone());
            let source = SuiteSource { file: &file, label: &label, bytes, stored: &stored };
            let suite = suite(&one.spec, target, source);
            read.push(ReadSuite { label, stored, suite });
        }
        if !target.tests.is_empty() {
            let named = self.given_tests(name, target)?;
            one.problems.extend(named.links.iter().map(|link| not_a_file(link, &one.spec)));
            let of = |(file, bytes): (&String, &Vec<u8>)| {
                let suite = given(&one.spec, target, file, bytes).transpose()?;
                Some(ReadSuite { label: file.clone(), stored: bytes.clone(), suite })
            };
            read.extend(named.files.iter().filter_map(of));
        }
        let mut suites = Vec::new();
        for ReadSuite { label, stored, suite } in read {
            match suite {
                Ok(suite) => suites.push(suite),
                Err(problem) => one.problems.push(in_file(&label, *problem, &one.spec)),
            }
            checks.files.insert(label.clone(), Digest::of(&stored));
            self.bytes.insert(label, stored);
        }
        let rules =
            target.style_rules.iter().filter(|_| checks.gates.iter().any(|one| one == VALE));
        checks.files.extend(rules.map(|(path, text)| (path.clone(), Digest::of(text))));
        if let Some(options) = toolchain::of(target).gate_options(target) {
            checks.files.insert(format!("[target.{name}]"), Digest::of(options));
        }
        Ok(suites)
    }
}

/// A file of tests that was read.
struct ReadSuite {
    /// Its path in the workspace.
    label: String,
    /// Its content with the line ends of version control.
    stored: Vec<u8>,
    suite: Result<Suite, Box<Problem>>,
}

/// The problem of a link or another thing in the place of a file of tests.
fn not_a_file(label: &str, spec: &Spec) -> Problem {
    let problem = Problem::error("suite::file", format!("{label}: not a regular file"));
    problem.help("replace a link by the file").file(&spec.file)
}

/// A problem in a file of tests, told at the spec.
fn in_file(label: &str, problem: Problem, spec: &Spec) -> Problem {
    let line = Some(problem.line).filter(|line| *line > 0);
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    let message = format!("{label}{line}: {}", problem.message);
    Problem { message, line: 0, ..problem }.file(&spec.file)
}

/// A file of a target's suites.
struct SuiteSource<'a> {
    /// Its name below their folder.
    file: &'a str,
    /// Its path in the workspace.
    label: &'a str,
    bytes: Vec<u8>,
    /// Its content with the line ends of version control.
    stored: &'a [u8],
}

/// Reads a file of a target's suites: a suite, or a module or data of one.
fn suite(spec: &Spec, target: &Target, source: SuiteSource<'_>) -> Result<Suite, Box<Problem>> {
    let SuiteSource { file, label, bytes, stored } = source;
    if toolchain::of(target).keeps_paths() {
        let read = given(spec, target, label, stored)?;
        return read.ok_or_else(|| {
            Box::new(Problem::error("suite::file", "it has no test of a clause of this spec"))
        });
    }
    let wrong = |why: &str| Box::new(Problem::error("suite::file", why));
    let layout = toolchain::of(target).layout(target);
    if file.starts_with("regen_") {
        return Err(wrong("names starting with `regen_` are reserved; rename it"));
    }
    let is_code = file.ends_with(layout.suite_extension);
    if !is_code && bytes.len() > limits::FILE_BYTES {
        return Err(wrong("larger than 1 MiB; make the data in the suite, or a smaller file"));
    }
    let text = String::from_utf8(stored.to_vec());
    if file.contains('/') || !is_code {
        let path = RelPath::parse(&format!("{}{file}", layout.tests));
        let path = path.map_err(|why| wrong(&format!("the name {why}")))?;
        // A module is text; data keep their line ends.
        return match text {
            Ok(text) if is_code => Ok(Suite::other(path, text.into_bytes(), false)),
            Err(_) if is_code => Err(wrong("not UTF-8")),
            _ => Ok(Suite::other(path, bytes, true)),
        };
    }
    let text = text.map_err(|_| wrong("not UTF-8"))?;
    let language = toolchain::of(target);
    let Some(native) = language.native() else {
        let message = format!("suites in {} are not run yet", language.language());
        let help = "write a contract with examples; see docs/languages.md";
        return Err(Box::new(Problem::error("suite::language", message).help(help)));
    };
    native.read_suite(spec, &SuiteFile { name: file.to_owned(), text })
}
