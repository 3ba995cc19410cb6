//! Checks `[workers]`.

use super::{ConfigCheck, hint, is_web};
use crate::types::{GeneratorSettings, Harness, Isolation, Target, is_pool_name};

/// What is wrong with the address of a server of workers.
pub fn wrong_server(text: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(text) else { return Some("is not a URL") };
    if !["nats", "tls"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Some("is not `nats://HOST:PORT` or `tls://HOST:PORT`");
    }
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    has_credentials.then_some("has credentials in it")
}

impl ConfigCheck<'_> {
    fn pool(&mut self, path: &[&str], pool: &str) {
        if !is_pool_name(pool) {
            let message = format!("`{pool}` is not the name of a pool");
            self.wrong(path, message, "use 1 to 64 letters, digits, `-` or `_`");
        }
    }

    pub(super) fn workers(&mut self, harness: &Harness) {
        let Some(workers) = &harness.workers else { return };
        if let Some(why) = wrong_server(&workers.server) {
            let help = "server = \"tls://nats.example.org:4222\"; credentials are read from \
                        NATS_CREDS, or NATS_USER and NATS_PASSWORD";
            // The address may have a password in it.
            self.wrong(&["workers", "server"], format!("`server` {why}"), help);
        }
        let generated = harness.target.iter().filter(|(_, target)| Target::is_generated(target));
        for (target, pool) in &workers.pools {
            let path = ["workers", "pools", target];
            if !harness.target.get(target).is_some_and(Target::is_generated) {
                let help = hint(target, generated.clone().map(|(name, _)| name.as_str()));
                self.wrong(&path, format!("no generated target `{target}`"), help);
            }
            self.pool(&path, pool);
        }
        if let Some(pool) = &workers.ask {
            self.pool(&["workers", "ask"], pool);
            let settings = harness.generator.as_ref().map(|one| &one.settings);
            let message = match settings {
                None => "there is no `[generator]` to ask",
                Some(GeneratorSettings::Command(_)) => "agents work on this machine",
                Some(GeneratorSettings::Openai(_) | GeneratorSettings::Cassette(_)) => "",
            };
            if !message.is_empty() {
                self.wrong(&["workers", "ask"], message, "remove `ask`");
            }
        }
        if workers.pools.is_empty() && workers.ask.is_none() {
            let help = "add `pools = { rust = \"linux-x64\" }` or `ask = \"models\"`";
            self.wrong(&["workers"], "nothing is given to workers", help);
        }
        if workers.alone_after_s > 86400 {
            let message = "`alone_after_s` must be from 0 to 86400";
            self.wrong(&["workers", "alone_after_s"], message, "the default is 60");
        }
        if !(4..=3600).contains(&workers.lease_s) {
            let message = "`lease_s` must be from 4 to 3600";
            self.wrong(&["workers", "lease_s"], message, "the default is 60");
        }
        if workers.min_isolation > Isolation::CGROUP {
            let message = format!("{} is not an isolation level", workers.min_isolation);
            self.wrong(&["workers", "min_isolation"], message, "use 0 to 3");
        }
        if let Some(url) = workers.monitor.as_ref().filter(|url| !is_web(url)) {
            let help = "for example http://127.0.0.1:8222";
            self.wrong(&["workers", "monitor"], format!("`{url}` is not a valid URL"), help);
        }
    }
}
