//! The plan of a workspace, and the tools that its targets need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::error::CommandError;
use super::model::{Workspace, WorkspaceLayout};
use crate::gate;
use crate::plan;
use crate::promote::Promoter;
use crate::toolchain::{self, prose::linter};
use crate::types::{Harness, Plan, SpecId, Standing, TargetName, ToolEnv, ToolSet};

impl Workspace {
    /// Finds the tools of the targets.
    ///
    /// # Errors
    /// A tool is missing.
    pub async fn tools(&self, env: &ToolEnv) -> Result<ToolSet, CommandError> {
        tools(&self.places, &self.harness, env).await
    }

    /// Additional files and folders that gates can read.
    pub fn read_only(&self) -> Vec<PathBuf> {
        self.places.read_only(&self.harness)
    }

    /// Makes the plan.
    ///
    /// # Errors
    /// `generated/` cannot be read.
    pub fn plan(
        &self,
        tools: &ToolSet,
        only: Option<&BTreeSet<SpecId>>,
        force: bool,
    ) -> Result<Plan, CommandError> {
        self.plan_from(&self.standing, tools, only, force)
    }

    /// Makes the plan from a newer lockfile than the workspace's.
    ///
    /// # Errors
    /// `generated/` cannot be read.
    pub fn plan_from(
        &self,
        standing: &Standing,
        set: &ToolSet,
        only: Option<&BTreeSet<SpecId>>,
        force: bool,
    ) -> Result<Plan, CommandError> {
        let promoter = Promoter::new(self.places.root.clone(), self.places.state.clone());
        let live = promoter.live(self.older.as_deref().unwrap_or(standing))?;
        let version = |target| toolchain::tools_of(target, set);
        let targets = self.harness.target.iter();
        let tools = targets.map(|(name, target)| (name.clone(), version(target))).collect();
        let mut plan = plan::plan(&plan::PlanInputs {
            harness: &self.harness,
            specs: &self.specs,
            standing,
            live: &live,
            checks: &self.checks,
            tools: &tools,
            languages: &self.languages(),
            signer: self.signer.as_ref().map(|signer| signer.public().to_string()).as_deref(),
            only,
            force,
        });
        self.leave_out(&mut plan, set);
        if let Some((from, to)) = &self.renamed {
            let promoted = standing.spec.get(from);
            let is_promoted =
                |target: &_| promoted.is_some_and(|one| one.target.contains_key(target));
            plan.rename(from, to, &is_promoted);
        }
        Ok(plan)
    }

    /// Leaves out what no gate could check on this machine: nothing is asked for it.
    fn leave_out(&self, plan: &mut Plan, tools: &ToolSet) {
        let is_there = |target: &TargetName| {
            let target = self.harness.target.get(target);
            target.is_none_or(|one| !tools.missing.contains_key(toolchain::of(one).id()))
        };
        for job in &mut plan.jobs {
            let spec = self.spec(&job.spec);
            // A text is judged with the tools of the code that it is about.
            let code = |name: &TargetName| {
                let target = self.harness.target.get(name)?;
                toolchain::of(target).text()?;
                let code = toolchain::about::code_of(&self.harness, spec?, target).ok()?;
                Some(code.0.clone())
            };
            job.parts.retain(|part| {
                is_there(&part.target) && code(&part.target).is_none_or(|code| is_there(&code))
            });
        }
        plan.jobs.retain(|job| !job.parts.is_empty());
    }

    /// Whether the workspace configures a linter of prose that this machine does not have.
    pub fn lacks_linter(&self, tools: &ToolSet) -> bool {
        let has_style = self.harness.target.values().any(|target| !target.style_rules.is_empty());
        has_style && tools.get(linter::VALE).is_none()
    }

    /// Language versions, by target.
    pub fn languages(&self) -> BTreeMap<TargetName, String> {
        let version = |target| toolchain::of(target).rules_version().to_owned();
        let targets = self.harness.target.iter();
        targets.map(|(name, target)| (name.clone(), version(target))).collect()
    }
}

/// The tools of the configured targets.
pub(super) async fn tools(
    places: &WorkspaceLayout,
    harness: &Harness,
    env: &ToolEnv,
) -> Result<ToolSet, CommandError> {
    Ok(gate::find_tools(harness, env, &places.cache).await?)
}

impl WorkspaceLayout {
    /// Additional files and folders that gates can read.
    pub fn read_only(&self, harness: &Harness) -> Vec<PathBuf> {
        let shown = harness.sandbox.read_only.iter().map(|path| self.root.join(path));
        // A missing path is reported when a sandbox is built.
        shown.map(|path| path.canonicalize().unwrap_or(path)).collect()
    }
}
