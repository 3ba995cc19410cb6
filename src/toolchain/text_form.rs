//! The forms of texts.

/// The form of a text about code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// The reference of an interface.
    Docs,
    /// A guide whose blocks run in order.
    Tutorial,
    /// A text for readers who decide: a landing page, a release note.
    Copy,
    /// A test suite in the language of the code.
    Tests,
}
