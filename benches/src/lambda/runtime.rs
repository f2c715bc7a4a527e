//! What Lambda is to a function: an environment, and an address where it asks for events and leaves answers. AWS behind it
//! knows nothing and agrees to everything. What both of them and Discord take is measured, so that it can be taken off.

use super::relay::forward;
use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use guildhall::events::Event;
use guildhall::ids::{AccountId, SourceId};
use guildhall::job::Job;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::fake_discord::FakeDiscord;
use tests::server::Server;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use twilight_model::id::Id;

/// Whatever takes longer has failed.
const LIMIT: Duration = Duration::from_secs(20);

/// The function that does nothing.
pub(crate) const FLOOR: &str = "hello";

/// A function and an event of its own.
pub(crate) struct Case {
    pub(crate) function: &'static str,
    pub(crate) what: &'static str,
    pub(crate) event: Bytes,
}

/// A Discord and an AWS, and everything that a function is told of them.
pub(crate) struct World {
    environment: Vec<(String, String)>,
    discord: FakeDiscord,
    outside: Arc<Outside>,
    _server: Server,
}

/// AWS, and the way to Discord.
struct Outside {
    discord: String,
    client: reqwest::Client,
    /// Nanoseconds between requests and their answers, and how many there were.
    took: AtomicU64,
    asked: AtomicU64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let discord = FakeDiscord::start().await;
        let outside = Arc::new(Outside {
            discord: discord.url().trim_end_matches('/').to_owned(),
            client: tests::server::client(),
            took: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        });
        let aws = Server::start(Router::new().fallback(answer).with_state(Arc::clone(&outside))).await;
        let queue = |name: &str| format!("{}/000000000000/{name}", aws.url());
        let mut environment = discord.environment();
        let said = [
            ("AWS_LAMBDA_FUNCTION_NAME", "measured".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "measured".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "measured".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL", aws.url()),
            ("TABLE_NAME", "guildhall".to_owned()),
            ("BUCKET_NAME", "guildhall".to_owned()),
            ("QUESTIONS_QUEUE_URL", queue("questions.fifo")),
            ("MODERATION_QUEUE_URL", queue("moderation")),
            ("INGEST_QUEUE_URL", queue("ingest.fifo")),
            ("EVENT_BUS_NAME", "guildhall".to_owned()),
            ("GUILDHALL_SEALING_KEY", "0".repeat(64)),
            ("MAIL_FROM", "guildhall@example.com".to_owned()),
            ("GUILDHALL_PUBLIC_URL", "https://guildhall.example.com".to_owned()),
            ("LLM_BASE_URL", format!("{}/v1", aws.url())),
            ("LLM_API_KEY", "none".to_owned()),
            ("LLM_MODEL", "none".to_owned()),
        ];
        environment.retain(|(name, _)| name != "DISCORD_API_URL");
        environment.push(("DISCORD_API_URL".to_owned(), aws.url()));
        environment.extend(said.map(|(name, value)| (name.to_owned(), value)));
        Self { environment, discord, outside, _server: aws }
    }

    /// How long AWS and Discord have taken, and how often they were asked, since this was asked last.
    pub(crate) fn outside(&self) -> (Duration, u64) {
        let took = self.outside.took.swap(0, Ordering::Relaxed);
        (Duration::from_nanos(took), self.outside.asked.swap(0, Ordering::Relaxed))
    }

    /// Every function with an event that needs what most of its events need, as far as that is there without data.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let application = self.discord.application_id().to_string();
        let ping = json!({"type": 1, "id": "1", "application_id": application, "token": "none", "version": 1});
        let question = self.discord.member("ann").ask("How long is the warranty?", false).body;
        let account = AccountId::local();
        let deleted =
            Job::Deleted { application_id: Id::new(5), channel_id: Id::new(3), message_id: Id::new(7), guild_id: None };
        let source = SourceId("gone".to_owned());
        let read = Job::Read { account: account.clone(), source, asked_at: Timestamp::now(), part: 0 };
        let quota = Event::quota(account, "2026-11", 80, 2_500, Timestamp::now());
        let detail: Value = serde_json::from_str(&quota.to_detail()).unwrap_or_default();
        let case = |function, what, event: &Value| Case { function, what, event: event.to_string().into() };
        vec![
            case("interactions", "a PING", &self.posted(&ping)),
            case("interactions", "/ask", &self.posted(&question)),
            case("dashboard", "its health", &called("GET", "/healthz", &json!({}), "")),
            case("worker", "a deleted message", &queued("questions.fifo", &deleted)),
            case("ingest", "a source that is gone", &queued("ingest.fifo", &read)),
            case("proactive", "a tick", &happened("Scheduled Event", &json!({}))),
            case("notify", "an account that is gone", &happened("Quota", &detail)),
        ]
    }

    /// What Discord posts, as it reaches a function.
    fn posted(&self, interaction: &Value) -> Value {
        let signed = self.discord.signed(interaction);
        let headers = json!({
            "content-type": "application/json", "user-agent": "Discord-Interactions/1.0 (+https://discord.com)",
            "x-signature-ed25519": signed.signature, "x-signature-timestamp": signed.timestamp,
        });
        called("POST", "/discord/webhook", &headers, &String::from_utf8_lossy(&signed.body))
    }
}

