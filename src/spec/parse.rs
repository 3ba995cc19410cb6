//! Parses a spec file into a spec and its problems. Never fails.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::blocks::{self, Block, Kind, Piece};
use super::context::Prose;
use super::contract::{ContractText, held_lines, hold_out, text_of};
use super::front::is_near;
use super::lost::Lost;
use super::text::{
    FLAGS, Gather, Marks, code_text, decode, is_held_back, level, line_starts, looks_hidden, says,
    squeeze,
};
use super::{binding, front, id};
use crate::contract::Foreign;
use crate::types::{
    Binding, Clause, ClauseId, Digest, Example, Passage, Problem, Span, Spec, SpecId, Status,
    Waiver, limits,
};

/// Parses a spec file. `file` is its path relative to the workspace; it gives the default
/// id; specs are in `specs/`.
///
/// Also gives the text that spans refer to: without a byte-order mark, with LF line ends.
pub fn parse(file: &str, bytes: &[u8]) -> (Spec, Vec<Problem>, String) {
    parse_in("specs", file, bytes)
}

/// The same in another folder of specs.
pub fn parse_in(folder: &str, file: &str, bytes: &[u8]) -> (Spec, Vec<Problem>, String) {
    parse_with(folder, file, bytes, &[])
}

/// The contract of a spec file that takes types from others: the specs that it depends on, and its
/// text. `None` without a contract.
pub fn contract_text(bytes: &[u8]) -> Option<(Vec<SpecId>, String)> {
    let mut problems = Vec::new();
    let source = decode(bytes, &mut problems);
    let (front, body) = front::read(&source, &mut problems);
    Some((front.depends, text_of(&blocks::read(&source, body))?))
}

/// The same with the contracts of the specs that it depends on.
pub fn parse_with(
    folder: &str,
    file: &str,
    bytes: &[u8],
    others: &[Foreign],
) -> (Spec, Vec<Problem>, String) {
    let mut problems = Vec::new();
    let source = decode(bytes, &mut problems);
    let (front, body) = front::read(&source, &mut problems);
    let effects = front.effects();
    let id = id::read(front.id, id::below(folder, file), &mut problems);
    let mut blocks = blocks::read(&source, body);
    let lines = line_starts(&source);
    let text = ContractText { source: &source, lines: &lines, others };
    let mut contract_problems = Vec::new();
    let contract = text.read(&mut blocks, &mut contract_problems);
    let headings = blocks.iter().filter(|block| matches!(block.kind, Kind::Heading(_)));
    let sections = headings.map(|block| block.span.start).collect();
    let mut reader = SpecReader {
        lines: &lines,
        source: &source,
        id: &id,
        blocks: &blocks,
        marks: BTreeMap::new(),
        split: BTreeSet::new(),
        followers: Vec::new(),
        owned: Vec::new(),
        problems,
    };
    reader.find_split();
    reader.find_marks();
    reader.find_followers();
    let mut clauses = reader.clauses();
    // Examples of an invalid contract cannot be read.
    if contract_problems.is_empty() {
        contract_problems = text.check(contract.as_ref(), &clauses);
    }
    hold_out(&mut clauses);
    reader.stray_hidden(body);
    let lost = Lost { source: &source, body, blocks: &blocks }.find();
    contract_problems.into_iter().chain(lost).for_each(|(why, span)| reader.problem(why, span));
    let prose = reader.prose();
    let (context, loose_context) = (prose.context(), prose.loose_context());
    let held = held_lines(&clauses);
    let visible = reader.visible(body, &held);
    let open = (!held.is_empty()).then(|| reader.visible(body, &BTreeSet::new()));
    let unbound = reader.unbound();
    let mut problems = reader.problems;
    problems.truncate(limits::PROBLEMS);
    let problems = problems.into_iter().map(|problem| problem.file(file)).collect();
    let spec = Spec {
        title: front.title.or_else(|| first_heading(&blocks)).unwrap_or_else(|| id.to_string()),
        id,
        file: file.to_owned(),
        integration: front.targets.as_ref().is_some_and(Vec::is_empty),
        targets: front.targets.unwrap_or_default(),
        depends: front.depends,
        programs: Vec::new(),
        effects,
        clauses,
        contract,
        visible,
        open,
        context,
        loose_context,
        unbound,
        sections,
    };
    (spec, problems, source)
}

fn first_heading(blocks: &[Block]) -> Option<String> {
    let heading = blocks.iter().find(|b| matches!(b.kind, Kind::Heading(_)))?;
    let mut words = String::new();
    for piece in &heading.pieces {
        match piece {
            Piece::Text(text) => words.push_str(text),
            Piece::Code(code, _) => words.push_str(code),
            Piece::Child(_) => {}
        }
    }
    Some(squeeze(&words))
}

