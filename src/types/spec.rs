//! Specs as they are understood: clauses with identities, bindings, examples and digests.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Digest, Encoder, Problem, Severity, Span};
use crate::types::{SpecId, TargetName};

/// `<spec>/<name>`: a clause's identity, never its heading, position or wording.
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

    /// The part behind the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for ClauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Requirement level, from RFC 2119's words in the clause's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// MUST, SHALL, REQUIRED; also a bound clause that uses no such word.
    Must,
    /// SHOULD, RECOMMENDED.
    Should,
    /// MAY, OPTIONAL.
    May,
}

impl Level {
    /// The word that people and digests know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// Where a clause is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Written down, not yet demanded.
    Draft,
    /// Demanded.
    Stable,
    /// Still demanded, on its way out.
    Deprecated,
}

impl Status {
    /// The word that people and digests know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }
}

/// A clause that is let off until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub until: String,
    /// The code span that says so.
    #[serde(skip)]
    pub span: Span,
    /// Line of its start, from 1.
    #[serde(skip)]
    pub line: usize,
}

/// What makes a clause executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Binding {
    /// `test_id: NAME`: tests of that name.
    TestId {
        /// The name.
        name: String,
    },
    /// `guard: NAME [args]`: a rule over the tree.
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
    /// The name a clause gets from this binding.
    pub fn name(&self) -> &str {
        match self {
            Self::TestId { name } | Self::Guard { name, .. } | Self::Bench { name, .. } => name,
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

/// A fenced block inside a clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// First word of the info string, lower case.
    pub language: String,
    /// Held out: it gates, but never reaches the model.
    pub hidden: bool,
    /// Switched off.
    pub ignored: bool,
    /// The block's text.
    pub code: String,
    /// Line of the block's first line in the spec, from 1.
    pub line: usize,
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
    /// A waiver, if one stands.
    pub waiver: Option<Waiver>,
    /// At least one; the first names the clause.
    pub bindings: Vec<Binding>,
    /// Fenced blocks.
    pub examples: Vec<Example>,
    /// Over text, level, bindings, status and examples.
    pub digest: Digest,
    /// Where it stands.
    pub span: Span,
    /// Line of its start, from 1.
    pub line: usize,
}

impl Clause {
    /// The digest of what the clause demands: its text, level, status, bindings and examples. It is
    /// taken before a waiver or a draft switches anything off.
    pub fn canonical_digest(&self) -> Digest {
        let mut out = Encoder::new("clause");
        out.text(&self.text).text(self.level.word()).text(self.status.word());
        out.list(&self.bindings, |out, binding| binding.encode(out));
        out.list(&self.examples, |out, example| {
            out.text(&example.language).flag(example.hidden).flag(example.ignored);
            out.text(example.code.trim_end())
        });
        out.finish()
    }

    /// The `test_id` names.
    pub fn test_ids(&self) -> impl Iterator<Item = &str> {
        self.bindings.iter().filter_map(|binding| match binding {
            Binding::TestId { name } => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether a gate must see it tested: a MUST that is not a draft.
    pub fn is_demanded(&self) -> bool {
        self.level == Level::Must && self.status != Status::Draft
    }
}

/// A sentence or more that demands something and is no clause: nothing checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Normalised text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Line of its start, from 1.
    pub line: usize,
}

/// A parsed spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Its id: front matter or the file's stem.
    pub id: SpecId,
    /// The file, relative to the workspace.
    pub file: String,
    /// Front matter or the first heading.
    pub title: String,
    /// Targets it names; empty for the defaults.
    pub targets: Vec<TargetName>,
    /// Specs it depends on.
    pub depends: Vec<SpecId>,
    /// Clauses in file order.
    pub clauses: Vec<Clause>,
    /// The spec as the model may see it: hidden and switched-off examples cut out.
    pub visible: String,
    /// Digest of the normalised prose outside clauses, and of where the clauses stand in it.
    pub context: Digest,
    /// The same without places, as lockfiles had it before.
    #[serde(default)]
    pub loose_context: Digest,
    /// Prose outside clauses that says MUST or SHALL.
    #[serde(skip)]
    pub unbound: Vec<Passage>,
}

impl Spec {
    /// The clause of a name or of a whole identity.
    pub fn clause(&self, name: &str) -> Option<&Clause> {
        self.clauses.iter().find(|c| {
            c.id.as_str() == name || c.bindings.iter().any(|binding| binding.name() == name)
        })
    }

    /// The spec as it is in force on a day (`YYYY-MM-DD`): a waived clause is let off like a draft,
    /// and the examples of both are switched off. Digests stay what they are.
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

/// A spec without errors: the proof that generation may start from it.
#[derive(Clone, Debug)]
pub struct AdmittedSpec(Spec);

impl AdmittedSpec {
    /// Admits a spec that has no problem of severity error. Called only by `spec::admit`, which
    /// adds the checks across specs; `tests/it/tidy` holds that.
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
