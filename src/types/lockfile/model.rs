//! The content of `regen.lock`: what is promoted, and the evidence for it.
//!
//! TOML, sorted, LF, one table per item so that Git can merge it; no host paths, costs or times.
//! The format is described in `docs/formats/lock.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{
    Assurance, Digest, GateInputsDigest, InputsDigest, Isolation, RelPath, SampleCount, SpecId,
    TargetName,
};

/// The version that is written.
pub const LOCK_VERSION: u32 = 3;
/// The oldest version that can be read.
pub const OLDEST_LOCK: u32 = 2;

/// What is promoted, by spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// [`LOCK_VERSION`].
    pub version: u32,
    /// By spec id.
    #[serde(default)]
    pub spec: BTreeMap<SpecId, SpecStanding>,
}

impl Default for Standing {
    fn default() -> Self {
        Self { version: LOCK_VERSION, spec: BTreeMap::new() }
    }
}

/// One spec's promoted trees, which are switched together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecStanding {
    /// By target name.
    pub target: BTreeMap<TargetName, TargetStanding>,
}

impl SpecStanding {
    /// Digest of the prose outside clauses; of a spec with targets.
    pub fn context(&self) -> Option<Digest> {
        self.target.values().next().map(|target| target.context)
    }

    /// The clauses that its trees were accepted for.
    pub fn clauses(&self) -> BTreeMap<String, Digest> {
        self.target.values().flat_map(|t| t.clauses.clone()).collect()
    }
}

/// Whether a promoted tree came from a live model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A live model.
    #[default]
    Model,
    /// A recording.
    Replay,
    /// The harness: the spec has no code.
    Harness,
}

impl Source {
    /// Its name in a lockfile.
    pub fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Replay => "replay",
            Self::Harness => "harness",
        }
    }
}

/// The origin of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The generator's kind: `openai` or `cassette`.
    pub generator: String,
    /// The model's name, without folders of its server.
    pub model: String,
    /// Whether it was a live model.
    pub source: Source,
    /// The recording's date, or `scripted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// SHA-256 of the prompt as JSON.
    pub prompt: Digest,
    /// The number of the attempt that was accepted.
    pub attempts: u32,
}

impl Origin {
    /// The origin of a tree that the harness wrote.
    pub fn harness() -> Self {
        let name = || "harness".to_owned();
        let (generator, model, source) = (name(), name(), Source::Harness);
        let prompt = Digest::of("");
        Self { generator, model, source, recorded: None, prompt, attempts: 0 }
    }

    /// A short description.
    pub fn words(&self) -> String {
        match &self.recorded {
            Some(from) => format!("{}, replayed from {from}", self.model),
            None => self.model.clone(),
        }
    }
}

/// One promoted tree: its inputs, origin and gates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetStanding {
    /// The tree, relative to the workspace.
    pub path: RelPath,
    /// SHA-256 of the tree's manifest, which stands beside it.
    pub tree: Digest,
    /// Digest of the spec: its clauses and its prose.
    pub spec: Digest,
    /// Digest of the spec's prose outside clauses.
    pub context: Digest,
    /// Digest of the target's configuration.
    pub config: Digest,
    /// Digest of the generation inputs: spec, configuration, language, dependencies.
    pub inputs: InputsDigest,
    /// Digest of [`Self::gate_inputs`] and the order of the gates.
    pub gates: GateInputsDigest,
    /// The tools that the gates ran.
    pub tools: String,
    /// The version of regen that accepted it.
    pub regen: String,
    /// The lowest isolation level of its gates, 0 to 3.
    pub isolation: Isolation,
    /// The weakest assurance of its gates' tests; absent without tests, or if an older version
    /// accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// The public signing key of the attestation, in OpenSSH format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Set by a rollback: the inputs at that time. The tree is held until they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<InputsDigest>,
    /// Tests that passed but were never seen to fail without the implementation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// Its origin.
    pub origin: Origin,
    /// Digest of each clause, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clauses: BTreeMap<String, Digest>,
    /// The outcome of each gate, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<String, String>,
    /// What samples of a model's answers showed, by test; see [`crate::types::SampleCount`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub samples: BTreeMap<String, String>,
    /// Digests of gate inputs: settings, suites, validators, required clauses, dependencies.
    #[serde(rename = "judges", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gate_inputs: BTreeMap<String, Digest>,
    /// Digests of the items of other specs' contracts that its code uses, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<String, Digest>,
    /// SHA-256 of each file of the tree.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Digest>,
}

impl TargetStanding {
    /// An empty entry.
    pub fn nothing() -> Self {
        let none = Digest::of("");
        Self {
            path: RelPath::parse("generated").expect("is one"),
            tree: none,
            spec: none,
            context: none,
            config: none,
            inputs: InputsDigest(none),
            gates: GateInputsDigest(none),
            tools: String::new(),
            regen: String::new(),
            isolation: Isolation::NONE,
            assurance: None,
            signer: None,
            held: None,
            unproven: Vec::new(),
            origin: Origin {
                generator: String::new(),
                model: String::new(),
                source: Source::Model,
                recorded: None,
                prompt: none,
                attempts: 0,
            },
            clauses: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            samples: BTreeMap::new(),
            gate_inputs: BTreeMap::new(),
            uses: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// The attested part: without the list of files, which the tree's digest covers, and without a
    /// hold.
    pub fn attested(&self) -> Self {
        Self {
            path: self.path.clone(),
            tools: self.tools.clone(),
            regen: self.regen.clone(),
            assurance: self.assurance.clone(),
            signer: self.signer.clone(),
            held: None,
            unproven: self.unproven.clone(),
            origin: self.origin.clone(),
            clauses: self.clauses.clone(),
            outcomes: self.outcomes.clone(),
            samples: self.samples.clone(),
            gate_inputs: self.gate_inputs.clone(),
            uses: self.uses.clone(),
            files: BTreeMap::new(),
            ..*self
        }
    }

    /// What samples of a test showed, by case.
    pub fn counts(&self, test: &str) -> Vec<SampleCount> {
        let is_case = |name: &str| {
            let rest = name.strip_prefix(test);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::case "))
        };
        let cases = self.samples.iter().filter(|(name, _)| is_case(name));
        cases.filter_map(|(name, text)| SampleCount::parse(name, text)).collect()
    }

    /// The gates that passed.
    pub fn passed(&self) -> Vec<&str> {
        let passed = self.outcomes.iter().filter(|(_, outcome)| *outcome == "pass");
        passed.map(|(gate, _)| gate.as_str()).collect()
    }

    /// The manifest of the tree, in the format of `sha256sum`.
    pub fn manifest(&self) -> String {
        let mut out = String::with_capacity(128 * self.files.len());
        for (path, digest) in &self.files {
            digest.write(&mut out);
            out.extend(["  ", path, "\n"]);
        }
        out
    }
}
