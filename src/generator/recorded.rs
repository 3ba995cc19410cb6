//! Wraps a generator with recordings: replays, records or compares, depending on the mode.

use std::sync::Arc;
use std::time::Duration;

use super::cassette::{Cassette, Cassettes, RecordedRequest, Recording};
use super::{
    Elsewhere, Generating, Generation, GenerationError, GenerationProgress, Generator,
    RemoteAnswer, RemoteQuestion, Request, Workplace, settings_of,
};
use crate::sandbox::WorkOrder;
use crate::types::harness::CassetteMode;
use crate::types::{Digest, Failure, Usage, limits};

/// A generator whose answers can be recorded and replayed.
pub trait Recordable: Generator {
    /// The request in recordings. Its key is the request's id.
    fn recorded_request(&self, request: &Request) -> RecordedRequest;

    /// The answer in recordings, parsed by [`Self::replay`].
    fn recorded_answer(&self, answer: &Generation) -> Vec<u8>;

    /// Parses a recorded answer as if it had just arrived.
    fn replay<'a>(
        &'a self,
        request: Request,
        answer: String,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a>;

    /// Whether requests are possible, for example the API key is set.
    ///
    /// # Errors
    /// What is missing.
    fn check_setup(&self) -> Result<(), GenerationError>;

    /// A secret that recordings must not contain.
    fn secret(&self) -> Option<&str>;
}

/// A generator with its recordings.
#[derive(Debug)]
pub struct Recorded<G> {
    generator: G,
    kind: &'static str,
    mode: CassetteMode,
    cassettes: Cassettes,
    /// Who asks in its place, and the model's name.
    elsewhere: Option<(Arc<dyn Elsewhere>, String)>,
}

impl<G: Recordable> Recorded<G> {
    /// Wraps a generator with recordings. `kind` is the lockfile's `origin` for both.
    pub fn new(generator: G, kind: &'static str, mode: CassetteMode, cassettes: Cassettes) -> Self {
        Self { generator, kind, mode, cassettes, elsewhere: None }
    }

    /// The same, asked on other machines. Only for answers that are whole in their response.
    pub fn elsewhere(mut self, asks: Option<Arc<dyn Elsewhere>>, model: &str) -> Self {
        self.elsewhere = asks.map(|asks| (asks, model.to_owned()));
        self
    }

    /// Asks: on another machine where one is meant to, else from here.
    async fn ask(
        &self,
        request: Request,
        work: Option<Workplace>,
        progress: &dyn GenerationProgress,
    ) -> Result<Generation, GenerationError> {
        if let Some((asks, model)) = &self.elsewhere
            && request.call.is_some()
        {
            let settings = settings_of(&self.generator);
            let question =
                RemoteQuestion { request: request.clone(), settings, model: model.clone() };
            match asks.ask(question, progress).await {
                RemoteAnswer::Response(text) => {
                    return self.generator.replay(request, text, progress).await;
                }
                RemoteAnswer::Failed(error) => return Err(error),
                RemoteAnswer::Alone => {}
            }
        }
        self.generator.generate(request, work, progress).await
    }

    /// The key, which recordings must not contain; not a placeholder, which any text may contain.
    fn secret(&self) -> Option<&str> {
        self.generator.secret().filter(|key| key.len() >= limits::SECRET_BYTES)
    }

    /// The recorded answer, if the mode replays.
    fn find(&self, request: &Request) -> Result<Option<Cassette>, GenerationError> {
        if !matches!(self.mode, CassetteMode::Replay | CassetteMode::Auto) {
            return Ok(None);
        }
        let asked = self.generator.recorded_request(request);
        let found = self.cassettes.read(asked.key())?;
        if found.is_none() && self.mode == CassetteMode::Replay {
            let message = self.cassettes.miss(&asked, &request.context);
            return Err(GenerationError::new(Failure::CassetteMiss, message));
        }
        Ok(found)
    }