/// Lambda's event for a request. [API Gateway Developer Guide: payload format 2.0]
fn called(method: &str, path: &str, headers: &Value, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers, "body": body,
        "isBase64Encoded": false,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "api.example.com", "domainPrefix": "api",
            "requestId": "1", "routeKey": "$default", "stage": "$default", "time": "24/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1_795_514_400_000_i64,
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench",
            },
        },
    })
}

/// Lambda's event for a batch of one job.
fn queued(queue: &str, job: &Job) -> Value {
    json!({"Records": [{
        "messageId": "1", "receiptHandle": "1", "body": job.to_message(), "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:{queue}"), "awsRegion": "us-east-1",
        "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": job.group()}, "messageAttributes": {},
    }]})
}

/// Lambda's event for one from a bus.
fn happened(kind: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "1", "detail-type": kind, "source": "guildhall", "account": "000000000000",
        "time": "2026-11-24T10:00:00Z", "region": "us-east-1", "resources": [], "detail": detail,
    })
}

async fn answer(
    State(outside): State<Arc<Outside>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let began = Instant::now();
    let response = match headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some(target) => agree(target, &body).into_response(),
        None => match forward(&outside.client, &outside.discord, method, &uri, headers, body).await {
            Ok((response, _)) => response,
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        },
    };
    outside.took.fetch_add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    outside.asked.fetch_add(1, Ordering::Relaxed);
    response
}

/// The table has nothing and takes everything, and so do the queues.
fn agree(target: &str, body: &Bytes) -> Json<Value> {
    if !target.ends_with(".SendMessageBatch") {
        return Json(json!({}));
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let taken = |entry: &Value| json!({"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""});
    let taken: Vec<Value> = request["Entries"].as_array().into_iter().flatten().map(taken).collect();
    Json(json!({"Successful": taken, "Failed": []}))
}

/// A function that runs.
pub(crate) struct Running {
    name: &'static str,
    began: Instant,
    events: mpsc::UnboundedSender<Bytes>,
    said: mpsc::UnboundedReceiver<(Instant, Said)>,
    child: Child,
    _lambda: Server,
}

/// What a function says to Lambda.
enum Said {
    Next,
    Done,
    Failed(String),
}

struct Lambda {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    said: mpsc::UnboundedSender<(Instant, Said)>,
}

impl Running {
    /// Starts it with nothing but its own environment.
    pub(crate) async fn start(world: &World, name: &'static str) -> Result<Self> {
        let program = program(name)?;
        let ((events, waiting), (say, said)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let lambda = Arc::new(Lambda { events: Mutex::new(waiting), said: say });
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(done))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed));
        let server = Server::start(api.with_state(lambda)).await;
        let address = server.url().trim_start_matches("http://").to_owned();
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(world.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        Ok(Self { name, began, events, said, child, _lambda: server })
    }

    /// Waits until it asks for an event: how long after its start.
    pub(crate) async fn asks(&mut self) -> Result<Duration> {
        match self.hear().await? {
            (at, Said::Next) => Ok(at - self.began),
            _ => bail!("{} spoke before it was asked", self.name),
        }
    }

    /// Hands it an event after it has asked for one: when it was handed over, and when the answer was there.
    pub(crate) async fn answers(&mut self, event: &Bytes) -> Result<(Instant, Instant)> {
        let handed = Instant::now();
        self.events.send(event.clone())?;
        match self.hear().await? {
            (at, Said::Done) => Ok((handed, at)),
            (_, Said::Failed(error)) => bail!("{} failed: {error}", self.name),
            (_, Said::Next) => bail!("{} asked again without an answer", self.name),
        }
    }

    /// When it was started.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Bytes that are in memory, and the most that were.
    pub(crate) fn resident(&self) -> Result<(u64, u64)> {
        let id = self.child.id().context("the function has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let bytes = |name: &str| {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).context("Linux says what is resident")?;
            anyhow::Ok(line.split_whitespace().next().context("a number")?.parse::<u64>()? * 1024)
        };
        Ok((bytes("VmRSS:")?, bytes("VmHWM:")?))
    }

    async fn hear(&mut self) -> Result<(Instant, Said)> {
        let heard = tokio::time::timeout(LIMIT, self.said.recv()).await;
        heard.ok().flatten().with_context(|| format!("{} says nothing", self.name))
    }
}

async fn next(State(lambda): State<Arc<Lambda>>) -> Response {
    let _ = lambda.said.send((Instant::now(), Said::Next));
    let Some(event) = lambda.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = Timestamp::now().as_millisecond() + 60_000;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:measured".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn done(State(lambda): State<Arc<Lambda>>, _: Bytes) -> StatusCode {
    let _ = lambda.said.send((Instant::now(), Said::Done));
    StatusCode::ACCEPTED
}

async fn failed(State(lambda): State<Arc<Lambda>>, error: Bytes) -> StatusCode {
    let error = Said::Failed(String::from_utf8_lossy(&error).into_owned());
    let _ = lambda.said.send((Instant::now(), error));
    StatusCode::ACCEPTED
}

/// A function as it is shipped: built with a profile of its own.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = if name == FLOOR { "lambda/examples" } else { "lambda" };
    let found = me.ancestors().nth(2).map(|target| target.join(folder).join(name)).filter(|path| path.is_file());
    found.context("`cargo build --profile lambda -p functions --bins --example hello` comes first")
}
