//! Many sandboxes, each with a gateway of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regen::gateway::{ExchangeJournal, Gateway, GatewayRules, RateLimits, Upstream, WholeAnswer};
use regen::process::Program;
use regen::sandbox::{Mount, Namespaces, Sandbox, SandboxSpec, SandboxView, Scratch, attempt};
use regen::types::generator::{ReplyForm, ServerSettings};
use regen::types::{Digest, Limits, LimitsConfig, Usage, limits, places};

use crate::server::Server;

/// A journal in memory.
#[derive(Debug, Default)]
struct Journal(Mutex<Vec<(Digest, Usage, bool)>>);

impl ExchangeJournal for Journal {
    fn known(&self, _: Digest) -> Option<WholeAnswer> {
        None
    }

    fn spent(&self) -> u64 {
        0
    }

    fn begin(&self, request: Digest, most: Usage) -> Result<i64, String> {
        let mut list = self.0.lock().expect("is free");
        list.push((request, most, false));
        Ok(list.len() as i64 - 1)
    }

    fn end(&self, exchange: i64, usage: Usage, answer: Option<WholeAnswer>) -> Result<(), String> {
        let mut list = self.0.lock().expect("is free");
        let row = &mut list[usize::try_from(exchange).expect("is one")];
        (row.1, row.2) = (usage, answer.is_some());
        Ok(())
    }
}

/// Asks with the own token and with that of a neighbour, and prints the statuses.
const ASKS: &str = r#"body='{"model":"m","max_tokens":10,"messages":[]}'
for token in "$1" "$2"; do
  exec 3<>/dev/tcp/127.0.0.1/8099
  printf 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer %s\r\ncontent-length: %s\r\n\r\n%s' \
    "$token" "${#body}" "$body" >&3
  read -r _ status _ <&3
  echo "$status"
  exec 3>&-
done"#;

#[test]
fn a_hundred_sandboxes_ask_at_a_time() {
    if !crate::world::all() {
        return;
    }
    let server = Server::start(vec![super::completion([4, 5])]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let cache = tempfile::tempdir().expect("a folder");
        let regen = std::path::Path::new(env!("CARGO_BIN_EXE_regen"));
        let sandbox = Sandbox::new(regen, Arc::new(Namespaces), cache.path(), 8192);
        if attempt(&sandbox).await.is_err() {
            return println!("not run: there are no namespaces here");
        }
        let gateways: Vec<_> = (0..100).map(|_| gateway(&server.url)).collect();
        let asks = (0..100).map(|at| {
            let tokens = [at, (at + 1) % 100].map(|at| gateways[at].0.token().to_owned());
            asks(&sandbox, gateways[at].0.clone(), tokens)
        });
        let said = futures::future::join_all(asks).await;
        assert!(said.iter().all(|said| said == "200\n401\n"), "{said:?}");
        let tokens: BTreeSet<_> = gateways.iter().map(|(gateway, _)| gateway.token()).collect();
        assert_eq!(tokens.len(), 100);
        for (gateway, journal) in &gateways {
            let usage = Usage { input: 4, output: 5, ..Usage::default() };
            assert_eq!(gateway.report().usage, usage);
            let rows = journal.0.lock().expect("is free");
            assert!(matches!(rows[..], [(_, used, true)] if used == usage), "{rows:?}");
        }
    });
    assert_eq!(server.asked().len(), 100);
}

fn gateway(url: &str) -> (Arc<Gateway>, Arc<Journal>) {
    let settings = ServerSettings {
        base_url: url.to_owned(),
        api: None,
        model: "m".to_owned(),
        api_key_env: None,
        reply: ReplyForm::Files,
        temperature: None,
        reasoning_effort: None,
        max_output_tokens: None,
        context_tokens: None,
        max_tries: 1,
        retry_base_ms: 1,
        first_token_timeout_ms: 300_000,
        idle_timeout_ms: 300_000,
        deadline_ms: 300_000,
        requests_per_minute: 0,
        requests: 0,
    };
    let rules = GatewayRules { models: vec!["m".to_owned()], output_tokens: None, tokens: 10_000 };
    let journal = Arc::new(Journal::default());
    regen::generator::install_tls();
    let pace = RateLimits::default().of(&settings);
    let upstream = Upstream::new(settings, None, pace).expect("starts");
    (Gateway::new(rules, upstream, journal.clone()).expect("has random numbers"), journal)
}

async fn asks(sandbox: &Sandbox, gateway: Arc<Gateway>, tokens: [String; 2]) -> String {
    let config = LimitsConfig { memory_mb: Some(64), ..LimitsConfig::default() };
    let spec = SandboxSpec {
        mounts: vec![Mount::read_only("/usr", places::TOOLS)],
        scratch: vec![Scratch::Program(places::TOOL_HOME.into())],
        ..SandboxSpec::new(Limits::of(&config))
    };
    let session = sandbox.open(&spec).await.expect("opens");
    let [own, other] = tokens;
    let args = ["-c", ASKS, "bash", &own, &other].map(Into::into).to_vec();
    let program = Program {
        path: "/usr/bin/bash".into(),
        args,
        dir: session.paths().at(places::SOURCE).to_owned(),
        env: Vec::new(),
        stdin: None,
        timeout: Duration::from_secs(300),
    };
    let hosted = session.host(SandboxView::Build, program, limits::GATEWAY_PORT);
    let output = {
        let (door, output) = hosted.expect("has descriptors");
        let serving = async {
            let listener = door.listener().await.expect("listens");
            match gateway.serve(listener).await {}
        };
        tokio::select! {
            output = output => output.expect("runs"),
            () = serving => unreachable!("it goes on"),
        }
    };
    session.close().await;
    String::from_utf8_lossy(&output.stdout).into_owned()
}
