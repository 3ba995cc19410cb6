//! A run that found nothing to do is remembered, so that the next one does not read every file.
//!
//! Sizes and times of all files that a plan is made from are compared, as version control does.
//! Where one differs or is too new to tell, everything is read.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::clock::today;
use super::error::CommandError;
use super::given_tests::given_folders;
use super::model::{Sources, Workspace, WorkspaceLayout};
use super::{plan, sign};
use crate::store::seen::{self, Seen, Watched};
use crate::store::{files, write_private};
use crate::toolchain;
use crate::toolchain::prose::linter::VALE_FILE;
use crate::types::{Digest, Encoder, Harness, Problem, SpecId, ToolEnv, limits};

/// What a run without work found.
#[derive(Debug, Serialize, Deserialize)]
pub struct Idle {
    /// Digest of all that the plan was made from.
    state: Digest,
    /// Specs without work, in the plan's order.
    pub up_to_date: Vec<SpecId>,
    /// Warnings that each run shows.
    pub problems: Vec<Problem>,
}

/// The state of a workspace before a run.
#[derive(Debug)]
pub struct IdleCheck {
    places: WorkspaceLayout,
    watched: Vec<Watched>,
    before: Seen,
    /// Digest of it, the tools, the signing key and the date.
    state: Digest,
}

/// Folders in that of the promoted trees that other programs fill.
const WITHOUT: [&str; 2] = ["target", "node_modules"];

impl IdleCheck {
    /// The state of all that a plan is made from. `program` is regen itself. `None` where it
    /// cannot be told; reading the workspace then says why.
    pub async fn new(
        places: &WorkspaceLayout,
        harness: &Harness,
        program: PathBuf,
        env: &ToolEnv,
        variable: fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let tools = plan::tools(places, harness, env).await.ok()?;
        if !tools.missing.is_empty() || places.ledger().symlink_metadata().is_err() {
            return None;
        }
        let signer = sign::signer(places, harness, variable).ok()?;
        let watched = watched(places, harness, program);
        let before = seen::look(&watched, SystemTime::now()).ok()?;
        let mut out = Encoder::new("idle");
        out.digest(before.digest).text(today());
        out.list(&harness.target, |out, (_, target)| {
            let language = toolchain::of(target);
            out.text(toolchain::tools_of(target, &tools)).text(language.rules_version())
        });
        out.option(signer.as_ref(), |out, signer| out.text(signer.public().to_string()));
        let state = out.finish();
        Some(Self { places: places.clone(), watched, before, state })
    }

    /// What an earlier run found, if nothing has changed since.
    pub fn unchanged(&self) -> Option<Idle> {
        let bytes = files::read_capped(&self.path(), limits::RESULT_BYTES).ok()?;
        let idle: Idle = serde_json::from_slice(&bytes).ok()?;
        (idle.state == self.state).then_some(idle)
    }

    /// Remembers a run without work, unless a file changed meanwhile or may have.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(&self, workspace: &Workspace, up_to_date: &[SpecId]) -> io::Result<()> {
        let now = seen::look(&self.watched, SystemTime::now())?;
        let is_left_out = |spec: &SpecId| WITHOUT.contains(&spec.as_str());
        if self.before.in_doubt
            || now.digest != self.before.digest
            || workspace.standing.spec.keys().any(is_left_out)
        {
            return Ok(());
        }
        let (up_to_date, problems) = (up_to_date.to_vec(), workspace.problems.clone());
        let idle = Idle { state: self.state, up_to_date, problems };
        write_private(&self.path(), &serde_json::to_vec(&idle)?)
    }

    fn path(&self) -> PathBuf {
        self.places.state.join("idle.json")
    }
}

impl Idle {
    /// The texts of the files with problems.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn sources(&self, places: &WorkspaceLayout) -> Result<Sources, CommandError> {
        let text = |problem: &Problem| {
            let bytes = files::read_capped(&places.root.join(&problem.file), limits::SPEC_BYTES)?;
            Ok((problem.file.clone(), String::from_utf8_lossy(&bytes).into_owned()))
        };
        let spans = self.problems.iter().filter(|problem| problem.span.is_some());
        spans.map(text).collect()
    }
}

/// All files that a plan is made from.
fn watched(places: &WorkspaceLayout, harness: &Harness, program: PathBuf) -> Vec<Watched> {
    let all = |path: PathBuf| Watched { path, without: Vec::new() };
    let settings = &harness.harness;
    let mut named =
        vec!["regen.lock", "toolchains", VALE_FILE, &settings.specs, &settings.validators];
    named.extend(settings.templates.as_deref());
    named.extend(given_folders(harness));
    let named = named.into_iter().map(|name| all(places.root.join(name)));
    let outputs = harness.target.values().filter(|target| target.is_generated());
    let mut outputs: Vec<&str> = outputs
        .map(|target| target.output.split_once('{').map_or(&*target.output, |(fixed, _)| fixed))
        .map(|fixed| fixed.rsplit_once('/').map_or("", |(folder, _)| folder))
        .collect();
    outputs.sort_unstable();
    outputs.dedup();
    let outputs = outputs.into_iter().map(|folder| Watched {
        path: places.root.join(folder),
        without: WITHOUT.map(str::to_owned).to_vec(),
    });
    [all(program), all(places.config.clone())].into_iter().chain(named).chain(outputs).collect()
}
