//! A contract in a declared toolchain: everything comes from templates.

use std::collections::{BTreeMap, BTreeSet};

use super::from_file::Declared;
use super::render;
use crate::toolchain::{
    BuildKind, ContractLanguage, ContractWords, Places, Sees, TestProgram, ToolCommand,
};
use crate::types::interface::{WitFunction, WitShape, WitType};
use crate::types::{Finding, GateName, Interface, Problem, RelPath, Spec, Target, Tree};

impl Declared {
    fn texts(&self, id: &str, interface: &Interface) -> minijinja::Value {
        let context = render::context(&self.engine, &self.file, id, Some(interface));
        render::plain(&context)
    }

    /// Renders a text of a spec with a contract. It was rendered once when the spec was checked.
    fn fill(&self, text: &str, context: &minijinja::Value) -> String {
        render::render(&self.engine, text, context).unwrap_or_default()
    }
}

impl ContractLanguage for Declared {
    fn check(&self, spec: &Spec, interface: &Interface, _target: &Target) -> Vec<Problem> {
        let mut problems = clashes(interface, self.file.language.as_str());
        let mut lacks = BTreeSet::new();
        for function in &interface.functions {
            let types = function.params.iter().map(|(_, ty)| ty).chain(&function.result);
            lacks.extend(types.filter_map(|ty| render::unsupported(&self.file, interface, ty)));
        }
        let named = (0..interface.types.len()).map(WitType::Named);
        lacks.extend(named.filter_map(|ty| render::unsupported(&self.file, interface, &ty)));
        for ty in &lacks {
            let name = self.name;
            let message = format!("the toolchain `{name}` does not support the type `{ty}`");
            let problem = Problem::error("contract::type", message);
            problems.push(problem.help("use another type, or another target for this spec"));
        }
        if problems.is_empty() {
            let context = self.texts(&spec.id, interface);
            let path = self.fill(&self.file.contract.path, &context);
            let root = self.fill(&self.file.root, &context);
            if path == root || RelPath::parse(&path).is_err() {
                let message = format!(
                    "the toolchain `{}` is wrong: `contract.path` gives {path:?}, which is the root or \
                     not a path below it",
                    self.name
                );
                problems.push(Problem::error("toolchain::template", message));
            }
            let texts = [&self.file.contract.types, &self.file.driver.text];
            for text in texts {
                if let Err(why) = render::render(&self.engine, text, &context) {
                    let message = format!("the toolchain `{}` is wrong: {why}", self.name);
                    problems.push(Problem::error("toolchain::template", message));
                }
            }
        }
        problems
    }

    fn types(&self, spec: &Spec, interface: &Interface) -> Option<(RelPath, String)> {
        let context = self.texts(&spec.id, interface);
        let path = self.fill(&self.file.contract.path, &context);
        Some((RelPath::parse(&path).ok()?, self.fill(&self.file.contract.types, &context)))
    }

    fn signatures(&self, interface: &Interface) -> Vec<String> {
        let all = interface.functions.iter().map(|one| self.signature(interface, one));
        all.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn signature(&self, interface: &Interface, function: &WitFunction) -> String {
        render::signature(&self.engine, &self.file, interface, function)
    }

    fn words(&self) -> ContractWords {
        ContractWords { items: self.items, types: self.hint }
    }

    fn surface(
        &self,
        gate: &GateName,
        spec: &Spec,
        interface: &Interface,
        tree: &Tree,
    ) -> Vec<Finding> {
        let contract = &self.file.contract;
        let context = self.texts(&spec.id, interface);
        let names = self.fill(&contract.names, &context);
        let types = self.fill(&contract.path, &context);
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for name in names.lines().map(str::trim).filter(|name| !name.is_empty()) {
            match name.strip_suffix('*') {
                Some(name) => drop(left.insert(name, usize::MAX)),
                None => *left.entry(name).or_default() += 1,
            }
        }
        let mut findings = Vec::new();
        let sources = tree.iter().filter(|(path, _)| {
            let path = path.as_str();
            self.is_source(path) && path != types
        });
        for (path, bytes) in sources {
            let text = String::from_utf8_lossy(bytes);
            let found = self.public.iter().flat_map(|pattern| pattern.captures_iter(&text));
            for name in found.filter_map(|found| found.get(1)) {
                let why = match left.get_mut(name.as_str()) {
                    Some(0) => "declared more often than the contract has it",
                    Some(left) => {
                        *left -= 1;
                        continue;
                    }
                    None => "public, but not in the contract",
                };
                let line = 1 + text[..name.start()].matches('\n').count();
                findings.push(Finding {
                    gate: gate.clone(),
                    rule: "surface".to_owned(),
                    file: Some(path.to_string()),
                    line: u32::try_from(line).ok(),
                    message: format!("`{}` is {why}", name.as_str()),
                    remedy: Some("make it private, or remove it".to_owned()),
                    ..Finding::default()
                });
            }
        }
        findings
    }

    fn interface_lints(&self) -> &'static [&'static str] {
        &[]
    }

    fn adapter(&self, spec: &Spec, interface: &Interface) -> Vec<(String, Vec<u8>)> {
        let text = self.fill(&self.file.driver.text, &self.texts(&spec.id, interface));
        vec![(self.file.driver.path.clone(), text.into_bytes())]
    }

    fn build(&self, kind: BuildKind, places: &Places) -> Vec<ToolCommand> {
        let build =
            |words: &Vec<String>| ToolCommand { builds: true, ..self.command(words, places) };
        let driver = &self.file.driver;
        let commands = if kind == BuildKind::Release { &driver.release } else { &driver.build };
        commands.iter().map(build).collect()
    }

    fn run(&self, _programs: &[TestProgram], places: &Places) -> Option<ToolCommand> {
        let command = self.command(&self.file.driver.run, places);
        let sees = if self.file.driver.alone { Sees::Itself(Vec::new()) } else { Sees::Workspace };
        Some(ToolCommand { sees, ..command })
    }
}

/// Names of a contract that are one name in most languages.
fn clashes(interface: &Interface, language: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut one = |names: &mut dyn Iterator<Item = &str>, of: &str| {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for name in names {
            let Some(other) = seen.insert(render::pascal(name), name) else { continue };
            let message = format!("`{name}` and `{other}`{of} are one name in {language}");
            let problem = Problem::error("contract::name", message);
            problems.push(problem.help("use another name in the `wit` block"));
        }
    };
    one(&mut interface.types.iter().map(|ty| ty.name.as_str()), "");
    for ty in &interface.types {
        let of = format!(" of `{}`", ty.name);
        match &ty.shape {
            WitShape::Record(fields) => one(&mut fields.iter().map(|f| f.name.as_str()), &of),
            WitShape::Variant(cases) | WitShape::Enum(cases) | WitShape::Flags(cases) => {
                one(&mut cases.iter().map(|case| case.name.as_str()), &of);
            }
            WitShape::Alias(_) | WitShape::Resource => {}
        }
    }
    for function in &interface.functions {
        let of = format!(" of `{}`", function.name);
        one(&mut function.params.iter().map(|(name, _)| name.as_str()), &of);
    }
    problems
}
