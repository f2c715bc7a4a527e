//! An OpenAI-compatible server: chat completions from a deterministic reader, and embeddings that bring similar texts near.

mod embedding; // hashed words and trigrams
mod reader; // which answer a prompt holds, and the JSON that its schema wants

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};

pub use self::embedding::embed;
use crate::server::{Server, hang_up};

/// Longer than any time limit that a client may set; a hanging request ends when the client goes away.
const FOR_EVER: Duration = Duration::from_hours(1);

/// What goes wrong with the next request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with `OpenAI`'s error body, and `Retry-After` in seconds if there is one.
    Status(u16, Option<u64>),
    /// No answer, ever.
    Hang,
    /// The right answer, this much later.
    Slow(Duration),
    /// A completion with exactly this text: broken JSON, nothing, 50,000 characters …
    Raw(String),
    /// A body that is no completion at all.
    Garbage(String),
    /// The connection closes.
    Close,
}

/// One chat request, for assertions.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The whole body.
    pub body: Value,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

impl ChatRequest {
    /// Every message as (role, text), in order.
    pub fn messages(&self) -> Vec<(String, String)> {
        reader::messages(&self.body)
    }

    /// All texts in one, for questions such as "is this passage in it?".
    pub fn prompt(&self) -> String {
        self.messages().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
    }

    /// The `response_format`; null without one.
    pub fn response_format(&self) -> &Value {
        &self.body["response_format"]
    }
}

#[derive(Debug, Default)]
struct Mind {
    knows: Vec<(String, String)>,
    scripts: Vec<(String, String)>,
    faults: VecDeque<Fault>,
    embedding_faults: VecDeque<Fault>,
    embeddings_down: bool,
    embeddings_slow: Option<Duration>,
    instant: Option<String>,
    chats: Vec<ChatRequest>,
    chat_count: usize,
    embedded: Vec<String>,
    embedding_count: usize,
}

/// A model on loopback. Clones are the same model.
#[derive(Debug, Clone)]
pub struct FakeModel {
    mind: Arc<Mutex<Mind>>,
    server: Arc<Server>,
}

impl FakeModel {
    /// Starts a model that knows nothing: it says that it cannot answer.
    pub async fn start() -> Self {
        let mind: Arc<Mutex<Mind>> = Arc::default();
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/embeddings", post(embeddings))
            .layer(DefaultBodyLimit::max(32 * 1024 * 1024))
            .with_state(Arc::clone(&mind));
        Self { mind, server: Arc::new(Server::start(router).await) }
    }

    /// What `LLM_BASE_URL` and `EMBEDDING_BASE_URL` are set to: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("{}/v1", self.server.url())
    }

    /// The `LLM_*` variables that point Guildhall here.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.variables("LLM", "fake-reader")
    }

    /// The `EMBEDDING_*` variables that point Guildhall here.
    pub fn embedding_environment(&self) -> Vec<(String, String)> {
        self.variables("EMBEDDING", "fake-embedding")
    }

    fn variables(&self, prefix: &str, model: &str) -> Vec<(String, String)> {
        let values = [("BASE_URL", self.url()), ("API_KEY", "sk-fake".to_owned()), ("MODEL", model.to_owned())];
        values.map(|(name, value)| (format!("{prefix}_{name}"), value)).into()
    }

    /// The reader gives `answer` when `needle` is in the question (the last line of the last user message) *and* in what the
    /// prompt gives to read: at least once more in the prompt. Capitals do not matter.
    pub fn reads(&self, needle: &str, answer: &str) {
        self.mind().knows.push((needle.to_lowercase(), answer.to_owned()));
    }

    /// Says this whenever `needle` is in the question, whatever there is to read; the latest script wins. A text that is JSON is said as it is, another becomes the answer in the JSON that the request's schema wants.
    pub fn answers(&self, needle: &str, json_or_text: &str) {
        self.mind().scripts.push((needle.to_lowercase(), json_or_text.to_owned()));
    }

    /// Plans what goes wrong with the next chat request; several wait in line.
    pub fn next(&self, fault: Fault) {
        self.mind().faults.push_back(fault);
    }

    /// Plans what goes wrong with the next embedding request; several wait in line. [`Fault::Raw`] is garbage here.
    pub fn next_embedding(&self, fault: Fault) {
        self.mind().embedding_faults.push_back(fault);
    }

    /// While down, embeddings answer 503.
    pub fn embeddings_are_down(&self, down: bool) {
        self.mind().embeddings_down = down;
    }

    /// While set, every embedding request takes this much longer.
    pub fn embeddings_take(&self, time: Option<Duration>) {
        self.mind().embeddings_slow = time;
    }

    /// Says this at once, reads nothing and records nothing but a count: for benches.
    pub fn instant(&self, json_or_text: &str) {
        self.mind().instant = Some(json_or_text.to_owned());
    }

    /// Every chat request so far.
    pub fn chats(&self) -> Vec<ChatRequest> {
        self.mind().chats.clone()
    }

    /// How many chat requests came, answered or not.
    pub fn chat_count(&self) -> usize {
        self.mind().chat_count
    }

    /// Every text that was embedded, in order, each as often as it was asked for.
    pub fn embedded(&self) -> Vec<String> {
        self.mind().embedded.clone()
    }

    /// How many embedding requests came, answered or not.
    pub fn embedding_count(&self) -> usize {
        self.mind().embedding_count
    }

    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().expect("no holder panics")
    }
}

