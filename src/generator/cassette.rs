//! Recorded exchanges: one JSON file per call, with the response's raw bytes and no request
//! headers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallContext, GenerationError, wire};
use crate::store::{files, write_staged};
use crate::types::{Digest, Failure, Usage, limits};

/// The format of a cassette. Format 1 has no digest.
const VERSION: u32 = 2;

/// The replay label of recordings written by hand.
const SCRIPTED: &str = "scripted";

/// A recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    version: u32,
    /// Digest of path, canonical body and sample.
    pub key: Digest,
    /// Its origin and usage.
    pub meta: Meta,
    request: RecordedRequest,
    response: Vec<String>,
    /// The digest of origin, usage and response; a recording of format 1 has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

/// The origin and usage of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// `recorded` from a model's server, or `scripted` by hand.
    pub origin: CassetteOrigin,
    /// The day, `YYYY-MM-DD`.
    pub date: String,
    /// The model, as the server named it.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// The job it belongs to.
    #[serde(flatten)]
    pub context: CallContext,
}

/// The origin of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CassetteOrigin {
    /// Recorded from a model's server.
    Recorded,
    /// Written by hand.
    Scripted,
}

/// The request of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// Its path, or another word for the form of the response.
    pub path: String,
    /// The sample.
    pub sample: u32,
    /// The body.
    pub body: Value,
}

impl RecordedRequest {
    /// The key of the request: path, body and sample; never host, headers or API key.
    pub fn key(&self) -> Digest {
        let mut body = self.body.clone();
        if let Value::Object(fields) = &mut body {
            // The user's id does not affect the answer.
            fields.remove("user");
            fields.remove("metadata");
        }
        Digest::of_parts([self.path.clone(), body.to_string(), self.sample.to_string()])
    }

    /// The text in it.
    fn text(&self) -> String {
        match wire::of_path(&self.path) {
            Some(_) => wire::words(&self.body),
            None => serde_json::to_string_pretty(&self.body).unwrap_or_default(),
        }
    }
}

/// The response of a recording.
#[derive(Debug)]
pub struct Recording {
    /// The bytes that the generator parses in a replay.
    pub response: Vec<u8>,
    /// The day, or `scripted`.
    pub date: String,
    /// The model, as the server named it.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
}

impl Cassette {
    /// Makes a recording of an exchange.
    pub fn new(request: RecordedRequest, recording: Recording, context: &CallContext) -> Self {
        let text = String::from_utf8_lossy(&recording.response).into_owned();
        let mut cassette = Self {
            version: VERSION,
            key: request.key(),
            meta: Meta {
                origin: match recording.date.as_str() {
                    SCRIPTED => CassetteOrigin::Scripted,
                    _ => CassetteOrigin::Recorded,
                },
                date: recording.date,
                // A server may name its model by a local path.
                model: recording.model.rsplit('/').next().unwrap_or_default().to_owned(),
                usage: recording.usage,
                context: context.clone(),
            },
            request,
            response: text.split_inclusive('\n').map(str::to_owned).collect(),
            digest: None,
        };
        cassette.digest = Some(cassette.content());
        cassette
    }

    /// The digest of what came back, with its origin and usage.
    fn content(&self) -> Digest {
        let Meta { date, model, usage, .. } = &self.meta;
        let usage = serde_json::to_string(usage).unwrap_or_default();
        Digest::of_parts(["cassette 2", date, model, &usage, &self.response()])
    }

    /// Whether an edit of the response would be noticed.
    pub fn is_verifiable(&self) -> bool {
        self.digest.is_some()
    }

    /// The response's body.
    pub fn response(&self) -> String {
        self.response.concat()
    }

    /// The replay label: the date, or `scripted`.
    pub fn label(&self) -> String {
        match self.meta.origin {
            CassetteOrigin::Recorded => self.meta.date.clone(),
            CassetteOrigin::Scripted => SCRIPTED.to_owned(),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a cassette is plain data") + "\n"
    }

    /// Its path below the cassettes' folder.
    pub fn path(&self) -> PathBuf {
        let context = &self.meta.context;
        let mark = match self.meta.origin {
            CassetteOrigin::Recorded => "",
            CassetteOrigin::Scripted => "scripted-",
        };
        let name = format!("{mark}{}.json", self.key.short());
        Path::new(&context.spec.package()).join(&context.target).join(name)
    }

    /// Whether format, key and response are valid.
    pub fn check(&self) -> Result<(), String> {
        if self.version > VERSION {
            return Err(format!("has format {}; this regen supports {VERSION}", self.version));
        }
        if self.key != self.request.key() {
            return Err("its key does not match its request; it was edited".to_owned());
        }
        if self.digest.is_some_and(|digest| digest != self.content()) {
            return Err("its response does not match its digest; it was edited".to_owned());
        }
        if self.digest.is_none() && self.version > 1 {
            return Err("has no digest; it was edited".to_owned());
        }
        if let Some(wire) = wire::of_path(&self.request.path)
            && !wire::read(wire, self.response().as_bytes()).is_answer()
        {
            return Err("its response is not an answer of a model".to_owned());
        }
        Ok(())
    }

    /// The text that reached the model, for display and comparison.
    pub fn request_text(&self) -> String {
        self.request.text()
    }

    /// The text that came back, as far as it can be parsed.
    pub fn response_text(&self) -> String {
        let response = self.response();
        match wire::of_path(&self.request.path) {
            Some(wire) => wire::read(wire, response.as_bytes()).text,
            None => response,
        }
    }
}

/// The cassettes of a workspace.
#[derive(Clone, Debug)]
pub struct Cassettes {
    folder: PathBuf,
    /// Where files are written before they get their name.
    stage: PathBuf,
}

impl Cassettes {
    /// Cassettes in a folder, which may be missing.
    pub fn new(folder: PathBuf) -> Self {
        Self { stage: folder.clone(), folder }
    }

