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
/// A line is wrong; none is graded then.
pub fn read_answers(bytes: &[u8]) -> Result<Vec<GivenAnswer>, CommandError> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let read = |(line, bytes): (usize, &[u8])| {
        let wrong = |why: String| {
            let others = if line > 1 { "; the lines before it are not graded either" } else { "" };
            CommandError::usage(format!("line {line} of the answers: {why}{others}"))
                .hint("each line is {\"answer\": \"…\"}, or also \"test\": \"its title\"")
        };
        let text = str::from_utf8(bytes).map_err(|why| wrong(format!("not UTF-8: {why}")))?;
        let read: Result<AnswerLine, _> = serde_json::from_str(text);
        let AnswerLine { answer, test } = read.map_err(|why| wrong(why.to_string()))?;
        Ok(GivenAnswer { line, text: answer, test })
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
        let is_graded = |one: &&GivenAnswer| graded.iter().any(|grade| grade.line == one.line);
        if let Some(one) = answers.iter().find(|one| !is_graded(one)) {
            let (name, line) = (one.test.as_deref().unwrap_or_default(), one.line);
            let why = format!("no visible test of `{spec}` has the title `{name}` of line {line}");
            return Err(CommandError::usage(why));
        }
        Ok(graded)
    }
}
