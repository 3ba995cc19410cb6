//! Reads the suites of a target: files of people, below `validators/` or where `tests` names them.

use std::path::Path;

use super::error::CommandError;
use super::given_tests::given;
use super::model::Workspace;
use crate::plan::Checks;
use crate::spec::Parsed;
use crate::store::files;
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
        let mut suites = Vec::new();
        let place = self.places.root.join(&folder);
        for file in files::not_files(&place)? {
            let message = format!("{}/{file}: not a regular file", folder.display());
            let problem = Problem::error("suite::file", message);
            one.problems.push(problem.help("replace a link by the file").file(&one.spec.file));
        }
        for (file, bytes) in files::folder(&place)? {
            if files::is_dotted(Path::new(""), Path::new(&file)) {
                continue;
            }
            let label = folder.join(&file).display().to_string();
            let stored = files::stored(bytes.clone());
            checks.files.insert(label.clone(), Digest::of(&stored));
            let source = SuiteSource { file: &file, label: &label, bytes, stored: &stored };
            match suite(&one.spec, target, source) {
                Ok(suite) => suites.push(suite),
                Err(problem) => one.problems.push(in_file(&label, *problem, &one.spec)),
            }
            self.bytes.insert(label, stored);
        }
        if !target.tests.is_empty() {
            suites.extend(self.read_given(one, name, target, checks)?);
        }
        if let Some(options) = toolchain::of(target).gate_options(target) {
            checks.files.insert(format!("[target.{name}]"), Digest::of(options));
        }
        Ok(suites)
    }

    /// Reads the test files that a target names.
    fn read_given(
        &mut self,
        one: &mut Parsed,
        name: &TargetName,
        target: &Target,
        checks: &mut Checks,
    ) -> Result<Vec<Suite>, CommandError> {
        let mut suites = Vec::new();
        for (file, bytes) in self.given_tests(name, target)?.iter() {
            match given(&one.spec, target, file, bytes) {
                Ok(None) => continue,
                Ok(Some(suite)) => suites.push(suite),
                Err(problem) => one.problems.push(in_file(file, *problem, &one.spec)),
            }
            checks.files.insert(file.clone(), Digest::of(bytes));
            self.bytes.insert(file.clone(), bytes.clone());
        }
        Ok(suites)
    }
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
