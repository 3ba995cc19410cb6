//! Performs effects: loads inputs, calls the pure modules, stores the results. Each effect ends in
//! one event.

use super::attempt_history::History;
use super::resources::Engine;
use crate::pipeline::{Attempt, Effect, State};
use crate::promote::Switched;
use crate::prompt::{self, ContractPrompt, File, PromptDependency};
use crate::reply::{self, Reply, ReplyRules};
use crate::toolchain::ContractWords;
use crate::types::harness::ReplyForm;
use crate::types::interface::WitFunction;
use crate::types::{
    AttemptKind, Digest, Event, Failure, GeneratorSettings, JobId, Link, Prompt, Provenance,
    Reason, Spec, SpecId, StoredGeneration, Target, Tree,
};
use crate::workspace::{CommandError, ErrorKind, JobInputs};
use crate::{plan, toolchain};

impl Engine {
    /// Performs an effect of a job.
    pub(super) async fn perform(
        &self,
        id: JobId,
        state: &State,
        effect: &Effect,
    ) -> Result<(Event, Option<Switched>), CommandError> {
        if *effect == Effect::Promote {
            return match state.job.rollback {
                Some(to) => self.roll_back(id, &state.job, to),
                None => self.promote(id, state),
            };
        }
        let attempt = state.attempt().expect("every effect but a promotion has an attempt");
        let event = match effect {
            Effect::Start => match self.precheck(state, attempt).await? {
                Some(diagnosis) => Event::InputsRefused { attempt: attempt.number, diagnosis },
                None => self.start(state, attempt)?,
            },
            Effect::Ask { prompt } => self.ask(id, state, attempt, *prompt).await?,
            Effect::Adopt => self.adopt(state, attempt)?,
            Effect::Read { completion } => self.read(state, attempt, *completion).await?,
            Effect::Gate { candidate, gate } => {
                self.gate(id, state, attempt, candidate, *gate).await?
            }
            Effect::Judge { candidate } => {
                let verdict = self.verdict(state, attempt, candidate)?;
                Event::Judged { attempt: attempt.number, judgement: verdict.judgement() }
            }
            Effect::Promote => unreachable!("handled above"),
        };
        Ok((event, None))
    }

    fn start(&self, state: &State, attempt: &Attempt) -> Result<Event, CommandError> {
        let started = |prompt| Event::AttemptStarted {
            attempt: attempt.number,
            kind: attempt.kind,
            tier: attempt.tier,
            target: state.job.parts[attempt.part].target.clone(),
            prompt,
        };
        if !attempt.kind.asks() {
            return Ok(started(None));
        }
        if let Some(message) = self.missing_key(attempt, state) {
            let (attempt, failure) = (attempt.number, Failure::Configuration);
            return Ok(Event::GenerationFailed {
                attempt,
                failure,
                message,
                wait_s: None,
                completion: None,
            });
        }
        match self.prompt(state, attempt)? {
            Ok(prompt) => {
                let text = serde_json::to_vec(&prompt).expect("a prompt is plain data");
                Ok(started(Some(self.objects.put(&text)?)))
            }
            Err(message) => Ok(Event::GenerationFailed {
                attempt: attempt.number,
                failure: Failure::ContextOverflow,
                message,
                wait_s: None,
                completion: None,
            }),
        }
    }

