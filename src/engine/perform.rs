//! Performing effects: load what the rooms need, call them, keep what they give. Each effect ends
//! in one event.

use std::path::PathBuf;

use std::sync::Arc;

use super::attempt_history::History;
use super::{Engine, EngineError, Options, Workspace, today};
use crate::generator::{
    CallContext, Cassettes, Generation, GenerationError, Generator, GeneratorParts, Request,
};
use crate::pipeline::{Attempt, Effect, State};
use crate::promote::Switched;
use crate::prompt::{self, File};
use crate::reply::{self, Reply, ReplyRules};
use crate::store::{LedgerError, Spend};
use crate::types::harness::ReplyForm;
use crate::types::{
    AdmittedSpec, AttemptKind, Candidate, Completion, Digest, Event, Failure, GeneratorSettings,
    JobId, Prompt, Provenance, Spec, StoredGeneration, StoredWorkspace, Target, TargetJob, Tree,
};
use crate::verdict::{Verdict, judge};
use crate::{plan, toolchain};

/// The generators of a workspace, by tier.
pub(super) fn generators(
    workspace: &Workspace,
    options: &Options,
) -> Result<Vec<Arc<dyn Generator>>, GenerationError> {
    let Some(config) = &workspace.harness.generator else { return Ok(Vec::new()) };
    let cassettes = workspace.places.root.join(&workspace.harness.harness.cassettes);
    let tiers = (0..workspace.harness.tiers()).map(|tier| config.tier(tier));
    let made = tiers.map(|config| {
        (options.generators)(GeneratorParts {
            key: config.settings.api_key_env().and_then(options.variable),
            config: &config,
            cassettes: Cassettes::new(cassettes.clone()),
            servers: &options.servers,
        })
    });
    made.collect()
}

impl Engine {
    /// Performs an effect of a job.
    pub(super) async fn perform(
        &self,
        id: JobId,
        state: &State,
        effect: &Effect,
    ) -> Result<(Event, Option<Switched>), EngineError> {
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

    pub(super) fn spec(&self, state: &State) -> &AdmittedSpec {
        self.workspace.spec(&state.job.spec).expect("a job's spec was admitted in this run")
    }

    pub(super) fn part<'s>(&self, state: &'s State, attempt: &Attempt) -> (&'s TargetJob, &Target) {
        let part = &state.job.parts[attempt.part];
        (part, &self.workspace.harness.target[&part.target])
    }

    /// Where a target's workspace is left for a person to look into.
    pub(super) fn kept(&self, target: &str) -> PathBuf {
        let places = &self.workspace.places;
        let root = Digest::of(places.root.as_os_str().as_encoded_bytes()).short();
        places.cache.join("kept").join(format!("{root}-{target}"))
    }

