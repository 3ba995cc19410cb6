//! Turns a completion or finished tree into a checked tree, a conflict between clauses, or a
//! problem that the model can fix.
//!
//! Readers are tried from strict to lenient; the successful one is recorded. All results pass the
//! same checks before anything is written.

mod check;
mod edit;
mod read;
mod rules;

pub use rules::ReplyRules;

use rules::CONFLICT;

use crate::types::{ClauseId, Completion, Finish, Tree, limits};

/// The content of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Files.
    Tree {
        /// The whole tree, base included.
        tree: Tree,
        /// The reader that parsed it.
        reader: &'static str,
    },
    /// The model reports contradicting clauses.
    Conflict {
        /// The clause it names.
        clause: ClauseId,
        /// The other clauses that it names.
        others: Vec<ClauseId>,
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
    /// Unusable.
    Malformed {
        /// The problem and its fix.
        message: String,
        /// Whether the format was wrong, so that asking again may help.
        reask: bool,
    },
}

/// Parses a completion.
pub fn read(completion: &Completion, rules: &ReplyRules) -> Reply {
    let finished = completion.finish == Finish::Stop;
    let found = match read::read(&completion.text, finished, rules) {
        Ok(found) => found,
        Err(mut message) => {
            if completion.finish == Finish::Length {
                message.push_str("; the answer exceeded the limit of output tokens: be shorter");
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

/// Whether a text is a complete answer, even if its stream ends before the model says so: its files
/// and the line that counts them, or JSON with files.
pub fn is_whole(text: &str) -> bool {
    read::is_whole(text)
}

/// Reads a complete tree. Its files pass the same checks as a completion's; files missing from it
/// are deleted. A file `CONFLICT` in its root, with lines `CLAUSE reason`, reports a conflict.
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

/// Reads the tree that a program left. Files that the target does not allow are left out; `base` is
/// the tree that it began with. A program that changes nothing `again` may be right: gates decide.
pub fn read_work(tree: &Tree, base: Option<&Tree>, rules: &ReplyRules, again: bool) -> Reply {
    let Some(base) = base else { return read_tree(tree, rules) };
    let allowed = |tree: &Tree| -> Tree {
        let files = tree.iter().filter(|(path, _)| {
            path.as_str() == CONFLICT || check::is_allowed(path.as_str(), rules)
        });
        files.map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect()
    };
    let work = allowed(tree);
    if work == allowed(base) && !again {
        return Reply::Malformed { message: "no file was changed".to_owned(), reask: true };
    }
    read_tree(&work, rules)
}

/// Marks around a clause's id.
const MARKS: [char; 9] = ['`', '*', '-', '"', ',', ':', ';', '(', ')'];

fn conflict(clause: &str, message: String, rules: &ReplyRules) -> Reply {
    let clause = clause.trim_matches(MARKS);
    let mut all = rules.clauses.iter();
    let Some(first) = all.find(|c| c.as_str() == clause || c.name() == clause) else {
        let (clause, message) = (short(clause), short(&message));
        return Reply::UnknownConflict { clause, message };
    };
    let others = rules.clauses.iter().filter(|one| *one != first && names(&message, one));
    let (clause, others) = (first.clone(), others.cloned().collect());
    Reply::Conflict { clause, others, message: short(&message) }
}

/// The beginning of a reason.
fn short(message: &str) -> String {
    message.chars().take(limits::CONFLICT_CHARACTERS).collect()
}

/// Whether a reason has the id of a clause, or begins a further line with its name.
fn names(message: &str, clause: &ClauseId) -> bool {
    let words = |text| str::split_whitespace(text).map(|word| word.trim_matches(MARKS));
    let mut starts =
        message.lines().skip(1).filter_map(|line| words(line).find(|word| !word.is_empty()));
    starts.any(|word| word == clause.name()) || words(message).any(|word| word == clause.as_str())
}

#[cfg(test)]
mod tests;