    /// Renders an attempt's prompt from its history.
    fn prompt(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Result<Prompt, String>, CommandError> {
        let job = self.inputs(state, attempt);
        let (spec, target) = (&job.spec, &job.target);
        let history = History::of(state, attempt);
        let candidate = match history.candidate {
            Some(digest) => Some(self.objects.get_tree(digest)?),
            None => None,
        };
        let config = self.workspace.harness.generator.as_ref().map(|one| &one.settings);
        let depends = self.shown(&job, &state.job.parts[attempt.part].links)?;
        let seen: Vec<&str> = candidate
            .iter()
            .flat_map(Tree::iter)
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
            .chain(job.shown.iter().map(|suite| suite.text.as_str()))
            .chain([spec.visible.as_str()])
            .chain(depends.iter().map(|one| one.text.as_str()))
            .collect();
        let secrets = self.workspace.secrets.clone().except(&seen);
        let standing = self.workspace.standing.spec.get(&spec.id);
        let promoted = standing.and_then(|s| s.target.get(&job.name));
        let promoted = promoted.filter(|_| !self.is_forced(state, attempt));
        let accepted = self.promoted_tree(state, attempt)?;
        let inputs = prompt::PromptInputs {
            spec,
            depends: &depends,
            language: toolchain::of(target).language(),
            assistant: toolchain::model_under_test(target).is_some(),
            page: toolchain::is_page(target),
            text: self.shown_code(state, attempt)?,
            root: toolchain::of(target).root(spec, target).to_string(),
            manifest: toolchain::of(target).layout(target).manifest,
            constraints: toolchain::of(target).prompt_rules(spec, target),
            contract: contract(target, spec).filter(|_| toolchain::of(target).text().is_none()),
            suites: job.shown.clone(),
            accepted: accepted.as_ref(),
            changes: promoted.map(|s| plan::changed_clauses(spec, s)).unwrap_or_default(),
            kind: attempt.kind,
            candidate: candidate.as_ref(),
            findings: history.findings.into_iter().map(|f| secrets.finding(f)).collect(),
            problem: history.problem.map(|text| secrets.text(text)),
            tried: history.tried.into_iter().map(|text| secrets.text(text)).collect(),
            agent: self.has_agent(attempt),
            tests: toolchain::of(target).native().map(|native| native.visible_command()),
            json: config.is_some_and(|config| config.reply() == ReplyForm::Json),
            most_tokens: config.and_then(GeneratorSettings::prompt_tokens),
        };
        Ok(prompt::render(&self.workspace.templates, &inputs))
    }

    /// What a prompt says of the specs that a job depends on: their items, or where the language
    /// cannot use their code, their text.
    fn shown(
        &self,
        job: &JobInputs,
        links: &[Link],
    ) -> Result<Vec<PromptDependency>, CommandError> {
        let language = toolchain::of(&job.target);
        let mut all = Vec::new();
        for spec in &job.depends {
            let link = links.iter().find(|link| link.spec == spec.id);
            let Some((language, link)) = language.links().zip(link) else {
                all.push(PromptDependency::text(spec));
                continue;
            };
            let words = language.words(spec);
            all.push(match contract(&job.target, spec) {
                Some(contract) => {
                    let items = contract.items.join("\n");
                    let words = words + &documented(spec);
                    PromptDependency::code(spec, &words, &items, contract.types.as_ref())
                }
                None => {
                    let items = language.surface(&self.objects.get_tree(link.tree)?);
                    PromptDependency::code(spec, &words, &items, None)
                }
            });
        }
        Ok(all)
    }

    /// Takes the promoted tree, or writes that of a spec without code.
    fn adopt(&self, state: &State, attempt: &Attempt) -> Result<Event, CommandError> {
        let (part, target) = self.part(state, attempt);
        let inputs = self.inputs(state, attempt);
        let promoted = |spec: &SpecId| {
            let path = format!("{}/{}", target.unit(spec), target.leaf(&part.target));
            self.promoter.tree(&path).map(Option::unwrap_or_default)
        };
        let (tree, provenance, reader) = if part.verifies {
            let tree = toolchain::tree_without_code(&inputs.spec, target, &part.links);
            (tree, Provenance::Harness, "the harness")
        } else if let Some(Reason::Renamed { from }) = &part.reason {
            let tree = toolchain::renamed(&promoted(from)?, from, &state.job.spec);
            let whole = toolchain::of(target).normalise(&tree, &inputs.spec, target, &part.links);
            // A tree that cannot be completed stays as it is; the layout gate reports why.
            (whole.unwrap_or(tree), Provenance::Promoted, "promoted")
        } else {
            (promoted(&state.job.spec)?, Provenance::Promoted, "promoted")
        };
        Ok(Event::CandidateMade {
            attempt: attempt.number,
            tree: self.objects.put_tree(&tree)?,
            provenance,
            reader: reader.to_owned(),
            formatted: Vec::new(),
            inputs: Some(self.keep_snapshot(&inputs)?),
        })
    }

    async fn read(
        &self,
        state: &State,
        attempt: &Attempt,
        digest: Digest,
    ) -> Result<Event, CommandError> {
        let job = self.inputs(state, attempt);
        let (spec, target) = (&job.spec, &job.target);
        let completion: StoredGeneration = self.object(digest)?;
        let base = match History::of(state, attempt).candidate {
            Some(digest) => self.objects.get_tree(digest)?,
            None => Tree::default(),
        };
        let rules = ReplyRules {
            allowed: toolchain::allowed_files(target),
            root: toolchain::of(target).root(spec, target),
            layout: toolchain::of(target).layout(target),
            clauses: spec.clauses.iter().map(|clause| clause.id.clone()).collect(),
            base,
        };
        let inputs = Some(self.keep_snapshot(&job)?);
        let links = &state.job.parts[attempt.part].links;
        let mut calls = state.calls(attempt.part);
        let asked_again = calls.any(|one| one.kind == AttemptKind::Reask);
        let (at, attempt) = (attempt, attempt.number);
        let reply = match completion {
            StoredGeneration::Text(completion) => reply::read(&completion, &rules),
            StoredGeneration::Workspace(workspace) => {
                let tree = self.objects.get_tree(workspace.tree)?;
                let base = self.base(state, at)?;
                let base = base.map(|base| self.objects.get_tree(base)).transpose()?;
                reply::read_work(&tree, base.as_ref(), &rules, asked_again)
            }
        };
        let (tree, reader) = match reply {
            Reply::Tree { tree, reader } => (tree, reader),
            Reply::Conflict { clause, others, message } => {
                return Ok(Event::Conflict { attempt, clause: Some(clause), others, message });
            }
            Reply::UnknownConflict { clause, message } => {
                let known = format!("CONFLICT names `{clause}`, which is not a clause of the spec");
                return Ok(if asked_again {
                    let message = format!("{message} (it names `{clause}`)");
                    Event::Conflict { attempt, clause: None, others: Vec::new(), message }
                } else {
                    Event::Malformed { attempt, message: known, reask: true }
                });
            }
            Reply::Malformed { message, reask } => {
                return Ok(Event::Malformed { attempt, message, reask });
            }
        };
        // A tree that cannot be completed stays as it is; the layout gate reports why.
        let (tree, formatted) = match toolchain::of(target).normalise(&tree, spec, target, links) {
            Err(_) => (tree, Vec::new()),
            Ok(tree) => {
                let formatted = self.executor().format(toolchain::of(target), &tree).await;
                formatted.map_err(|e| CommandError::new(ErrorKind::Io, e))?
            }
        };
        Ok(Event::CandidateMade {
            attempt,
            tree: self.objects.put_tree(&tree)?,
            provenance: Provenance::Completion(digest),
            reader: reader.to_owned(),
            formatted,
            inputs,
        })
    }
}

/// What a contract says of its functions in words.
fn documented(spec: &Spec) -> String {
    let functions = spec.contract.iter().flat_map(|contract| &contract.functions);
    let functions = functions.filter(|one| !one.docs.is_empty());
    let line = |one: &WitFunction| format!("\n- `{}`: {}", one.name, one.docs.replace('\n', " "));
    let lines: String = functions.map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// A spec's contract in the target's language.
fn contract(target: &Target, spec: &Spec) -> Option<ContractPrompt> {
    let (interface, language) = spec.contract.as_ref().zip(toolchain::of(target).contract())?;
    let types = language.types(spec, interface);
    let types = types.map(|(path, text)| File { path: path.to_string(), text });
    let ContractWords { items: intro, types: hint } = language.words();
    let (items, command) = (language.signatures(interface), toolchain::CONTRACT_COMMAND);
    Some(ContractPrompt { intro, items, types, hint, command })
}
