//! Performing effects: load what the rooms need, call them, keep what they give. Each effect ends
//! in one event.

use std::sync::Arc;

use super::attempt_history::History;
use super::resources::Engine;
use crate::gate::{self, GateContext};
use crate::generator::{Call, CallError, cassette, most};
use crate::pipeline::{Attempt, Effect, State};
use crate::process::Listener;
use crate::promote::Switched;
use crate::prompt::{self, File};
use crate::reply::{self, Reply, ReplyRules};
use crate::store::{LedgerError, Spend};
use crate::types::harness::{CassetteMode, ReplyForm};
use crate::types::{
    AttemptKind, Completion, Digest, Event, Failure, Job, JobId, Prompt, Provenance, Spec, Tree,
};
use crate::workspace::{CommandError, ErrorKind, today};
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
            Effect::Start => self.start(state, attempt)?,
            Effect::Ask => self.ask(id, state, attempt).await?,
            Effect::Adopt => self.adopt(state, attempt)?,
            Effect::Read => self.read(state, attempt).await?,
            Effect::Gate { gate } => self.gate(state, attempt, *gate).await?,
            Effect::Judge => {
                let verdict = self.verdict(state, attempt)?;
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
        if attempt.kind == AttemptKind::Revalidate {
            return Ok(started(None));
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
            }),
        }
    }

    /// Renders an attempt's prompt from what came before it.
    fn prompt(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Result<Prompt, String>, CommandError> {
        let spec = self.spec(state);
        let (part, target) = self.part(state, attempt);
        let history = History::of(state, attempt);
        let candidate = match history.candidate {
            Some(digest) => Some(self.objects.get_tree(digest)?),
            None => None,
        };
        let suites = self.workspace.suites.get(&(spec.id.clone(), part.target.clone()));
        let suites: Vec<File> = suites
            .into_iter()
            .flatten()
            .map(|suite| File {
                path: suite.path.to_string(),
                text: suite.shown.trim_end().to_owned(),
            })
            .collect();
        let config = &self.workspace.harness.generator;
        let depends = self.workspace.specs.iter().filter(|s| spec.depends.contains(&s.id));
        let depends: Vec<&Spec> = depends.map(|s| &**s).collect();
        let seen: Vec<&str> = candidate
            .iter()
            .flat_map(Tree::iter)
            .filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok())
            .chain(suites.iter().map(|suite| suite.text.as_str()))
            .chain([spec.visible.as_str()])
            .chain(depends.iter().map(|spec| spec.visible.as_str()))
            .collect();
        let secrets = self.workspace.secrets.clone().except(&seen);
        let standing = self.workspace.standing.spec.get(&spec.id);
        let promoted = standing.and_then(|s| s.target.get(&part.target));
        let accepted = match promoted {
            Some(promoted) => self.promoter.tree(&promoted.path)?,
            None => None,
        };
        let inputs = prompt::PromptInputs {
            spec,
            depends,
            language: toolchain::language(target),
            root: toolchain::declared(target).to_string(),
            constraints: toolchain::constraints(spec, target),
            suites,
            accepted: accepted.as_ref(),
            changes: promoted.map(|s| plan::changed_clauses(spec, s)).unwrap_or_default(),
            kind: attempt.kind,
            candidate: candidate.as_ref(),
            findings: history.findings.into_iter().map(|f| secrets.finding(f)).collect(),
            problem: history.problem.map(|text| secrets.text(text)),
            tried: history.tried.into_iter().map(|text| secrets.text(text)).collect(),
            json: config.reply == ReplyForm::Json,
            most_tokens: config
                .context_tokens
                .map(|all| all.saturating_sub(config.max_output_tokens) as usize),
        };
        Ok(prompt::render(&self.workspace.templates, &inputs))
    }

    async fn ask(
        &self,
        id: JobId,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Event, CommandError> {
        let number = attempt.number;
        let call = self.call(state, attempt)?;
        let generator = self.generators[attempt.tier.min(self.generators.len() - 1)].clone();
        let request = generator.request(&call);
        let known = self.ledger.borrow().completion((id, number), request)?;
        if let Some(digest) = known {
            return self.completed(number, digest);
        }
        let config = self.workspace.harness.generator.tier(attempt.tier);
        let price = |usage| Spend::of(usage, config.input_price, config.output_price);
        let free = config.cassette_mode() == CassetteMode::Replay;
        if !free {
            if let Err(error) = generator.is_free() {
                return Ok(unanswered(number, error));
            }
            let most = price(most(&call.prompt, config.max_output_tokens));
            let budget = &self.workspace.harness.budget;
            let at = (self.run.get(), &*today());
            let reserved = self.ledger.borrow_mut().reserve((id, number), at, most, budget);
            match reserved {
                Err(LedgerError::Budget(message)) => {
                    return Ok(unanswered(number, CallError::new(Failure::Budget, message)));
                }
                other => other?,
            }
        }
        let observer = &self.options.observer;
        let progress = |count: usize| observer.streaming(&state.job, count);
        match generator.ask(&call, &progress).await {
            Ok((mut completion, response)) => {
                let exchange = generator.exchange(&call, &completion, &response, &today());
                completion.exchange = exchange.map(|text| self.objects.put(&text)).transpose()?;
                let text = serde_json::to_vec(&completion).expect("a completion is plain data");
                let digest = self.objects.put(&text)?;
                let spend = match completion.replay {
                    Some(_) => Spend::default(),
                    None => price(completion.usage),
                };
                self.ledger.borrow_mut().record_completion((id, number), request, digest, spend)?;
                // Recorded before kept: what was paid for is never asked for again.
                match generator.keep(&call, &completion, response, &today()) {
                    Ok(()) => self.completed(number, digest),
                    Err(error) => Ok(unanswered(number, error)),
                }
            }
            Err(error) => {
                // Where a model may have worked the reservation stays: nobody says what it cost.
                if !error.served {
                    self.ledger.borrow_mut().settle((id, number), Spend::default())?;
                }
                Ok(unanswered(number, error))
            }
        }
    }

    fn call(&self, state: &State, attempt: &Attempt) -> Result<Call, CommandError> {
        let part = &state.job.parts[attempt.part];
        let digest = attempt.prompt.unwrap_or_else(|| Digest::of(""));
        let prompt: Prompt = self.object(digest)?;
        let before = state.attempts.iter().filter(|a| a.number < attempt.number);
        let sample =
            before.filter(|a| a.prompt == attempt.prompt && a.tier == attempt.tier).count();
        let fresh = if attempt.kind == AttemptKind::Fresh { 0.5 } else { 0.0 };
        let temperature = self.workspace.harness.generator.temperature + fresh;
        Ok(Call {
            prompt,
            temperature: temperature.min(2.0),
            sample: u32::try_from(sample).unwrap_or(u32::MAX),
            context: cassette::CallContext {
                spec: state.job.spec.clone(),
                target: part.target.clone(),
                job: part.key,
                attempt: attempt.number,
            },
        })
    }

    fn completed(&self, attempt: u32, digest: Digest) -> Result<Event, CommandError> {
        let completion: Completion = self.object(digest)?;
        let Completion { usage, replay, .. } = completion;
        Ok(Event::Completed { attempt, completion: digest, usage, replay })
    }

    fn adopt(&self, state: &State, attempt: &Attempt) -> Result<Event, CommandError> {
        let (part, target) = self.part(state, attempt);
        let path = format!("{}/{}", target.unit(&state.job.spec), target.leaf(&part.target));
        let tree = self.promoter.tree(&path)?.unwrap_or_default();
        Ok(Event::CandidateMade {
            attempt: attempt.number,
            tree: self.objects.put_tree(&tree)?,
            provenance: Provenance::Promoted,
            reader: "promoted".to_owned(),
            formatted: Vec::new(),
            inputs: self.inputs(state, attempt)?,
        })
    }

    async fn read(&self, state: &State, attempt: &Attempt) -> Result<Event, CommandError> {
        let (_, target) = self.part(state, attempt);
        let spec = self.spec(state);
        let digest = attempt.completion.unwrap_or_else(|| Digest::of(""));
        let completion: Completion = self.object(digest)?;
        let base = match History::of(state, attempt).candidate {
            Some(digest) => self.objects.get_tree(digest)?,
            None => Tree::default(),
        };
        let rules = ReplyRules {
            allowed: toolchain::allowed_files(target),
            declared: Some(toolchain::declared(target)),
            clauses: spec.clauses.iter().map(|clause| clause.id.clone()).collect(),
            base,
        };
        let inputs = self.inputs(state, attempt)?;
        let attempt = attempt.number;
        let (tree, reader) = match reply::read(&completion, &rules) {
            Reply::Tree { tree, reader } => (tree, reader),
            Reply::Conflict { clause, message } => {
                return Ok(Event::Conflict { attempt, clause, message });
            }
            Reply::Malformed { message, reask } => {
                return Ok(Event::Malformed { attempt, message, reask });
            }
        };
        // A tree that the harness cannot make its own stays as it is: the layout gate says why.
        let (tree, formatted) = match toolchain::normalise(&tree, spec, target) {
            Err(_) => (tree, Vec::new()),
            Ok(tree) => {
                let formatted = gate::format(&self.tools, &self.isolation().sandbox, &tree).await;
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

    async fn gate(
        &self,
        state: &State,
        attempt: &Attempt,
        gate: usize,
    ) -> Result<Event, CommandError> {
        let candidate = self.candidate(attempt)?;
        let (part, target) = self.part(state, attempt);
        let none = Vec::new();
        let at = (state.job.spec.clone(), part.target.clone());
        let harness = &self.workspace.harness;
        let bench = GateContext {
            spec: self.spec(state),
            name: &part.target,
            target,
            gates: &harness.gate,
            suites: self.workspace.suites.get(&at).unwrap_or(&none),
            validators: self.workspace.places.root.join(&harness.harness.validators),
            tools: &self.tools,
            sandbox: &self.isolation().sandbox,
            level: self.isolation().level,
            layers: &self.layers,
            read_only: self.workspace.read_only(),
            proven: self.ledger.borrow().proven()?,
            keep: self.options.keep.then(|| self.kept(&part.target)),
            listener: Some(self.listener(&state.job, &part.gates[gate])),
        };
        let name = &part.gates[gate];
        let (mut report, evidence) = gate::run(&bench, name, &candidate, &attempt.reports).await;
        if !evidence.is_empty() {
            report.evidence = Some(self.objects.put(&evidence)?);
        }
        Ok(Event::GateReported { attempt: attempt.number, report })
    }

    fn listener(&self, job: &Job, gate: &str) -> Listener {
        let (observer, job) = (self.options.observer.clone(), job.clone());
        let gate = gate.to_owned();
        Listener(Arc::new(move |bytes| observer.output(&job, &gate, bytes)))
    }
}

fn unanswered(attempt: u32, error: CallError) -> Event {
    let wait_s = error.after.map(|after| after.as_secs_f64().ceil() as u64);
    Event::GenerationFailed { attempt, failure: error.failure, message: error.message, wait_s }
}
