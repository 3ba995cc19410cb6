//! Opens the ledger's file: privately, or where nothing can be written; and reads its columns.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, ToSql};
use serde::de::DeserializeOwned;

use super::files;
use super::ledger::LedgerError;
use crate::types::Digest;

/// Creates a file that only the user may read, if missing; SQLite gives its other files the same
/// mode.
pub(super) fn private_file(path: &Path) -> Result<(), LedgerError> {
    if path == Path::new(":memory:") {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            files::open_regular(path).map(drop)
        }
        made => made.map(drop),
    }
    .map_err(|why| LedgerError::Database(why.into()))
}

/// Whether no file can be made beside this one.
pub(super) fn is_read_only(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err()
}

/// Opens a database that no one can change. SQLite then needs no index of the write-ahead log.
pub(super) fn immutable(path: &Path) -> Result<Connection, rusqlite::Error> {
    let path = path.as_os_str().as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let escaped = path.iter().map(|byte| {
        if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") }
    });
    let address = format!("file:{}?immutable=1", escaped.collect::<String>());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(address, flags)
}

/// Reads a column of JSON.
pub(super) fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|why| LedgerError::Database(why.to_string().into()))
}

/// Reads a column with a digest.
pub(super) fn read_digest(text: &str) -> Result<Digest, LedgerError> {
    Digest::parse(text).ok_or_else(|| LedgerError::Database("an unreadable digest".into()))
}

/// The digests that a query gives.
pub(super) fn digests(
    db: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> Result<Vec<Digest>, LedgerError> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map(values, |row| row.get(0))?;
    let texts: Result<Vec<String>, _> = rows.collect();
    Ok(texts?.iter().filter_map(|text| Digest::parse(text)).collect())
}
