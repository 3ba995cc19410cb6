//! Runs a declared toolchain over candidates whose results are known.

use std::sync::Arc;
use std::time::SystemTime;

use crate::gate::{
    DependencyCache, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine,
};
use crate::sandbox::Probe;
use crate::spec::parse;
use crate::store::{Candidates, ContentStore, MemoryStore};
use crate::toolchain::{self, GateKind};
use crate::types::{
    Declaration, Finding, GateReport, Outcome, Problem, Provenance, RelPath, Severity, Spec,
    Target, TargetName, TestStatus, ToolSet, Tree,
};
use crate::workspace::{CommandError, ErrorKind, WorkspaceLayout};

/// The candidate without an implementation, which the toolchain makes.
const STUB: &str = "stub";

/// One candidate's result.
#[derive(Clone, Debug)]
pub struct KnownResult {
    /// The candidate.
    pub name: String,
    /// The gate that must refuse it; `None` if all must pass.
    pub wanted: Option<String>,
    /// The gate that refused it.
    pub refused: Option<String>,
    /// What that gate found, or why the result is wrong.
    pub findings: Vec<Finding>,
    /// Tests that passed although nothing is implemented.
    pub idle: Vec<String>,
}

impl KnownResult {
    /// Whether the toolchain tells the candidate right.
    pub fn is_right(&self) -> bool {
        self.wanted == self.refused && self.idle.is_empty()
    }
}

/// The machine that judges.
pub struct Judge<'a> {
    /// The tools.
    pub tools: Arc<ToolSet>,
    /// The sandbox.
    pub probe: Arc<Probe>,
    /// The cache folder.
    pub cache: &'a std::path::Path,
}

/// A toolchain with the spec that it is checked with.
pub struct Conformance {
    target: Target,
    spec: Spec,
    trees: Vec<(String, Option<String>, Tree)>,
}

impl Conformance {
    /// Reads a declaration's spec and candidates.
    ///
    /// # Errors
    /// The declaration is wrong, or cannot tell good from bad.
    pub fn new(declaration: &Declaration) -> Result<Self, Vec<Problem>> {
        let wrong = |message: String| vec![Problem::error("toolchain::check", message)];
        let problems = toolchain::check_declaration(declaration);
        let Some(declared) = toolchain::declared(declaration).filter(|_| problems.is_empty())
        else {
            return Err(problems);
        };
        let file = declared.file();
        let target = Target { declaration: Some(declaration.clone()), ..Target::default() };
        let (spec, mut found, _) = parse("check.md", declared.check_spec_text().as_bytes());
        found.extend(toolchain::check(&spec, &target, &[]));
        found.retain(|one| one.severity == Severity::Error);
        if let Some(first) = found.first() {
            let at = if first.line > 0 { format!(", line {}", first.line) } else { String::new() };
            return Err(wrong(format!("`check.spec`{at}: {}", first.message)));
        }
        let fill = |text: &str| {
            declared.rendered(text, &spec).map_err(|why| wrong(format!("`check`: {why}")))
        };
        let path = |text: &str| {
            RelPath::parse(text).map_err(|why| wrong(format!("the path {text:?} {why}")))
        };
        let mut trees = Vec::new();
        for one in &file.check.tree {
            let mut tree = Tree::default();
            for (name, text) in &one.files {
                let fill = |text: &str| {
                    let at = format!("`check.tree` {:?}, {name:?}", one.name);
                    declared.rendered(text, &spec).map_err(|why| wrong(format!("{at}: {why}")))
                };
                tree.insert(path(&fill(name)?)?, fill(text)?.into_bytes());
            }
            trees.push((one.name.clone(), one.fails.clone(), tree));
        }
        let mut stub = Tree::default();
        stub.insert(path(&fill(&file.root)?)?, fill(&file.check.stub)?.into_bytes());
        trees.push((STUB.to_owned(), Some("test".to_owned()), stub));
        let wants =
            |wanted: Option<&str>| trees.iter().any(|(_, fails, _)| fails.as_deref() == wanted);
        let compiles = file.gate.iter().any(|gate| wants(Some(&gate.name)));
        if !wants(None) || !(compiles || file.gate.is_empty()) {
            let message = "`check.tree` needs a candidate that passes and one that a gate of the toolchain \
                           refuses (`fails = \"check\"`)";
            return Err(wrong(message.to_owned()));
        }
        Ok(Self { target, spec, trees })
    }

