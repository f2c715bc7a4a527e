//! AWS as a worker reaches it: all of it, or all but what is out of order at the moment.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tests::local_aws::LocalAws;
use tests::server::{self, Server};

/// The queues, as requests name them.
pub(super) const QUEUES: &str = "AmazonSQS";

/// The table, as requests name it.
pub(super) const TABLE: &str = "DynamoDB";

/// What a service does instead of its work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// It answers 503.
    Refuses,
    /// It takes each request and never answers it, not even when the trouble is over.
    Hangs,
}

/// A proxy in front of AWS.
#[derive(Debug)]
pub(super) struct Proxy {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    trouble: Mutex<Option<(&'static str, Trouble)>>,
    never_taken: Mutex<Option<&'static str>>,
    /// How long each client has waited that got no answer and went away.
    waited: Mutex<Vec<Duration>>,
}

/// A request that is never answered.
struct Hanging {
    shared: Arc<Shared>,
    since: Instant,
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.shared.waited.lock().expect("no holder panics").push(self.since.elapsed());
    }
}

impl Proxy {
    /// Passes everything on to `aws`.
    pub(super) async fn before(aws: &LocalAws) -> Self {
        let upstream = aws.config.endpoint_url.as_ref().expect("it has one").as_str().trim_end_matches('/').to_owned();
        let (trouble, never_taken, waited) = (Mutex::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { upstream, client: server::client(), trouble, never_taken, waited });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        Self { shared, server: Server::start(router).await }
    }

    /// What `AWS_ENDPOINT_URL` is set to.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// A service is in trouble from now on, or none is.
    pub(super) fn set(&self, trouble: Option<(&'static str, Trouble)>) {
        *self.shared.trouble.lock().expect("no holder panics") = trouble;
    }

    /// The same for so long.
    pub(super) async fn set_for(&self, time: Duration, service: &'static str, trouble: Trouble) {
        self.set(Some((service, trouble)));
        tokio::time::sleep(time).await;
        self.set(None);
    }

    /// The queues take no message with this word, and say that it is the sender's fault.
    pub(super) fn never_takes(&self, word: &'static str) {
        *self.shared.never_taken.lock().expect("no holder panics") = Some(word);
    }

    /// The longest that a client has waited for an answer that did not come: of at least one.
    pub(super) fn longest_wait(&self) -> Duration {
        let waited = self.shared.waited.lock().expect("no holder panics");
        waited.iter().max().copied().expect("somebody has waited")
    }
}

async fn pass(State(shared): State<Arc<Shared>>, uri: Uri, mut headers: HeaderMap, mut body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let trouble = *shared.trouble.lock().expect("no holder panics");
    match trouble.filter(|(service, _)| target.starts_with(service)) {
        Some((_, Trouble::Refuses)) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some((_, Trouble::Hangs)) => {
            let _hanging = Hanging { shared, since: Instant::now() };
            return std::future::pending().await;
        }
        None => {}
    }
    let mut refused = Vec::new();
    if target.ends_with("SendMessageBatch")
        && let Some(word) = *shared.never_taken.lock().expect("no holder panics")
    {
        (body, refused) = without(word, &body);
    }
    headers.remove("host");
    headers.remove("content-length");
    let sent = shared.client.post(format!("{}{uri}", shared.upstream)).headers(headers).body(body).send().await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    let mut answer = answer.bytes().await.unwrap_or_default();
    if !refused.is_empty() {
        headers.remove("content-length");
        let mut told: Value = serde_json::from_slice(&answer).unwrap_or_default();
        // A request without entries is an error by itself.
        if !status.is_success() {
            told = json!({"Successful": []});
        }
        told["Failed"] = Value::Array(refused);
        answer = told.to_string().into();
        return (StatusCode::OK, headers, answer).into_response();
    }
    (status, headers, answer).into_response()
}

/// A batch without the messages that have this word, and what is said of those.
fn without(word: &str, body: &Bytes) -> (Bytes, Vec<Value>) {
    let mut batch: Value = serde_json::from_slice(body).expect("a request of the SDK");
    let entries = batch["Entries"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let is_refused = |entry: &Value| entry["MessageBody"].as_str().is_some_and(|body| body.contains(word));
    let (refused, rest): (Vec<Value>, Vec<Value>) = entries.into_iter().partition(is_refused);
    batch["Entries"] = Value::Array(rest);
    let failure = |entry: Value| json!({"Id": entry["Id"], "Code": "InvalidMessageContents", "SenderFault": true});
    (batch.to_string().into(), refused.into_iter().map(failure).collect())
}
