//! Writes samples of models under test, with what the tests say of them, as files for training.
//! Regen trains nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::store::{SampleGrade, SqliteLedger, write_atomic};
use crate::toolchain::{self, Expected, assistant};
use crate::types::text::visible_line;
use crate::types::{Digest, Prompt, SpecId};
use crate::workspace::{CommandError, Workspace};

/// Of so many prompts one is held for validation.
const ONE_OF: u8 = 5;

/// A format of training data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SampleFormat {
    /// Conversations that passed: {"messages"}.
    Sft,
    /// Pairs of a passing and a failing answer: {"input", "preferred_output",
    /// "non_preferred_output"}.
    Dpo,
    /// The same for trl: {"prompt", "chosen", "rejected"}.
    TrlDpo,
    /// Every answer with its grade, for trl: {"prompt", "completion", "label"}.
    TrlKto,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct WrittenSamples {
    /// Lines for training.
    pub train: usize,
    /// Lines for validation.
    pub validation: usize,
    /// Samples left out: their test asks several questions that do not go on from each other.
    pub left_out: usize,
}

/// A graded answer to a prompt.
struct GradedAnswer {
    grade: SampleGrade,
    prompt: Vec<Value>,
    answer: String,
}

impl GradedAnswer {
    /// The answer of a sample, if its test has one conversation.
    fn of(grade: SampleGrade) -> Option<Self> {
        let talk: Vec<(Prompt, String)> = serde_json::from_str(&grade.talk).ok()?;
        let (last, answer) = talk.last()?.clone();
        let goes_on = |(prompt, answer): &(Prompt, String)| {
            let mut said = last.earlier.windows(2);
            said.any(|two| two[0].content == prompt.user && two[1].content == *answer)
        };
        if !talk[..talk.len() - 1].iter().all(goes_on) {
            return None;
        }
        let system = json!({ "role": "system", "content": last.system });
        let user = json!({ "role": "user", "content": last.user });
        let earlier = last.earlier.iter().map(|one| json!(one));
        let prompt = [system].into_iter().chain(earlier).chain([user]).collect();
        Some(Self { grade, prompt, answer })
    }

    fn said(&self) -> Value {
        json!([{ "role": "assistant", "content": self.answer }])
    }

    fn prompt_digest(&self) -> Digest {
        Digest::of(Value::from(self.prompt.clone()).to_string())
    }
}

/// A line, and the samples it is made of.
type SampleLine<'a> = (Value, Vec<&'a GradedAnswer>);

/// The lines of answers to one prompt.
fn lines<'a>(answers: &[&'a GradedAnswer], format: SampleFormat) -> Vec<SampleLine<'a>> {
    // A text passes if it passes all tests with this prompt.
    let fails = |text: &str| answers.iter().any(|one| one.answer == text && !one.grade.passed);
    let mut seen = BTreeSet::new();
    let once = answers.iter().filter(|one| seen.insert(&one.answer));
    let (failed, passed): (Vec<&GradedAnswer>, Vec<_>) = once.partition(|one| fails(&one.answer));
    let pairs = || passed.iter().zip(&failed);
    match format {
        SampleFormat::Sft => passed
            .iter()
            .map(|one| {
                let said = one.said()[0].clone();
                let messages: Vec<Value> = one.prompt.iter().cloned().chain([said]).collect();
                (json!({ "messages": messages }), vec![*one])
            })
            .collect(),
        SampleFormat::Dpo => pairs()
            .map(|(good, bad)| {
                let line = json!({
                    "input": { "messages": good.prompt }, "preferred_output": good.said(),
                    "non_preferred_output": bad.said(),
                });
                (line, vec![*good, *bad])
            })
            .collect(),
        SampleFormat::TrlDpo => pairs()
            .map(|(good, bad)| {
                let line =
                    json!({ "prompt": good.prompt, "chosen": good.said(), "rejected": bad.said() });
                (line, vec![*good, *bad])
            })
            .collect(),
        SampleFormat::TrlKto => answers
            .iter()
            .map(|one| {
                let label = !fails(&one.answer);
                let line =
                    json!({ "prompt": one.prompt, "completion": one.said(), "label": label });
                (line, vec![*one])
            })
            .collect(),
    }
}

