//! Grades answers from elsewhere by a spec's tests of behaviour.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Deserialize;

use crate::gate::{AnswerGrade, ExecuteOptions, GateExecutor, GivenAnswer};
use crate::sandbox::Probe;
use crate::store::{Candidates, ContentStore, MemoryStore};
use crate::toolchain;
use crate::types::{Action, Provenance, SpecId, TargetName, ToolSet, Tree, limits};
use crate::workspace::{CommandError, Workspace};

/// A line of answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerLine {
    answer: String,
    #[serde(default)]
    test: Option<String>,
}

/// Reads answers, one JSON object per line.
///
/// # Errors
/// A line is wrong.
pub fn read_answers(text: &str) -> Result<Vec<GivenAnswer>, CommandError> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (usize, &str)| {
        let read: Result<AnswerLine, _> = serde_json::from_str(line);
        let wrong = |why: serde_json::Error| {
            CommandError::usage(format!("line {number} of the answers: {why}"))
                .hint("each line is {\"answer\": \"…\"}, or also \"test\": \"its title\"")
        };
        let AnswerLine { answer, test } = read.map_err(wrong)?;
        Ok(GivenAnswer { text: answer, test })
    };
    let answers: Vec<GivenAnswer> = lines.map(read).collect::<Result<_, CommandError>>()?;
    if answers.len() > limits::GRADED_ANSWERS {
        let most = limits::GRADED_ANSWERS;
        return Err(CommandError::usage(format!("more than {most} answers; give them in parts")));
    }
    Ok(answers)
}

impl Workspace {
    /// The assistant of a spec, if it has one.
    fn assistant_of(&self, spec: &SpecId) -> Option<TargetName> {
        let mut targets = self.harness.target.iter();
        let found = targets.find(|(name, target)| {
            toolchain::model_under_test(target).is_some() && self.job_inputs(spec, name).is_some()
        });
        found.map(|(name, _)| name.clone())
    }

    /// Grades answers by the visible tests of a spec's assistant. No model is asked.
    ///
    /// # Errors
    /// The spec has no assistant; the tests cannot run.
    pub async fn grade(
        &self,
        spec: &SpecId,
        answers: &[GivenAnswer],
        tools: &Arc<ToolSet>,
        probe: &Arc<Probe>,
    ) -> Result<Vec<AnswerGrade>, CommandError> {
        let inputs = self.assistant_of(spec).and_then(|name| self.job_inputs(spec, &name));
        let inputs = inputs.ok_or_else(|| {
            let why = format!("`{spec}` has no target with `toolchain = \"assistant\"`");
            CommandError::usage(why)
        })?;
        let store = Arc::new(MemoryStore::default());
        let tree = store.put_tree(&Tree::default())?;
        let executor = self.executor(tools, probe, Arc::new(Candidates::new(store)));
        executor.accept(&inputs.judged)?;
        let action = Action {
            min_isolation: self.harness.sandbox.min_level,
            ..inputs.judged.action(
                &"proof".into(),
                executor.toolchain(inputs.judged.language().id()).unwrap_or_default(),
                tree,
                Provenance::Promoted,
            )
        };
        let graded = executor.grade(&action, answers, ExecuteOptions::at(SystemTime::now())).await;
        let graded = graded.map_err(CommandError::usage)?;
        let is_graded = |at: &usize| graded.iter().any(|grade| grade.answer == *at);
        if let Some(at) = (0..answers.len()).find(|at| !is_graded(at)) {
            let name = answers[at].test.as_deref().unwrap_or_default();
            let why =
                format!("no visible test of `{spec}` has the title `{name}` of answer {}", at + 1);
            return Err(CommandError::usage(why));
        }
        Ok(graded)
    }
}
