//! A tree as one object: its manifest, and its files in the manifest's order.

use crate::types::{Digest, RelPath, Tree, limits};

/// Packs a tree.
pub fn pack(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |bytes: &[u8]| {
        out.extend((bytes.len() as u64).to_le_bytes());
        out.extend(bytes);
    };
    add(tree.manifest().as_bytes());
    tree.iter().for_each(|(_, bytes)| add(bytes));
    out
}

/// Unpacks the tree with this digest.
///
/// # Errors
/// The bytes are not that tree.
pub fn unpack(digest: Digest, bytes: &[u8]) -> Result<Tree, String> {
    let wrong = || format!("what the server has as tree {digest} is another one");
    let mut rest = bytes;
    let mut next = || -> Option<&[u8]> {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (part, after) = after.split_at_checked(length)?;
        rest = after;
        Some(part)
    };
    let manifest = next().filter(|text| text.len() <= limits::OBJECT_BYTES).ok_or_else(wrong)?;
    let manifest = std::str::from_utf8(manifest).map_err(|_| wrong())?;
    let mut tree = Tree::default();
    for line in manifest.lines() {
        let (_, path) = line.split_once("  ").ok_or_else(wrong)?;
        let path = RelPath::parse(path).map_err(|_| wrong())?;
        tree.insert(path, next().ok_or_else(wrong)?.to_vec());
    }
    if rest.is_empty() && tree.digest() == digest { Ok(tree) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};
    use crate::types::{Digest, RelPath, Tree};

    #[test]
    fn a_tree_comes_back_whole_or_not_at_all() {
        let file = |path: &str, text: &str| {
            (RelPath::parse(path).expect("is one"), text.as_bytes().to_vec())
        };
        for files in [vec![], vec![file("a", "")], vec![file("src/b.rs", "x\n"), file("c", "\0")]] {
            let tree = Tree::from_iter(files);
            let bytes = pack(&tree);
            assert_eq!(unpack(tree.digest(), &bytes).as_ref(), Ok(&tree));
            assert!(unpack(Digest::of("other"), &bytes).is_err());
            for at in 0..bytes.len() {
                assert!(unpack(tree.digest(), &bytes[..at]).is_err(), "{at}");
                let mut other = bytes.clone();
                other[at] ^= 1;
                if let Ok(read) = unpack(tree.digest(), &other) {
                    assert_eq!(read, tree, "{at}");
                }
            }
        }
    }
}