    fn start(&self, state: &State, attempt: &Attempt) -> Result<Event, EngineError> {
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
    ) -> Result<Result<Prompt, String>, EngineError> {
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
        let config = self.workspace.harness.generator.as_ref().map(|one| &one.settings);
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
            language: toolchain::of(target).language(),
            root: toolchain::of(target).layout(target).required.to_string(),
            constraints: toolchain::of(target).prompt_rules(spec, target),
            suites,
            accepted: accepted.as_ref(),
            changes: promoted.map(|s| plan::changed_clauses(spec, s)).unwrap_or_default(),
            kind: attempt.kind,
            candidate: candidate.as_ref(),
            findings: history.findings.into_iter().map(|f| secrets.finding(f)).collect(),
            problem: history.problem.map(|text| secrets.text(text)),
            tried: history.tried.into_iter().map(|text| secrets.text(text)).collect(),
            json: config.is_some_and(|config| config.reply() == ReplyForm::Json),
            most_tokens: config.and_then(GeneratorSettings::prompt_tokens),
        };
        Ok(prompt::render(&self.workspace.templates, &inputs))
    }

    /// The generator of a tier.
    pub(super) fn generator(&self, tier: usize) -> Result<&dyn Generator, GenerationError> {
        let generator = self.generators.get(tier).or(self.generators.last());
        generator.map(Arc::as_ref).ok_or_else(|| {
            let message = "harness.toml has no `[generator]`";
            GenerationError::new(Failure::Configuration, message)
        })
    }

    async fn ask(&self, id: JobId, state: &State, attempt: &Attempt) -> Result<Event, EngineError> {
        let number = attempt.number;
        let generator = self.generator(attempt.tier)?;
        let request = self.request(state, attempt)?;
        let request_id = generator.request_id(&request);
        let known = self.ledger.borrow().completion((id, number), request_id)?;
        if let Some(digest) = known {
            return self.completed(number, digest);
        }
        let config = self.workspace.harness.generator.as_ref().map(|one| one.tier(attempt.tier));
        let (input, output) = config.map_or((0.0, 0.0), |one| (one.input_price, one.output_price));
        let price = |usage| Spend::of(usage, input, output);
        if !generator.is_free() {
            if let Err(error) = generator.check_rate_limit() {
                return Ok(unanswered(number, error));
            }
            let most = price(generator.ceiling(&request));
            let budget = &self.workspace.harness.budget;
            let at = (self.run.get(), &*today());
            let reserved = self.ledger.borrow_mut().reserve((id, number), at, most, budget);
            match reserved {
                Err(LedgerError::Budget(message)) => {
                    return Ok(unanswered(number, GenerationError::new(Failure::Budget, message)));
                }
                other => other?,
            }
        }
        let observer = &self.options.observer;
        let progress = |count: usize| observer.streaming(&state.job, count);
        match generator.generate(request.clone(), &progress).await {
            Ok(answer) => {
                let exchange = generator.recording(&request, &answer, &today());
                let digest = self.store(&answer, exchange)?;
                let spend = match answer.replay() {
                    Some(_) => Spend::default(),
                    None => price(answer.usage()),
                };
                let at = (id, number);
                self.ledger.borrow_mut().record_completion(at, request_id, digest, spend)?;
                // Recorded before kept: what was paid for is never asked for again.
                match generator.keep(&request, &answer, &today()) {
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

    /// Puts an answer into the objects, with the exchange as a recording.
    fn store(&self, answer: &Generation, exchange: Option<Vec<u8>>) -> Result<Digest, EngineError> {
        let exchange = exchange.map(|text| self.objects.put(&text)).transpose()?;
        let stored = match answer.clone() {
            Generation::Text { completion, .. } => {
                StoredGeneration::Text(Completion { exchange, ..completion })
            }
            Generation::Workspace { tree, transcript, usage, model, replay } => {
                let tree = self.objects.put_tree(&tree)?;
                let transcript = self.objects.put(&transcript)?;
                StoredGeneration::Workspace(StoredWorkspace {
                    tree,
                    transcript,
                    usage,
                    model,
                    replay,
                    exchange,
                })
            }
        };
        let text = serde_json::to_vec(&stored).expect("an answer is plain data");
        Ok(self.objects.put(&text)?)
    }

    fn request(&self, state: &State, attempt: &Attempt) -> Result<Request, EngineError> {
        let part = &state.job.parts[attempt.part];
        let digest = attempt.prompt.unwrap_or_else(|| Digest::of(""));
        let before = state.attempts.iter().filter(|a| a.number < attempt.number);
        let sample =
            before.filter(|a| a.prompt == attempt.prompt && a.tier == attempt.tier).count();
        Ok(Request {
            prompt: self.object(digest)?,
            kind: attempt.kind,
            sample: u32::try_from(sample).unwrap_or(u32::MAX),
            context: CallContext {
                spec: state.job.spec.clone(),
                target: part.target.clone(),
                job: part.key,
                attempt: attempt.number,
            },
        })
    }

    pub(super) fn object<T: serde::de::DeserializeOwned>(
        &self,
        digest: Digest,
    ) -> Result<T, EngineError> {
        let bytes = self.objects.get(digest)?;
        serde_json::from_slice(&bytes).map_err(|why| EngineError::Io(std::io::Error::other(why)))
    }

    fn completed(&self, attempt: u32, digest: Digest) -> Result<Event, EngineError> {
        let answer: StoredGeneration = self.object(digest)?;
        let (usage, replay) = (answer.usage(), answer.replay().map(str::to_owned));
        Ok(Event::Completed { attempt, completion: digest, usage, replay })
    }

    fn adopt(&self, state: &State, attempt: &Attempt) -> Result<Event, EngineError> {
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

    async fn read(&self, state: &State, attempt: &Attempt) -> Result<Event, EngineError> {
        let (_, target) = self.part(state, attempt);
        let spec = self.spec(state);
        let digest = attempt.completion.unwrap_or_else(|| Digest::of(""));
        let completion: StoredGeneration = self.object(digest)?;
        let base = match History::of(state, attempt).candidate {
            Some(digest) => self.objects.get_tree(digest)?,
            None => Tree::default(),
        };
        let rules = ReplyRules {
            allowed: toolchain::allowed_files(target),
            layout: toolchain::of(target).layout(target),
            clauses: spec.clauses.iter().map(|clause| clause.id.clone()).collect(),
            base,
        };
        let inputs = self.inputs(state, attempt)?;
        let attempt = attempt.number;
        let reply = match completion {
            StoredGeneration::Text(completion) => reply::read(&completion, &rules),
            StoredGeneration::Workspace(workspace) => {
                reply::read_tree(&self.objects.get_tree(workspace.tree)?, &rules)
            }
        };
        let (tree, reader) = match reply {
            Reply::Tree { tree, reader } => (tree, reader),
            Reply::Conflict { clause, message } => {
                return Ok(Event::Conflict { attempt, clause, message });
            }
            Reply::Malformed { message, reask } => {
                return Ok(Event::Malformed { attempt, message, reask });
            }
        };
        // A tree that the harness cannot make its own stays as it is: the layout gate says why.
        let (tree, formatted) = match toolchain::of(target).normalise(&tree, spec, target) {
            Err(_) => (tree, Vec::new()),
            Ok(tree) => {
                let formatted = self.executor().format(toolchain::of(target), &tree).await;
                formatted.map_err(|e| EngineError::Io(std::io::Error::other(e)))?
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

    pub(super) fn candidate(&self, attempt: &Attempt) -> Result<Candidate, EngineError> {
        let digest = attempt.tree.unwrap_or_else(|| Digest::of(""));
        let provenance = Provenance::of(attempt.completion);
        Ok(Candidate::new(self.objects.get_tree(digest)?, provenance))
    }

    pub(super) fn verdict(&self, state: &State, attempt: &Attempt) -> Result<Verdict, EngineError> {
        let gates = &state.job.parts[attempt.part].gates;
        Ok(judge(&self.candidate(attempt)?, gates, &attempt.reports))
    }
}

fn unanswered(attempt: u32, error: GenerationError) -> Event {
    let wait_s = error.after.map(|after| after.as_secs_f64().ceil() as u64);
    Event::GenerationFailed { attempt, failure: error.failure, message: error.message, wait_s }
}
