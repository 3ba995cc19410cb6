//! Ed25519 keys in PEM (PKCS#8, SPKI) and OpenSSH formats.

use std::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey, verify_batch,
};
use ssh_key::private::KeypairData;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, PrivateKey};

/// A signing key. Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().id())
    }
}

impl Signer {
    /// Reads a private key: PEM (PKCS#8), or OpenSSH without a passphrase.
    ///
    /// # Errors
    /// It is not an Ed25519 key in one of these forms. The message never contains a part of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("BEGIN OPENSSH PRIVATE KEY") {
            let key = PrivateKey::from_openssh(text).map_err(|why| format!("SSH key: {why}"))?;
            return match key.key_data() {
                KeypairData::Ed25519(pair) => {
                    Ok(Self(SigningKey::from_bytes(&pair.private.to_bytes())))
                }
                KeypairData::Encrypted(_) => Err("SSH key: it has a passphrase; create a key \
                        without one: `ssh-keygen -t ed25519 -N ''`"
                    .to_owned()),
                _ => Err("SSH key: not an Ed25519 key".to_owned()),
            };
        }
        let key = SigningKey::from_pkcs8_pem(text.trim());
        key.map(Self).map_err(|_| {
            "not an Ed25519 key in PEM (PKCS#8: `openssl genpkey -algorithm ed25519`) or \
             OpenSSH format"
                .to_owned()
        })
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        self.0.verifying_key().into()
    }

    /// Key id and signature of a message.
    pub fn sign(&self, message: &[u8]) -> (String, Vec<u8>) {
        (self.public().id(), self.0.sign(message).to_bytes().to_vec())
    }
}

/// A verifying key; displayed in OpenSSH format without a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        let id = ssh(&key).fingerprint(HashAlg::Sha256).to_string();
        Self { key, id }
    }
}

fn ssh(key: &VerifyingKey) -> ssh_key::PublicKey {
    KeyData::Ed25519(Ed25519PublicKey(key.to_bytes())).into()
}

/// Rejects weak (low-order) keys, for which anyone can sign.
fn sound(key: VerifyingKey) -> Result<PublicKey, String> {
    if key.is_weak() { Err("weak key: anyone can sign for it".to_owned()) } else { Ok(key.into()) }
}

impl PublicKey {
    /// Reads a public key: PEM (SPKI), or an OpenSSH line with or without a comment.
    ///
    /// # Errors
    /// It is not an Ed25519 key in one of these forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        let none = || "not a public Ed25519 key in PEM or OpenSSH format".to_owned();
        let text = text.trim();
        if text.contains("BEGIN PUBLIC KEY") {
            return VerifyingKey::from_public_key_pem(text).map_err(|_| none()).and_then(sound);
        }
        let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| none())?;
        let KeyData::Ed25519(Ed25519PublicKey(bytes)) = key.key_data() else { return Err(none()) };
        VerifyingKey::from_bytes(bytes).map_err(|_| none()).and_then(sound)
    }

    /// Its fingerprint in OpenSSH's form; the key id in envelopes.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Whether a signature of a message is valid for this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// A batch of signatures. Verifying thousands together takes half of the time.
#[derive(Debug, Default)]
pub struct Batch {
    messages: Vec<Vec<u8>>,
    signatures: Vec<Signature>,
    keys: Vec<VerifyingKey>,
}

impl Batch {
    /// Adds a signature, if it is well-formed.
    pub fn add(&mut self, key: &PublicKey, message: Vec<u8>, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| {
            self.messages.push(message);
            self.signatures.push(signature);
            self.keys.push(key.key);
            true
        })
    }

    /// Whether all signatures are valid.
    pub fn verifies(&self) -> bool {
        let messages: Vec<&[u8]> = self.messages.iter().map(Vec::as_slice).collect();
        verify_batch(&messages, &self.signatures, &self.keys).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ssh(&self.key).to_openssh().map_err(|_| fmt::Error)?)
    }
}
