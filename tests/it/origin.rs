//! Attestations, keys, third-party verifiers, rebuilding of the lockfile.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::check::{commit, demonstration, git, promoted};
use crate::server::{Server, lib};
use crate::world::{GOOD, PLAIN, QUICK, World, collect, stable};

/// A key made with OpenSSL for this test.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
const SIGNED: &str = "[attestation]\nkey_env = \"SIGNING_KEY\"\n";
const FILE: &str = "generated/adder/rust.intoto.jsonl";

fn run_with_key(world: &World, key: &str, args: &[&str]) -> crate::world::Run {
    crate::world::Run::of(world.command(args).env("SIGNING_KEY", key))
}

/// A workspace that signs, without its key.
fn signed() -> (World, Server) {
    let server = Server::start(vec![lib(GOOD)]);
    let extra = format!("{QUICK}{SIGNED}");
    (World::new(&server.url, &[("adder", PLAIN)], &extra), server)
}

/// A Python with the packages for verification, if available.
pub fn python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/verify/bin/python");
    let packages =
        "import securesystemslib.dsse, cryptography, in_toto_attestation, jsonschema, xmlschema";
    let tried = Command::new(&python).args(["-c", packages]).output();
    tried.is_ok_and(|output| output.status.success()).then_some(python)
}

/// Verifies with securesystemslib, and parses the statements with in-toto's types.
const VERIFY: &str = r#"
import base64, json, sys
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

