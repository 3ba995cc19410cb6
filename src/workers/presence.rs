//! How a worker says that it is there, and that it goes.

use std::rc::Rc;
use std::time::Duration;

use super::performed::Performed;
use super::queue::ItemNotice;
use super::serve::Worker;
use crate::dispatch::WorkerPresence;
use crate::types::Digest;

/// How often a worker tells that it is there.
const TELL: Duration = Duration::from_secs(10);

impl Worker<'_> {
    /// Tells that it is there, and how busy it is.
    pub(super) async fn tell_presence(&self) {
        let mut others = 0;
        loop {
            if let Ok(server) = self.settings.link.get().await {
                let busy = self.held.borrow().len();
                let me = WorkerPresence { busy, ..self.settings.me.clone() };
                let last = self.told.get();
                match server.tell_presence(&me, last).await {
                    Ok(Some(revision)) => {
                        self.told.set(Some(revision));
                        others = if last.is_some() { 0 } else { others };
                    }
                    // Once: the server forgot this worker. Each time: another one writes it.
                    Ok(None) => {
                        self.told.set(None);
                        others += 1;
                        if others == 2 {
                            let name = &me.name;
                            self.say(&format!("another worker is named `{name}`: use --name"));
                        }
                        continue;
                    }
                    Err(why) => {
                        self.told.set(None);
                        self.failed(&server, &why).await;
                    }
                }
            }
            drop(tokio::time::timeout(TELL, self.changed.notified()).await);
        }
    }

    /// Puts what it has back into the queue, and says goodbye.
    pub(super) async fn leave(&self) {
        let Ok(server) = self.settings.link.get().await else { return };
        let me = &self.settings.me.name;
        let held: Vec<(Digest, u64)> =
            self.held.borrow().iter().map(|(id, epoch)| (*id, *epoch)).collect();
        for (id, epoch) in held {
            let Ok(Some((item, revision))) = server.item(id).await else { continue };
            if !item.is_with(me, epoch) {
                continue;
            }
            let asking = self.asking.borrow().get(&id).cloned();
            if let Some(answer) = asking {
                // Not asked again by another worker: the answer may have been bought.
                let answer = answer.unwrap_or_else(|| Rc::new(Performed::given_up()));
                drop(self.try_deliver(&server, id, epoch, &answer).await);
                continue;
            }
            let again = item.again(item.order, item.lease_s);
            drop(server.change(id, &again, Some(revision)).await);
            server.tell(id, ItemNotice::Changed, b"").await;
        }
        drop(server.presence.purge_expect_revision(me.as_str(), self.told.get()).await);
        drop(server.client.flush().await);
    }
}
