//! Builds the inputs of jobs, each once, from the files read with the workspace.

use std::sync::{Arc, PoisonError};

use super::job_inputs::JobInputs;
use super::model::{CONFIG, Workspace};
use crate::config::toolchain_file;
use crate::gate::{CodeInputs, GateInputs, ProgramInputs};
use crate::plan;
use crate::prompt::File;
use crate::toolchain::{self, Suite, about, prose};
use crate::types::{AdmittedSpec, RelPath, Spec, SpecId, Target, TargetName, Tree};

/// Data larger than this is not shown.
const SHOWN_DATA: usize = 16 * 1024;

/// What a prompt shows of a file: modules and tests, and short data.
fn shown(suite: &Suite) -> String {
    if suite.bytes.is_some() || (suite.data && suite.shown.len() > SHOWN_DATA) {
        return format!("({} bytes of data, not shown)", suite.content().len());
    }
    suite.shown.trim_end().to_owned()
}

impl Workspace {
    /// The inputs of a target of an admitted spec, built at the first call. `None` if the spec or
    /// target does not exist.
    pub fn job_inputs(&self, spec: &SpecId, target: &TargetName) -> Option<Arc<JobInputs>> {
        let mut known = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (spec.to_owned(), target.to_owned());
        if let Some(inputs) = known.get(&at) {
            return Some(inputs.clone());
        }
        let inputs = Arc::new(self.build_inputs(spec, target)?);
        known.insert(at, inputs.clone());
        Some(inputs)
    }

    /// Where a file of a target's suites is in the workspace.
    pub fn place_of(&self, spec: &Spec, name: &TargetName, suite: &Suite) -> String {
        let target = self.harness.target.get(name);
        if target.is_some_and(|target| toolchain::of(target).keeps_paths()) {
            return suite.path.to_string();
        }
        let folder = &self.harness.harness.validators;
        format!("{folder}/{}/{name}/{}", spec.id.package(), suite.file())
    }

    fn build_inputs(&self, spec: &SpecId, name: &TargetName) -> Option<JobInputs> {
        let (spec, target) = (self.spec(spec)?, self.harness.target.get(name)?);
        let suites = self.suites.get(&(spec.id.clone(), name.to_owned()));
        let suites = suites.map(Vec::as_slice).unwrap_or_default();
        // A file with held-out tests has nothing to show.
        let keeps_paths = toolchain::of(target).keeps_paths();
        let is_held_out = |suite: &&Suite| {
            keeps_paths
                && (toolchain::assistant::is_hidden(suite.path.as_str(), "")
                    || (suite.shown.is_empty() && !suite.data))
        };
        let seen = suites.iter().filter(|suite| !is_held_out(suite));
        let shown = seen.map(|suite| File { path: suite.path.to_string(), text: shown(suite) });
        let snapshot = self.snapshot(spec, name);
        let judged = GateInputs::new((**spec).clone(), name, target, &self.harness.gate, suites);
        let with_code = plan::targets(spec, &self.harness).into_iter().filter(|name| {
            let target = self.harness.target.get(name);
            target.is_some_and(|one| toolchain::of(one).text().is_none())
        });
        let is_compared = with_code.count() > 1;
        let judged = if is_compared { judged.compared() } else { judged };
        let programs = self.programs(spec, target);
        let judged = if programs.is_empty() { judged } else { judged.with_programs(programs) };
        let judged = match self.code_inputs(spec, target) {
            Some(code) => judged.about(code),
            None => judged,
        };
        let depends = self.specs.iter().filter(|other| spec.depends.contains(&other.id));
        Some(JobInputs {
            depends: depends.cloned().collect(),
            name: name.to_owned(),
            target: target.clone(),
            shown: shown.collect(),
            judged: Arc::new(judged),
            digest: snapshot.digest(),
            spec: spec.clone(),
            snapshot,
        })
    }

    /// The code that a text is about.
    fn code_inputs(&self, spec: &Spec, target: &Target) -> Option<CodeInputs> {
        toolchain::of(target).text()?;
        let (name, code) = about::code_of(&self.harness, spec, target).ok()?;
        Some(CodeInputs { name: name.clone(), target: code.clone() })
    }

    /// The tests of a promoted target that were not seen to fail.
    pub fn unproven(&self, spec: &SpecId, target: &TargetName) -> Vec<String> {
        let entry = self.standing.spec.get(spec).and_then(|one| one.target.get(target));
        entry.map(|entry| entry.unproven.clone()).unwrap_or_default()
    }

    /// The programs that a spec without code checks in a target.
    fn programs(&self, spec: &Spec, target: &Target) -> Vec<ProgramInputs> {
        let find = |id: &SpecId| self.spec(id).map(|spec| &**spec);
        let of_language = spec.programs.iter().filter(|one| one.toolchain == target.toolchain);
        let programs = of_language.filter_map(|one| {
            let (other, name) = (find(&one.spec)?, &one.target);
            let used = self.harness.all_linked(other, name, &find);
            Some(ProgramInputs {
                spec: other.clone(),
                name: name.clone(),
                target: self.harness.target.get(name)?.clone(),
                uses: used.into_iter().map(|(spec, _)| spec.id.clone()).collect(),
            })
        });
        programs.collect()
    }

    /// The files that a target is generated and checked from, as they were read.
    fn snapshot(&self, spec: &AdmittedSpec, target: &TargetName) -> Tree {
        let depends = self.specs.iter().filter(|other| spec.depends.contains(&other.id));
        let specs = depends.chain([spec]).map(|spec| spec.file.as_str());
        let checks = self.checks.get(&(spec.id.clone(), target.to_owned()));
        let checks = checks.into_iter().flat_map(|checks| checks.files.keys().map(String::as_str));
        let templates = self.template_files.iter().map(String::as_str);
        let declaration = self.harness.target.get(target).and_then(|one| one.declaration.as_ref());
        let declared = declaration.map(|one| toolchain_file(one.name()));
        let names = [CONFIG].into_iter().chain(specs).chain(checks).chain(templates);
        let target = self.harness.target.get(target);
        let style = target.and_then(prose::style);
        let names = names.chain(declared.as_deref()).chain(style);
        let files = names
            .filter_map(|name| Some((RelPath::parse(name).ok()?, self.bytes.get(name)?.to_vec())));
        files.collect()
    }
}
