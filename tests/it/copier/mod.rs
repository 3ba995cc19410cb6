//! A complete generator of another kind: it runs `cp`, and the copy is its answer. An attempt's
//! folder is named by its number.

use std::path::PathBuf;
use std::time::Duration;

use regen::generator::{
    Generating, Generation, GenerationError, GenerationProgress, Generator, Request,
};
use regen::types::{Digest, Failure, RelPath, Tree, Usage};

use crate::world::collect;

/// Copies folders.
#[derive(Debug)]
pub struct Copier {
    answers: PathBuf,
    deadline: Duration,
}

impl Copier {
    /// Answers with the folders below a folder, in this time.
    pub fn new(answers: PathBuf, deadline: Duration) -> Self {
        Self { answers, deadline }
    }

    async fn copy(&self, attempt: u32) -> std::io::Result<(Tree, Vec<u8>)> {
        let to = tempfile::tempdir()?;
        let mut command = tokio::process::Command::new("cp");
        command.args(["-r", "-v", "."]).arg(to.path()).kill_on_drop(true);
        command.current_dir(self.answers.join(attempt.to_string()));
        let output = command.output().await?;
        if !output.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr)));
        }
        let mut found = std::collections::BTreeMap::new();
        collect(to.path(), &mut found);
        let files = found.into_iter().map(|(path, bytes)| {
            let path = path.strip_prefix(to.path()).expect("is below").to_string_lossy();
            let path = RelPath::parse(&path).map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>((path, bytes))
        });
        Ok((files.collect::<Result<Tree, _>>()?, output.stdout))
    }
}

impl Generator for Copier {
    fn kind(&self) -> &'static str {
        "copy"
    }

    fn request_id(&self, request: &Request) -> Digest {
        Digest::of_parts([request.prompt.user.clone(), request.context.attempt.to_string()])
    }

    fn ceiling(&self, _: &Request) -> Usage {
        Usage { output: 7, ..Usage::default() }
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.deadline)
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        _: Option<regen::generator::Workplace>,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            if self.deadline.is_zero() {
                std::future::pending::<()>().await;
            }
            let (tree, transcript) = self
                .copy(request.context.attempt)
                .await
                .map_err(|why| GenerationError::new(Failure::Configuration, why.to_string()))?;
            progress.grown(transcript.len());
            let usage = Usage { output: 5, ..Usage::default() };
            let model = "cp".to_owned();
            Ok(Generation::Workspace { tree, transcript, usage, model, replay: None })
        })
    }
}
