//! The contract of a spec: its `wit` block, tables of examples, and what is held out.

use std::collections::BTreeSet;
use std::ops::Range;

use super::blocks::{Block, Kind, Piece};
use super::lost::PlacedProblem;
use super::text::code_text;
use crate::contract::{
    Foreign, TextError, check_example, contract_word, held_out, is_call, is_neutral,
    read_interface_with, word_at,
};
use crate::types::{Clause, Interface, Problem};

/// A spec's text with its lines and blocks.
pub struct ContractText<'a> {
    pub source: &'a str,
    /// Offsets of the lines.
    pub lines: &'a [usize],
    /// The contracts that its own can take types from.
    pub others: &'a [Foreign],
}

/// Whether a block has the contract.
fn is_wit(block: &&Block) -> bool {
    let first = block.info.split([' ', ',', '\t']).next().unwrap_or_default();
    block.kind == Kind::Code && first.eq_ignore_ascii_case("wit")
}

/// The text of the contract.
pub fn text_of(blocks: &[Block]) -> Option<String> {
    blocks.iter().find(is_wit).map(code_text)
}

impl ContractText<'_> {
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    /// The interface in the spec's `wit` block; with it, tables of calls become blocks of examples.
    pub fn read(
        &self,
        blocks: &mut [Block],
        problems: &mut Vec<PlacedProblem>,
    ) -> Option<Interface> {
        let interface = self.interface(blocks, problems);
        if interface.is_some() {
            self.tables(blocks);
        }
        interface
    }

    fn interface(&self, blocks: &[Block], problems: &mut Vec<PlacedProblem>) -> Option<Interface> {
        let mut found = blocks.iter().filter(is_wit);
        let block = found.next()?;
        let mut wrong = |block: &Block, message: &str, help: &str| {
            let problem = Problem::error("contract::wit", message).help(help);
            problems.push((problem, block.span.start..block.text_start.max(block.span.start)));
        };
        for block in found {
            wrong(
                block,
                "a second `wit` block",
                "a spec has one contract: put both into one block",
            );
        }
        if block.info.trim().len() != 3 {
            wrong(block, "a `wit` block has no flags", "the contract is always shown");
        }
        let code = code_text(block);
        match read_interface_with(&code, self.others) {
            Ok(interface) => Some(interface),
            Err(error) => {
                let span = self.place(&code, self.line(block.text_start), &error);
                let message = format!("the contract is not valid WIT: {}", error.message);
                let help = wit_help(&code, &error);
                problems.push((Problem::error("contract::wit", message).help(help), span));
                None
            }
        }
    }

    /// Makes blocks of examples of the tables whose last header is a call.
    fn tables(&self, blocks: &mut [Block]) {
        for block in blocks.iter_mut().filter(|block| block.kind == Kind::Table) {
            let text = self.source.get(block.span.clone()).unwrap_or_default().trim_end();
            if is_call(text) {
                block.kind = Kind::Code;
                block.info = "table".to_owned();
                block.pieces = vec![Piece::Text(format!("{text}\n"))];
                block.text_start = block.span.start;
            }
        }
    }

    /// The place of an error in a block whose text begins in a line (from 1).
    fn place(&self, code: &str, first: usize, error: &TextError) -> Range<usize> {
        let number = first + error.line;
        let Some(start) = self.lines.get(number - 1).copied() else { return 0..0 };
        let end = self.lines.get(number).map_or(self.source.len(), |next| next - 1).max(start);
        let line = &self.source[start..end];
        let inside = code.lines().nth(error.line).unwrap_or_default();
        let from = start + line.find(inside).unwrap_or(line.len() - line.trim_start().len());
        let columns = &error.columns;
        if columns.is_empty() {
            return from..(from + inside.len()).min(end);
        }
        (from + columns.start).min(end)..(from + columns.end).min(end)
    }

    /// Checks the contract examples of clauses.
    pub fn check(&self, interface: Option<&Interface>, clauses: &[Clause]) -> Vec<PlacedProblem> {
        let mut problems = Vec::new();
        for clause in clauses {
            let examples = clause.examples.iter();
            for example in examples.filter(|one| !one.ignored && is_neutral(&one.language)) {
                let Some(interface) = interface else {
                    let message =
                        format!("a `{}` block in a spec without a contract", example.language);
                    let start = self.lines.get(example.line - 1).copied().unwrap_or(0);
                    let problem = Problem::error("contract::none", message);
                    problems
                        .push((problem.help("add a `wit` block with the interface"), start..start));
                    continue;
                };
                if let Err(error) = check_example(interface, example) {
                    let span = self.place(&example.code, example.line, &error);
                    let page = "see docs/formats/contract.md";
                    let form = "an example is written `NAME(ARGUMENTS) = VALUE`; see \
                                docs/formats/contract.md";
                    let (kind, help) = match example.language.as_str() {
                        "property" => ("property", page),
                        "wave" => ("example", form),
                        _ => ("example", page),
                    };
                    let problem =
                        Problem::error(&format!("contract::{kind}"), error.message.clone());
                    problems.push((problem.help(help), span));
                }
            }
        }
        problems
    }
}

/// What helps against an error in a contract.
fn wit_help(code: &str, error: &TextError) -> String {
    let message = error.message.as_str();
    let is_name = message.contains("expected an identifier");
    let keyword = message.split("found keyword `").nth(1).filter(|_| is_name);
    if let Some(word) = keyword.and_then(|rest| rest.split('`').next()) {
        return format!("as a name, a keyword is written `%{word}`");
    }
    if message.starts_with("interface or world") {
        return "`use SPEC.{type}` takes types from the contract of a spec that `depends` names"
            .to_owned();
    }
    let is_word = message.ends_with("does not exist") || message.starts_with("invalid character");
    let line = code.lines().nth(error.line).unwrap_or_default();
    let word = word_at(line, error.columns.start).filter(|_| is_word);
    let meant = word.and_then(|(_, word)| contract_word(code, word));
    let hint = meant.map(|name| format!("is it `{name}`? ")).unwrap_or_default();
    format!("{hint}see docs/formats/contract.md")
}

/// Holds out a third of the lines of clauses with three or more visible ones and nothing hidden.
pub fn hold_out(clauses: &mut [Clause]) {
    for clause in clauses {
        let neutral = clause.examples.iter().filter(|e| !e.ignored && is_neutral(&e.language));
        if neutral.clone().any(|example| example.hidden || example.language == "property") {
            continue;
        }
        let shown: Vec<_> = neutral.map(|e| (e.language.as_str(), e.code.as_str())).collect();
        let held = held_out(&shown, clause.id.as_str());
        let examples = clause.examples.iter_mut();
        let neutral = examples.filter(|e| !e.ignored && is_neutral(&e.language));
        for (example, lines) in neutral.zip(held) {
            example.held = lines;
        }
    }
}

/// The lines of the spec that are held out, from 1.
pub fn held_lines(clauses: &[Clause]) -> BTreeSet<usize> {
    let examples = clauses.iter().flat_map(|clause| &clause.examples);
    examples.flat_map(|one| one.held.iter().map(|at| one.line + at)).collect()
}
