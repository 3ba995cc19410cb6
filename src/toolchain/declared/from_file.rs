//! A toolchain from a file.

use std::collections::BTreeMap;

use minijinja::Environment;
use regex::Regex;

use super::effects::DeclaredEffects;
use super::file::ToolchainFile;
use super::findings::Reader;
use super::probe::DeclaredProbe;
use super::render;
use crate::toolchain::{GateDefinition, Layout, Places, ToolCommand};
use crate::types::{Digest, Spec};

/// A toolchain from a file.
pub struct Declared {
    pub(super) name: &'static str,
    pub(super) language: &'static str,
    pub(super) rules: &'static str,
    pub(super) items: &'static str,
    pub(super) hint: &'static str,
    pub(super) digest: Digest,
    pub(super) file: ToolchainFile,
    pub(super) engine: Environment<'static>,
    pub(super) gates: &'static [GateDefinition],
    pub(super) layout: Layout,
    /// How each gate's output is read.
    pub(super) readers: BTreeMap<String, Reader>,
    /// How the public items are found.
    pub(super) public: Vec<Regex>,
    pub(super) effects: DeclaredEffects,
    pub(super) probe: DeclaredProbe,
}

/// A spec with every kind of type.
const SHAPES: &str = include_str!("check.md");

impl Declared {
    /// What is declared.
    pub fn file(&self) -> &ToolchainFile {
        &self.file
    }

    /// Whether a file is a source.
    pub(super) fn is_source(&self, path: &str) -> bool {
        self.file.sources.iter().any(|suffix| path.ends_with(suffix))
    }

    /// The spec that `regen toolchain check` uses.
    pub fn check_spec_text(&self) -> &str {
        self.file.check.spec.as_deref().unwrap_or(SHAPES)
    }

    /// Renders one text of the file for a spec.
    ///
    /// # Errors
    /// The template is wrong.
    pub fn rendered(&self, text: &str, spec: &Spec) -> Result<String, String> {
        render::render(&self.engine, text, &self.texts_of(spec))
    }

    pub(super) fn texts_of(&self, spec: &Spec) -> minijinja::Value {
        let interface = spec.contract.as_ref();
        render::plain(&render::context(&self.engine, &self.file, &spec.id, interface))
    }

    /// A command with its places.
    pub(super) fn command(&self, words: &[String], places: &Places) -> ToolCommand {
        let context = render::with_places(serde_json::Map::new(), places);
        let fill = |text: &str| {
            render::render(&self.engine, text, &context).unwrap_or_else(|_| text.to_owned())
        };
        let mut words = words.iter().map(|word| fill(word));
        ToolCommand {
            program: words.next().unwrap_or_default().into(),
            args: words.collect(),
            ..ToolCommand::default()
        }
    }
}
