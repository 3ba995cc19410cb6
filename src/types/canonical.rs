//! The canonical encoding: the only way from a structure to a stored digest.
//!
//! Every value has a tag and, if its size varies, a length, so that different structures never have
//! equal bytes. Nothing depends on how Rust prints a type: renaming a variant changes no digest.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// The version of the encoding, part of every digest. Increase it, with
/// [`super::lockfile::LOCK_VERSION`], when the encoding of stored data changes.
pub const FORMAT: u64 = 3;

/// Encodes a structure field by field and gives its digest.
///
/// A text is `t`, its length in bytes (64 bits, little endian) and its bytes; a number is `n` and
/// 64 bits, little endian; a flag is `0` or `1`; a digest is `d` and its 32 bytes; an absent value
/// is `-`, a present one `+` and the value; a list is `l`, the number of its items, and the items.
#[derive(Clone, Debug)]
pub struct Encoder(Sha256);

impl Encoder {
    /// An encoder for one kind of structure: digests of different kinds never collide.
    pub fn new(kind: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.number(FORMAT).text(kind);
        encoder
    }

    /// Encodes a text.
    pub fn text(&mut self, text: impl AsRef<str>) -> &mut Self {
        let text = text.as_ref();
        self.tagged(b't', text.len() as u64);
        self.0.update(text);
        self
    }

    /// Encodes a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.tagged(b'n', number)
    }

    /// Encodes a flag.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.0.update([if flag { b'1' } else { b'0' }]);
        self
    }

    /// Encodes a digest.
    pub fn digest(&mut self, digest: Digest) -> &mut Self {
        self.0.update(b"d");
        self.0.update(digest.as_bytes());
        self
    }

    /// Encodes an optional value.
    pub fn option<T>(
        &mut self,
        value: Option<T>,
        encode: impl FnOnce(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        self.0.update([if value.is_some() { b'+' } else { b'-' }]);
        match value {
            Some(value) => encode(self, value),
            None => self,
        }
    }

    /// Encodes a list, in the given order.
    pub fn list<T, I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
        mut encode: impl FnMut(&mut Self, T) -> &mut Self,
    ) -> &mut Self {
        let items = items.into_iter();
        self.tagged(b'l', items.len() as u64);
        for item in items {
            encode(self, item);
        }
        self
    }

    /// Encodes a list of texts.
    pub fn texts<T: AsRef<str>, I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
    ) -> &mut Self {
        self.list(items, |encoder, item| encoder.text(item))
    }

    /// The digest of all encoded values.
    pub fn finish(&self) -> Digest {
        Digest::from_bytes(self.0.clone().finalize().into())
    }

    fn tagged(&mut self, tag: u8, number: u64) -> &mut Self {
        self.0.update([tag]);
        self.0.update(number.to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Digest, Encoder};

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut encoder = Encoder::new("k");
        encoder.text("ab").flag(true).digest(Digest::of("x"));
        encoder
            .option(Some("o"), |e, text| e.text(text))
            .option(None::<&str>, |e, text| e.text(text));
        encoder.texts(["i"]);
        let number = |n: u64| n.to_le_bytes().to_vec();
        let text =
            |t: &str| [b"t".to_vec(), number(t.len() as u64), t.as_bytes().to_vec()].concat();
        let bytes = [
            [b"n".to_vec(), number(super::FORMAT)].concat(),
            text("k"),
            text("ab"),
            b"1".to_vec(),
            [b"d".as_slice(), Digest::of("x").as_bytes()].concat(),
            [b"+".to_vec(), text("o")].concat(),
            b"-".to_vec(),
            [b"l".to_vec(), number(1), text("i")].concat(),
        ];
        assert_eq!(encoder.finish(), Digest::of(bytes.concat()));
    }

    #[test]
    fn adjacent_values_do_not_collide() {
        let digest = |lists: &[&[&str]]| {
            let mut encoder = Encoder::new("k");
            for list in lists {
                encoder.texts(list.iter());
            }
            encoder.finish()
        };
        assert_ne!(digest(&[&["ab", "c"]]), digest(&[&["a", "bc"]]));
        assert_ne!(digest(&[&["a"], &["b"]]), digest(&[&["a", "b"], &[]]));
    }
}
