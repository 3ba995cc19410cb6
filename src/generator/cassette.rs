//! Recorded exchanges: one pretty JSON file per call, the response's raw bytes, no request headers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallContext, GenerationError, wire};
use crate::store::{files, write_atomic};
use crate::types::{Digest, Failure, Usage, limits};

/// The format of a cassette.
const VERSION: u32 = 1;

/// How a replay is labelled whose recording a person wrote.
const SCRIPTED: &str = "scripted";

/// A recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    version: u32,
    /// Digest of path, canonical body and sample.
    pub key: Digest,
    /// Where it comes from, and what it cost.
    pub meta: Meta,
    request: RecordedRequest,
    response: Vec<String>,
}

/// About a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// `recorded` from a model's server, or `scripted` by a person.
    pub origin: CassetteOrigin,
    /// The day, `YYYY-MM-DD`.
    pub date: String,
    /// The model, as the server named it.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// What it belongs to.
    #[serde(flatten)]
    pub context: CallContext,
}

/// Where a recording comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CassetteOrigin {
    /// A model's server answered.
    Recorded,
    /// A person wrote it.
    Scripted,
}

/// A request as a recording has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// The path it goes to, or another word for the form of the answer.
    pub path: String,
    /// The sample.
    pub sample: u32,
    /// Everything that is asked.
    pub body: Value,
}

impl RecordedRequest {
    /// Names the request: its path, body and sample; never host, headers or key.
    pub fn key(&self) -> Digest {
        let mut body = self.body.clone();
        if let Value::Object(fields) = &mut body {
            // Who asks is no part of what is asked.
            fields.remove("user");
            fields.remove("metadata");
        }
        Digest::of_parts([self.path.clone(), body.to_string(), self.sample.to_string()])
    }

    /// The words in it.
    fn text(&self) -> String {
        match wire::of_path(&self.path) {
            Some(_) => wire::words(&self.body),
            None => serde_json::to_string_pretty(&self.body).unwrap_or_default(),
        }
    }
}

/// An answer as a recording has it.
#[derive(Debug)]
pub struct Recording {
    /// What the generator reads at a replay.
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
        Self {
            version: VERSION,
            key: request.key(),
            meta: Meta {
                origin: match recording.date.as_str() {
                    SCRIPTED => CassetteOrigin::Scripted,
                    _ => CassetteOrigin::Recorded,
                },
                date: recording.date,
                // A server may name its model by a path on its machine.
                model: recording.model.rsplit('/').next().unwrap_or_default().to_owned(),
                usage: recording.usage,
                context: context.clone(),
            },
            request,
            response: text.split_inclusive('\n').map(str::to_owned).collect(),
        }
    }

    /// The response's body.
    pub fn response(&self) -> String {
        self.response.concat()
    }

    /// How a replay is labelled: the date, or `scripted`.
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

    /// Where it lies below the folder of the cassettes.
    pub fn path(&self) -> PathBuf {
        let context = &self.meta.context;
        let mark = match self.meta.origin {
            CassetteOrigin::Recorded => "",
            CassetteOrigin::Scripted => "scripted-",
        };
        let name = format!("{mark}{}.json", self.key.short());
        Path::new(context.spec.as_str()).join(&context.target).join(name)
    }

    /// Whether the file says what its name and key promise.
    pub fn check(&self) -> Result<(), String> {
        if self.version > VERSION {
            return Err(format!("has format {}, this regen knows {VERSION}", self.version));
        }
        if self.key != self.request.key() {
            return Err("its key is not the digest of its request: it was edited".to_owned());
        }
        if let Some(wire) = wire::of_path(&self.request.path)
            && !wire::read(wire, self.response().as_bytes()).is_answer()
        {
            return Err("its response is no answer of a model".to_owned());
        }
        Ok(())
    }

    /// The words that reached the model, for showing and comparing.
    pub fn request_text(&self) -> String {
        self.request.text()
    }

    /// The words that came back, as far as they can be read.
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
}

impl Cassettes {
    /// Cassettes in a folder, which need not exist.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The recording of a request.
    ///
    /// # Errors
    /// A file that is no cassette.
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

    /// Every cassette, readable or not.
    pub fn all(&self) -> Vec<(PathBuf, Result<Cassette, String>)> {
        self.files().into_iter().map(|path| (path.clone(), load(&path))).collect()
    }

    /// Writes a recording.
    ///
    /// # Errors
    /// It contains the key, or the disk's.
    pub fn write(&self, cassette: &Cassette, secret: Option<&str>) -> Result<(), GenerationError> {
        let text = cassette.text();
        if secret.is_some_and(|secret| text.contains(secret)) {
            let message = "the exchange contains the key of the server: it is not recorded";
            return Err(GenerationError::new(Failure::Configuration, message));
        }
        write_atomic(&self.folder.join(cassette.path()), text.as_bytes()).map_err(|e| {
            GenerationError::new(Failure::Configuration, format!("cannot record: {e}"))
        })
    }

    /// Compares an answer with its recording.
    ///
    /// # Errors
    /// They differ, or there is none.
    pub fn compare(&self, new: &Cassette) -> Result<(), GenerationError> {
        let Some(old) = self.read(new.key)? else {
            return Err(GenerationError::new(
                Failure::CassetteMiss,
                "nothing is recorded of this request",
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

    /// Why there is no recording of a request: the first part that differs from the nearest one.
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
                "{head}: nothing is recorded for {}/{}; record it with `regen cassette \
                            record --spec {}`",
                context.spec, context.target, context.spec
            );
        };
        let difference = first_difference(&nearest.request_text(), &request.text())
            .or_else(|| other_field(&nearest.request.body, &request.body))
            .unwrap_or_else(|| format!("sample {} is not recorded", nearest.request.sample + 1));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        format!("{head}: against {}, {difference}", name.unwrap_or_default())
    }
}

fn load(path: &Path) -> Result<Cassette, String> {
    let bytes = files::read_capped(path, limits::OBJECT_BYTES).map_err(|e| e.to_string())?;
    if bytes.len() > limits::OBJECT_BYTES {
        return Err("is too large".to_owned());
    }
    serde_json::from_slice(&bytes).map_err(|e| format!("is no cassette: {e}"))
}

fn first_difference(a: &str, b: &str) -> Option<String> {
    if a == b {
        return None;
    }
    let at = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    Some(format!("line {} was \"{}\" and is \"{}\"", at + 1, line(a), line(b)))
}

fn other_field(a: &Value, b: &Value) -> Option<String> {
    let (a, b) = (a.as_object()?, b.as_object()?);
    let key = a.keys().chain(b.keys()).find(|key| a.get(*key) != b.get(*key))?;
    let show = |value: Option<&Value>| value.map_or("missing".to_owned(), Value::to_string);
    Some(format!("`{key}` was {} and is {}", show(a.get(key)), show(b.get(key))))
}
