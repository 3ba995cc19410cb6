//! The interface of a language whose candidates use promoted trees.

use crate::types::{Link, Spec, Target, Tree};

/// A promoted tree that a candidate uses.
#[derive(Clone, Debug)]
pub struct LinkedTree {
    /// Where it is.
    pub link: Link,
    /// Its files.
    pub tree: Tree,
}

/// A candidate that uses promoted trees.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    /// Its spec.
    pub package: &'a str,
    /// Its files.
    pub tree: &'a Tree,
    /// The trees, each after those that it uses itself.
    pub trees: &'a [LinkedTree],
    /// The lockfile of the third-party packages of all of them.
    pub lock: &'a str,
}

/// How candidates use promoted trees of the same language.
pub trait LinkLanguage: Sync {
    /// Why trees of a target cannot be used by others: a program, for example.
    fn refusal(&self, target: &Target) -> Option<&'static str>;

    /// Packages that another target allows and the target of a user does not, which would lack them
    /// in its gates.
    fn lacking(&self, _own: &Target, _other: &Target) -> Vec<String> {
        Vec::new()
    }

    /// Files of a gate's workspace: the trees, and those of the harness's files that differ there.
    fn files(&self, linked: Linked<'_>) -> Vec<(String, Vec<u8>)>;

    /// The manifest in the folder above all promoted trees, by which the language's own tool builds
    /// them: its name and text. `others` are trees of the same packages as `members`.
    fn workspace(&self, members: &[String], others: &[String]) -> Option<(&'static str, String)>;

    /// The lockfile that the tool writes beside that manifest.
    fn lockfile(&self) -> &'static str;

    /// What a prompt says of a tree: how its items are reached.
    fn words(&self, spec: &Spec) -> String;

    /// The public items of a tree without a contract, as a model is shown them.
    fn surface(&self, tree: &Tree) -> String;
}
