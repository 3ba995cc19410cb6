//! Parsed specs: clauses with identities, bindings, examples and digests.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CodeEffect, Digest, Encoder, Interface, Problem, Severity, Span};
use crate::types::{SpecId, TargetName, ToolchainId};

/// `<spec>/<name>`: a clause's identity, independent of heading, position and wording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClauseId(String);

impl ClauseId {
    /// Joins a spec's id and a clause's name.
    pub fn new(spec: &str, name: &str) -> Self {
        Self(format!("{spec}/{name}"))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last slash.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Requirement level, from RFC 2119 words in the clause's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// MUST, SHALL, REQUIRED; also a bound clause without such a word.
    Must,
    /// SHOULD, RECOMMENDED.
    Should,
    /// MAY, OPTIONAL.
    May,
}

impl Level {
    /// Its name, also used in digests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// The status of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Written, not yet required.
    Draft,
    /// Required.
    Stable,
    /// Still required, but to be removed.
    Deprecated,
}

impl Status {
    /// Its name, also used in digests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }
}

/// A waiver of a clause until a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The reason.
    pub reason: String,
    /// The last day, `YYYY-MM-DD`.
    pub until: String,
    /// The code span of the waiver.
    #[serde(skip)]
    pub span: Span,
    /// Line of its start, from 1.
    #[serde(skip)]
    pub line: usize,
}

/// A binding, which makes a clause checkable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Binding {
    /// `test_id: NAME`: tests of that name.
    TestId {
        /// The name.
        name: String,
    },
    /// `guard: NAME [args]`: a static rule for the tree.
    Guard {
        /// The rule.
        name: String,
        /// Its arguments.
        args: Vec<String>,
    },
    /// `bench: NAME <op> <value><unit>`: a measured bound.
    Bench {
        /// The benchmark.
        name: String,
        /// `<`, `<=`, `>`, `>=` or `=`.
        op: String,
        /// The bound, as written.
        value: String,
        /// The unit, as written.
        unit: String,
    },
}

impl Binding {
    /// The clause's name from this binding.
    pub fn name(&self) -> &str {
        match self {
            Self::TestId { name } | Self::Guard { name, .. } | Self::Bench { name, .. } => name,
        }
    }

    /// The words of a guard that grants effects.
    pub fn effects(&self) -> Option<&[String]> {
        match self {
            Self::Guard { name, args } if name == "effects" => Some(args),
            _ => None,
        }
    }

    fn encode<'e>(&self, out: &'e mut Encoder) -> &'e mut Encoder {
        match self {
            Self::TestId { name } => out.text("test_id").text(name),
            Self::Guard { name, args } => out.text("guard").text(name).texts(args),
            Self::Bench { name, op, value, unit } => {
                out.text("bench").text(name).text(op).text(value).text(unit)
            }
        }
    }
}

/// A fenced block in a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// First word of the info string, lower case.
    pub language: String,
    /// Held out: used by gates, but never shown to the model.
    pub hidden: bool,
    /// Ignored.
    pub ignored: bool,
    /// The block's text.
    pub code: String,
    /// Line of the block's first line in the spec, from 1.
    pub line: usize,
    /// Its lines that are held out although the block is visible, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<usize>,
}

/// The smallest block with a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// Its identity.
    pub id: ClauseId,
    /// Normalised text, without the bindings' code spans.
    pub text: String,
    /// MUST, SHOULD or MAY.
    pub level: Level,
    /// Draft, stable or deprecated.
    pub status: Status,
    /// A waiver, if any.
    pub waiver: Option<Waiver>,
    /// At least one; the first names the clause.
    pub bindings: Vec<Binding>,
    /// `rate: 0.99`, as written: how often a model must keep it.
    pub rate: Option<String>,
    /// Fenced blocks.
    pub examples: Vec<Example>,
    /// Over text, level, bindings, status and examples.
    pub digest: Digest,
    /// Its place.
    pub span: Span,
    /// Line of its start, from 1.
    pub line: usize,
}

impl Clause {
    /// The digest of the clause's requirements: text, level, status, bindings and examples.
    /// Computed before waivers and drafts are applied.
    pub fn canonical_digest(&self) -> Digest {
        let mut out = Encoder::new("clause");
        out.text(&self.text).text(self.level.word()).text(self.status.word());
        out.list(&self.bindings, |out, binding| binding.encode(out));
        if let Some(rate) = &self.rate {
            out.text("rate").text(rate);
        }
        out.list(&self.examples, |out, example| {
            out.text(&example.language).flag(example.hidden).flag(example.ignored);
            out.text(example.code.trim_end())
        });
        out.finish()
    }

    /// How often a model must keep it.
    pub fn rate(&self) -> Option<f64> {
        self.rate.as_ref()?.parse().ok()
    }

