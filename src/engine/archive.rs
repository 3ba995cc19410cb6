//! What the objects are for when everything is over: a run explained, a run taken elsewhere, and
//! what nobody needs any more taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::input_snapshot::CONFIG;
use super::promotion::Record;
use super::{EngineError, WorkspaceLayout};
use crate::generator::Cassette;
use crate::pipeline::{Attempt, State};
use crate::promote::ATTESTATION;
use crate::store::{ContentStore, Ledger, Objects, files};
use crate::types::event::Entry;
use crate::types::{
    Digest, Event, GeneratorConfig, JobId, Prompt, Standing, StoredGeneration, Tree,
};

/// One attempt, with everything that is still kept of it.
#[derive(Debug)]
pub struct KeptAttempt {
    /// The job.
    pub job: JobId,
    /// Its spec.
    pub spec: String,
    /// The attempt.
    pub attempt: Attempt,
    /// The target.
    pub target: String,
    /// What was asked.
    pub prompt: Option<Prompt>,
    /// What was answered.
    pub completion: Option<StoredGeneration>,
    /// The same as a text: the reply, or what the generator said while it worked.
    pub reply: Option<String>,
    /// What the gates' programs printed, by gate.
    pub output: BTreeMap<String, String>,
    /// How the job ended.
    pub outcome: Option<String>,
}

/// The jobs that something happened to in a run, each with all its entries.
fn jobs(ledger: &Ledger, run: i64) -> Result<BTreeMap<JobId, Vec<Entry>>, EngineError> {
    let ids: BTreeSet<JobId> = ledger.run(run)?.into_iter().filter_map(|entry| entry.job).collect();
    let jobs = ids.into_iter().map(|id| Ok((id, ledger.job(id)?)));
    let jobs: BTreeMap<JobId, Vec<Entry>> = jobs.collect::<Result<_, EngineError>>()?;
    if jobs.is_empty() {
        Err(EngineError::Usage(format!(
            "there is no run {run} with a job: `regen log` shows the runs"
        )))
    } else {
        Ok(jobs)
    }
}

fn ledger(places: &WorkspaceLayout) -> Result<Ledger, EngineError> {
    Ledger::read(&places.ledger())?
        .ok_or_else(|| EngineError::Usage("nothing has happened here yet".to_owned()))
}

fn objects(places: &WorkspaceLayout) -> Objects {
    Objects::new(places.state.join("objects"))
}

/// An object that may have been swept away.
fn read<T: serde::de::DeserializeOwned>(objects: &Objects, digest: Option<Digest>) -> Option<T> {
    serde_json::from_slice(&objects.get(digest?).ok()?).ok()
}

/// The attempts of a run.
///
/// # Errors
/// There is no such run, or the ledger's.
pub fn attempts(places: &WorkspaceLayout, run: i64) -> Result<Vec<KeptAttempt>, EngineError> {
    let objects = objects(places);
    let mut all = Vec::new();
    for (job, entries) in jobs(&ledger(places)?, run)? {
        let Some(state) = State::fold(entries.iter().map(|entry| &entry.event))? else { continue };
        for attempt in &state.attempts {
            let reports = attempt.reports.iter();
            let output = reports.filter_map(|report| {
                let bytes = objects.get(report.evidence?).ok()?;
                Some((report.gate.clone(), String::from_utf8_lossy(&bytes).into_owned()))
            });
            let completion: Option<StoredGeneration> = read(&objects, attempt.completion);
            all.push(KeptAttempt {
                job,
                spec: state.job.spec.clone(),
                target: state.job.parts[attempt.part].target.clone(),
                prompt: read(&objects, attempt.prompt),
                reply: completion.as_ref().and_then(|one| reply(&objects, one)),
                completion,
                output: output.collect(),
                outcome: state.outcome().map(|outcome| super::result_word(outcome).to_owned()),
                attempt: attempt.clone(),
            });
        }
    }
    Ok(all)
}

fn reply(objects: &Objects, completion: &StoredGeneration) -> Option<String> {
    match completion {
        StoredGeneration::Text(text) => Some(text.text.clone()),
        StoredGeneration::Workspace(workspace) => {
            let transcript = objects.get(workspace.transcript).ok()?;
            Some(String::from_utf8_lossy(&transcript).into_owned())
        }
    }
}

/// What an archive begins with, for whoever opens it.
const README: &str =
    "A run of regen, with everything that is needed to have it again without a model.

    regen --spec SPEC…        the specs of this run, below specs/: answers come from cassettes/
    history.jsonl             what happened
    attempts/                 prompts, replies, gate reports and trees of every attempt

harness.toml asks cassettes instead of a server; else it is what it was. generated/ and regen.lock
are what stood before the run.
";