impl Workspace {
    /// Writes the graded samples of a spec's visible tests into a folder.
    ///
    /// # Errors
    /// There are none; the ledger or the folder cannot be used.
    pub fn export_samples(
        &self,
        spec: &SpecId,
        format: SampleFormat,
        folder: &Path,
    ) -> Result<WrittenSamples, CommandError> {
        let ledger = SqliteLedger::read(&self.places.ledger())?;
        let grades = ledger.map(|ledger| ledger.grades(spec)).transpose()?.unwrap_or_default();
        let visible = self.visible_tests(spec);
        let is_visible =
            |one: &SampleGrade| visible.contains(&(one.target.as_str(), one.key.to_string()));
        let grades: Vec<SampleGrade> = grades.into_iter().filter(is_visible).collect();
        if grades.is_empty() {
            let why = format!("there are no samples of visible tests of `{spec}` here");
            let hint = "`regen run` takes them, where a target has `toolchain = \"assistant\"`";
            return Err(CommandError::usage(why).hint(hint));
        }
        let count = grades.len();
        let answers: Vec<GradedAnswer> = grades.into_iter().filter_map(GradedAnswer::of).collect();
        let mut by_prompt: BTreeMap<Digest, Vec<&GradedAnswer>> = BTreeMap::new();
        for one in &answers {
            by_prompt.entry(one.prompt_digest()).or_default().push(one);
        }
        let mut written = WrittenSamples { left_out: count - answers.len(), ..Default::default() };
        let (mut train, mut validation, mut meta) = (String::new(), String::new(), String::new());
        for (prompt, answers) in &by_prompt {
            let is_held = prompt.to_string().as_bytes()[0] % ONE_OF == 0;
            let (name, text, number) = if is_held {
                ("validation.jsonl", &mut validation, &mut written.validation)
            } else {
                ("train.jsonl", &mut train, &mut written.train)
            };
            for (line, samples) in lines(answers, format) {
                *number += 1;
                let line = line.to_string();
                let about = |one: &&GradedAnswer| {
                    let grade = &one.grade;
                    json!({
                        "clause": grade.clause, "test": grade.test, "target": grade.target,
                        "artifact": grade.artifact, "model": grade.model, "sample": grade.sample,
                        "passed": grade.passed, "day": grade.day,
                    })
                };
                let about: Vec<Value> = samples.iter().map(about).collect();
                let digest = Digest::of(&line);
                let of_line = json!({
                    "file": name, "line": *number, "digest": digest, "samples": about,
                });
                meta.push_str(&format!("{of_line}\n"));
                text.push_str(&line);
                text.push('\n');
            }
        }
        refuse_others(folder)?;
        std::fs::create_dir_all(folder)?;
        let readme = readme(spec, format, &answers, &written);
        for (name, text) in [
            ("train.jsonl", train),
            ("validation.jsonl", validation),
            ("meta.jsonl", meta),
            ("README.md", readme),
        ] {
            write_atomic(&folder.join(name), text.as_bytes())?;
        }
        Ok(written)
    }

    /// The digests of the visible tests of a spec's assistants, by target.
    fn visible_tests(&self, spec: &SpecId) -> BTreeSet<(&str, String)> {
        let mut visible = BTreeSet::new();
        for ((_, target), suites) in self.suites.iter().filter(|((of, _), _)| of == spec) {
            let is_assistant = self.harness.target.get(target);
            let is_assistant =
                is_assistant.is_some_and(|one| toolchain::model_under_test(one).is_some());
            for suite in suites.iter().filter(|_| is_assistant) {
                let is_shown =
                    |test: &&Expected| !assistant::is_hidden(suite.path.as_str(), &test.name);
                let shown = suite.tests.iter().filter(is_shown);
                visible.extend(shown.map(|test| (target.as_str(), test.key.to_string())));
            }
        }
        visible
    }
}

/// Files that an export writes.
const FILES: [&str; 4] = ["train.jsonl", "validation.jsonl", "meta.jsonl", "README.md"];

/// Refuses a folder that has other files.
fn refuse_others(folder: &Path) -> Result<(), CommandError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        if !FILES.iter().any(|own| name == *own) {
            let name = visible_line(&name.to_string_lossy());
            let why = format!("{} has another file, {name}", folder.display());
            return Err(CommandError::usage(why).hint("name a new or empty folder"));
        }
    }
    Ok(())
}

