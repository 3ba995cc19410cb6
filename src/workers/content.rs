//! Content on the server: bytes and trees by digest.

use std::sync::PoisonError;

use tokio::io::AsyncReadExt;

use super::server::{WorkServer, WorkersError};
use crate::dispatch::{pack, unpack};
use crate::types::{Digest, Tree, limits};

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

    /// Bytes by their digest; `None` if the server does not have them.
    pub(super) async fn pull(&self, digest: Digest) -> Result<Option<Vec<u8>>, WorkersError> {
        let found = self.read(&format!("b-{digest}")).await?;
        Ok(found.filter(|bytes| Digest::of(bytes) == digest))
    }

    /// A tree by its digest; `None` if the server does not have it.
    pub(super) async fn pull_tree(&self, digest: Digest) -> Result<Option<Tree>, WorkersError> {
        let found = self.read(&format!("t-{digest}")).await?;
        Ok(found.and_then(|bytes| unpack(digest, &bytes).ok()))
    }

    /// Forgets what the server is believed to have.
    pub(super) fn doubt(&self) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn put(&self, name: String, bytes: impl FnOnce() -> Vec<u8>) -> Result<(), WorkersError> {
        let is_sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).contains(&name);
        if is_sent {
            return Ok(());
        }
        if self.objects.info(&name).await.is_err() {
            let bytes = bytes();
            let put = self.objects.put(name.as_str(), &mut bytes.as_slice()).await;
            put.map_err(|why| WorkersError::new("cannot store content", why))?;
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, WorkersError> {
        use async_nats::jetstream::object_store::GetErrorKind;
        let found = match self.objects.get(name).await {
            Ok(found) => found,
            Err(why) if why.kind() == GetErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(WorkersError::new("cannot read content", why)),
        };
        let mut bytes = Vec::new();
        let mut capped = found.take(limits::OBJECT_BYTES as u64 + 1);
        match capped.read_to_end(&mut bytes).await {
            Ok(length) if length <= limits::OBJECT_BYTES => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(why) => Err(WorkersError::new("cannot read content", why)),
        }
    }
}