/// Writes a run as a `.tar.gz`: the files it was made from, what stood before, the exchanges as
/// cassettes, the attempts. Gives the specs, and the attempts of which something is missing.
///
/// # Errors
/// There is no such run, the ledger's, the writer's.
pub fn archive(
    places: &WorkspaceLayout,
    run: i64,
    to: &mut dyn Write,
) -> Result<(Vec<String>, usize), EngineError> {
    let (ledger, objects) = (ledger(places)?, objects(places));
    let mut out = Archive { files: BTreeMap::new() };
    out.add("README.txt", README);
    let (mut history, mut standing, mut missing) = (String::new(), Standing::default(), 0);
    let jobs = jobs(&ledger, run)?;
    let mut specs = BTreeSet::new();
    for (job, entries) in &jobs {
        for entry in entries {
            history += &(serde_json::to_string(entry).expect("an entry is plain data") + "\n");
            if let Event::CandidateMade { inputs: Some(inputs), .. } = &entry.event {
                match objects.get_tree(*inputs) {
                    Ok(tree) => out.tree("", &tree),
                    Err(_) => missing += 1,
                }
            }
        }
        let spec = entries.iter().find_map(|entry| entry.spec.clone()).unwrap_or_default();
        let before = ledger.promotions(&spec)?.into_iter().rev().find(|(id, _)| id < job);
        if let Some((_, Entry { event: Event::Promoted { record, .. }, .. })) = before
            && let Some(record) = read::<Record>(&objects, record)
        {
            out.promoted(&objects, &record);
            standing.spec.insert(spec.clone(), record.standing);
        }
        specs.insert(spec);
    }
    for kept in attempts(places, run)? {
        missing += out.attempt(&objects, &kept);
    }
    out.replays()?;
    out.add("history.jsonl", history);
    out.add("regen.lock", standing.render());
    out.write(&format!("regen-run-{run}"), to)?;
    Ok((specs.into_iter().collect(), missing))
}

/// Files by path, so that the same run gives the same bytes.
struct Archive {
    files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    fn add(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned(), bytes.into());
    }

    fn tree(&mut self, folder: &str, tree: &Tree) {
        for (path, bytes) in tree.iter() {
            self.add(&format!("{folder}{path}"), bytes);
        }
    }

    /// What stood before: the prompt shows it.
    fn promoted(&mut self, objects: &Objects, record: &Record) {
        for (target, entry) in &record.standing.target {
            let Ok(tree) = objects.get_tree(entry.tree) else { continue };
            self.tree(&format!("{}/", entry.path), &tree);
            self.add(&format!("{}.manifest", entry.path), tree.manifest());
            let text = record.attestations.get(target).cloned().unwrap_or_default();
            self.add(&format!("{}{ATTESTATION}", entry.path), text);
        }
    }

    /// Gives how many of its parts are missing.
    fn attempt(&mut self, objects: &Objects, kept: &KeptAttempt) -> usize {
        let KeptAttempt { spec, target, attempt, .. } = kept;
        let folder = format!("attempts/{spec}/{target}/{}-{}", kept.job, attempt.number);
        let mut missing = 0;
        let mut have = |there: bool, wanted: bool| missing += usize::from(wanted && !there);
        have(kept.prompt.is_some(), attempt.prompt.is_some());
        have(kept.completion.is_some(), attempt.completion.is_some());
        if let Some(prompt) = &kept.prompt {
            self.add(
                &format!("{folder}/prompt.md"),
                format!("{}\n\n{}", prompt.system, prompt.user),
            );
        }
        if let Some(completion) = &kept.completion {
            self.add(&format!("{folder}/reply.md"), kept.reply.clone().unwrap_or_default());
            let cassette: Option<Cassette> = read(objects, completion.exchange());
            // Some generators cannot be recorded; every text can.
            let is_text = matches!(completion, StoredGeneration::Text(_));
            have(cassette.is_some(), is_text || completion.exchange().is_some());
            if let Some(cassette) = cassette {
                let path = format!("cassettes/{}", cassette.path().display());
                self.add(&path, cassette.text());
            }
        }
        let reports = serde_json::to_string_pretty(&attempt.reports);
        self.add(&format!("{folder}/reports.json"), reports.unwrap_or_default() + "\n");
        for (gate, output) in &kept.output {
            self.add(&format!("{folder}/{gate}.txt"), output.as_str());
        }
        if let Some(tree) = attempt.tree {
            match objects.get_tree(tree) {
                Ok(tree) => self.tree(&format!("{folder}/tree/"), &tree),
                Err(_) => have(false, true),
            }
        }
        missing
    }

    /// Has the configuration ask the cassettes of the archive.
    fn replays(&mut self) -> Result<(), EngineError> {
        let Some(config) = self.files.get(CONFIG) else { return Ok(()) };
        let text = String::from_utf8_lossy(config);
        let Ok(mut harness) = crate::config::parse(CONFIG, &text) else { return Ok(()) };
        if let Some(generator) = harness.generator.take() {
            let settings = generator.settings.replayed();
            harness.generator = Some(GeneratorConfig { settings, cassettes: None, ..generator });
        }
        harness.harness.cassettes = "cassettes".to_owned();
        // Who signs elsewhere is not who signed here.
        harness.attestation.key_env = None;
        let text =
            toml::to_string(&harness).map_err(|why| EngineError::Io(io::Error::other(why)))?;
        self.add(CONFIG, text);
        Ok(())
    }

    fn write(self, folder: &str, to: &mut dyn Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(GzEncoder::new(to, Compression::default()));
        for (path, bytes) in self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            // No clock: the same run gives the same bytes.
            header.set_mtime(0);
            tar.append_data(&mut header, format!("{folder}/{path}"), bytes.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()
    }
}