    /// The target of these candidates.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The candidates' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.iter().map(|(name, ..)| name.as_str())
    }

    /// Runs the gates over one candidate.
    ///
    /// # Errors
    /// The machine cannot run them.
    pub async fn run(&self, judge: &Judge<'_>, name: &str) -> Result<KnownResult, CommandError> {
        let io = |why: std::io::Error| CommandError::new(ErrorKind::Io, why);
        let (_, wanted, tree) =
            self.trees.iter().find(|(known, ..)| known == name).expect("is one of the names");
        let language = toolchain::of(&self.target);
        let mut known = KnownResult {
            name: name.to_owned(),
            wanted: wanted.clone(),
            refused: None,
            findings: Vec::new(),
            idle: Vec::new(),
        };
        let tree = match language.normalise(tree, &self.spec, &self.target, &[]) {
            Ok(tree) => tree,
            Err(findings) => {
                known.refused = Some("layout".to_owned());
                known.findings = findings;
                return Ok(known);
            }
        };
        let store = Arc::new(MemoryStore::default());
        let digest = store.put_tree(&tree).map_err(io)?;
        let machine = Machine {
            tools: judge.tools.clone(),
            probe: judge.probe.clone(),
            layers: DependencyCache::new(judge.cache),
            validators: judge.cache.join("none"),
            read_only: Vec::new(),
        };
        let executor = LocalExecutor::sharing(machine, Arc::new(Candidates::new(store)));
        let target_name: TargetName = language.id().into();
        let settings = std::collections::BTreeMap::new();
        let inputs = Arc::new(GateInputs::new(
            self.spec.clone(),
            &target_name,
            &self.target,
            &settings,
            &[],
        ));
        executor.accept(&inputs).map_err(io)?;
        let mut reports: Vec<GateReport> = Vec::new();
        for gate in toolchain::default_gates(&self.target) {
            let tools = executor.toolchain(language.id()).unwrap_or_default();
            let action = inputs.action(&gate, tools, digest, Provenance::Promoted);
            let options =
                ExecuteOptions { before: &reports, ..ExecuteOptions::at(SystemTime::now()) };
            let report = executor.execute(&action, options).await?.report;
            if let Outcome::Error { message: why, .. } = &report.outcome {
                let text = format!("the gate `{gate}` cannot run: {why}");
                return Err(CommandError::new(ErrorKind::HostTools, text));
            }
            let stops = !report.lets_through();
            if stops {
                known.refused = Some(gate.to_string());
                known.findings.clone_from(&report.findings);
                let passed = report.tests.iter().filter(|one| one.status == TestStatus::Passed);
                let is_stub = name == STUB;
                known.idle.extend(passed.filter(|_| is_stub).map(|one| one.name.clone()));
            }
            reports.push(report);
            if stops {
                break;
            }
        }
        Ok(known)
    }

    /// The gates of the toolchain that no candidate is refused by: what they find is not shown.
    pub fn unshown(&self) -> Vec<&'static str> {
        let gates = toolchain::of(&self.target).gates().iter();
        let compile = gates.filter(|gate| gate.kind == GateKind::Compile);
        let shown =
            |name: &str| self.trees.iter().any(|(_, fails, _)| fails.as_deref() == Some(name));
        compile.map(|gate| gate.name).filter(|name| !shown(name)).collect()
    }
}

/// The declaration of a toolchain: a file of the workspace, else one that ships with regen.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn declaration(
    places: Option<&WorkspaceLayout>,
    name: &str,
) -> Result<Declaration, CommandError> {
    let own = places.and_then(|places| crate::workspace::declared_text(places, name));
    match own {
        Some(Ok(text)) => Ok(Declaration::new(name, text)),
        Some(Err(why)) => {
            let file = crate::config::toolchain_file(name);
            Err(CommandError::usage(format!("{file}: {why}")))
        }
        None => toolchain::shipped(name).ok_or_else(|| {
            let known: Vec<_> = toolchain::names().collect();
            let built_in = toolchain::all().iter().any(|one| one.id() == name);
            CommandError::usage(if built_in {
                format!("`{name}` is built in: no file declares it")
            } else {
                format!("no toolchain `{name}`; there are: {}", known.join(", "))
            })
        }),
    }
}