    /// The `test_id` names.
    pub fn test_ids(&self) -> impl Iterator<Item = &str> {
        self.bindings.iter().filter_map(|binding| match binding {
            Binding::TestId { name } => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it must be tested: a MUST that is not a draft.
    pub fn is_demanded(&self) -> bool {
        self.level == Level::Must && self.status != Status::Draft
    }
}

/// Text with a requirement outside of clauses, which is not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Normalised text.
    pub text: String,
    /// Its place.
    pub span: Span,
    /// Line of its start, from 1.
    pub line: usize,
}

/// A program that a spec without code checks in one of its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedProgram {
    /// The program's spec.
    pub spec: SpecId,
    /// The program's target.
    pub target: TargetName,
    /// The language of both targets.
    pub toolchain: Option<ToolchainId>,
    /// Whether it is a service.
    pub service: bool,
}

/// A parsed spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its id: front matter, or the name of the file or its folder.
    pub id: SpecId,
    /// The file, relative to the workspace.
    pub file: String,
    /// Front matter or the first heading.
    pub title: String,
    /// Its targets; empty for the defaults.
    pub targets: Vec<TargetName>,
    /// Whether it has no code (`targets: []`): its examples check the specs that it depends on.
    /// `targets` are then those in whose languages they do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub integration: bool,
    /// The specs it depends on.
    pub depends: Vec<SpecId>,
    /// Those of them that are programs, which the examples of a spec without code run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<CheckedProgram>,
    /// The effects that its front matter grants.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<CodeEffect>,
    /// Clauses in file order.
    pub clauses: Vec<Clause>,
    /// The typed interface, if the spec has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Interface>,
    /// The spec as shown to the model: without hidden and ignored examples and held-out lines.
    pub visible: String,
    /// The same with held-out lines, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// Digest of the normalised prose outside of clauses, and of the clauses' positions in it.
    pub context: Digest,
    /// The same without positions, for old lockfiles.
    #[serde(default)]
    pub loose_context: Digest,
    /// Prose outside of clauses with MUST or SHALL.
    #[serde(skip)]
    pub unbound: Vec<Passage>,
    /// Offsets of its headings, in order.
    #[serde(skip)]
    pub sections: Vec<usize>,
}

impl Spec {
    /// The specs in `depends` whose items code can use: all but programs.
    pub fn libraries(&self) -> impl Iterator<Item = &SpecId> {
        let is_program = |id: &SpecId| self.programs.iter().any(|one| one.spec == *id);
        self.depends.iter().filter(move |id| !is_program(id))
    }

    /// The clause with a name or a full identity.
    pub fn clause(&self, name: &str) -> Option<&Clause> {
        self.clauses.iter().find(|c| {
            c.id.as_str() == name || c.bindings.iter().any(|binding| binding.name() == name)
        })
    }

    /// The spec without lines that are held out automatically.
    pub fn without_hold_out(mut self) -> Self {
        if let Some(open) = self.open.take() {
            self.visible = open;
            let examples = self.clauses.iter_mut().flat_map(|clause| &mut clause.examples);
            examples.for_each(|example| example.held.clear());
        }
        self
    }

    /// The effects that it grants: in its front matter, and by guards of clauses that are not
    /// drafts.
    pub fn granted_effects(&self) -> BTreeSet<CodeEffect> {
        let clauses = self.clauses.iter().filter(|clause| clause.status != Status::Draft);
        let guards = clauses.flat_map(|clause| &clause.bindings).filter_map(Binding::effects);
        let words = guards.flatten().filter_map(|word| CodeEffect::read(word).ok());
        self.effects.iter().copied().chain(words).collect()
    }

    /// The spec in force on a day (`YYYY-MM-DD`): waived clauses are treated as drafts, and the
    /// examples of both are disabled. Digests stay the same.
    pub fn in_force(mut self, today: &str) -> Self {
        for clause in &mut self.clauses {
            if clause.waiver.as_ref().is_some_and(|waiver| waiver.until.as_str() >= today) {
                clause.status = Status::Draft;
            }
            if clause.status == Status::Draft {
                clause.examples.iter_mut().for_each(|example| example.ignored = true);
            }
        }
        self
    }
}

/// A spec without errors, which may be generated from.
#[derive(Clone, Debug)]
pub struct AdmittedSpec(Spec);

impl AdmittedSpec {
    /// Admits a spec without problems of severity error. Called only by `spec::admit`, which adds
    /// checks across specs; `tests/it/tidy` ensures this.
    pub(crate) fn new(spec: Spec, problems: &[Problem]) -> Option<Self> {
        let refused = problems.iter().any(|p| p.severity == Severity::Error && p.file == spec.file);
        (!refused).then_some(Self(spec))
    }
}

impl std::ops::Deref for AdmittedSpec {
    type Target = Spec;
    fn deref(&self) -> &Spec {
        &self.0
    }
}