struct SpecReader<'a> {
    source: &'a str,
    lines: &'a [usize],
    id: &'a str,
    blocks: &'a [Block],
    /// Marks by the block that is the clause; a heading represents its section.
    marks: BTreeMap<usize, Marks>,
    /// List items with several bound paragraphs, each of which is a clause.
    split: BTreeSet<usize>,
    /// Further blocks of a clause.
    followers: Vec<Vec<usize>>,
    /// All blocks of clauses.
    owned: Vec<bool>,
    problems: Vec<Problem>,
}

impl SpecReader<'_> {
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset)
    }

    fn problem(&mut self, problem: Problem, span: Range<usize>) {
        if self.problems.len() < limits::PROBLEMS {
            let mut problem = problem;
            problem.line = self.line(span.start);
            problem.span = Some(span.into());
            self.problems.push(problem);
        }
    }

    fn find_split(&mut self) {
        let mut bound: BTreeMap<usize, BTreeSet<Option<usize>>> = BTreeMap::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let has =
                |piece: &Piece| matches!(piece, Piece::Code(code, _) if binding::is_bound(code));
            if block.pieces.iter().any(has)
                && let (paragraph, Some(item)) = self.around(index)
            {
                bound.entry(item).or_default().insert(paragraph);
            }
        }
        bound.retain(|_, paragraphs| paragraphs.len() > 1);
        self.split = bound.into_keys().collect();
    }

    fn find_marks(&mut self) {
        for (index, block) in self.blocks.iter().enumerate() {
            for piece in &block.pieces {
                if let Piece::Code(code, span) = piece
                    && let Some(read) = binding::read(code)
                    && !(binding::is_rate_alone(&read) && self.clause_block(index).is_none())
                {
                    self.mark(index, read, span.clone());
                }
            }
        }
        let stray: Vec<_> =
            self.marks.iter().filter(|(_, m)| m.bindings.is_empty()).map(|(i, _)| *i).collect();
        for index in stray {
            let marks = self.marks.remove(&index);
            let is_ordinary = |marks: &Marks| {
                marks.status.is_none() && marks.waiver.is_none() && marks.asserted.is_empty()
            };
            if marks.as_ref().is_some_and(is_ordinary) {
                continue;
            }
            let message = "a status, waiver or `page:` without a binding";
            let problem = Problem::error("spec::stray_mark", message)
                .help("move it next to the clause's `test_id`, `guard` or `bench`");
            self.problem(problem, self.blocks[index].span.clone());
        }
    }

    fn mark(&mut self, block: usize, read: Result<Vec<binding::Mark>, String>, span: Range<usize>) {
        let Some(clause) = self.clause_block(block) else {
            let problem = Problem::error("spec::binding_in_table", "a binding inside a table")
                .help("move it to a list item, paragraph or section");
            return self.problem(problem, span);
        };
        match read {
            Ok(marks) => {
                let mut has_two_rates = false;
                let line = self.line(span.start);
                let entry = self.marks.entry(clause).or_default();
                for mark in marks {
                    match mark {
                        binding::Mark::Binding(binding) => entry.bindings.push(binding),
                        binding::Mark::Status(status) => entry.status = Some(status),
                        binding::Mark::Rate(rate) => {
                            has_two_rates |= entry.rate.replace(rate).is_some();
                        }
                        binding::Mark::Waiver(waiver) => {
                            let span = span.clone().into();
                            entry.waiver = Some(Waiver { span, line, ..waiver });
                        }
                        binding::Mark::Page(code) => entry.asserted.push((code, line)),
                    }
                }
                if has_two_rates {
                    let problem = Problem::error("spec::binding", "the clause has two rates");
                    self.problem(problem.help("keep one of them"), span);
                }
            }
            Err(message) => self.problem(Problem::error("spec::binding", message), span),
        }
    }

    /// The smallest list item, paragraph or section around a block. In a list item with several
    /// bound paragraphs, the paragraph.
    fn clause_block(&self, block: usize) -> Option<usize> {
        match self.around(block) {
            (Some(paragraph), Some(item)) if self.split.contains(&item) => Some(paragraph),
            (paragraph, item) => item.or(paragraph),
        }
    }

    /// The paragraph, and the list item or heading, around a block; neither in a table.
    fn around(&self, block: usize) -> (Option<usize>, Option<usize>) {
        let mut paragraph = None;
        let mut at = block;
        while at != 0 {
            match self.blocks[at].kind {
                Kind::Item | Kind::Heading(_) => return (paragraph, Some(at)),
                Kind::Paragraph => paragraph = Some(at),
                Kind::Table => return (None, None),
                _ => {}
            }
            at = self.blocks[at].parent;
        }
        (paragraph, None)
    }

    /// Further blocks of each clause, in one pass: a section's content, or the fenced blocks
    /// directly after a paragraph. In a split list item a paragraph owns all up to the next one.
    /// The innermost clause owns a block.
    fn find_followers(&mut self) {
        self.followers = vec![Vec::new(); self.blocks.len()];
        self.owned = vec![false; self.blocks.len()];
        for (index, block) in self.blocks.iter().enumerate() {
            let is_split = self.split.contains(&index);
            let mut sections: Vec<(u8, usize)> = Vec::new();
            let mut paragraph = None;
            for piece in &block.pieces {
                let Piece::Child(child) = piece else { continue };
                let (kind, is_clause) = (self.blocks[*child].kind, self.marks.contains_key(child));
                if let Kind::Heading(level) = kind {
                    while sections.pop_if(|(open, _)| *open >= level).is_some() {}
                }
                let owner = paragraph.filter(|_| kind == Kind::Code || is_split);
                let owner = owner.or(sections.last().map(|(_, clause)| *clause));
                self.owned[*child] = is_clause || owner.is_some() || self.owned[*child];
                match (kind, owner) {
                    (Kind::Heading(level), _) if is_clause => sections.push((level, *child)),
                    (_, Some(owner)) if !is_clause => self.followers[owner].push(*child),
                    _ => {}
                }
                if kind != Kind::Code && (is_clause || !is_split) {
                    paragraph = (kind == Kind::Paragraph && is_clause).then_some(*child);
                }
            }
        }
    }

    fn clauses(&mut self) -> Vec<Clause> {
        let marks = std::mem::take(&mut self.marks);
        if marks.len() > limits::CLAUSES {
            let message = format!("the spec has more than {} clauses", limits::CLAUSES);
            self.problem(Problem::error("spec::too_many_clauses", message), 0..0);
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut clauses = Vec::new();
        let mut in_order: Vec<_> = marks.iter().take(limits::CLAUSES).collect();
        in_order.sort_by_key(|(index, _)| self.blocks[**index].span.start);
        for (index, mark) in in_order {
            let clause = self.clause(*index, mark, &marks);
            for binding in &clause.bindings {
                if let Some(line) = seen.insert(binding.name().to_owned(), clause.line)
                    && !matches!(binding, Binding::Guard { .. })
                {
                    let name = binding.name();
                    let message = format!("the name `{name}` is already used in line {line}");
                    let problem = Problem::error("spec::duplicate_clause", message)
                        .help("use a unique name for each clause");
                    self.problem(problem, self.blocks[*index].span.clone());
                }
            }
            clauses.push(clause);
        }
        self.marks = marks;
        let mut names: BTreeMap<ClauseId, usize> = BTreeMap::new();
        for clause in &mut clauses {
            // Clauses under the same guard get numbers; duplicate test ids were rejected above.
            let count = names.entry(clause.id.clone()).and_modify(|n| *n += 1).or_insert(1);
            if *count > 1 {
                clause.id = ClauseId::new(self.id, &format!("{}__{count}", clause.id.name()));
            }
        }
        clauses
    }

    fn clause(&mut self, index: usize, marks: &Marks, all: &BTreeMap<usize, Marks>) -> Clause {
        let block = &self.blocks[index];
        let mut gather = Gather {
            blocks: self.blocks,
            all,
            text: String::new(),
            code: Vec::new(),
            apart: false,
        };
        gather.block(index);
        let followers = &self.followers[index];
        for follower in followers {
            gather.text.push(' ');
            gather.block(*follower);
        }
        let (text, code) = (squeeze(&gather.text), gather.code);
        let end = followers.last().map_or(block.span.end, |last| self.blocks[*last].span.end);
        let asserted = marks.asserted.iter().map(|(code, line)| Example {
            language: "page".to_owned(),
            hidden: false,
            ignored: false,
            code: code.clone(),
            line: *line,
            held: Vec::new(),
        });
        let mut examples: Vec<_> = asserted.collect();
        examples.extend(code.into_iter().map(|c| self.example(c)));
        let level = level(&text);
        let status = marks.status.unwrap_or(Status::Stable);
        let name = marks.bindings.first().map_or("", |binding| binding.name());
        let mut clause = Clause {
            id: ClauseId::new(self.id, name),
            level,
            status,
            waiver: marks.waiver.clone(),
            bindings: marks.bindings.clone(),
            rate: marks.rate.clone(),
            digest: Digest::default(),
            text,
            examples,
            span: Span { start: block.span.start, end },
            line: self.line(block.span.start),
        };
        clause.digest = clause.canonical_digest();
        clause
    }

    fn example(&mut self, index: usize) -> Example {
        let block = &self.blocks[index];
        let mut words = block.info.split([' ', ',', '\t']).filter(|word| !word.is_empty());
        let language = words.next().unwrap_or_default().to_lowercase();
        let flags: Vec<_> = words.collect();
        let wrong = flags.iter().filter(|flag| !FLAGS.contains(flag));
        for flag in wrong.take(limits::PROBLEMS) {
            let message = format!("unknown example flag `{flag}`");
            let mut problem = Problem::error("spec::example_flag", message)
                .help("known flags: `hidden` and `ignore`");
            let line = block.span.start..block.text_start.max(block.span.start);
            let near = FLAGS.iter().find(|one| is_near(flag, one));
            if let Some((near, at)) = near.zip(self.source[line.clone()].rfind(flag)) {
                let start = line.start + at;
                problem = problem.fix(Span { start, end: start + flag.len() }, *near);
            }
            self.problem(problem, line);
        }
        Example {
            language,
            hidden: flags.contains(&"hidden"),
            ignored: flags.contains(&"ignore"),
            code: code_text(block),
            line: self.line(block.text_start),
            held: Vec::new(),
        }
    }

    /// Rejects hidden blocks without a clause, and ones that Markdown does not parse as fenced
    /// code: they would be shown to the model as prose.
    fn stray_hidden(&mut self, body: usize) {
        let mut fenced = vec![false; self.lines.len() + 1];
        let mut stray = Vec::new();
        for (index, block) in self.blocks.iter().enumerate().filter(|(_, block)| block.fenced) {
            let end = block.span.end.max(block.span.start + 1) - 1;
            let (from, to) = (self.line(block.span.start), self.line(end));
            fenced[from..=to].fill(true);
            if is_held_back(&block.info) == Some("hidden") && !self.prose().in_clause(index) {
                stray.push(block.span.clone());
            }
        }
        let first = self.line(body);
        for number in (first..=self.lines.len()).filter(|number| !fenced[*number]) {
            let start = self.lines[number - 1];
            let line = self.source[start..].split('\n').next().unwrap_or_default();
            if looks_hidden(line) {
                stray.push(start..start + line.len());
            }
        }
        for span in stray {
            let problem = Problem::error("spec::stray_hidden", "a hidden block outside a clause")
                .help("indent it like the text of its list item, or put it directly after its paragraph");
            self.problem(problem, span);
        }
    }

    fn prose(&self) -> Prose<'_> {
        Prose { blocks: self.blocks, marks: &self.marks, owned: &self.owned }
    }

    /// List items and paragraphs with requirements outside of clauses.
    fn unbound(&self) -> Vec<Passage> {
        let inside = |block: &Block| self.blocks[block.parent].kind == Kind::Item;
        let prose = self.blocks.iter().enumerate().filter(|(index, block)| match block.kind {
            Kind::Item => !self.prose().in_clause(*index),
            Kind::Paragraph => !inside(block) && !self.prose().in_clause(*index),
            _ => false,
        });
        let passage = |(index, block): (usize, &Block)| {
            let mut text = String::new();
            self.own_text(index, &mut text);
            let text = squeeze(&text);
            let demands = says(&text, &["MUST", "SHALL"]) && !text.contains("be interpreted as");
            demands.then(|| Passage {
                line: self.line(block.span.start),
                span: block.span.clone().into(),
                text,
            })
        };
        prose.filter_map(passage).collect()
    }

    /// A block's text without that of nested lists. `blocks` bounds the recursion.
    fn own_text(&self, index: usize, text: &mut String) {
        for piece in &self.blocks[index].pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Code(code, _) => text.push_str(&format!("`{code}`")),
                Piece::Child(child)
                    if self.blocks[*child].kind == Kind::Paragraph && !self.owned[*child] =>
                {
                    text.push(' ');
                    self.own_text(*child, text);
                }
                Piece::Child(_) => {}
            }
        }
    }

    /// The body with hidden and disabled blocks and these lines removed, line by line.
    fn visible(&self, body: usize, held: &BTreeSet<usize>) -> String {
        let mut cut = vec![false; self.lines.len() + 1];
        held.iter().for_each(|line| cut[*line] = true);
        for block in self.blocks.iter().filter(|b| b.kind == Kind::Code) {
            if is_held_back(&block.info).is_some() && block.span.end > block.span.start {
                let (from, to) = (self.line(block.span.start), self.line(block.span.end - 1));
                cut[from..=to].fill(true);
            }
        }
        let first = self.line(body);
        let lines = self.source.split('\n').enumerate().skip(first - 1);
        let kept = lines.filter(|(i, _)| !cut[i + 1]).map(|(_, line)| line.trim_end());
        let mut out: Vec<&str> = Vec::new();
        for line in kept {
            if !(line.is_empty() && out.last().is_none_or(|last| last.is_empty())) {
                out.push(line);
            }
        }
        out.join("\n").trim_end().to_owned()
    }
}
