//! Reads a declaration: its form, its patterns, its templates, its paths.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::effects::{DeclaredEffects, EffectPattern};
use super::file::{ReportFormat, ToolchainFile};
use super::findings::Reader;
use super::from_file::Declared;
use super::kept::{expression, kept};
use super::probe::DeclaredProbe;
use super::{layout, render};
use crate::toolchain::{GateDefinition, GateKind};
use crate::types::{Declaration, Problem, RelPath, limits, read_toml};

/// Names of gates that every toolchain has.
const OWN: [&str; 6] = ["layout", "fmt", "test", "hidden", "proof", "clauses"];
/// Arguments that do nothing but print a version.
const VERSIONS: [&str; 3] = ["--version", "-version", "version"];
/// Where shown files can be: a home folder or keys are not for candidates.
const SHOWN: [&str; 4] = ["/opt/", "/usr/", "/etc/java", "/etc/ssl/certs"];
/// Where the tools' folder can be.
const FOLDERS: [&str; 3] = [".", "..", "../.."];
/// The kinds of types that a toolchain can have.
const KINDS: [&str; 21] = [
    "bool", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64", "char", "string",
    "list", "option", "result", "tuple", "record", "variant", "enum", "flags",
];
/// The remaining one.
const RESOURCE: &str = "resource";

/// The problems of a declaration, each with its line.
pub fn problems(declaration: &Declaration) -> Vec<Problem> {
    read(declaration).err().unwrap_or_default()
}

/// The toolchain of a declaration.
///
/// # Errors
/// All problems.
pub fn declared(declaration: &Declaration) -> Result<Declared, Vec<Problem>> {
    read(declaration).map(|(file, parts)| made(declaration, file, parts))
}

fn read(declaration: &Declaration) -> Result<(ToolchainFile, DeclaredParts), Vec<Problem>> {
    let text = declaration.text();
    if text.len() > limits::CONFIG_BYTES {
        let problem = Problem::error("toolchain::too_large", "the file is larger than 1 MiB");
        return Err(vec![problem]);
    }
    let file: ToolchainFile = read_toml(text).map_err(|error| {
        let problem = Problem::error("toolchain::unreadable", error.message().trim().to_owned());
        vec![match error.span() {
            Some(span) => problem.at(text, span),
            None => problem,
        }]
    })?;
    let mut reading = Reading { text, problems: Vec::new() };
    let parts = reading.parts(&file);
    if reading.problems.is_empty() { Ok((file, parts)) } else { Err(reading.problems) }
}

/// What is read of a file.
struct DeclaredParts {
    readers: BTreeMap<String, Reader>,
    public: Vec<Regex>,
    patterns: Vec<EffectPattern>,
}

fn made(declaration: &Declaration, file: ToolchainFile, parts: DeclaredParts) -> Declared {
    let (name, digest) = (declaration.name(), declaration.digest());
    Declared {
        name: kept(name),
        language: kept(&file.language),
        rules: kept(&format!("{name} {}, rules 1", digest.short())),
        items: kept(&file.contract.items),
        hint: kept(&file.contract.hint),
        digest,
        engine: render::engine(&file.keywords),
        gates: Vec::leak(gates(&file)),
        layout: layout::layout(&file),
        readers: parts.readers,
        public: parts.public,
        effects: DeclaredEffects { sources: file.sources.clone(), patterns: parts.patterns },
        probe: DeclaredProbe::new(&file.tools),
        file,
    }
}

/// The gates of a toolchain, in default order.
fn gates(file: &ToolchainFile) -> Vec<GateDefinition> {
    let one = |name, kind, default| GateDefinition { name, kind, default };
    let format = file.format.as_ref().map(|_| one("fmt", GateKind::Format, false));
    let own = file.gate.iter().map(|gate| one(kept(&gate.name), GateKind::Compile, true));
    let first = [one("layout", GateKind::Source, true)].into_iter().chain(format);
    let last = [
        one("test", GateKind::Test, true),
        one("hidden", GateKind::Hidden, true),
        one("proof", GateKind::Proof, true),
        one("clauses", GateKind::Coverage, true),
    ];
    first.chain(own).chain(last).collect()
}