/// What a sweep came to.
#[derive(Debug, Default, serde::Serialize)]
pub struct Swept {
    /// Objects that were taken away, or would be.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that stay.
    pub kept: usize,
}

/// Takes away the objects of attempts that ended more than so many days ago, but for what stands,
/// what can be gone back to, and what is still open: of each promotion everything stays that
/// explains it. The caller holds the writer lock.
///
/// # Errors
/// The ledger's, the disk's; then nothing was taken away.
pub fn sweep(places: &WorkspaceLayout, days: u32, dry: bool) -> Result<Swept, EngineError> {
    let objects = objects(places);
    let mut keep = Keep { objects: &objects, wanted: BTreeSet::new() };
    for spec in files::standing(&places.root)?.spec.values() {
        spec.target.values().for_each(|entry| keep.tree(entry.tree));
    }
    let now: jiff::Timestamp = super::now().parse().map_err(io::Error::other)?;
    let age = jiff::SignedDuration::from_hours(24 * i64::from(days));
    let long_ago = now.checked_sub(age).unwrap_or(jiff::Timestamp::MIN);
    if let Some(ledger) = Ledger::read(&places.ledger())? {
        for row in ledger.jobs(None, u32::MAX)? {
            let entries = ledger.job(row.job)?;
            let ended = entries.last().and_then(|entry| entry.at.parse::<jiff::Timestamp>().ok());
            let is_young = row.result.is_none() || ended.is_none_or(|ended| ended > long_ago);
            let state = State::fold(entries.iter().map(|entry| &entry.event))?;
            let accepted: BTreeSet<u32> = state
                .iter()
                .filter(|_| row.result.as_deref() == Some("promoted"))
                .flat_map(|state| state.attempts.iter().filter(|attempt| attempt.accepted))
                .map(|attempt| attempt.number)
                .collect();
            for entry in &entries {
                keep.event(&entry.event, |attempt| is_young || accepted.contains(&attempt));
            }
        }
    }
    let mut swept = Swept::default();
    for (digest, bytes) in objects.all()? {
        if keep.wanted.contains(&digest) {
            swept.kept += 1;
            continue;
        }
        swept.objects += 1;
        swept.bytes += bytes;
        if !dry {
            objects.remove(digest)?;
        }
    }
    Ok(swept)
}

struct Keep<'a> {
    objects: &'a Objects,
    wanted: BTreeSet<Digest>,
}

impl Keep<'_> {
    fn tree(&mut self, digest: Digest) {
        if self.wanted.insert(digest)
            && let Ok(manifest) = self.objects.get(digest)
        {
            let text = String::from_utf8_lossy(&manifest).into_owned();
            let files = text.lines().filter_map(|line| Digest::parse(line.split("  ").next()?));
            self.wanted.extend(files);
        }
    }

    fn event(&mut self, event: &Event, is_wanted: impl Fn(u32) -> bool) {
        match event {
            Event::AttemptStarted { attempt, prompt, .. } if is_wanted(*attempt) => {
                self.wanted.extend(*prompt);
            }
            Event::Completed { attempt, completion, .. } if is_wanted(*attempt) => {
                self.wanted.insert(*completion);
                let read: Option<StoredGeneration> = read(self.objects, Some(*completion));
                self.wanted.extend(read.as_ref().and_then(StoredGeneration::exchange));
                if let Some(StoredGeneration::Workspace(workspace)) = read {
                    self.tree(workspace.tree);
                    self.wanted.insert(workspace.transcript);
                }
            }
            Event::CandidateMade { attempt, tree, inputs, .. } if is_wanted(*attempt) => {
                self.tree(*tree);
                inputs.iter().for_each(|inputs| self.tree(*inputs));
            }
            Event::GateReported { attempt, report } if is_wanted(*attempt) => {
                self.wanted.extend(report.evidence);
            }
            Event::Promoted { trees, record } => {
                trees.iter().for_each(|(_, tree)| self.tree(*tree));
                self.wanted.extend(*record);
                let record: Option<Record> = read(self.objects, *record);
                let entries = record.into_iter().flat_map(|record| record.standing.target);
                entries.for_each(|(_, entry)| self.tree(entry.tree));
            }
            _ => {}
        }
    }
}
