//! Workers that lie, and workers that do not fit, over the real server.

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, kv};
use base64::Engine as _;
use futures::StreamExt;
use regen::attest::Signer;
use regen::dispatch::{Errand, GateEnd, Item, ItemEnd, ItemQueue};
use regen::types::{ActionResult, Digest, GateReport, Isolation, Outcome};
use tokio::io::AsyncReadExt;

use super::{Fleet, world};
use crate::server::{Server, lib};
use crate::world::{GOOD, WRONG, until};

/// How a liar answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// A pass of this very gate, not signed.
    Unsigned,
    /// A pass, signed with a key that is not trusted.
    OtherKey,
    /// A pass, with the signature of an honest result of another epoch.
    OtherEpoch,
    /// A pass of another tree.
    OtherTree,
    /// Bytes that are no result.
    Nonsense,
}

const LIES: [Lie; 5] =
    [Lie::Unsigned, Lie::OtherKey, Lie::OtherEpoch, Lie::OtherTree, Lie::Nonsense];

fn key(folder: &std::path::Path, name: &str) -> (std::path::PathBuf, String) {
    let path = folder.join(name);
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&path)
        .status();
    assert!(made.expect("runs").success());
    let public = std::fs::read_to_string(path.with_extension("pub")).expect("is there");
    (path, public.trim().to_owned())
}

/// A worker that takes every gate at once and says that it passed.
struct Liar {
    client: async_nats::Client,
    items: kv::Store,
    objects: jetstream::object_store::ObjectStore,
    work: jetstream::stream::Stream,
    signer: Signer,
}

impl Liar {
    async fn start(url: &str, key: &std::path::Path) -> Self {
        let client = async_nats::connect(url).await.expect("connects");
        let context = jetstream::new(client.clone());
        Self {
            items: context.get_key_value("regen_items").await.expect("is there"),
            objects: context.get_object_store("regen_objects").await.expect("is there"),
            work: context.get_stream("REGEN_WORK").await.expect("is there"),
            signer: Signer::parse(&std::fs::read_to_string(key).expect("reads")).expect("is one"),
            client,
        }
    }

    async fn object(&self, digest: Digest) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut object = self.objects.get(format!("b-{digest}")).await.expect("is there");
        object.read_to_end(&mut bytes).await.expect("reads");
        bytes
    }

    /// Lies about the next gate. Gives how many it lied about.
    async fn next(&self, number: usize) -> usize {
        let mut names = self.work.consumer_names();
        while let Some(Ok(name)) = names.next().await {
            if ItemQueue::parse(&name).is_none() {
                continue;
            }
            let consumer: jetstream::consumer::PullConsumer =
                self.work.get_consumer(&name).await.expect("is there");
            let mut messages =
                consumer.fetch().max_messages(1).messages().await.expect("are there");
            let Some(Ok(message)) = messages.next().await else { continue };
            let id = message.subject.rsplit('.').next().and_then(Digest::parse).expect("is one");
            self.lie(id, LIES[number % LIES.len()]).await;
            message.ack().await.expect("is taken");
            return 1;
        }
        0
    }

    async fn lie(&self, id: Digest, lie: Lie) {
        let entry = self.items.entry(id.to_string()).await.expect("reads").expect("is there");
        let item: Item = serde_json::from_slice(&entry.value).expect("reads");
        let Some(taken) = item.taken("liar") else { return };
        let errand = serde_json::from_slice(&self.object(item.order).await).expect("reads");
        let Errand::Gate(order) = errand else { panic!("it asks nothing") };
        let tree = if lie == Lie::OtherTree { Digest::of("other") } else { order.action.tree };
        let report: GateReport = serde_json::from_value(serde_json::json!({
            "gate": order.action.gate, "tree": tree, "required": true, "outcome": "pass",
            "findings": [], "tests": [], "elapsed_ms": 1, "isolation": 3,
        }))
        .expect("is a report");
        assert_eq!(report.outcome, Outcome::Pass);
        let result = Box::new(ActionResult {
            report,
            evidence: None,
            tools: String::new(),
            isolation: Isolation(3),
            worker: Some("honest".to_owned()),
        });
        let end = serde_json::to_vec(&GateEnd::Ran { result, assumed: Default::default() });
        let end = if lie == Lie::Nonsense { b"pass".to_vec() } else { end.expect("is plain") };
        let digest = Digest::of(&end);
        let name = format!("b-{digest}");
        self.objects.put(name.as_str(), &mut end.as_slice()).await.expect("is stored");
        let epoch = if lie == Lie::OtherEpoch { item.epoch + 1 } else { item.epoch };
        let (key, signature) = self.signer.sign(&Item::signed(id, epoch, digest));
        let signature = base64::engine::general_purpose::STANDARD.encode(signature);
        let signature = (lie != Lie::Unsigned).then_some((key, signature));
        let done = taken.done(ItemEnd { worker: "honest".to_owned(), end: digest, signature });
        let bytes = serde_json::to_vec(&done).expect("is plain");
        // The queue gives an item to one worker; a liar need not ask.
        drop(self.items.update(id.to_string(), bytes.into(), entry.revision).await);
        drop(self.client.publish(format!("regen.item.{id}"), "c".into()).await);
    }
}

