//! Attestations of promoted trees: in-toto Statements v1 in DSSE envelopes, SLSA provenance v1 and
//! test-result v0.1, one envelope per line.
//!
//! A statement is a pure function of the lockfile entry (and, if signed, of the time). An
//! attestation is checked by rendering it again and comparing bytes, and a lost entry can be read
//! back from it. Sources: in-toto Attestation Framework v1, SLSA v1.0, DSSE v1.0.

mod key;

pub use key::{Batch, PublicKey, Signer};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::{Digest, SpecId, TargetName, TargetStanding};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const BUILD_TYPE: &str = "urn:regen:promotion:v1";
const BUILDER: &str = "urn:regen:builder:v1";

/// The subject of an attestation.
#[derive(Clone, Debug, PartialEq)]
pub struct Attested {
    /// The spec.
    pub spec: SpecId,
    /// The target.
    pub target: TargetName,
    /// The lockfile entry, without files and hold.
    pub entry: TargetStanding,
    /// When it was accepted, UTC, RFC 3339; only if signed.
    pub at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope<'a> {
    payload: &'a str,
    #[expect(dead_code, reason = "it must be there; what it says is compared with the rest")]
    payload_type: &'a str,
    #[serde(borrow)]
    signatures: Vec<Signature<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature<'a> {
    #[expect(dead_code, reason = "as above")]
    keyid: &'a str,
    sig: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a, P> {
    #[serde(rename = "_type")]
    kind: &'a str,
    subject: (StatementSubject<'a, DirHash<'a>>, StatementSubject<'a, Sha256<'a>>),
    predicate_type: &'a str,
    predicate: P,
}

#[derive(Serialize)]
struct StatementSubject<'a, D> {
    name: &'a str,
    digest: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DirHash<'a> {
    dir_hash: &'a Digest,
}

#[derive(Clone, Serialize)]
struct Sha256<'a> {
    sha256: &'a Digest,
}

#[derive(Clone, Serialize)]
struct ResourceDescriptor<'a> {
    name: String,
    digest: Sha256<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProvenancePredicate<'a> {
    build_definition: Definition<'a>,
    run_details: Details<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    build_type: &'a str,
    external_parameters: External<'a>,
    internal_parameters: &'a TargetStanding,
    resolved_dependencies: Vec<ResourceDescriptor<'a>>,
}

#[derive(Serialize)]
struct External<'a> {
    spec: &'a SpecId,
    target: &'a TargetName,
}

#[derive(Serialize)]
struct Details<'a> {
    builder: Builder<'a>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Builder<'a> {
    id: &'a str,
    version: Version<'a>,
}

#[derive(Serialize)]
struct Version<'a> {
    regen: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_on: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestResultPredicate<'a> {
    result: &'a str,
    configuration: Vec<ResourceDescriptor<'a>>,
    passed_tests: Vec<String>,
    warned_tests: Vec<String>,
    failed_tests: [String; 0],
}

impl Attested {
    /// From a lockfile entry.
    pub fn new(
        spec: &SpecId,
        target: &TargetName,
        entry: &TargetStanding,
        at: Option<&str>,
    ) -> Self {
        let entry = entry.attested();
        let (spec, target) = (spec.to_owned(), target.to_owned());
        Self { at: at.filter(|_| entry.signer.is_some()).map(str::to_owned), spec, target, entry }
    }

    /// The payloads, in order.
    fn statements(&self) -> [String; 2] {
        let entry = &self.entry;
        let named = |name, digest| ResourceDescriptor { name, digest: Sha256 { sha256: digest } };
        let of_clause = |name: &String| format!("clause {}/{name}", self.spec);
        let judges: Vec<ResourceDescriptor<'_>> =
            entry.gate_inputs.iter().map(|(name, digest)| named(name.clone(), digest)).collect();
        let clauses = entry.clauses.iter().map(|(name, digest)| named(of_clause(name), digest));
        let inputs = [named(format!("spec {}", self.spec), &entry.spec)].into_iter();
        let inputs = inputs.chain(clauses).chain(judges.iter().cloned());
        let provenance = ProvenancePredicate {
            build_definition: Definition {
                build_type: BUILD_TYPE,
                external_parameters: External { spec: &self.spec, target: &self.target },
                internal_parameters: entry,
                resolved_dependencies: inputs.collect(),
            },
            run_details: Details {
                builder: Builder { id: BUILDER, version: Version { regen: &entry.regen } },
                metadata: Metadata { finished_on: self.at.as_deref() },
            },
        };
        let gates = |passed: bool| {
            let some = entry.outcomes.iter();
            let some = some.filter(move |(_, outcome)| (*outcome == "pass") == passed);
            some.map(move |(gate, outcome)| {
                if passed { format!("gate {gate}") } else { format!("gate {gate}: {outcome}") }
            })
        };
        let result = TestResultPredicate {
            result: "PASSED",
            configuration: judges,
            passed_tests: gates(true).chain(entry.clauses.keys().map(of_clause)).collect(),
            warned_tests: gates(false).chain(entry.unproven.iter().cloned()).collect(),
            failed_tests: [],
        };
        [self.statement(PROVENANCE, &provenance), self.statement(TEST_RESULT, &result)]
    }

