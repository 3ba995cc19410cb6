//! Ed25519 keys as people have them: PEM (PKCS#8, SPKI) and OpenSSH's files.

use std::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{
    Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey, verify_batch,
};
use ssh_key::private::KeypairData;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{HashAlg, PrivateKey};

/// A key that signs. It is never shown, not even by `Debug`.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public().id())
    }
}

impl Signer {
    /// Reads a private key: PEM (PKCS#8), or OpenSSH's form without a passphrase.
    ///
    /// # Errors
    /// It is neither, or no Ed25519 key. The message never has a part of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("BEGIN OPENSSH PRIVATE KEY") {
            let key = PrivateKey::from_openssh(text).map_err(|why| format!("SSH key: {why}"))?;
            return match key.key_data() {
                KeypairData::Ed25519(pair) => {
                    Ok(Self(SigningKey::from_bytes(&pair.private.to_bytes())))
                }
                KeypairData::Encrypted(_) => Err("SSH key: it has a passphrase, which nobody is \
                    asked for: make a key of its own, `ssh-keygen -t ed25519 -N ''`"
                    .to_owned()),
                _ => Err("SSH key: it is no Ed25519 key".to_owned()),
            };
        }
        let key = SigningKey::from_pkcs8_pem(text.trim());
        key.map(Self).map_err(|_| {
            "it is neither an Ed25519 key in PEM (PKCS#8: `openssl genpkey -algorithm ed25519`) nor \
             one of OpenSSH's"
                .to_owned()
        })
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.0.verifying_key().into()
    }

    /// Key id and signature of a message.
    pub fn sign(&self, message: &[u8]) -> (String, Vec<u8>) {
        (self.public().id(), self.0.sign(message).to_bytes().to_vec())
    }
}

/// A key that verifies; shown as OpenSSH writes it, without a comment.
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

/// Refuses a key for which anybody can sign.
fn sound(key: VerifyingKey) -> Result<PublicKey, String> {
    if key.is_weak() {
        Err("it is a weak key: anybody can sign for it".to_owned())
    } else {
        Ok(key.into())
    }
}

impl PublicKey {
    /// Reads a public key: PEM (SPKI), or OpenSSH's line with or without a comment.
    ///
    /// # Errors
    /// It is neither, or no Ed25519 key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let none =
            || "it is no public Ed25519 key, neither in PEM nor as OpenSSH writes it".to_owned();
        let text = text.trim();
        if text.contains("BEGIN PUBLIC KEY") {
            return VerifyingKey::from_public_key_pem(text).map_err(|_| none()).and_then(sound);
        }
        let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| none())?;
        let KeyData::Ed25519(Ed25519PublicKey(bytes)) = key.key_data() else { return Err(none()) };
        VerifyingKey::from_bytes(bytes).map_err(|_| none()).and_then(sound)
    }

    /// Its fingerprint as OpenSSH shows it: what names it in an envelope.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Whether a signature of a message is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// Signatures that are verified together, which takes half of the time: a check has thousands.
#[derive(Debug, Default)]
pub struct Batch {
    messages: Vec<Vec<u8>>,
    signatures: Vec<Signature>,
    keys: Vec<VerifyingKey>,
}

impl Batch {
    /// Takes a signature, if it has the form of one.
    pub fn add(&mut self, key: &PublicKey, message: Vec<u8>, signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| {
            self.messages.push(message);
            self.signatures.push(signature);
            self.keys.push(key.key);
            true
        })
    }

    /// Whether each of them is that of its message and key.
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
