//! Content on the server: bytes and trees by digest.

use std::sync::PoisonError;
use std::time::Duration;

use async_nats::jetstream::consumer::push;
use async_nats::jetstream::object_store::InfoErrorKind;
use futures::StreamExt;

use super::server::{OBJECTS, PATIENCE, WorkServer, WorkersError};
use crate::dispatch::{pack, unpack};
use crate::types::{Digest, Tree, is_pool_name, limits};

/// How long the content of one name may take to arrive.
const LONGEST: Duration = Duration::from_secs(300);
/// How many names are remembered.
const REMEMBERED: usize = 100_000;

impl WorkServer {
    /// Puts bytes, unless the server has them.
    pub(super) async fn push(&self, bytes: &[u8]) -> Result<Digest, WorkersError> {
        let digest = Digest::of(bytes);
        self.put(format!("b-{digest}"), || bytes.to_vec()).await?;
        Ok(digest)
    }

    /// Puts a tree, unless the server has it.
    pub(super) async fn push_tree(&self, tree: &Tree) -> Result<(), WorkersError> {
        self.put(format!("t-{}", tree.digest()), || pack(tree)).await
    }

    /// Bytes by their digest; `None` if the server does not have them, or has more than `most`.
    pub(super) async fn pull(
        &self,
        digest: Digest,
        most: usize,
    ) -> Result<Option<Vec<u8>>, WorkersError> {
        let found = self.read(&format!("b-{digest}"), most).await?;
        Ok(found.filter(|bytes| Digest::of(bytes) == digest))
    }

    /// A tree by its digest; `None` if the server does not have it.
    pub(super) async fn pull_tree(&self, digest: Digest) -> Result<Option<Tree>, WorkersError> {
        let found = self.read(&format!("t-{digest}"), limits::OBJECT_BYTES).await?;
        Ok(found.and_then(|bytes| unpack(digest, &bytes).ok()))
    }

    /// Forgets what the server is believed to have. What it says that it has is read from now on.
    pub(super) fn doubt(&self) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.names.clear();
        sent.doubted = true;
    }

    /// Whether the server has a name's content, and whether that must be read to know it.
    fn is_sent(&self, name: &str) -> (bool, bool) {
        let server = self.client.server_info().server_id;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        // A server that was started again may have lost everything.
        if sent.server != server || sent.names.len() > REMEMBERED {
            sent.names.clear();
            sent.server = server;
        }
        (sent.names.contains(name), sent.doubted)
    }

    async fn put(&self, name: String, bytes: impl FnOnce() -> Vec<u8>) -> Result<(), WorkersError> {
        let (is_sent, is_doubted) = self.is_sent(&name);
        if is_sent {
            return Ok(());
        }
        let bytes = bytes();
        let has = if is_doubted {
            self.read(&name, limits::OBJECT_BYTES).await?.is_some_and(|found| found == bytes)
        } else {
            self.objects.info(&name).await.is_ok_and(|info| !info.deleted)
        };
        if !has {
            let put = self.objects.put(name.as_str(), &mut bytes.as_slice()).await;
            put.map_err(|why| WorkersError::new("cannot store content", why))?;
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).names.insert(name);
        Ok(())
    }

    /// What the server has by a name. Others can write there too: links that lead round, parts
    /// that never come. So links are not followed, and the parts are read here.
    async fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, WorkersError> {
        let failed = |why: &dyn std::fmt::Display| WorkersError::new("cannot read content", why);
        let info = match self.objects.info(name).await {
            Ok(info) => info,
            Err(why) if why.kind() == InfoErrorKind::TimedOut => return Err(failed(&why)),
            Err(_) => return Ok(None),
        };
        let is_link = info.options.is_some_and(|options| options.link.is_some());
        if info.deleted || is_link || info.size > most || !is_pool_name(&info.nuid) {
            return Ok(None);
        }
        let config = push::OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            filter_subject: format!("$O.{OBJECTS}.C.{}", info.nuid),
            ..push::OrderedConfig::default()
        };
        let parts = self.content.create_consumer(config).await.map_err(|why| failed(&why))?;
        let parts = parts.messages().await.map_err(|why| failed(&why))?;
        let read = tokio::time::timeout(LONGEST, whole(parts, info.size)).await;
        read.unwrap_or(Ok(None)).map_err(|why| failed(&why))
    }
}

/// Reads parts until there are `size` bytes; `None` if a part does not come.
async fn whole(
    mut parts: push::Ordered,
    size: usize,
) -> Result<Option<Vec<u8>>, push::OrderedError> {
    let mut bytes = Vec::new();
    while bytes.len() < size {
        match tokio::time::timeout(PATIENCE, parts.next()).await {
            Ok(Some(part)) => bytes.extend_from_slice(&part?.payload),
            Ok(None) | Err(_) => return Ok(None),
        }
    }
    Ok((bytes.len() == size).then_some(bytes))
}
