//! Runs tests of behaviour over answers that were given elsewhere.

use super::sample::SampleRoom;
use super::work::{BehaviourWork, cases};
use crate::gate::result::GateResult;
use crate::toolchain::assistant::StubAnswer;
use crate::types::{ClauseId, TestStatus};

/// An answer from elsewhere.
#[derive(Clone, Debug)]
pub struct GivenAnswer {
    /// Its line, from 1.
    pub line: usize,
    /// The text.
    pub text: String,
    /// The test that it is for; `None` for all.
    pub test: Option<String>,
}

/// What a test says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerGrade {
    /// The line of the answer.
    pub line: usize,
    /// The test.
    pub test: String,
    /// Its clause.
    pub clause: ClauseId,
    /// Whether it passed; `None` if the test itself is at fault.
    pub passed: Option<bool>,
    /// Why not.
    pub why: String,
}

/// Grades answers by the visible tests.
pub async fn grade(
    work: &BehaviourWork<'_>,
    answers: &[GivenAnswer],
) -> Result<Vec<AnswerGrade>, GateResult> {
    let mut all = Vec::new();
    for one in work.tests().iter().filter(|one| !one.is_hidden()) {
        let is_for = |given: &GivenAnswer| {
            let mut names = given.test.iter();
            names.all(|name| !cases(std::slice::from_ref(name), &one.test.name).is_empty())
        };
        let wanted: Vec<_> = answers.iter().filter(|given| is_for(given)).collect();
        if wanted.is_empty() {
            continue;
        }
        let room = SampleRoom::open(work, one.suite).await?;
        let names = room.names(one).await?;
        for given in wanted {
            let is_wanted = |case: &&str| {
                let test = given.test.as_deref();
                test.is_none_or(|name| name == *case || name == one.test.name)
            };
            for case in cases(&names, &one.test.name).into_iter().filter(is_wanted) {
                let ended = room.stubbed(case, &StubAnswer::fixed(given.text.clone())).await?;
                all.push(AnswerGrade {
                    line: given.line,
                    test: case.to_owned(),
                    clause: one.clause.id.clone(),
                    passed: (!ended.is_error).then_some(ended.status == TestStatus::Passed),
                    why: ended.why,
                });
            }
        }
        room.close().await;
    }
    all.sort_by_key(|grade| grade.line);
    Ok(all)
}