type Shared = State<Arc<Mutex<Mind>>>;

async fn chat(State(mind): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let fault = {
        let mut mind = mind.lock().expect("no holder panics");
        mind.chat_count += 1;
        mind.faults.pop_front()
    };
    let instant = mind.lock().expect("no holder panics").instant.clone();
    if let (Some(text), None) = (instant, &fault) {
        return Json(completion(&Value::Null, &text, body.len())).into_response();
    }
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return error(StatusCode::BAD_REQUEST, "We could not parse the JSON body of your request.", None);
    };
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    mind.lock().expect("no holder panics").chats.push(ChatRequest { body: request.clone(), authorization });
    if let Some(refusal) = unsupported(&request) {
        return refusal;
    }
    let mut raw = None;
    match fault {
        None => {}
        Some(Fault::Raw(text)) => raw = Some(text),
        Some(fault) => {
            if let Some(response) = suffer(fault).await {
                return response;
            }
        }
    }
    let text = raw.unwrap_or_else(|| {
        let mind = mind.lock().expect("no holder panics");
        reader::answer(&request, &mind.scripts, &mind.knows)
    });
    Json(completion(&request, &text, body.len())).into_response()
}

/// What this server cannot do it refuses, as a small real one would.
fn unsupported(request: &Value) -> Option<Response> {
    if !request["model"].is_string() || request["messages"].as_array().is_none_or(Vec::is_empty) {
        return Some(error(StatusCode::BAD_REQUEST, "you must provide a model and messages", None));
    }
    if request["stream"] == true {
        return Some(error(StatusCode::BAD_REQUEST, "this server does not stream", None));
    }
    None
}

/// A completion with usage. Tokens are counted as a quarter of the bytes, which is near the truth for English.
fn completion(request: &Value, text: &str, request_bytes: usize) -> Value {
    let (prompt, completion) = (request_bytes.div_ceil(4), text.len().div_ceil(4));
    json!({
        "id": format!("chatcmpl-{}", super::fake_discord::snowflake()),
        "object": "chat.completion",
        "created": jiff::Timestamp::now().as_second(),
        "model": request["model"].as_str().unwrap_or("fake-reader"),
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": text, "refusal": null}, "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
    })
}