/// What is in the folder.
fn readme(
    spec: &SpecId,
    format: SampleFormat,
    answers: &[GradedAnswer],
    written: &WrittenSamples,
) -> String {
    let models: BTreeSet<&str> = answers.iter().map(|one| one.grade.model.as_str()).collect();
    let days: BTreeSet<&str> = answers.iter().map(|one| one.grade.day.as_str()).collect();
    let passed = answers.iter().filter(|one| one.grade.passed).count();
    let format = clap::ValueEnum::to_possible_value(&format);
    let format = format.map_or(String::new(), |value| value.get_name().to_owned());
    let left_out = match written.left_out {
        0 => String::new(),
        count => format!(
            "\n{count} samples are left out: their tests ask several questions that do not go on \
             from each other.\n"
        ),
    };
    format!(
        "# Samples of `{spec}`\n\n\
         Format `{format}`: {} lines in `train.jsonl`, {} in `validation.jsonl`; all answers to one \
         prompt are in the same file. `meta.jsonl` has the samples of each line.\n\n\
         {} answers to visible tests, of which {passed} passed; models: {}; days: {}.\n{left_out}\n\
         The licence of each model decides what its output may train.\n",
        written.train,
        written.validation,
        answers.len(),
        models.into_iter().collect::<Vec<_>>().join(", "),
        days.into_iter().collect::<Vec<_>>().join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, passed: bool, talk: &[(&str, &[&str])]) -> SampleGrade {
        let user = |text: &str| json!({ "role": "user", "content": text });
        let assistant = |text: &str| json!({ "role": "assistant", "content": text });
        let talk: Vec<Value> = talk
            .iter()
            .map(|(asked, earlier)| {
                let both = earlier.iter().enumerate();
                let earlier: Vec<Value> = both
                    .map(|(at, one)| if at % 2 == 0 { user(one) } else { assistant(one) })
                    .collect();
                json!([{ "system": "s", "user": asked, "earlier": earlier }, text])
            })
            .collect();
        SampleGrade {
            spec: "s".to_owned(),
            target: "t".to_owned(),
            test: "a".to_owned(),
            clause: "s/a".to_owned(),
            key: Digest::of("k"),
            artifact: Digest::of("a"),
            model: "m".to_owned(),
            sample: 0,
            hidden: false,
            passed,
            talk: Value::from(talk).to_string(),
            day: "2026-01-01".to_owned(),
        }
    }

    #[test]
    fn each_format_has_its_lines() {
        let all: Vec<GradedAnswer> = [("good", true), ("good", true), ("bad", false), ("ok", true)]
            .into_iter()
            .filter_map(|(text, passed)| GradedAnswer::of(answer(text, passed, &[("q", &[])])))
            .collect();
        let all: Vec<&GradedAnswer> = all.iter().collect();
        let texts = |format| {
            lines(&all, format).iter().map(|(line, _)| line.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(texts(SampleFormat::Sft).len(), 2);
        assert_eq!(texts(SampleFormat::TrlKto).len(), 4);
        let prompt = r#"[{"content":"s","role":"system"},{"content":"q","role":"user"}]"#;
        let said = |text: &str| format!(r#"[{{"content":"{text}","role":"assistant"}}]"#);
        let (good, bad) = (said("good"), said("bad"));
        let pair = format!(r#"{{"chosen":{good},"prompt":{prompt},"rejected":{bad}}}"#);
        assert_eq!(texts(SampleFormat::TrlDpo), [pair]);
        let pair = format!(
            r#"{{"input":{{"messages":{prompt}}},"non_preferred_output":{bad},"preferred_output":{good}}}"#
        );
        assert_eq!(texts(SampleFormat::Dpo), [pair]);
    }

    #[test]
    fn only_one_conversation_is_one_sample() {
        let talk =
            |second: &'static [&'static str]| answer("x", true, &[("q", &[]), ("r", second)]);
        assert!(GradedAnswer::of(talk(&["q", "x"])).is_some());
        assert!(GradedAnswer::of(talk(&[])).is_none());
    }
}
