//! `regen toolchain`: toolchains that a file declares.

use clap::Subcommand;
use serde_json::json;

use super::{Context, exit, isolation};
use crate::commands::conformance::{Conformance, Judge, KnownResult, declaration};
use crate::config::{TOOLCHAINS, toolchain_file};
use crate::gate::find_language_tools;
use crate::toolchain;
use crate::types::ToolSet;
use crate::types::harness::SandboxConfig;
use crate::types::text::counted;
use crate::workspace::{CommandError, ErrorKind, Sources};

/// Findings that are shown of one candidate.
const SHOWN: usize = 3;

/// Subcommands of `toolchain`.
#[derive(Debug, Subcommand)]
pub enum ToolchainCommand {
    /// List the toolchains: built in, shipped, and of this workspace.
    #[command(after_help = "Example:\n  regen toolchain ls")]
    Ls,
    /// Print the file of a toolchain, to start a new one from.
    #[command(after_help = "Example:\n  regen toolchain show go > toolchains/go.toml")]
    Show {
        /// The toolchain.
        name: String,
    },
    /// Run a toolchain's gates over its own known-good and known-bad candidates. Calls no model.
    #[command(
        after_help = "Examples:\n  regen toolchain check go\n  regen toolchain check mine --json\n\n\
        Exit codes: 0 each candidate is judged as its file says · 2 the file is wrong · \
        20 one is not · 40 a tool is missing"
    )]
    Check {
        /// The toolchain.
        name: String,
    },
}

/// Runs a subcommand.
pub async fn run(door: &Context, command: ToolchainCommand) -> Result<u8, CommandError> {
    match command {
        ToolchainCommand::Ls => list(door),
        ToolchainCommand::Show { name } => {
            let places = door.reading().ok();
            door.show(declaration(places.as_ref(), &name)?.text());
            Ok(exit::DONE)
        }
        ToolchainCommand::Check { name } => check(door, &name).await,
    }
}

fn list(door: &Context) -> Result<u8, CommandError> {
    let built_in: Vec<&str> = toolchain::all().iter().map(|one| one.id()).collect();
    let mut all: Vec<(String, String)> = toolchain::names()
        .map(|name| {
            let kind = if built_in.contains(&name) { "built in" } else { "declared, shipped" };
            (name.to_owned(), kind.to_owned())
        })
        .collect();
    if let Ok(places) = door.reading() {
        let files = std::fs::read_dir(places.root.join(TOOLCHAINS)).into_iter().flatten().flatten();
        let mut names: Vec<String> = files
            .filter_map(|file| file.file_name().into_string().ok())
            .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
            .filter(|name| !built_in.contains(&name.as_str()))
            .collect();
        names.sort();
        all.retain(|(name, _)| !names.contains(name));
        all.extend(names.into_iter().map(|name| {
            let kind = toolchain_file(&name);
            (name, kind)
        }));
    }
    for (name, kind) in &all {
        if door.global.json {
            door.json(&json!({ "type": "toolchain", "name": name, "from": kind }));
        } else {
            door.show(&format!("{name:<12} {kind}"));
        }
    }
    Ok(exit::DONE)
}

async fn check(door: &Context, name: &str) -> Result<u8, CommandError> {
    let places = door.reading().ok();
    let declaration = declaration(places.as_ref(), name)?;
    let conformance = Conformance::new(&declaration).map_err(|problems| {
        let file = toolchain_file(name);
        let problems = problems.into_iter().map(|problem| problem.file(&file)).collect();
        CommandError::config(
            problems,
            Sources::from([(file.clone(), declaration.text().to_owned())]),
        )
    })?;
    let cache = door.cache()?;
    let language = toolchain::of(conformance.target());
    let tools = find_language_tools(language, &door.tool_env(), &cache).await;
    let tools = tools.map_err(|why| CommandError::new(ErrorKind::HostTools, why.to_string()))?;
    let probe = isolation::demand(door, &cache, &SandboxConfig::default()).await?;
    let tools = ToolSet { found: [(name.to_owned(), tools)].into(), ..ToolSet::default() };
    let judge = Judge { tools: tools.into(), probe: probe.into(), cache: &cache };
    let (mut wrong, mut all) = (0, 0);
    for candidate in conformance.names() {
        let known = conformance.run(&judge, candidate).await?;
        all += 1;
        wrong += usize::from(!known.is_right());
        tell(door, &known);
    }
    for gate in conformance.unshown() {
        door.note(&format!("no candidate shows that the gate `{gate}` refuses something"));
    }
    if !door.global.json {
        let right = all - wrong;
        let text = format!("{right} of {} judged as the file says", counted(all, "candidate"));
        door.show(&text);
    }
    Ok(if wrong == 0 { exit::DONE } else { exit::REJECTED })
}

fn tell(door: &Context, known: &KnownResult) {
    if door.global.json {
        door.json(&json!({
            "type": "candidate",
            "name": known.name,
            "good": known.is_right(),
            "wanted": known.wanted,
            "refused": known.refused,
            "findings": known.findings,
            "passes_without_implementation": known.idle,
        }));
        return;
    }
    let said = |gate: &Option<String>| match gate {
        Some(gate) => format!("refused by `{gate}`"),
        None => "passes".to_owned(),
    };
    let (name, refused) = (&known.name, said(&known.refused));
    if known.is_right() {
        door.show(&format!("{} {name:<12} {refused}", door.paint.good("ok  ")));
        return;
    }
    let wanted = said(&known.wanted);
    door.show(&format!("{} {name:<12} {refused}; the file says: {wanted}", door.paint.bad("FAIL")));
    for one in known.findings.iter().take(SHOWN) {
        let place = match (&one.file, one.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            _ => String::new(),
        };
        door.show(&format!("     {place}{}: {}", one.rule, one.message.replace('\n', "\n     ")));
    }
    for test in &known.idle {
        door.show(&format!("     {test} passes although nothing is implemented"));
    }
}
