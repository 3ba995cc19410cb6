//! Reads specs outside of a workspace.

use std::path::PathBuf;

use crate::spec::{self, lint, parse};
use crate::store::{files, given};
use crate::types::{LintConfig, Problem, Spec, limits};
use crate::workspace::{CommandError, Sources, rules, today};

/// Files outside of a workspace, as `regen lint` reads them.
#[derive(Debug, Default)]
pub struct Standalone {
    /// The specs.
    pub specs: Vec<Spec>,
    /// Their problems.
    pub problems: Vec<Problem>,
    /// Their texts.
    pub sources: Sources,
}

impl Standalone {
    /// Reads the given files, and `.md` files below the given folders.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(paths: &[PathBuf]) -> Result<Self, CommandError> {
        let mut loose = Self::default();
        let config = LintConfig::default();
        let (today, rules) = (today(), rules(&config));
        for path in paths {
            let files = if path.is_dir() {
                files::specs(path, "")?
            } else {
                vec![(String::new(), given::read_given(path, limits::SPEC_BYTES)?)]
            };
            for (name, bytes) in files {
                let file = if name.is_empty() {
                    path.display().to_string()
                } else {
                    path.join(&name).display().to_string()
                };
                let (spec, problems, source) = parse(&file, &bytes);
                if spec::is_prose(&spec) && !name.is_empty() {
                    continue;
                }
                let spec = spec.in_force(&today);
                loose.problems.extend(problems);
                loose.problems.extend(lint(&spec, &rules));
                loose.sources.insert(file, source);
                loose.specs.push(spec);
            }
        }
        spec::set_levels(&mut loose.problems, &config);
        Ok(loose)
    }
}