    fn cassette(&self, request: &Request, answer: &Generation, today: &str) -> Cassette {
        let recording = Recording {
            response: self.generator.recorded_answer(answer),
            date: answer.replay().unwrap_or(today).to_owned(),
            model: answer.model().to_owned(),
            usage: answer.usage(),
        };
        Cassette::new(self.generator.recorded_request(request), recording, &request.context)
    }
}

impl<G: Recordable> Generator for Recorded<G> {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn request_id(&self, request: &Request) -> Digest {
        self.generator.request_id(request)
    }

    fn ceiling(&self, request: &Request) -> Usage {
        self.generator.ceiling(request)
    }

    fn order(&self, request: &Request) -> Result<Option<WorkOrder>, GenerationError> {
        if self.mode == CassetteMode::Replay || self.find(request)?.is_some() {
            return Ok(None);
        }
        self.generator.order(request)
    }

    fn generate<'a>(
        &'a self,
        request: Request,
        work: Option<Workplace>,
        progress: &'a dyn GenerationProgress,
    ) -> Generating<'a> {
        Box::pin(async move {
            if self.mode != CassetteMode::Replay && self.elsewhere.is_none() {
                self.generator.check_setup()?;
            }
            let Some(cassette) = self.find(&request)? else {
                return self.ask(request, work, progress).await;
            };
            let label = cassette.label();
            match self.generator.replay(request, cassette.response(), progress).await {
                Ok(answer) => Ok(answer.replayed(label)),
                Err(mut error) => {
                    error.refusal = error.refusal.map(|refusal| Box::new(refusal.replayed(label)));
                    Err(error)
                }
            }
        })
    }

    fn deadline(&self) -> Option<Duration> {
        self.generator.deadline()
    }

    fn is_free(&self) -> bool {
        self.mode == CassetteMode::Replay || self.generator.is_free()
    }

    fn check_rate_limit(&self) -> Result<(), GenerationError> {
        self.generator.check_rate_limit()
    }

    fn recording(&self, request: &Request, answer: &Generation, today: &str) -> Option<Vec<u8>> {
        let text = self.cassette(request, answer, today).text();
        let shows_key = self.secret().is_some_and(|secret| text.contains(secret));
        (!shows_key).then(|| text.into_bytes())
    }

    fn keep(
        &self,
        request: &Request,
        answer: &Generation,
        today: &str,
    ) -> Result<(), GenerationError> {
        let writes = matches!(self.mode, CassetteMode::Auto | CassetteMode::Record);
        if answer.replay().is_some() || !(writes || self.mode == CassetteMode::Verify) {
            return Ok(());
        }
        let cassette = self.cassette(request, answer, today);
        if writes {
            self.cassettes.write(&cassette, self.secret())
        } else {
            self.cassettes.compare(&cassette)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;

    use super::{
        CassetteMode, Cassettes, Digest, Failure, Generating, Generation, GenerationError,
        GenerationProgress, Generator, Recordable, Recorded, RecordedRequest, Request, Usage,
        Workplace,
    };
    use crate::generator::CallContext;
    use crate::types::{AttemptKind, InputsDigest, Prompt, RelPath, Tree};

    /// Gives a tree with one file; counts calls.
    #[derive(Debug, Default)]
    struct OneFile(AtomicU32);

    fn answer(text: &str) -> Generation {
        Generation::Workspace {
            tree: Tree::from_iter([(RelPath::parse("src/lib.rs").expect("is one"), text.into())]),
            transcript: text.into(),
            usage: Usage { input: 1, output: 2, ..Usage::default() },
            model: "models/one-file".to_owned(),
            replay: None,
        }
    }

    impl Generator for OneFile {
        fn kind(&self) -> &'static str {
            "one-file"
        }

        fn request_id(&self, request: &Request) -> Digest {
            self.recorded_request(request).key()
        }

        fn ceiling(&self, _: &Request) -> Usage {
            Usage::default()
        }

        fn generate<'a>(
            &'a self,
            _: Request,
            _: Option<Workplace>,
            _: &'a dyn GenerationProgress,
        ) -> Generating<'a> {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { Ok(answer(&format!("// {count}\n"))) })
        }
    }

    impl Recordable for OneFile {
        fn recorded_request(&self, request: &Request) -> RecordedRequest {
            let body = json!({ "prompt": request.prompt.user });
            RecordedRequest { path: "one-file".to_owned(), sample: request.sample, body }
        }

        fn recorded_answer(&self, answer: &Generation) -> Vec<u8> {
            answer.transcript().to_vec()
        }

        fn replay<'a>(
            &'a self,
            _: Request,
            text: String,
            _: &'a dyn GenerationProgress,
        ) -> Generating<'a> {
            Box::pin(async move { Ok(answer(&text)) })
        }

        fn check_setup(&self) -> Result<(), GenerationError> {
            Ok(())
        }

        fn secret(&self) -> Option<&str> {
            Some("sk-12345")
        }
    }

    fn request(user: &str) -> Request {
        let (spec, target) = ("adder".into(), "rust".into());
        Request {
            prompt: Prompt::new(String::new(), user.to_owned()),
            kind: AttemptKind::Generate,
            sample: 0,
            base: None,
            call: None,
            context: CallContext { spec, target, job: InputsDigest(Digest::of("")), attempt: 1 },
        }
    }

    async fn ask(
        folder: &Path,
        mode: CassetteMode,
        user: &str,
    ) -> (Result<Generation, GenerationError>, Result<(), GenerationError>) {
        let cassettes = Cassettes::new(folder.to_owned());
        let generator = Recorded::new(OneFile::default(), "one-file", mode, cassettes);
        let said = generator.generate(request(user), None, &|_: usize| ()).await;
        let kept = match &said {
            Ok(answer) => generator.keep(&request(user), answer, "2026-01-02"),
            Err(_) => Ok(()),
        };
        (said, kept)
    }

    #[tokio::test]
    async fn a_tree_is_recorded_and_replayed() {
        let folder = tempfile::tempdir().expect("a folder");
        let miss = ask(folder.path(), CassetteMode::Replay, "add").await.0.expect_err("is none");
        assert_eq!(miss.failure, Failure::CassetteMiss);
        let (said, kept) = ask(folder.path(), CassetteMode::Record, "add").await;
        assert_eq!((said.expect("answers"), kept.is_ok()), (answer("// 0\n"), true));
        for mode in [CassetteMode::Replay, CassetteMode::Auto] {
            let replayed = ask(folder.path(), mode, "add").await.0.expect("is recorded");
            assert_eq!(replayed, answer("// 0\n").replayed("2026-01-02".to_owned()));
            // A replay is exported as the original recording.
            let cassettes = Cassettes::new(folder.path().to_owned());
            let [(path, _)] = &cassettes.all()[..] else { panic!("one is recorded") };
            let written = std::fs::read(path).expect("is there");
            let generator = Recorded::new(OneFile::default(), "one-file", mode, cassettes);
            let exported = generator.recording(&request("add"), &replayed, "2026-01-03");
            assert_eq!(exported, Some(written));
        }
        let (_, kept) = ask(folder.path(), CassetteMode::Verify, "add").await;
        assert!(kept.is_ok(), "it says the same again");
        let cassettes = Cassettes::new(folder.path().to_owned());
        let mode = CassetteMode::Verify;
        let other = Recorded::new(OneFile::default(), "one-file", mode, cassettes);
        let differs = other.keep(&request("add"), &answer("// 7\n"), "2026-01-03");
        assert_eq!(differs.expect_err("differs").failure, Failure::CassetteDiffers);
    }

    #[tokio::test]
    async fn a_recording_with_the_key_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let (said, kept) = ask(folder.path(), CassetteMode::Record, "what is sk-12345?").await;
        assert_eq!(kept.expect_err("has the key").failure, Failure::Configuration);
        let cassettes = Cassettes::new(folder.path().to_owned());
        assert!(cassettes.all().is_empty());
        let mode = CassetteMode::Off;
        let generator = Recorded::new(OneFile::default(), "one-file", mode, cassettes);
        let said = said.expect("answers");
        assert_eq!(generator.recording(&request("sk-12345"), &said, "2026-01-02"), None);
        assert!(generator.recording(&request("add"), &said, "2026-01-02").is_some());
    }
}
