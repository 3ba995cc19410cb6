//! The text of a declared toolchain.

use serde::{Deserialize, Serialize};

use super::Digest;

/// A toolchain that is declared by a file: of the workspace, or one that ships with regen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DeclarationFile")]
pub struct Declaration {
    name: String,
    text: String,
    #[serde(skip_serializing)]
    digest: Digest,
}

/// The same without its digest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclarationFile {
    name: String,
    text: String,
}

impl Declaration {
    /// The declaration of a toolchain in a file with this text.
    pub fn new(name: &str, text: String) -> Self {
        let digest = Digest::of_parts([name, &text]);
        Self { name: name.to_owned(), text, digest }
    }

    /// The toolchain's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The digest of both.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl From<DeclarationFile> for Declaration {
    fn from(file: DeclarationFile) -> Self {
        Self::new(&file.name, file.text)
    }
}
