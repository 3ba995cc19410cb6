//! Writes a run as one archive that can be replayed elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::show::{KeptAttempt, jobs, ledger, objects, read, read_attempts};
use crate::config;
use crate::engine::Record;
use crate::generator::Cassette;
use crate::promote::ATTESTATION;
use crate::store::{ContentStore, Ledger, Objects};
use crate::types::event::Entry;
use crate::types::harness::CassetteMode;
use crate::types::{
    Event, GeneratorConfig, GeneratorSettings, SpecId, Standing, StoredGeneration, Tree,
};
use crate::workspace::{CONFIG, CommandError, ErrorKind, WorkspaceLayout};

/// The archive's README.
const README: &str = "A run of regen that can be replayed without a model.

    regen run SPEC…           replay these specs (specs/) from cassettes/
    history.jsonl             the events of the run
    attempts/                 prompts, replies, gate reports and trees of every attempt

harness.toml reads answers from cassettes instead of a server; the rest is unchanged. generated/ and
regen.lock are as they were before the run.
";

/// Writes a run as a `.tar.gz`: inputs, promoted state before the run, exchanges as cassettes,
/// attempts; `only` these specs. Gives the specs, and how many parts of attempts were deleted.
///
/// # Errors
/// The run does not exist; ledger or write errors.
pub fn export_run(
    places: &WorkspaceLayout,
    run: i64,
    only: Option<&BTreeSet<SpecId>>,
    to: &mut dyn Write,
) -> Result<(Vec<SpecId>, usize), CommandError> {
    let (ledger, objects) = (ledger(places)?, objects(places));
    let mut out = Archive { files: BTreeMap::new() };
    out.add("README.txt", README);
    let (mut history, mut standing, mut missing) = (String::new(), Standing::default(), 0);
    let wanted =
        |spec: Option<&SpecId>| only.is_none_or(|only| spec.is_some_and(|s| only.contains(s)));
    let mut jobs = jobs(&ledger, run)?;
    jobs.retain(|_, entries| wanted(entries.iter().find_map(|entry| entry.spec.as_ref())));
    if jobs.is_empty() {
        let why = format!("run {run} has no job of these specs");
        return Err(CommandError::usage(why).hint(format!("`regen show {run}` shows its jobs")));
    }
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
    for kept in read_attempts(places, run)?.into_iter().filter(|kept| wanted(Some(&kept.spec))) {
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

    /// The promoted tree before the run: prompts contain it.
    fn promoted(&mut self, objects: &Objects, record: &Record) {
        for (target, entry) in &record.standing.target {
            let Ok(tree) = objects.get_tree(entry.tree) else { continue };
            self.tree(&format!("{}/", entry.path), &tree);
            self.add(&format!("{}.manifest", entry.path), tree.manifest());
            let text = record.attestations.get(target).cloned().unwrap_or_default();
            self.add(&format!("{}{ATTESTATION}", entry.path), text);
        }
    }

    /// Gives how many parts are missing.
    fn attempt(&mut self, objects: &Objects, kept: &KeptAttempt) -> usize {
        let KeptAttempt { spec, target, attempt, .. } = kept;
        let folder =
            format!("attempts/{}/{target}/{}-{}", spec.package(), kept.job, attempt.number);
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
            // Some generators cannot be recorded; any text can be.
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

    /// Makes the configuration use the archive's cassettes.
    fn replays(&mut self) -> Result<(), CommandError> {
        let Some(config) = self.files.get(CONFIG) else { return Ok(()) };
        let text = String::from_utf8_lossy(config);
        let declared = |name: &str| {
            let text = self.files.get(&config::toolchain_file(name))?;
            Some(Ok(String::from_utf8_lossy(text).into_owned()))
        };
        let Ok(mut harness) = config::parse_with(CONFIG, &text, &declared) else { return Ok(()) };
        harness.target.values_mut().for_each(|target| target.declaration = None);
        if let Some(generator) = harness.generator.take() {
            let settings = generator.settings.replayed();
            let cassettes = match settings {
                GeneratorSettings::Command(_) => Some(CassetteMode::Replay),
                _ => None,
            };
            harness.generator = Some(GeneratorConfig { settings, cassettes, ..generator });
        }
        harness.harness.cassettes = "cassettes".to_owned();
        // The signing key is not available elsewhere.
        harness.attestation.key_env = None;
        let text =
            toml::to_string(&harness).map_err(|why| CommandError::new(ErrorKind::Io, why))?;
        self.add(CONFIG, text);
        Ok(())
    }

    fn write(self, folder: &str, to: &mut dyn Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(GzEncoder::new(to, Compression::default()));
        for (path, bytes) in self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            // No timestamps: the same run gives the same bytes.
            header.set_mtime(0);
            tar.append_data(&mut header, format!("{folder}/{path}"), bytes.as_slice())?;
        }
        tar.into_inner()?.finish()?.flush()
    }
}
