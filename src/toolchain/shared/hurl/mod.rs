//! Requests to a service, and what it must answer: blocks in the Hurl file format, as plain data.

mod check;
mod read;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

pub use read::parse;

/// The variable that the harness sets: the service's address.
pub const HOST: &str = "host";

/// The values of variables.
pub type HurlVariables = BTreeMap<String, Value>;

/// A part of a text.
#[derive(Clone, Debug)]
pub enum HurlPart {
    /// As it is.
    Text(String),
    /// The value of a variable.
    Variable(String),
    /// The same within a JSON string.
    Quoted(String),
    /// The same as a JSON value.
    Json(String),
}

/// A text with variables.
#[derive(Clone, Debug, Default)]
pub struct HurlText(pub Vec<HurlPart>);

impl HurlText {
    /// The text with the values of its variables. A variable without a value is empty.
    pub fn fill(&self, variables: &HurlVariables) -> String {
        let value = |name: &String| variables.get(name).unwrap_or(&Value::Null);
        let filled = self.0.iter().map(|part| match part {
            HurlPart::Text(text) => text.clone(),
            HurlPart::Variable(name) => plain(value(name)),
            HurlPart::Quoted(name) => {
                let quoted = Value::from(plain(value(name))).to_string();
                quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
            }
            HurlPart::Json(name) => value(name).to_string(),
        });
        filled.collect()
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            HurlPart::Text(_) => None,
            HurlPart::Variable(name) | HurlPart::Quoted(name) | HurlPart::Json(name) => {
                Some(name.as_str())
            }
        })
    }
}

/// A value as text: a string without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A request, and what its answer must be.
#[derive(Clone, Debug)]
pub struct HurlEntry {
    /// Its line in the block, from 1.
    pub line: usize,
    /// The method.
    pub method: String,
    /// The URL, without `{{host}}` at its start.
    pub path: HurlText,
    /// Headers.
    pub headers: Vec<HurlPair>,
    /// Parameters of the query.
    pub query: Vec<HurlPair>,
    /// Parameters of a form; `None` without a form.
    pub form: Option<Vec<HurlPair>>,
    /// The body.
    pub body: Option<HurlText>,
    /// What the answer must be.
    pub asserts: Vec<HurlAssert>,
    /// Variables that get values from the answer.
    pub captures: Vec<HurlCapture>,
}

/// A name and its value.
pub type HurlPair = (String, HurlText);

/// A variable that gets its value from an answer.
#[derive(Clone, Debug)]
pub struct HurlCapture {
    /// Its line in the block, from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// The value.
    pub source: HurlSource,
}

/// One demand on an answer.
#[derive(Clone, Debug)]
pub struct HurlAssert {
    /// Its line in the block, from 1.
    pub line: usize,
    /// The demand as it is written.
    pub text: String,
    /// What is looked at.
    pub source: HurlSource,
    /// Whether the test must not hold.
    pub not: bool,
    /// The test.
    pub test: HurlTest,
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub struct HurlSource {
    /// The part.
    pub part: HurlQuery,
    /// Whether its number of elements is looked at.
    pub counts: bool,
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub enum HurlQuery {
    /// The status.
    Status,
    /// The version: `HTTP/1.1`.
    Version,
    /// A header. Several of one name are a list.
    Header(String),
    /// The body as text.
    Body,
    /// The bytes of the body.
    Bytes,
    /// Values in a JSON body, and whether there can be only one.
    Json(JsonPath, bool),
    /// A variable.
    Variable(String),
}

/// A test of a value.
#[derive(Clone, Debug)]
pub enum HurlTest {
    /// It is this.
    Equal(HurlOperand),
    /// It is this, or a list that has this.
    Among(HurlText),
    /// It is greater.
    Greater(HurlOperand),
    /// It is greater or equal.
    AtLeast(HurlOperand),
    /// It is less.
    Less(HurlOperand),
    /// It is less or equal.
    AtMost(HurlOperand),
    /// A text starts with this.
    StartsWith(HurlText),
    /// A text ends with this.
    EndsWith(HurlText),
    /// A text or a list contains this.
    Contains(HurlOperand),
    /// A text matches this.
    Matches(Regex),
    /// There is one.
    Exists,
    /// A text, a list or an object is empty.
    Empty,
    /// It is an integer.
    Integer,
    /// It is a number with a fraction.
    Float,
    /// It is `true` or `false`.
    Boolean,
    /// It is a text.
    Text,
    /// It is a list or an object.
    Collection,
}

/// What a value is compared with.
#[derive(Clone, Debug)]
pub enum HurlOperand {
    /// A value.
    Value(Value),
    /// A text.
    Text(HurlText),
    /// A text that is JSON.
    Json(HurlText),
    /// The value of a variable.
    Variable(String),
}

/// A service's answer.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// The version: `HTTP/1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The headers, in order; names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Whether a service passes that answers everything with 404 and nothing else.
pub fn is_vacuous(entries: &[HurlEntry]) -> bool {
    let nothing = HttpReply {
        version: "HTTP/1.1".to_owned(),
        status: 404,
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut variables = HurlVariables::new();
    entries.iter().all(|entry| entry.check(&nothing, &mut variables).is_ok())
}