path, pem = sys.argv[1:]
public = load_pem_private_key(pem.encode(), None).public_key()
public = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
kinds = []
for line in open(path):
    envelope = Envelope.from_dict(json.loads(line))
    keyid = next(iter(envelope.signatures))
    envelope.verify([SSlibKey(keyid, "ed25519", "ed25519", {"public": public.hex()})], 1)
    assert envelope.payload_type == "application/vnd.in-toto+json"
    statement = json_format.Parse(envelope.payload, statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    kinds.append(statement.predicate_type)
    kind = provenance_pb2.Provenance() if len(kinds) == 1 else test_result_pb2.TestResult()
    json_format.Parse(json.dumps(json.loads(envelope.payload)["predicate"]), kind)
assert kinds == ["https://slsa.dev/provenance/v1", "https://in-toto.io/attestation/test-result/v0.1"], kinds
"#;

#[test]
fn third_party_verifiers_accept_signatures_and_reject_a_flipped_bit() {
    let (world, _server) = signed();
    run_with_key(&world, PEM, &["run", "-q"]).expect(0);
    let Some(python) = python() else {
        #[expect(clippy::print_stderr, reason = "says what is not tested")]
        {
            eprintln!(
                "SKIPPED: no target/verify/bin/python with securesystemslib (.ci/run makes it)"
            );
        }
        return;
    };
    let verify = |path: &Path| {
        let run = Command::new(&python).args(["-c", VERIFY]).arg(path).arg(PEM).output();
        let run = run.expect("starts");
        (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let (good, why) = verify(&world.path(FILE));
    assert!(good, "{why}");
    let text = world.read(FILE);
    for part in ["\"payload\":\"", "\"sig\":\""] {
        for (at, _) in text.match_indices(part) {
            let mut bytes = text.clone().into_bytes();
            let at = at + part.len() + 40;
            // Another letter of the alphabet: one bit.
            bytes[at] ^= if bytes[at].is_ascii_alphabetic() { 0x20 } else { 1 };
            world.write("flipped.jsonl", &String::from_utf8(bytes).expect("is text"));
            let (good, _) = verify(&world.path("flipped.jsonl"));
            assert!(!good, "{part} at {at}");
        }
    }
}

#[test]
fn keys_sign_and_verify_and_never_leak() {
    let (world, server) = signed();
    let run = world.run(&["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    let run = run_with_key(&world, "nonsense", &["run"]).expect(2);
    assert!(!run.err.contains("nonsense"), "{}", run.err);
    assert_eq!(server.requests().len(), 0, "nothing is paid for that could not be signed");
    world.write("key.pem", PEM);
    let run = run_with_key(&world, "key.pem", &["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    std::fs::remove_file(world.path("key.pem")).expect("was written");
    let log = run_with_key(&world, PEM, &["run", "-vv", "--log-file", "log.txt"]).expect(0);
    let secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v";
    let mut all = world.snapshot("");
    collect(&world.cache(), &mut all);
    for (path, bytes) in all {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(secret), "{}", path.display());
    }
    assert!(!log.err.contains(secret) && !log.out.contains(secret));
    // OpenSSH derives the public key of the same key.
    let signer = world.read("regen.lock");
    let signer = signer.lines().find_map(|line| line.strip_prefix("signer = ")).expect("is signed");
    let signer = signer.trim_matches('"').to_owned();
    world.run(&["verify", "--key", &signer]).expect(0);
    world.write("../public.pub", &format!("{signer} someone\n"));
    world.run(&["verify", "--key", "../public.pub", "generated"]).expect(0);
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBd4bpRqLAHwxAkQvWnZcZSBg9vZ1PYwyLxZ7OQ5xmNf";
    let run = world.run(&["verify", "--key", other]);
    assert!(run.code == 22 || run.err.contains("not a public"), "{} {}", run.out, run.err);
    world.run(&["check", "-q"]).expect(0);
    // Only the folder is required.
    let alone = tempfile::tempdir().expect("a folder");
    let mut copy = Command::new("cp");
    let copied = copy.arg("-r").arg(world.path("generated/adder")).arg(alone.path()).status();
    assert!(copied.expect("copies").success());
    let regen = |args: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_regen"));
        run.args(args).current_dir(alone.path()).output().expect("runs").status.code()
    };
    assert_eq!(regen(&["verify", "adder", "--key", &signer]), Some(0));
    std::fs::write(alone.path().join("adder/rust/src/lib.rs"), "other").expect("writes");
    assert_eq!(regen(&["verify", "adder"]), Some(22));
    // It is invalid in another place, and with other files beside it.
    std::fs::write(alone.path().join("adder/rust/src/lib.rs"), GOOD).expect("writes");
    assert_eq!(regen(&["verify", "adder"]), Some(0));
    std::fs::write(alone.path().join("adder/stray"), "x").expect("writes");
    assert_eq!(regen(&["verify", "adder"]), Some(22));
    std::fs::remove_file(alone.path().join("adder/stray")).expect("was written");
    std::fs::rename(alone.path().join("adder"), alone.path().join("other")).expect("moves");
    assert_eq!(regen(&["verify", "other"]), Some(22));
    // Without a key an attestation does not prove its author.
    let (unsigned, other_server) = promoted();
    unsigned.first(&other_server, &["run", "-q"]).expect(0);
    unsigned.run(&["verify"]).expect(0);
    unsigned.run(&["verify", "--key", &signer]).expect(22);
    // A key configured later signs existing trees, without a model.
    let config = unsigned.read("harness.toml");
    unsigned.write("harness.toml", &format!("{config}{SIGNED}"));
    run_with_key(&unsigned, PEM, &["run", "-q"]).expect(0);
    unsigned.run(&["verify", "--key", &signer]).expect(0);
}

#[test]
fn an_invalid_signature_is_found_in_a_batch() {
    let (world, _server) = signed();
    run_with_key(&world, PEM, &["run", "-q"]).expect(0);
    world.run(&["check", "-q"]).expect(0);
    let file = "generated/adder/rust.intoto.jsonl";
    let text = world.read(file);
    let at = text.rfind("\"sig\":\"").expect("is signed") + 17;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    world.write(file, &[&text[..at], other, &text[at + 1..]].concat());
    let run = world.run(&["check", "--json"]).expect(22);
    let found = &run.json()[0]["findings"];
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(
        (&found[0]["code"], &found[0]["file"]),
        (&"check::attestation".into(), &file.into())
    );
    insta::assert_snapshot!(stable(found[0]["message"].as_str().unwrap_or_default()));
    world.write(file, &text);
    world.run(&["check", "-q"]).expect(0);
}

#[test]
fn a_key_of_openssh_signs_and_one_with_a_passphrase_is_refused() {
    let (world, _server) = signed();
    let key = world.path("../id");
    let keygen = |phrase: &str| {
        let _ = std::fs::remove_file(&key);
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", phrase, "-f"]).arg(&key);
        make.output().is_ok_and(|output| output.status.success())
    };
    std::fs::create_dir_all(world.path("")).expect("is made");
    if !keygen("phrase") {
        #[expect(clippy::print_stderr, reason = "says what is not tested")]
        {
            eprintln!("SKIPPED: there is no ssh-keygen");
        }
        return;
    }
    let path = key.display().to_string();
    let run = run_with_key(&world, &path, &["run"]).expect(2);
    insta::assert_snapshot!(run.shown());
    assert!(keygen(""));
    run_with_key(&world, &path, &["run", "-q"]).expect(0);
    world.run(&["verify", "--key", &format!("{path}.pub")]).expect(0);
}

#[test]
fn fix_lock_rebuilds_a_conflicting_lockfile_from_the_trees() {
    let world = demonstration();
    commit(&world);
    let whole = world.read("regen.lock");
    let conflict = whole.replace(
        "[spec.celsius.target.rust.origin]\n",
        "<<<<<<< ours\n[spec.celsius.target.rust.origin]\n=======\nx = 1\n>>>>>>> theirs\n",
    );
    assert_ne!(conflict, whole);
    world.write("regen.lock", &conflict);
    insta::assert_snapshot!(world.run(&["check"]).expect(22).shown());
    insta::assert_snapshot!(world.run(&["run"]).expect(40).shown());
    insta::assert_snapshot!(world.run(&["check", "--fix-lock"]).expect(0).shown());
    assert_eq!(world.read("regen.lock"), whole, "the same bytes");
    // A tree without attestation is in no lockfile, in either version.
    let lib = "generated/celsius/rust/src/lib.rs";
    world.write(lib, &format!("{}\n// merged\n", world.read(lib)));
    insta::assert_snapshot!(world.run(&["check", "--fix-lock"]).expect(22).shown());
    assert!(!world.read("regen.lock").contains("spec.celsius."));
    git(&world, &["checkout", "-q", "--", "generated"]).expect(0);
    world.run(&["check", "--fix-lock", "-q"]).expect(0);
    assert_eq!(world.read("regen.lock"), whole);
    // A lockfile of a newer version is not changed.
    let future = whole.replace("version = 3", "version = 7");
    world.write("regen.lock", &future);
    insta::assert_snapshot!(world.run(&["check"]).expect(22).shown());
}

#[test]
fn policies_are_enforced_and_invalid_ones_rejected() {
    let world = demonstration();
    let check = |policy: &str| {
        world.write("../policy.toml", policy);
        world.run(&["check", "--json", "--policy", "../policy.toml"])
    };
    let codes = |policy: &str| -> Vec<String> {
        let found = check(policy).expect(22).json()[0]["findings"].clone();
        let mut codes: Vec<_> = found
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["code"].as_str().expect("has one").to_owned())
            .collect();
        codes.dedup();
        codes
    };
    check("models = [\"qwen2.5-*\"]\nmin_isolation = 2\ngates = [\"test\", \"proof\"]\nreplay = true\n")
        .expect(0);
    check("min_assurance = \"sealed\"").expect(0);
    check("min_assurance = \"sealed, effects: fs\"").expect(0);
    for (policy, code) in [
        ("models = [\"other\"]", "check::policy_model"),
        ("min_isolation = 3", "check::policy_isolation"),
        ("min_assurance = \"outside\"", "check::policy_assurance"),
        ("gates = [\"documented\"]", "check::policy_gate"),
        ("replay = false", "check::policy_replay"),
        ("max_age_days = 1", "check::policy_age"),
        (
            "signed_by = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBd4bpRqLAHwxAkQvWnZcZSBg9vZ1PYwyLxZ7OQ5xmNf\"]",
            "check::policy_signer",
        ),
    ] {
        let run = check(policy);
        // Bytes that are not a point of the curve are not a key.
        if code == "check::policy_signer" && run.code == 2 {
            continue;
        }
        assert_eq!(codes(policy), [code], "{policy}");
    }
    check("modles = []").expect(2);
    check("min_isolation = 9").expect(2);
    check("min_assurance = \"sealed, effects: disk\"").expect(2);
    check("signed_by = [\"me\"]").expect(2);
    // Signed, by whom, and when.
    let (signed, _server) = signed();
    run_with_key(&signed, PEM, &["run", "-q"]).expect(0);
    let lock = signed.read("regen.lock");
    let key = lock.lines().find_map(|line| line.strip_prefix("signer = ")).expect("is signed");
    signed.write(
        "../policy.toml",
        &format!("signed_by = [{key}]\nmax_age_days = 1\nreplay = false\n"),
    );
    signed.run(&["check", "--policy", "../policy.toml"]).expect(0);
}
