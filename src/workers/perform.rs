//! What a worker does: it runs a gate, or asks a model.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::performed::Performed;
use super::queue::ItemNotice;
use super::serve::Worker;
use super::server::{WorkServer, WorkersError};
use crate::dispatch::{AskEnd, AskNotice, AskOrder, Errand, GateEnd, GateOrder, Item};
use crate::gate::{ExecuteOptions, GateExecutor, LocalExecutor};
use crate::generator::{GenerationError, GenerationProgress};
use crate::process::{Listener, without_secrets};
use crate::store::{Candidates, ContentStore, files};
use crate::types::{Digest, Failure, limits};

/// After how many gates a worker forgets what it has in memory.
const FRESH: u32 = 500;
/// How often the growth of an answer is told.
const GROWTH: Duration = Duration::from_millis(200);

impl Worker<'_> {
    /// Fetches what an item needs, and does it.
    pub(super) async fn perform(&self, id: Digest, item: &Item) -> Performed {
        let short: String = id.to_string().chars().take(8).collect();
        let Some(server) = self.server().await else {
            return Performed::not_begun(short, "the server went away".to_owned(), false);
        };
        match self.fetch(&server, id, item).await {
            Err(why) => Performed::not_begun(short, why.to_string(), false),
            Ok(Err(why)) => Performed::not_begun(short, why, true),
            Ok(Ok(Errand::Gate(order))) => self.execute(&server, id, &order).await,
            Ok(Ok(Errand::Ask(order))) => self.ask(&server, id, order).await,
        }
    }

    /// Fetches an order and its content. An inner error is something that the server lacks.
    async fn fetch(
        &self,
        server: &WorkServer,
        id: Digest,
        item: &Item,
    ) -> Result<Result<Errand, String>, WorkersError> {
        let here = |why: std::io::Error| WorkersError::new("cannot store content", why);
        let lacks = |what: &str| Ok(Err(format!("the server lacks {what}")));
        let Some(bytes) = server.pull(item.order, limits::ORDER_BYTES).await? else {
            return lacks("the order");
        };
        let errand: Errand = match serde_json::from_slice(&bytes) {
            Ok(errand) => errand,
            Err(why) => return Ok(Err(format!("the order cannot be read: {why}"))),
        };
        if errand.id() != id {
            return Ok(Err("the order is another one".to_owned()));
        }
        let Errand::Gate(order) = &errand else { return Ok(Ok(errand)) };
        let inputs = order.action.inputs;
        if self.store.get(inputs).is_err() {
            let Some(bytes) = server.pull(inputs, limits::ORDER_BYTES).await? else {
                return lacks("the inputs");
            };
            self.store.put(&bytes).map_err(here)?;
        }
        for digest in order.trees() {
            if self.store.get_tree(digest).is_err() {
                let Some(tree) = server.pull_tree(digest).await? else { return lacks("a tree") };
                self.store.put_tree(&tree).map_err(here)?;
            }
        }
        Ok(Ok(errand))
    }

    async fn execute(&self, server: &Arc<WorkServer>, id: Digest, order: &GateOrder) -> Performed {
        let of = format!("{}: {}", order.of, order.action.gate);
        let not_run =
            |of, why: String| Performed::gate(of, &GateEnd::NotRun { why, missing: false }, None);
        let executor = match self.executor(order.validators) {
            Ok(executor) => executor,
            Err(why) => return not_run(of, why.to_string()),
        };
        let (send, mut output) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
        let listener = Listener(Arc::new(move |bytes: &[u8]| drop(send.send(bytes.to_vec()))));
        let options = ExecuteOptions {
            before: &order.before,
            listener: Some(listener),
            ..ExecuteOptions::at(SystemTime::now())
        };
        let mut ran = std::pin::pin!(executor.execute(&order.action, options));
        let result = loop {
            tokio::select! {
                result = &mut ran => break result,
                Some(bytes) = output.recv() => server.tell(id, ItemNotice::Output, &bytes).await,
            }
        };
        let result = match result {
            Ok(result) => result,
            Err(why) => return not_run(of, why.to_string()),
        };
        let evidence = result.evidence.and_then(|digest| self.store.get(digest).ok());
        let red = result.report.red.iter().map(|proof| proof.key);
        let assumed = red.filter(|key| order.action.proven.contains(key)).collect();
        Performed::gate(of, &GateEnd::Ran { result: Box::new(result), assumed }, evidence)
    }

    /// Asks a model, and tells how the answer grows.
    async fn ask(&self, server: &Arc<WorkServer>, id: Digest, order: AskOrder) -> Performed {
        let context = &order.request.context;
        let of = format!("{}/{}: attempt {}", context.spec, context.target, context.attempt);
        let mut models = self.settings.models.iter();
        let Some(model) = models.find(|one| one.shown.fingerprint == order.settings) else {
            let why = "this worker has no model with these settings".to_owned();
            return Performed::ask(of, &AskEnd::NotAsked { why, missing: false }, None);
        };
        if let Err(error) = model.generator.check_rate_limit() {
            return Performed::ask(of, &unanswered(error), None);
        }
        self.asking.borrow_mut().insert(id, None);
        let (send, mut notices) = tokio::sync::mpsc::unbounded_channel();
        let progress = AskProgress { send, told: Mutex::new(Instant::now()) };
        let mut asked = std::pin::pin!(model.generator.generate(order.request, None, &progress));
        let answer = loop {
            tokio::select! {
                answer = &mut asked => break answer,
                Some(notice) = notices.recv() => {
                    let text = serde_json::to_vec(&notice).expect("a notice is plain data");
                    server.tell(id, ItemNotice::Output, &text).await;
                }
            }
        };
        let response = match answer {
            Ok(answer) => answer.transcript().to_vec(),
            Err(GenerationError { refusal: Some(refused), .. }) => refused.transcript().to_vec(),
            Err(error) => return Performed::ask(of, &unanswered(error), None),
        };
        let text = String::from_utf8_lossy(&response);
        if without_secrets(&text) != text {
            let message = "the answer has the model's key in it; it is not used";
            let mut error = GenerationError::new(Failure::Configuration, message);
            error.served = true;
            return Performed::ask(of, &unanswered(error), None);
        }
        let end = AskEnd::Answered { response: Digest::of(&response) };
        Performed::ask(of, &end, Some(response))
    }

    /// The executor for a user's validators.
    fn executor(&self, validators: Option<Digest>) -> std::io::Result<Arc<LocalExecutor>> {
        let mut served = self.served.get() + 1;
        if served > FRESH {
            // Inputs and trees of earlier gates are forgotten.
            self.executors.borrow_mut().clear();
            served = 0;
        }
        self.served.set(served);
        if let Some(known) = self.executors.borrow().get(&validators) {
            return Ok(known.clone());
        }
        let mut machine = self.room.machine.clone();
        if let Some(digest) = validators {
            machine.validators = self.settings.cache.join("validators").join(digest.to_string());
            files::write_tree(&machine.validators, &self.store.get_tree(digest)?)?;
        }
        let candidates = Arc::new(Candidates::new(self.store.clone()));
        let made = Arc::new(LocalExecutor::sharing(machine, candidates));
        self.executors.borrow_mut().insert(validators, made.clone());
        Ok(made)
    }
}

/// An error as it travels: without the key, which a server may repeat.
fn unanswered(error: GenerationError) -> AskEnd {
    let GenerationError { failure, message, after, served, .. } = error;
    AskEnd::Unanswered { failure, message: without_secrets(&message), after, served }
}

/// Sends how an answer goes on.
struct AskProgress {
    send: tokio::sync::mpsc::UnboundedSender<AskNotice>,
    /// When its growth was told last.
    told: Mutex<Instant>,
}

impl GenerationProgress for AskProgress {
    fn grown(&self, characters: usize) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= GROWTH {
            *told = Instant::now();
            drop(self.send.send(AskNotice::Grown(characters)));
        }
    }

    fn note(&self, text: &str) {
        drop(self.send.send(AskNotice::Note(without_secrets(text))));
    }
}
