//! The form of `toolchains/NAME.toml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A language without code of regen's: its files, tools, gates, types and the driver of its
/// contracts. Texts with `{{ … }}` are templates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolchainFile {
    /// The language's name in prompts.
    pub language: String,
    /// Template of the file that a candidate must have.
    pub root: String,
    /// Glob patterns of a candidate's files; templates.
    pub allowed: Vec<String>,
    /// Glob patterns of files that a candidate must not have, although they are allowed.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Names that no file or folder may have; a folder ends with `/`.
    #[serde(default)]
    pub denied: Vec<String>,
    /// The suffixes of source files, as `.go`.
    pub sources: Vec<String>,
    /// What comments begin with.
    #[serde(default)]
    pub comments: Vec<String>,
    /// Words that no name can be; such a name gets a `_`.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Templates of the rules for the model, a sentence each.
    #[serde(default)]
    pub prompt: Vec<String>,
    /// The harness's own files in a candidate, by path; templates.
    #[serde(default)]
    pub owned: BTreeMap<String, String>,
    /// The harness's own files that only the gates see, by path; templates.
    #[serde(default)]
    pub workspace: BTreeMap<String, String>,
    /// Environment variables of every program; templates.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The tools.
    pub tools: ToolsFile,
    /// The formatter: reads a source file, writes it formatted.
    pub format: Option<Vec<String>>,
    /// What is built once, before the first gate.
    pub layer: Option<LayerFile>,
    /// Gates that compile or lint, in order.
    #[serde(default)]
    pub gate: Vec<GateFile>,
    /// Templates of types by kind: `bool`, `u8` … `s64`, `f32`, `f64`, `char`, `string`, `list`,
    /// `option`, `result`, `tuple`, `record`, `variant`, `enum`, `flags`, `resource`. A kind
    /// without one is not supported.
    pub types: BTreeMap<String, String>,
    /// The same for types inside of others, where they are written in another way.
    #[serde(default)]
    pub inner: BTreeMap<String, String>,
    /// How a contract looks.
    pub contract: ContractFile,
    /// The program that calls a candidate's functions.
    pub driver: DriverFile,
    /// Text that needs an effect.
    #[serde(default)]
    pub effect: Vec<EffectFile>,
    /// What `regen toolchain check` runs.
    pub check: CheckFile,
}

/// The tools of a toolchain.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolsFile {
    /// The program to search on `PATH`.
    pub program: String,
    /// Its argument that prints the version: `--version`, `-version` or `version`. It runs outside
    /// of the sandbox, so no other one is allowed.
    #[serde(default = "version")]
    pub version: String,
    /// The folder which gates must see, from the one with the program's file: `.`, `..` or `../..`.
    /// Absent if the tools are in `/usr`.
    pub folder: Option<String>,
    /// More files and folders of the machine that gates see: absolute paths, in whose last part
    /// `*` can stand for any text. Missing ones are left out.
    #[serde(default)]
    pub shown: Vec<String>,
    /// Environment variables that are passed on to it.
    #[serde(default)]
    pub variables: Vec<String>,
    /// How to install it, in words.
    pub install: String,
}

fn version() -> String {
    "--version".to_owned()
}

/// What is built once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerFile {
    /// Its files, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Commands that build into `{{ build }}`.
    pub build: Vec<Vec<String>>,
}

/// A gate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateFile {
    /// Its name.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How its findings are read.
    #[serde(default)]
    pub format: ReportFormat,
    /// For lines: a regular expression with the groups `message`, and `file`, `line`, `rule`.
    pub findings: Option<String>,
}

/// How findings are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportFormat {
    /// Lines that match `findings`.
    #[default]
    Lines,
    /// SARIF 2.1 on standard output.
    Sarif,
    /// JUnit XML on standard output.
    Junit,
    /// JSON lines of libtest on standard output.
    Libtest,
    /// TAP on standard output.
    Tap,
}

/// How a contract looks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractFile {
    /// Template of the path of the file with the types.
    pub path: String,
    /// Template of its text.
    pub types: String,
    /// Template of the wanted form of `function`.
    pub signature: String,
    /// The sentence before these forms in a prompt.
    pub items: String,
    /// How to use the file with the types.
    pub hint: String,
    /// Regular expressions of public items; the first group is the name.
    #[serde(default)]
    pub public: Vec<String>,
    /// Template of the names that `public` may find, one per line and each as often as it stands
    /// there; with a `*` behind it, any number of times.
    #[serde(default)]
    pub names: String,
}

/// The driver.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DriverFile {
    /// Its path.
    pub path: String,
    /// Template of its text.
    pub text: String,
    /// Commands that build it.
    #[serde(default)]
    pub build: Vec<Vec<String>>,
    /// Commands that build it as for a release, if that differs: then all tests run over both.
    #[serde(default)]
    pub release: Vec<Vec<String>>,
    /// As for gates.
    pub findings: Option<String>,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Whether it runs without sources and tools: a program that needs no other file.
    #[serde(default)]
    pub alone: bool,
}

/// Text that needs an effect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectFile {
    /// The effect.
    pub name: String,
    /// A regular expression; the whole match is shown, or its first group.
    pub pattern: String,
    /// What it opens, for prompts: "files (`os`)".
    pub opens: String,
}

/// What `regen toolchain check` runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// A specification with a contract, in Markdown. Absent: regen's own, `shapes`, which has every
    /// kind of type.
    pub spec: Option<String>,
    /// Template of the root of a candidate without an implementation: every call traps.
    pub stub: String,
    /// Candidates.
    pub tree: Vec<TreeFile>,
}

/// A candidate with a known result.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeFile {
    /// What it shows.
    pub name: String,
    /// The gate that refuses it; absent if all pass.
    pub fails: Option<String>,
    /// Its files, by path; templates.
    pub files: BTreeMap<String, String>,
}
