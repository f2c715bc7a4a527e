//! A function's process under Lambda's runtime API. [Lambda Developer Guide/Using the Lambda runtime API]

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tests::process::Process;
use tests::server::Server;
use tokio::sync::{mpsc, oneshot};

/// The timeout of `worker` in template.yaml.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(120);

/// A program that Lambda would run, with what stands for Lambda.
pub(super) struct Function {
    process: Process,
    events: mpsc::UnboundedSender<Invocation>,
    _server: Server,
}

/// A function's answer, and how long it took from the moment in which it was given the event: what is billed.
type Done = oneshot::Sender<(Duration, Result<Value, String>)>;

struct Invocation {
    event: Value,
    done: Done,
}

struct Lambda {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<HashMap<String, (Instant, Done)>>,
    count: AtomicU64,
}

/// Bytes of a process that are or were in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    pub(super) now: u64,
    pub(super) highest: u64,
    /// Of `now`, what it has written itself; the rest is the program, libraries and mapped files.
    pub(super) own: u64,
}

impl Function {
    pub(super) async fn start(program: &std::path::Path, environment: Vec<(String, String)>) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let lambda = Arc::new(Lambda {
            events: tokio::sync::Mutex::new(waiting),
            running: Mutex::default(),
            count: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .fallback(async || StatusCode::ACCEPTED)
            .with_state(lambda);
        let server = Server::start(router).await;
        let api = server.url().trim_start_matches("http://").to_owned();
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ];
        let lambda = lambda.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let process = Process::start(program, &[], environment.into_iter().chain(lambda));
        Self { process, events, _server: server }
    }

    /// Has it handle an event; how long that is billed, and its answer.
    pub(super) async fn invoke(&self, event: Value) -> Result<(Duration, Value)> {
        let (done, answered) = oneshot::channel();
        self.events.send(Invocation { event, done }).ok().context("Lambda's runtime API has ended")?;
        let answered = tokio::time::timeout(TIMEOUT.unsigned_abs(), answered).await;
        let Ok(Ok((took, answer))) = answered else {
            bail!("the function did not answer:\n{}", self.process.lines().join("\n"))
        };
        let answer = answer.map_err(|error| anyhow::anyhow!("the function failed: {error}"))?;
        Ok((took, answer))
    }

    pub(super) fn cpu(&self) -> Result<Duration> {
        self.process.cpu_time().context("the function has ended")
    }

    /// Bytes that it has written to its log.
    pub(super) fn logged(&self) -> usize {
        self.process.lines().iter().map(|line| line.len() + 1).sum()
    }

    pub(super) fn resident(&self) -> Result<Resident> {
        let id = self.process.id().context("the function has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("Linux says it")?;
            anyhow::Ok(line.split_whitespace().next().context("a number")?.parse::<u64>()? * 1024)
        };
        Ok(Resident { now: bytes("VmRSS:")?, highest: bytes("VmHWM:")?, own: bytes("RssAnon:")? })
    }
}

async fn next(State(lambda): State<Arc<Lambda>>) -> Response {
    let Some(Invocation { event, done }) = lambda.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let id = format!("request-{}", lambda.count.fetch_add(1, Ordering::Relaxed));
    let deadline = (Timestamp::now() + TIMEOUT).as_millisecond().to_string();
    let mut running = lambda.running.lock().unwrap_or_else(PoisonError::into_inner);
    running.insert(id.clone(), (Instant::now(), done));
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn response(State(lambda): State<Arc<Lambda>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    lambda.ended(&id, serde_json::from_slice(&body).map_err(|error| error.to_string()))
}

async fn error(State(lambda): State<Arc<Lambda>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    lambda.ended(&id, Err(String::from_utf8_lossy(&body).into_owned()))
}

impl Lambda {
    fn ended(&self, id: &str, answer: Result<Value, String>) -> StatusCode {
        let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some((began, done)) = ended {
            // Who asked may have given up.
            let _ = done.send((began.elapsed(), answer));
        }
        StatusCode::ACCEPTED
    }
}