#[test]
fn a_lying_worker_promotes_nothing_where_keys_are_demanded() {
    let Some(mut fleet) = Fleet::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (good, public) = key(folder.path(), "good");
    let (bad, _) = key(folder.path(), "bad");
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let world = world(&fleet, &server, &format!("trusted = [\"{public}\"]\nalone_after_s = 30\n"));
    fleet.worker(&world, "one", &["--key", good.to_str().expect("is text")]);
    fleet.ready(&world);
    let run = world.spawn(&["run", "-v"]);
    let url = fleet.url();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let lying = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let liar = Liar::start(&url, &bad).await;
            let mut lies = 0;
            while ended.try_recv().is_err() {
                lies += liar.next(lies).await;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            lies
        })
    });
    let out = run.wait_with_output().expect("ends");
    end.send(()).expect("it lies");
    let lies = lying.join().expect("ends");
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{err}");
    assert!(err.contains("test     fail"), "the wrong answer was refused: {err}");
    assert_eq!(server.requests().len(), 2);
    assert!(world.read("generated/adder/rust/src/lib.rs").contains("saturating_add"));
    println!("{lies} lies");
}

#[test]
fn other_versions_and_tools_are_told_and_get_no_work() {
    let Some(mut fleet) = Fleet::start() else { return };
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&fleet, &server, "");
    fleet.worker(&world, "one", &[]);
    fleet.ready(&world);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(fleet.url()).await.expect("connects");
        let context = jetstream::new(client.clone());
        // A coordinator of another version.
        let work = context.get_stream("REGEN_WORK").await.expect("is there");
        let name = "here=9_9_9=0123456789abcdef=2=other".to_owned();
        let config = pull::Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            filter_subject: format!("regen.work.{}.*", name.replace('=', ".")),
            ..pull::Config::default()
        };
        work.create_consumer(config).await.expect("is made");
    });
    let this = env!("CARGO_PKG_VERSION");
    until("it says so", || {
        let told = format!("a coordinator is regen 9.9.9, this worker is regen {this}");
        fleet.said("one").contains(&told)
    });
    fleet.kill_worker("one");
    // A worker of another version in its place.
    runtime.block_on(async {
        let client = async_nats::connect(fleet.url()).await.expect("connects");
        let context = jetstream::new(client);
        let presence = context.get_key_value("regen_presence").await.expect("is there");
        let seen = presence.get("one").await.expect("reads").expect("is there");
        let text = String::from_utf8(seen.to_vec()).expect("is text");
        let text = text.replace("\"one\"", "\"two\"").replace(this, "0.0.1");
        presence.purge("one").await.expect("is gone");
        presence.put("two", text.into()).await.expect("is put");
    });
    let ran = world.run(&["run"]).expect(40);
    let told = format!("two is regen 0.0.1, this is regen {this}");
    assert!(ran.err.contains(&told), "{}", ran.shown());
    let doctor = world.run(&["doctor"]).out;
    assert!(doctor.contains(&told), "{doctor}");
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("\"here\"", "\"there\""));
    let doctor = world.run(&["doctor"]).out;
    let told = "no worker is in pool `there`: `regen worker --pool there`";
    assert!(doctor.contains(told), "{doctor}");
}