    fn statement(&self, predicate_type: &str, predicate: &impl Serialize) -> String {
        let tree = &self.entry.tree;
        let manifest = format!("{}.manifest", self.entry.path);
        let statement = Statement {
            kind: STATEMENT,
            subject: (
                StatementSubject { name: &self.entry.path, digest: DirHash { dir_hash: tree } },
                StatementSubject { name: &manifest, digest: Sha256 { sha256: tree } },
            ),
            predicate_type,
            predicate,
        };
        let mut text = Vec::with_capacity(4 << 10);
        serde_json::to_writer(&mut text, &statement).expect("a statement is plain data");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// Renders the attestation file; signed if the entry names the signer.
    pub fn render(&self, signer: Option<&Signer>) -> String {
        let signer = signer.filter(|_| self.entry.signer.is_some());
        self.lines(|message| signer.map(|signer| signer.sign(&message)).into_iter().collect())
    }

    fn lines(&self, mut sign: impl FnMut(Vec<u8>) -> Vec<(String, Vec<u8>)>) -> String {
        let line = |payload: String| {
            let signatures = sign(encode(payload.as_bytes())).into_iter();
            let signatures = signatures.map(|(keyid, sig)| {
                format!("{{\"keyid\":\"{keyid}\",\"sig\":\"{}\"}}", STANDARD.encode(sig))
            });
            // Base64 and key ids contain nothing to escape in JSON.
            format!(
                "{{\"payload\":\"{}\",\"payloadType\":\"{PAYLOAD_TYPE}\",\"signatures\":[{}]}}\n",
                STANDARD.encode(payload),
                signatures.collect::<Vec<_>>().join(",")
            )
        };
        self.statements().map(line).concat()
    }

    /// Reads attestations and checks them: every byte must be what regen writes for this entry, and
    /// the signatures must be valid for the key it names. Does not check whether the key is
    /// trusted.
    ///
    /// # Errors
    /// The problem, as a lowercase fragment.
    pub fn read(text: &str) -> Result<Self, String> {
        let [first, second] = &envelopes(text)?;
        let payload = STANDARD.decode(first.payload).map_err(|why| format!("payload: {why}"))?;
        let one = Self::of_provenance(&payload)?;
        let key = one.entry.signer.as_deref().map(PublicKey::parse).transpose()?;
        one.compare(text, [first, second], key.as_ref(), None)?;
        Ok(one)
    }

    /// Compares envelopes with the expected ones, and verifies their signatures.
    fn compare(
        &self,
        text: &str,
        envelopes: [&Envelope<'_>; 2],
        key: Option<&PublicKey>,
        mut batch: Option<&mut Batch>,
    ) -> Result<(), String> {
        let mut envelopes = envelopes.into_iter();
        let mut wrong = None;
        let expected = self.lines(|message| {
            let Some(key) = key else { return Vec::new() };
            let signature = envelopes.next().and_then(|envelope| envelope.signatures.first());
            let sig = signature.and_then(|s| STANDARD.decode(s.sig).ok()).unwrap_or_default();
            let holds = match &mut batch {
                Some(batch) => batch.add(key, message, &sig),
                None => key.verifies(&message, &sig),
            };
            if !holds {
                wrong = Some("invalid signature");
            }
            vec![(key.id(), sig)]
        });
        match wrong {
            _ if expected == text => wrong.map_or(Ok(()), |wrong| Err(wrong.to_owned())),
            Some(wrong) => Err(wrong.to_owned()),
            None => Err("it differs from what regen writes for this entry".to_owned()),
        }
    }

    fn of_provenance(payload: &[u8]) -> Result<Self, String> {
        let unreadable = |why: &str| format!("not a provenance by regen: {why}");
        let mut value: Value =
            serde_json::from_slice(payload).map_err(|why| unreadable(&why.to_string()))?;
        // Indexing a value that is not an object would panic.
        let text = |at: &str| Some(value.pointer(at)?.as_str()?.to_owned());
        let at = text("/predicate/runDetails/metadata/finishedOn");
        let spec = text("/predicate/buildDefinition/externalParameters/spec")
            .and_then(|name| SpecId::parse(&name));
        let target = text("/predicate/buildDefinition/externalParameters/target")
            .and_then(|name| TargetName::parse(&name));
        let entry = value.pointer_mut("/predicate/buildDefinition/internalParameters");
        let entry = serde_json::from_value(entry.map(Value::take).unwrap_or_default());
        let entry: TargetStanding = entry.map_err(|why| unreadable(&why.to_string()))?;
        match (spec, target) {
            (Some(spec), Some(target)) => Ok(Self::new(&spec, &target, &entry, at.as_deref())),
            _ => Err(unreadable("no spec and target")),
        }
    }

    /// Checks attestations against a lockfile entry. Gives the signed time, if any. `key` is the
    /// entry's key, if already parsed. With a `batch`, signatures are valid only if the batch is.
    ///
    /// # Errors
    /// They do not match; the reason, as a lowercase fragment.
    pub fn check(
        spec: &SpecId,
        target: &TargetName,
        entry: &TargetStanding,
        key: Option<&PublicKey>,
        text: &str,
        batch: Option<&mut Batch>,
    ) -> Result<Option<String>, String> {
        // The encoding is canonical, so bytes can be compared without parsing.
        let of = |at: Option<&str>| Self::new(spec, target, entry, at);
        if entry.signer.is_none() && of(None).render(None) == text {
            return Ok(None);
        }
        if let (Some(_), Ok([first, second])) = (key, envelopes(text)) {
            let expected = of(time_of(&first).as_deref());
            if expected.compare(text, [&first, &second], key, batch).is_ok() {
                return Ok(expected.at);
            }
        }
        let one = Self::read(text)?;
        if one == of(one.at.as_deref()) {
            Ok(one.at)
        } else {
            Err("it does not match regen.lock".to_owned())
        }
    }
}

fn envelopes(text: &str) -> Result<[Envelope<'_>; 2], String> {
    let all: Vec<Envelope<'_>> = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|why| format!("invalid envelope: {why}")))
        .collect::<Result<_, _>>()?;
    let count = all.len();
    all.try_into().map_err(|_| format!("{count} envelopes instead of 2"))
}

/// The time in a signed provenance, found without parsing the rest.
fn time_of(first: &Envelope<'_>) -> Option<String> {
    let payload = String::from_utf8(STANDARD.decode(first.payload).ok()?).ok()?;
    let (_, rest) = payload.split_once("\"finishedOn\":\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The signed bytes: DSSE's pre-authentication encoding, version 1.
fn encode(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Attested, PublicKey, Signer};
    use crate::types::{Digest, RelPath, TargetStanding};

    /// A key made for this test, with OpenSSL.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    fn entry(signer: Option<&Signer>) -> TargetStanding {
        TargetStanding {
            path: RelPath::parse("generated/s/rust").unwrap(),
            signer: signer.map(|signer| signer.public().to_string()),
            clauses: BTreeMap::from([("c".to_owned(), Digest::of("c"))]),
            outcomes: BTreeMap::from([("test".to_owned(), "pass".to_owned())]),
            ..TargetStanding::nothing()
        }
    }

    #[test]
    fn every_byte_of_an_attestation_counts_signed_or_not() {
        let signer = Signer::parse(KEY).expect("is a key");
        for signer in [None, Some(&signer)] {
            let entry = entry(signer);
            let one =
                Attested::new(&"s".into(), &"rust".into(), &entry, Some("2026-01-01T00:00:00Z"));
            let text = one.render(signer);
            assert_eq!(Attested::read(&text).as_ref(), Ok(&one));
            assert_eq!(one.at.is_some(), signer.is_some(), "an unsigned time is worth nothing");
            assert_eq!(
                Attested::check(&"s".into(), &"rust".into(), &entry, None, &text, None),
                Ok(one.at.clone())
            );
            let other = TargetStanding { path: RelPath::parse("elsewhere").unwrap(), ..entry };
            assert!(
                Attested::check(&"s".into(), &"rust".into(), &other, None, &text, None).is_err()
            );
            for at in (0..text.len()).step_by(37) {
                for bit in [0x01, 0x20] {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] ^= bit;
                    let Ok(text) = String::from_utf8(bytes) else { continue };
                    let read = Attested::read(&text);
                    assert!(read.is_err() || read != Ok(one.clone()), "byte {at}: {text}");
                    // A signed statement cannot differ; an unsigned one may be of another entry.
                    assert!(signer.is_none() || read.is_err(), "byte {at}");
                }
            }
        }
    }

    #[test]
    fn payloads_of_any_shape_are_refused() {
        use base64::Engine as _;
        for payload in [
            "[]",
            "1",
            "null",
            "\"x\"",
            "{}",
            "{\"predicate\":5}",
            "{\"predicate\":{\"buildDefinition\":[]}}",
            "{\"predicate\":{\"buildDefinition\":{\"internalParameters\":[1]}}}",
            "",
            "{",
        ] {
            let payload = super::STANDARD.encode(payload);
            let line =
                format!("{{\"payload\":\"{payload}\",\"payloadType\":\"x\",\"signatures\":[]}}\n");
            assert!(Attested::read(&line.repeat(2)).is_err());
        }
    }

    #[test]
    fn a_public_key_is_read_in_each_form_it_is_written_in() {
        let key = Signer::parse(KEY).expect("is a key").public();
        let line = key.to_string();
        assert_eq!(PublicKey::parse(&line), Ok(key.clone()));
        assert_eq!(PublicKey::parse(&format!("{line} someone@example.org\n")), Ok(key.clone()));
        assert!(key.id().starts_with("SHA256:"));
        assert!(PublicKey::parse("ssh-rsa AAAA").is_err());
        // The neutral element is a weak key.
        let weak =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(PublicKey::parse(weak).unwrap_err().contains("weak"));
        assert!(Signer::parse("nothing").unwrap_err().contains("PEM"));
    }
}