async fn embeddings(State(mind): Shared, Json(request): Json<Value>) -> Response {
    let texts: Vec<String> = match &request["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let (fault, down, slow) = {
        let mut mind = mind.lock().expect("no holder panics");
        mind.embedding_count += 1;
        mind.embedded.extend(texts.iter().cloned());
        (mind.embedding_faults.pop_front(), mind.embeddings_down, mind.embeddings_slow)
    };
    if let Some(time) = slow {
        tokio::time::sleep(time).await;
    }
    if down {
        return error(StatusCode::SERVICE_UNAVAILABLE, "The server is overloaded or not ready yet.", None);
    }
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return error(StatusCode::BAD_REQUEST, "'$.input' is invalid.", None);
    }
    if request["encoding_format"].as_str().is_some_and(|format| format != "float") {
        return error(StatusCode::BAD_REQUEST, "this server knows the encoding_format float alone", None);
    }
    if let Some(fault) = fault
        && let Some(response) = suffer(fault).await
    {
        return response;
    }
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": embed(text)}))
        .collect();
    let tokens = texts.iter().map(String::len).sum::<usize>().div_ceil(4);
    Json(json!({
        "object": "list", "data": data, "model": request["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
    .into_response()
}

/// The answer that a fault gives, or nothing when the request goes on.
async fn suffer(fault: Fault) -> Option<Response> {
    match fault {
        Fault::Status(status, retry_after) => {
            let status = StatusCode::from_u16(status).expect("a test names a real status");
            Some(error(status, "planned by a test", retry_after))
        }
        Fault::Hang => {
            tokio::time::sleep(FOR_EVER).await;
            None
        }
        Fault::Slow(time) => {
            tokio::time::sleep(time).await;
            None
        }
        Fault::Raw(text) | Fault::Garbage(text) => Some(text.into_response()),
        Fault::Close => hang_up(),
    }
}

fn error(status: StatusCode, message: &str, retry_after: Option<u64>) -> Response {
    let kind = match status.as_u16() {
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let body = Json(json!({"error": {"message": message, "type": kind, "param": null, "code": null}}));
    match retry_after {
        Some(seconds) => (status, [(header::RETRY_AFTER, seconds.to_string())], body).into_response(),
        None => (status, body).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::client;

    async fn ask(model: &FakeModel, body: &Value) -> (u16, Value) {
        let address = format!("{}/chat/completions", model.url());
        let response = client().post(address).json(body).send().await.expect("reachable");
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    fn request(question: &str) -> Value {
        let schema = json!({"type": "object", "properties": {
            "answer": {"type": "string"},
            "sources": {"type": "array", "items": {"type": "integer"}},
            "answered": {"type": "boolean"},
            "wants_human": {"type": "boolean"},
        }});
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "Read.\n[1] Cats\nCats sleep.\n[2] Zephyr manual\nThe warranty lasts 31 months."},
                {"role": "user", "content": question},
            ],
            "response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}},
        })
    }

    fn said(answer: &Value) -> Value {
        serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().expect("text")).expect("JSON")
    }

    #[tokio::test]
    async fn the_reader_finds_what_is_there_to_read() {
        let model = FakeModel::start().await;
        model.reads("warranty", "31 months.");
        model.reads("price", "12 euros.");
        let (_, found) = ask(&model, &request("How long is the Warranty?")).await;
        assert_eq!(
            said(&found),
            json!({"answer": "31 months.", "sources": [2], "answered": true, "wants_human": false})
        );
        assert!(found["usage"]["total_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
        let (_, not_found) = ask(&model, &request("What is the price?")).await;
        assert_eq!(said(&not_found)["answered"], false);
        assert_eq!(said(&not_found)["sources"], json!([]));
        assert_eq!(model.chat_count(), 2);
        assert!(model.chats()[0].prompt().contains("Zephyr"));
    }

    #[tokio::test]
    async fn scripts_and_faults_come_first() {
        let model = FakeModel::start().await;
        model.answers("hello", r#"{"anything": 1}"#);
        let (_, scripted) = ask(&model, &request("hello")).await;
        assert_eq!(said(&scripted), json!({"anything": 1}));
        model.next(Fault::Status(429, Some(2)));
        model.next(Fault::Raw("{".to_owned()));
        assert_eq!(ask(&model, &request("hello")).await.0, 429);
        assert_eq!(ask(&model, &request("hello")).await.1["choices"][0]["message"]["content"], "{");
        model.next(Fault::Close);
        let address = format!("{}/chat/completions", model.url());
        client().post(address).json(&request("hello")).send().await.expect_err("the connection closes");
    }

    #[tokio::test]
    async fn embeddings_answer_in_order() {
        let model = FakeModel::start().await;
        let address = format!("{}/embeddings", model.url());
        let ask =
            json!({"model": "e", "input": ["the warranty lasts", "how long does the warranty last", "blue fish"]});
        let response = client().post(&address).json(&ask).send().await.expect("reachable");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["data"][2]["index"], 2);
        assert_eq!(answer["data"][0]["embedding"].as_array().map(Vec::len), Some(64));
        model.embeddings_are_down(true);
        assert_eq!(client().post(&address).json(&ask).send().await.expect("reachable").status(), 503);
        assert_eq!(model.embedding_count(), 2);
    }
}