    /// The same, with what is being written in a folder that is emptied when a killed process is
    /// recovered from.
    #[must_use]
    pub fn staged(self, stage: PathBuf) -> Self {
        Self { stage, ..self }
    }

    /// The recording of a request.
    ///
    /// # Errors
    /// A file is not a valid cassette.
    pub fn read(&self, key: Digest) -> Result<Option<Cassette>, GenerationError> {
        let name = format!("{}.json", key.short());
        for path in self.files() {
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if file.is_some_and(|file| file.ends_with(&name)) {
                let cassette = load(&path).and_then(|c| c.check().map(|()| c));
                let cassette = cassette.map_err(|why| {
                    let message = format!("{}: {why}", path.display());
                    GenerationError::new(Failure::CassetteMiss, message)
                })?;
                if cassette.key == key {
                    return Ok(Some(cassette));
                }
            }
        }
        Ok(None)
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = files::walk(&self.folder, 3).unwrap_or_default();
        files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")).collect()
    }

    /// Every cassette, valid or not.
    pub fn all(&self) -> Vec<(PathBuf, Result<Cassette, String>)> {
        self.files().into_iter().map(|path| (path.clone(), load(&path))).collect()
    }

    /// Writes a recording.
    ///
    /// # Errors
    /// It contains the API key; I/O errors.
    pub fn write(&self, cassette: &Cassette, secret: Option<&str>) -> Result<(), GenerationError> {
        let text = cassette.text();
        if secret.is_some_and(|secret| text.contains(secret)) {
            let message = "the exchange contains the API key and is not recorded";
            return Err(GenerationError::new(Failure::Configuration, message));
        }
        let path = self.folder.join(cassette.path());
        write_staged(&self.stage, &path, text.as_bytes()).map_err(|e| {
            GenerationError::new(Failure::Configuration, format!("cannot record: {e}"))
        })
    }

    /// Compares an answer with its recording.
    ///
    /// # Errors
    /// They differ, or there is no recording.
    pub fn compare(&self, new: &Cassette) -> Result<(), GenerationError> {
        let Some(old) = self.read(new.key)? else {
            return Err(GenerationError::new(
                Failure::CassetteMiss,
                "no recording of this request",
            ));
        };
        match first_difference(&old.response_text(), &new.response_text()) {
            None => Ok(()),
            Some(difference) => {
                let message = format!("the answer differs from the recording: {difference}");
                Err(GenerationError::new(Failure::CassetteDiffers, message))
            }
        }
    }

    /// Why there is no recording of a request: the first difference from the nearest one.
    pub fn miss(&self, request: &RecordedRequest, context: &CallContext) -> String {
        let head = format!("no cassette for request {}", request.key().short());
        let mine = |c: &Cassette| {
            c.meta.context.spec == context.spec && c.meta.context.target == context.target
        };
        let all = self.all().into_iter().filter_map(|(path, c)| Some((path, c.ok().filter(mine)?)));
        let alike = |c: &Cassette| {
            let (a, b) = (c.request_text(), request.text());
            a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
        };
        let Some((path, nearest)) = all.max_by_key(|(_, cassette)| alike(cassette)) else {
            return format!(
                "{head}: no recordings of {}/{}; record them with `regen cassette record \
                 --spec {}`",
                context.spec, context.target, context.spec
            );
        };
        let difference = first_difference(&nearest.request_text(), &request.text())
            .or_else(|| other_field(&nearest.request.body, &request.body))
            .unwrap_or_else(|| format!("sample {} is not recorded", nearest.request.sample + 1));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        format!("{head}; compared with {}, {difference}", name.unwrap_or_default())
    }
}

fn load(path: &Path) -> Result<Cassette, String> {
    let bytes = files::read_capped(path, limits::OBJECT_BYTES).map_err(|e| e.to_string())?;
    if bytes.len() > limits::OBJECT_BYTES {
        return Err("too large".to_owned());
    }
    serde_json::from_slice(&bytes).map_err(|e| format!("not a cassette: {e}"))
}

fn first_difference(a: &str, b: &str) -> Option<String> {
    if a == b {
        return None;
    }
    let at = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    Some(format!("line {} was \"{}\" and is now \"{}\"", at + 1, line(a), line(b)))
}

fn other_field(a: &Value, b: &Value) -> Option<String> {
    let (a, b) = (a.as_object()?, b.as_object()?);
    let key = a.keys().chain(b.keys()).find(|key| a.get(*key) != b.get(*key))?;
    let show = |value: Option<&Value>| value.map_or("missing".to_owned(), Value::to_string);
    Some(format!("`{key}` was {} and is now {}", show(a.get(key)), show(b.get(key))))
}