struct Reading<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    /// Adds a problem at the first place where a value stands.
    fn wrong(&mut self, value: &str, message: String) {
        let first = value.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let place = self.text.find(first).filter(|_| !first.is_empty());
        let problem = Problem::error("toolchain::wrong_value", message)
            .help("see docs/toolchains.md for each key");
        self.problems.push(match place {
            Some(at) => problem.at(self.text, at..at + first.len()),
            None => problem,
        });
    }

    fn parts(&mut self, file: &ToolchainFile) -> DeclaredParts {
        self.paths(file);
        self.types(file);
        self.templates(file);
        self.commands(file);
        self.gates(file);
        let readers = self.readers(file);
        let public = file.contract.public.iter();
        let public = public.filter_map(|text| self.expression("contract.public", text)).collect();
        let mut patterns = Vec::new();
        for one in &file.effect {
            match EffectPattern::read(one) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => self.wrong(&one.pattern, format!("`effect`: {why}")),
            }
        }
        DeclaredParts { readers, public, patterns }
    }

    fn expression(&mut self, key: &str, pattern: &str) -> Option<Regex> {
        match expression(pattern) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                self.wrong(pattern, format!("`{key}`: {why}"));
                None
            }
        }
    }

    fn paths(&mut self, file: &ToolchainFile) {
        let layer = file.layer.iter().flat_map(|layer| layer.files.keys());
        let trees = file.check.tree.iter().flat_map(|tree| tree.files.keys());
        let all = file.owned.keys().chain(file.workspace.keys()).chain(layer);
        for path in all.chain([&file.driver.path]) {
            if let Err(why) = RelPath::parse(path) {
                self.wrong(path, format!("the path {path:?} {why}"));
            }
        }
        for path in trees.filter(|path| !path.contains("{{")) {
            if let Err(why) = RelPath::parse(path) {
                self.wrong(path, format!("the path {path:?} {why}"));
            }
        }
        let tools = &file.tools;
        if !VERSIONS.contains(&tools.version.as_str()) {
            let message = format!("`tools.version` is not one of {}", VERSIONS.join(", "));
            self.wrong(&tools.version, message);
        }
        if let Some(folder) = tools.folder.as_ref().filter(|one| !FOLDERS.contains(&one.as_str())) {
            let message = format!("`tools.folder` is not one of {}", FOLDERS.join(", "));
            self.wrong(folder, message);
        }
        if tools.program.contains('/') || tools.program.is_empty() {
            self.wrong(&tools.program, "`tools.program` is not a name on PATH".to_owned());
        }
        for path in &file.tools.shown {
            let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
            let is_plain = path.split('/').skip(1).all(|part| !["", ".", ".."].contains(&part));
            let is_open = SHOWN.iter().any(|start| path.starts_with(start));
            if !is_open || folders.contains('*') || !is_plain {
                let starts = SHOWN.join(", ");
                let message =
                    format!("`tools.shown`: {path:?} does not start with one of {starts}");
                self.wrong(path, message);
            }
        }
        for pattern in layout::any_names(&file.allowed).iter().chain(&file.refused) {
            if let Err(why) = globset::Glob::new(pattern) {
                self.wrong(pattern, format!("`allowed`: invalid pattern: {why}"));
            }
        }
        if file.sources.iter().any(|one| !one.starts_with('.') || one.len() < 2)
            || file.sources.is_empty()
        {
            self.wrong("sources", "`sources` must be suffixes as `.go`".to_owned());
        }
    }

    fn types(&mut self, file: &ToolchainFile) {
        for kind in file.types.keys().chain(file.inner.keys()) {
            if !KINDS.contains(&kind.as_str()) && kind != RESOURCE {
                self.wrong(kind, format!("`types`: `{kind}` is not a kind of types"));
            }
        }
    }

    /// Syntax of the templates; what they use is known when a spec is checked.
    fn templates(&mut self, file: &ToolchainFile) {
        let engine = render::engine(&file.keywords);
        let contract = &file.contract;
        let own = [
            ("root", &file.root),
            ("contract.path", &contract.path),
            ("contract.types", &contract.types),
            ("contract.signature", &contract.signature),
            ("contract.names", &contract.names),
            ("driver.text", &file.driver.text),
            ("check.stub", &file.check.stub),
        ];
        let mut all: Vec<(&str, &String)> = own.to_vec();
        all.extend(file.types.values().map(|text| ("types", text)));
        all.extend(file.inner.values().map(|text| ("inner", text)));
        all.extend(file.prompt.iter().map(|text| ("prompt", text)));
        all.extend(file.owned.values().map(|text| ("owned", text)));
        all.extend(file.workspace.values().map(|text| ("workspace", text)));
        all.extend(file.allowed.iter().map(|text| ("allowed", text)));
        let trees = file.check.tree.iter().flat_map(|tree| &tree.files);
        all.extend(trees.flat_map(|(path, text)| [("check.tree", path), ("check.tree", text)]));
        for (key, text) in all {
            if let Err(why) = render::bounded(text) {
                self.wrong(text, format!("`{key}`: {why}"));
                continue;
            }
            if let Err(error) = engine.template_from_str(text) {
                self.wrong(text, format!("`{key}`: {}", render::shown(&error)));
            }
        }
    }

    fn commands(&mut self, file: &ToolchainFile) {
        let layer =
            file.layer.iter().flat_map(|layer| &layer.build).map(|one| ("layer.build", one));
        let build = file.driver.build.iter().map(|one| ("driver.build", one));
        let build = build.chain(file.driver.release.iter().map(|one| ("driver.release", one)));
        let gates = file.gate.iter().map(|one| ("gate.command", &one.command));
        let format = file.format.iter().map(|one| ("format", one));
        let own = [("driver.run", &file.driver.run)];
        let all: Vec<_> = layer.chain(build).chain(gates).chain(format).chain(own).collect();
        let places = crate::toolchain::Places::default();
        let context = render::with_places(serde_json::Map::new(), &places);
        let engine = render::engine(&[]);
        for (key, words) in all {
            if words.is_empty() {
                self.wrong(key, format!("`{key}` is empty: it needs a program"));
            }
            for word in words {
                if let Err(why) = render::bounded(word) {
                    self.wrong(word, format!("`{key}`: {why}"));
                    continue;
                }
                if let Err(why) = render::render(&engine, word, &context) {
                    self.wrong(word, format!("`{key}`: {why}"));
                }
            }
        }
        for text in file.environment.values().filter(|text| render::bounded(text).is_ok()) {
            if let Err(why) = render::render(&engine, text, &context) {
                self.wrong(text, format!("`environment`: {why}"));
            }
        }
    }

    fn gates(&mut self, file: &ToolchainFile) {
        let mut seen = BTreeSet::new();
        for gate in &file.gate {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let name = gate.name.as_str();
            if name.is_empty() || !name.chars().all(is_plain) || OWN.contains(&name) {
                self.wrong(name, format!("`gate.name`: a gate cannot be named {name:?}"));
            } else if !seen.insert(name) {
                self.wrong(name, format!("`gate.name`: there are two gates `{name}`"));
            }
        }
    }

    fn readers(&mut self, file: &ToolchainFile) -> BTreeMap<String, Reader> {
        let mut readers = BTreeMap::new();
        for gate in &file.gate {
            let wants = gate.format == ReportFormat::Lines;
            if gate.findings.is_some() && !wants {
                let message = "`findings` is only for the format `lines`".to_owned();
                self.wrong(&gate.name, message);
            }
            let pattern = gate.findings.as_ref();
            let pattern = pattern.and_then(|text| self.expression("gate.findings", text));
            readers.insert(gate.name.clone(), Reader { format: gate.format, pattern });
        }
        let pattern = file.driver.findings.as_ref();
        let pattern = pattern.and_then(|text| self.expression("driver.findings", text));
        readers.insert(String::new(), Reader { format: ReportFormat::Lines, pattern });
        readers
    }
}
