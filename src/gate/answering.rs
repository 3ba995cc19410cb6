//! The model under test, as gates see it.

use std::fmt;

use futures::future::LocalBoxFuture;

use crate::types::{Digest, Failure, Prompt, SampledVersion, TestStatus};

/// Most calls of the model in one sample.
pub const CALLS: u32 = 16;
/// Samples that run at a time.
pub const SAMPLES_AT_ONCE: u32 = 8;

/// A question to the model under test.
#[derive(Clone, Debug)]
pub struct Question {
    /// Instructions, examples and conversation.
    pub prompt: Prompt,
    /// The temperature that a test asks for.
    pub temperature: Option<f64>,
    /// Distinguishes equal questions.
    pub sample: u32,
    /// Whether the judge is asked.
    pub of_judge: bool,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelAnswer {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: String,
    /// The model, as its server names it.
    pub model: String,
}

/// Why the model gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// The class; `None`: this machine's matter.
    pub failure: Option<Failure>,
    /// What failed, and what to do.
    pub message: String,
}

impl NoAnswer {
    /// A failure of this machine.
    pub fn here(why: impl fmt::Display) -> Self {
        Self { failure: None, message: why.to_string() }
    }
}

/// A sample and what a test says of it.
#[derive(Clone, Debug)]
pub struct GradedSample<'a> {
    /// The test.
    pub test: &'a str,
    /// Its clause.
    pub clause: &'a str,
    /// Its digest.
    pub key: Digest,
    /// The digest of the instructions.
    pub artifact: Digest,
    /// The number of the sample.
    pub sample: u32,
    /// Whether the test is held out.
    pub hidden: bool,
    /// Whether it passed.
    pub status: TestStatus,
    /// Questions and answers, in order.
    pub talk: &'a [(Prompt, ModelAnswer)],
}

/// A model that is asked.
pub trait AnsweringModel: fmt::Debug {
    /// Asks it, or gives the answer that it gave before.
    fn ask<'a>(&'a self, question: Question) -> LocalBoxFuture<'a, Result<ModelAnswer, NoAnswer>>;

    /// Which of the versions that a run can sample is asked.
    fn version(&self) -> SampledVersion {
        SampledVersion::ONLY
    }

    /// Whether all samples of a plan are taken, also where fewer settle it.
    fn takes_all(&self) -> bool {
        false
    }

    /// Takes what a test says of a sample.
    ///
    /// # Errors
    /// It cannot be kept.
    fn grade(&self, sample: &GradedSample<'_>) -> Result<(), String>;
}
