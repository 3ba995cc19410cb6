//! Who can write to the server writes nonsense everywhere: everything is still promoted.

use async_nats::jetstream::object_store::ObjectInfo;
use async_nats::jetstream::{self, Context, kv};
use base64::Engine as _;
use futures::TryStreamExt;
use serde_json::json;

use super::{Fleet, world};
use crate::server::{Server, lib};
use crate::world::GOOD;

const NONSENSE: [&str; 4] = [
    "{",
    "null",
    r#"{"epoch":18446744073709551615,"order":"","lease_s":0,"state":"waiting"}"#,
    r#"{"name":"\u001b[2J","pool":"<b>","version":"","tools":{},"isolation":3,"slots":1,"busy":0}"#,
];

/// Every value of a bucket becomes nonsense.
async fn values(context: &Context, bucket: &str, more: &[&str]) {
    let bucket: kv::Store = context.get_key_value(bucket).await.expect("is there");
    let keys = bucket.keys().await.expect("are listed");
    let keys: Vec<String> = keys.try_collect().await.expect("are listed");
    for (number, key) in keys.iter().map(String::as_str).chain(more.iter().copied()).enumerate() {
        let text = NONSENSE[number % NONSENSE.len()];
        bucket.put(key, text.into()).await.expect("is put");
    }
}

/// Every object is removed, or a link to itself, or without its parts.
async fn objects(context: &Context) {
    let objects = context.get_object_store("regen_objects").await.expect("is there");
    let infos = objects.list().await.expect("are listed");
    let infos: Vec<ObjectInfo> = infos.try_collect().await.expect("are listed");
    assert!(infos.len() > 3, "{infos:?}");
    for (number, info) in infos.iter().enumerate() {
        let mut text = serde_json::to_value(info).expect("is plain");
        match number {
            // A part that never comes is waited for.
            0 => text["nuid"] = json!("none"),
            _ if number % 2 == 0 => text["deleted"] = json!(true),
            _ => {
                let link = json!({ "bucket": "regen_objects", "name": info.name });
                text["options"] = json!({ "link": link });
            }
        }
        let name = base64::engine::general_purpose::URL_SAFE.encode(&info.name);
        let subject = format!("$O.regen_objects.M.{name}");
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Rollup", "sub");
        let sent = context.publish_with_headers(subject, headers, text.to_string().into()).await;
        sent.expect("is sent").await.expect("is stored");
    }
}

#[test]
fn nonsense_on_the_server_is_replaced() {
    let Some(mut fleet) = Fleet::start() else { return };
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&fleet, &server, "alone_after_s = 86400\n");
    fleet.worker(&world, "one", &[]);
    fleet.ready(&world);
    world.run(&["run"]).expect(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = async_nats::connect(fleet.url()).await.expect("connects");
        let context = jetstream::new(client.clone());
        values(&context, "regen_items", &[]).await;
        values(&context, "regen_presence", &["ghost", "huge"]).await;
        objects(&context).await;
        client.flush().await.expect("is sent");
    });
    std::fs::remove_dir_all(world.cache().join("regen/worker")).expect("is there");
    let before = fleet.said("one").matches("test: pass").count();
    world.run(&["run", "--force"]).expect(0);
    world.run(&["check"]).expect(0);
    let said = fleet.said("one");
    assert!(said.matches("test: pass").count() > before, "the worker ran it: {said}");
    let shown = world.run(&["workers"]).expect(0).out;
    assert!(shown.contains("pool here: 1 workers"), "{shown}");
}
