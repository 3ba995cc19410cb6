//! Gates that compile, format and test. The toolchain plans commands and parses outputs; this
//! module runs them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use super::context::GateContext;
use super::dependency_cache::{DependencyCache, GateLayers, Layer, LayerBuilder};
use super::programs::{self, read};
use super::result::{GateResult, finding};
use super::workspace::{self, CandidateSources, GateSandbox};
use crate::process::Ended;
use crate::sandbox::{MountMode, SandboxError};
use crate::toolchain::{self, BuildContext, Linked, Suite, TestProgram, ToolCommand};
use crate::types::{
    Candidate, Finding, GateName, Limits, LimitsConfig, Outcome, Tree, gate::clean, limits,
};

/// The base of a gate: the candidate with its tests, and the dependencies.
pub(super) struct PreparedSources {
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) layers: GateLayers,
    /// What the candidate's own sandbox has; then `files` are only those of the tests.
    pub(super) candidate: Option<CandidateSources>,
}

/// The same, which `--keep` also writes for people.
pub(super) async fn prepare(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<PreparedSources, GateResult> {
    let prepared = sources(context, gate, candidate, suites).await?;
    keep(context, gate, &prepared.files).map_err(GateResult::error)?;
    Ok(prepared)
}

pub(super) fn keep(
    context: &GateContext<'_>,
    gate: &GateName,
    files: &[(String, Vec<u8>)],
) -> Result<(), String> {
    let Some(folder) = context.keep.as_ref().filter(|_| gate != "proof") else { return Ok(()) };
    let folder = folder.join(if gate == "hidden" { "held-out" } else { "visible" });
    let kept = workspace::keep(&folder, files);
    kept.map_err(|why| format!("cannot keep the candidate's folder: {why}"))
}

/// The base of a gate that runs tests: where the language's tests run apart from the candidate, two
/// sets of files.
pub(super) async fn prepare_tests(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<PreparedSources, GateResult> {
    let language = toolchain::of(context.target);
    let Some(membrane) = language.native().and_then(|native| native.membrane()) else {
        return prepare(context, gate, candidate, suites).await;
    };
    let (sandbox, tools) = (context.sandbox, context.host_tools().map_err(GateResult::error)?);
    let builder = LayerBuilder { sandbox, tools, language };
    let cache = context.layers;
    let layers = GateLayers {
        own: Some(cache.get(builder, gate, &*membrane.tests_layer(), context.now).await?),
        packages: cache.packages(builder, gate, context.target, context.now).await?,
    };
    let mut own = membrane.candidate_files(context.spec);
    own.extend(linked_files(context, candidate.tree(), ""));
    let own_layer = cache.tools(builder, gate, context.now).await?;
    let apart =
        CandidateSources { files: workspace::files(candidate.tree(), &[], own), layer: own_layer };
    let files = workspace::files(&Tree::default(), suites, membrane.tests_files(context.spec));
    let all = [files.as_slice(), &apart.files].concat();
    keep(context, gate, &all).map_err(GateResult::error)?;
    Ok(PreparedSources { files, layers, candidate: Some(apart) })
}

pub(super) async fn sources(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
    suites: &[Suite],
) -> Result<PreparedSources, GateResult> {
    let language = toolchain::of(context.target);
    let (sandbox, tools) = (context.sandbox, context.host_tools().map_err(GateResult::error)?);
    let builder = LayerBuilder { sandbox, tools, language };
    let own = match language.dependencies(candidate.tree(), context.linked) {
        Some(wanted) => Some(context.layers.get(builder, gate, &*wanted, context.now).await?),
        None => context.layers.tools(builder, gate, context.now).await?,
    };
    let packages = context.layers.packages(builder, gate, context.target, context.now).await?;
    let layers = GateLayers { own, packages };
    let lock = layers.own.as_ref().map_or("", |layer| layer.lock());
    let places = layers.planned(sandbox);
    let mut own = language.workspace_files(&context.spec.id.package(), lock, &places);
    own.extend(linked_files(context, candidate.tree(), lock));
    let files = workspace::files(candidate.tree(), suites, own);
    Ok(PreparedSources { files, layers, candidate: None })
}

/// The promoted trees that a candidate uses, as files of its workspace.
fn linked_files(context: &GateContext<'_>, tree: &Tree, lock: &str) -> Vec<(String, Vec<u8>)> {
    let language = toolchain::of(context.target).links();
    let Some(language) = language.filter(|_| !context.linked.is_empty()) else { return Vec::new() };
    let package = &*context.spec.id.package();
    language.files(Linked { package, tree, trees: context.linked, lock })
}

/// The candidate with its visible tests: generated and the user's.
pub(super) fn visible(context: &GateContext<'_>) -> Vec<Suite> {
    context.examples.visible.iter().cloned().chain(context.suites.iter().cloned()).collect()
}

/// Files that tests may read while they run: data of the suites, and what of a candidate is no
/// source.
pub(super) fn data(context: &GateContext<'_>, candidate: &Candidate) -> Vec<String> {
    let layout = toolchain::of(context.target).layout(context.target);
    let is_source =
        |path: &&str| path.ends_with(layout.suite_extension) || *path == layout.manifest;
    let own = candidate.tree().iter().map(|(path, _)| path.as_str());
    let own = own.filter(|path| !is_source(path));
    let data = context.suites.iter().filter(|suite| suite.data);
    own.chain(data.map(|suite| suite.path.as_str())).map(str::to_owned).collect()
}

/// A compiling gate.
pub async fn compile(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    // Tests that run apart are not compiled with the candidate.
    let native = toolchain::of(context.target).native();
    let is_apart = native.is_some_and(|native| native.membrane().is_some());
    let suites = if is_apart { Vec::new() } else { visible(context) };
    let work = async {
        let PreparedSources { files, layers, .. } =
            prepare(context, gate, candidate, &suites).await?;
        let room = GateSandbox::open(context, gate, files, &layers, None).await?;
        let language = toolchain::of(context.target);
        let commands = language.compile(gate, candidate.tree(), room.places());
        let built = build(&room, gate, &commands, &suites, context.timeout).await;
        room.close().await;
        built
    };
    let mut seen = match work.await {
        Ok((_, seen)) | Err(seen) => seen,
    };
    let tests = suites.iter().flat_map(|suite| &suite.tests);
    let names: BTreeSet<&str> = tests.flat_map(|test| &test.words).map(String::as_str).collect();
    for finding in seen.findings.iter_mut().filter(|finding| finding.rule.contains("::")) {
        let own = declared(&finding.message).find(|name| names.contains(name));
        let text =
            own.map(|name| format!("\nthe tests of the spec use `{name}`: it may require this"));
        finding.message.push_str(&text.unwrap_or_default());
    }
    seen
}

/// Names of the items that a compiler's message shows.
fn declared(message: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    let mut before = "";
    message.split(word).filter(|word| !word.is_empty()).filter(move |name| {
        let is_item = ["fn", "struct", "enum", "trait", "type", "const"].contains(&before);
        before = name;
        is_item
    })
}

/// Runs compiling commands in order until one fails. Gives the built programs only if all succeed.
pub(super) async fn build(
    room: &GateSandbox<'_>,
    gate: &GateName,
    commands: &[ToolCommand],
    suites: &[Suite],
    time: Duration,
) -> Result<(Vec<TestProgram>, GateResult), GateResult> {
    let started = Instant::now();
    let (mut programs, mut all) = (Vec::new(), GateResult::default());
    for command in commands {
        let left = time.saturating_sub(started.elapsed());
        let output = room.execute(command, left).await?;
        let context = BuildContext { places: room.places(), suites };
        let built = room.language().read_build(gate, &read(&output), &context);
        let found = built.findings.len();
        let counts = built.findings.into_iter().filter(|one| !room.allows(gate, &one.rule));
        // Of what was built before, warnings are repeated.
        let counts: Vec<_> = counts.filter(|one| !all.findings.contains(one)).collect();
        all.findings.extend(counts);
        let all_allowed = found > 0 && all.findings.is_empty();
        all.evidence.extend(output.evidence());
        match output.ended {
            Ended::Exit(0) if built.unread.is_some() => {
                let program = command.program.file_name().unwrap_or_default().to_string_lossy();
                let why = built.unread.unwrap_or_default();
                let error = GateResult::error(format!("{program} gave no readable output: {why}"));
                return Err(GateResult { evidence: all.evidence, ..error });
            }
            Ended::Timeout => {
                all.outcome = Some(Outcome::Timeout);
                let message = format!("compiling took more than {}s", time.as_secs());
                all.findings.push(finding(gate, "timeout", message));
                return Err(all);
            }
            Ended::Limit(resource) => {
                let why = format!("compiling: {}", room.hit(resource));
                all.findings.insert(0, finding(gate, resource.word(), why));
                return Err(all.limit(resource));
            }
            Ended::Exit(0) => programs.extend(built.programs),
            Ended::Exit(_) if all_allowed => {}
            _ if all.findings.is_empty() => {
                let why = clean(&output.errors(), &[&room.root()]);
                if built.crashed {
                    all.findings.push(finding(gate, "compiler", why));
                    return Err(all);
                }
                let program = command.program.file_name().unwrap_or_default().to_string_lossy();
                let error = GateResult::error(format!("{program} failed: {why}"));
                return Err(GateResult { evidence: all.evidence, ..error });
            }
            _ => return Err(all),
        }
    }
    Ok((programs, all))
}

/// Compares a candidate with its formatted version.
pub async fn check_format(
    context: &GateContext<'_>,
    gate: &GateName,
    candidate: &Candidate,
) -> GateResult {
    let (sandbox, language) = (context.sandbox, toolchain::of(context.target));
    let tools = match context.host_tools() {
        Ok(tools) => tools,
        Err(why) => return GateResult::error(why),
    };
    let builder = LayerBuilder { sandbox, tools, language };
    let layer = match context.layers.tools(builder, gate, context.now).await {
        Ok(layer) => layer,
        Err(seen) => return seen,
    };
    let Formatted { changed, unfinished, .. } =
        match format_files(builder, layer.as_ref(), candidate.tree()).await {
            Ok(formatted) => formatted,
            Err(why) => return programs::unusable(&why),
        };
    let find = |rule: &str, path: String, what: &str| Finding {
        file: Some(path.clone()),
        ..finding(gate, rule, format!("{path} {what}"))
    };
    let late = unfinished.into_iter().map(|path| find("timeout", path, "took too long to format"));
    let late: Vec<Finding> = late.collect();
    let outcome = (!late.is_empty()).then_some(Outcome::Timeout);
    let changed = changed.into_iter().map(|path| find("format", path, "is not formatted"));
    GateResult { outcome, ..GateResult::fail(late.into_iter().chain(changed).collect()) }
}

/// The formatter's result.
struct Formatted {
    tree: Tree,
    /// Changed files.
    changed: Vec<String>,
    /// Files that were not formatted in time; unchanged.
    unfinished: Vec<String>,
}

/// Formats a candidate. Files that do not parse or take too long are unchanged, and so are all
/// where the formatter cannot be had: the gates say why. Gives the names of changed files.
///
/// # Errors
/// The sandbox failed.
pub(super) async fn format(
    builder: LayerBuilder<'_>,
    layers: &DependencyCache,
    tree: &Tree,
    now: SystemTime,
) -> Result<(Tree, Vec<String>), SandboxError> {
    let Ok(layer) = layers.tools(builder, &"fmt".into(), now).await else {
        return Ok((tree.clone(), Vec::new()));
    };
    let formatted = format_files(builder, layer.as_ref(), tree).await?;
    Ok((formatted.tree, formatted.changed))
}

/// Formats files one by one through standard input, with the harness's configuration, under one
/// deadline.
async fn format_files(
    builder: LayerBuilder<'_>,
    layer: Option<&Layer>,
    tree: &Tree,
) -> Result<Formatted, SandboxError> {
    let LayerBuilder { sandbox, tools, language } = builder;
    let mut made = Formatted { tree: tree.clone(), changed: Vec::new(), unfinished: Vec::new() };
    let limits = Limits::of(&LimitsConfig::default());
    let over = layer.map(|layer| (layer.path(), MountMode::Overlay));
    let mut spec = programs::sandbox_spec(tools, language, over, limits);
    let planned = programs::planned(sandbox, layer.map(Layer::path), None);
    spec.files = language.workspace_files("", "", &planned);
    let session = sandbox.open(&spec).await?;
    let places = programs::places(&session);
    let started = Instant::now();
    for (path, bytes) in tree.iter() {
        let Some(command) = language.format(path, &places) else { continue };
        let left = limits::FORMAT_TIME.saturating_sub(started.elapsed());
        if left.is_zero() {
            made.unfinished.push(path.to_string());
            continue;
        }
        let command = ToolCommand { stdin: Some(bytes.to_vec()), ..command };
        let left = left.min(limits::FORMAT_FILE_TIME);
        let program = programs::program(&command, &places, language, Vec::new(), left);
        let output = session.run(&program, false).await?;
        if matches!(output.ended, Ended::Timeout) {
            made.unfinished.push(path.to_string());
        } else if output.succeeded() && output.dropped == 0 && output.stdout != bytes {
            made.changed.push(path.to_string());
            made.tree.insert(path.clone(), output.stdout);
        }
    }
    session.close().await;
    Ok(made)
}

/// The test programs: the built ones, or the mounted files if the language builds none.
pub(super) fn programs_of(
    built: Vec<TestProgram>,
    commands: &[ToolCommand],
    suites: &[Suite],
) -> Vec<TestProgram> {
    if !commands.is_empty() {
        return built;
    }
    let program = |suite: &Suite| TestProgram {
        executable: suite.path.to_string(),
        source: suite.path.to_string(),
        starts: Vec::new(),
    };
    suites.iter().map(program).collect()
}
