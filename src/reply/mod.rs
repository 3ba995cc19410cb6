//! Completion or finished tree -> checked tree, a conflict between clauses, or a problem the model
//! can act on.
//!
//! Readers are tried in the order of their strictness; which one won is recorded. Whatever they
//! read passes the same checks before anything touches a disk.

mod check;
mod edit;
mod read;
mod rules;

pub use rules::ReplyRules;

use rules::CONFLICT;

use crate::types::{ClauseId, Completion, Finish, Tree};

/// What a reply turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Files.
    Tree {
        /// The whole tree, base included.
        tree: Tree,
        /// The reader that understood it.
        reader: &'static str,
    },
    /// The model says that clauses contradict each other.
    Conflict {
        /// The clause it names.
        clause: ClauseId,
        /// Why.
        message: String,
    },
    /// It says so of a clause that the spec does not have.
    UnknownConflict {
        /// The clause it names.
        clause: String,
        /// Why.
        message: String,
    },
    /// Nothing that can be used.
    Malformed {
        /// What is wrong, and the remedy.
        message: String,
        /// Whether the form was missed, so that asking for it again may help.
        reask: bool,
    },
}

/// Reads a completion.
pub fn read(completion: &Completion, rules: &ReplyRules) -> Reply {
    let finished = completion.finish == Finish::Stop;
    let found = match read::read(&completion.text, finished, rules) {
        Ok(found) => found,
        Err(mut message) => {
            if completion.finish == Finish::Length {
                message.push_str("; the answer was cut at the limit of output tokens: be shorter");
            }
            return Reply::Malformed { message, reask: true };
        }
    };
    if let Some((clause, message)) = found.conflict {
        return conflict(&clause, message, rules);
    }
    match check::build(found.changes, rules) {
        Ok(tree) => Reply::Tree { tree, reader: found.reader },
        Err(message) => Reply::Malformed { message, reask: false },
    }
}

/// Reads a finished tree: each file passes the checks that a completion's files pass, and what is
/// not in it is deleted. A file `CONFLICT` in its root, `CLAUSE reason`, reports a conflict.
pub fn read_tree(tree: &Tree, rules: &ReplyRules) -> Reply {
    if let Some(text) = tree.text(CONFLICT) {
        let text = text.trim();
        let (clause, why) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return conflict(clause, why.trim().to_owned(), rules);
    }
    match check::tree(tree, rules) {
        Ok(tree) => Reply::Tree { tree, reader: "workspace" },
        Err(message) => Reply::Malformed { message, reask: false },
    }
}

fn conflict(clause: &str, message: String, rules: &ReplyRules) -> Reply {
    match rules.clauses.iter().find(|c| c.as_str() == clause || c.name() == clause) {
        Some(clause) => Reply::Conflict { clause: clause.clone(), message },
        None => Reply::UnknownConflict { clause: clause.to_owned(), message },
    }
}

#[cfg(test)]
mod tests;
