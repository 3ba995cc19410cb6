//! Asks models in a pool of workers, which have their keys.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::dispatcher::{Coordinator, Dispatcher, NotElsewhere, Travel, Unused};
use super::server::{WorkServer, WorkersError};
use super::wait::longest;
use crate::dispatch::{AskEnd, AskNotice, AskOrder, Errand, ItemEnd, ItemQueue, WorkerNeed};
use crate::generator::{
    Elsewhere, GenerationError, GenerationProgress, RemoteAnswer, RemoteQuestion,
};
use crate::types::{Digest, Failure, Isolation, limits};

/// Asks in a pool.
#[derive(Debug)]
pub struct PoolAsker {
    dispatcher: Dispatcher,
    pool: String,
}

/// A question that travels.
struct TravellingQuestion<'a> {
    id: Digest,
    order: AskOrder,
    queue: ItemQueue,
    model: String,
    progress: &'a dyn GenerationProgress,
}

impl PoolAsker {
    /// An asker in the pool of `[workers] ask`; `None` without it.
    pub fn new(coordinator: &Coordinator) -> Option<Self> {
        let pool = coordinator.config.ask.clone()?;
        Some(Self { dispatcher: Dispatcher::new(coordinator.clone()), pool })
    }

    async fn asked(
        &self,
        question: RemoteQuestion,
        progress: &dyn GenerationProgress,
    ) -> RemoteAnswer {
        let RemoteQuestion { request, settings, model } = question;
        let order = AskOrder { request, settings };
        let run = &self.dispatcher.coordinator.run;
        let queue = ItemQueue::new(&self.pool, settings, Isolation::default(), run);
        let one = TravellingQuestion { id: order.id(), order, queue, model, progress };
        let pool = &self.pool;
        let failed =
            |failure, why: String| RemoteAnswer::Failed(GenerationError::new(failure, why));
        match self.dispatcher.elsewhere(&one).await {
            Ok(asked) => asked,
            Err(NotElsewhere::Alone(why)) => {
                self.dispatcher.tell(format!("{why}; models are asked from this machine"));
                RemoteAnswer::Alone
            }
            Err(NotElsewhere::Mismatch(why)) => failed(
                Failure::Configuration,
                format!("no worker in pool `{pool}` can ask: {why} (see `regen workers`)"),
            ),
            Err(NotElsewhere::Lost(why)) => failed(
                Failure::Connection,
                format!("a worker in pool `{pool}` may have asked: {why}"),
            ),
        }
    }
}

impl Elsewhere for PoolAsker {
    fn ask<'a>(
        &'a self,
        question: RemoteQuestion,
        progress: &'a dyn GenerationProgress,
    ) -> BoxFuture<'a, RemoteAnswer> {
        self.asked(question, progress).boxed()
    }
}

impl Travel for TravellingQuestion<'_> {
    type End = RemoteAnswer;

    const REPEATS: bool = false;

    fn id(&self) -> Digest {
        self.id
    }

    fn queue(&self) -> &ItemQueue {
        &self.queue
    }

    fn wanted(&self) -> WorkerNeed<'_> {
        WorkerNeed::Model(&self.model)
    }

    fn longest(&self) -> Duration {
        longest(limits::ATTEMPT_DEADLINE)
    }

    async fn send(&self, server: &WorkServer) -> Result<Digest, WorkersError> {
        server.push(&Errand::Ask(self.order.clone()).bytes()).await
    }

    async fn end(
        &self,
        server: &WorkServer,
        done: &ItemEnd,
        reused: bool,
    ) -> Result<Result<RemoteAnswer, Unused>, WorkersError> {
        let Some(bytes) = server.pull(done.end, limits::ORDER_BYTES).await? else {
            return Ok(Err(Unused::gone()));
        };
        Ok(match serde_json::from_slice(&bytes) {
            Err(why) => Err(Unused::Wrong(why.to_string())),
            Ok(AskEnd::NotAsked { why, missing }) => {
                if missing {
                    server.doubt();
                }
                Err(Unused::not_done(why))
            }
            // What cost nothing is asked again.
            Ok(AskEnd::Unanswered { message, served: false, .. }) if reused => {
                Err(Unused::not_done(message))
            }
            Ok(AskEnd::Unanswered { failure, message, after, served }) => {
                let message: String = message.chars().take(limits::SHOWN_LINE).collect();
                let message = format!("{message} (asked by worker {})", done.worker);
                let error = GenerationError::new(failure, message);
                Ok(RemoteAnswer::Failed(GenerationError { after, served, ..error }))
            }
            Ok(AskEnd::Answered { response }) => {
                match server.pull(response, limits::OBJECT_BYTES).await? {
                    None => Err(Unused::gone()),
                    Some(bytes) => {
                        Ok(RemoteAnswer::Response(String::from_utf8_lossy(&bytes).into_owned()))
                    }
                }
            }
        })
    }

    fn told(&self, bytes: &[u8]) {
        match serde_json::from_slice(bytes) {
            Ok(AskNotice::Grown(characters)) => self.progress.grown(characters),
            Ok(AskNotice::Note(text)) => self.progress.note(&text),
            Err(_) => {}
        }
    }
}
