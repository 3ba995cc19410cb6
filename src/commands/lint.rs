//! Reads specs outside of a workspace.

use std::path::PathBuf;

use crate::spec::{self, lint, parse_in};
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
            let is_folder = path.is_dir();
            let files = if is_folder {
                files::specs(path, "")?
            } else {
                vec![(String::new(), given::read_given(path, limits::SPEC_BYTES)?)]
            };
            let folder = path.ancestors().nth(usize::from(!is_folder)).unwrap_or(path);
            let folder = folder.display().to_string();
            for (name, bytes) in files {
                let file = if name.is_empty() {
                    path.display().to_string()
                } else {
                    path.join(&name).display().to_string()
                };
                let (spec, problems, source) = parse_in(&folder, &file, &bytes);
                if spec::is_readme(&name) {
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
