//! AWS on loopback, which counts what it is asked for: the table by the database of a single machine, which says what
//! capacity a request consumes; queues and bucket by the tests' AWS behind it.

use super::relay::{MAX_BODY, forward};
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use guildhall::aws::{Aws, Limits};
use guildhall::config::{AwsConfig, BucketConfig};
use guildhall::knowledge::files::Files;
use guildhall::store::Store;
use serde_json::{Value, json};
use standalone::table::Table;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tests::local_aws::LocalAws;
use tests::server::{self, Server};

/// What AWS takes for a request within a region, about: DynamoDB answers "in single-digit milliseconds", a transaction is
/// two rounds; SQS takes some ten.
const TABLE: Duration = Duration::from_millis(5);
const TRANSACTION: Duration = Duration::from_millis(10);
const QUEUE: Duration = Duration::from_millis(10);
const BUCKET: Duration = Duration::from_millis(30);

/// Requests of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) calls: u64,
    pub(crate) sent: usize,
    pub(crate) received: usize,
    /// Read and write units that the table says it has consumed. Requests that it refuses say nothing.
    pub(crate) read: f64,
    pub(crate) written: f64,
}

/// Requests by service and operation.
pub(crate) type Counts = BTreeMap<String, Count>;

/// The tests' AWS with a counter before it.
pub(crate) struct CountingAws {
    pub(crate) aws: Aws,
    pub(crate) local: LocalAws,
    server: Server,
    meter: Arc<Meter>,
    _data: tempfile::TempDir,
}

struct Meter {
    table: Table,
    behind: String,
    client: reqwest::Client,
    counts: Mutex<Counts>,
    takes_time: AtomicBool,
}

impl CountingAws {
    pub(crate) async fn start() -> Result<Self> {
        let (local, data) = (LocalAws::start().await, tempfile::tempdir()?);
        let behind = local.config.endpoint_url.as_ref().context("the tests' AWS has an address")?;
        let meter = Arc::new(Meter {
            table: Table::open(&data.path().join("table.db"))?,
            behind: behind.as_str().trim_end_matches('/').to_owned(),
            client: server::client(),
            counts: Mutex::default(),
            takes_time: AtomicBool::new(false),
        });
        let router =
            Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Arc::clone(&meter));
        let server = Server::start(router).await;
        let config = AwsConfig { endpoint_url: Some(server.url().parse()?), ..local.config.clone() };
        let counting = Self { aws: Aws::of_function(&config)?, local, server, meter, _data: data };
        counting.store().create_table().await?;
        Ok(counting)
    }

    pub(crate) fn store(&self) -> Store {
        self.aws.store(Limits::TABLE)
    }

    pub(crate) fn files(&self) -> Result<Files> {
        self.aws.files(&BucketConfig { name: "guildhall".to_owned() })
    }

    /// What a process needs in its environment to use it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = self.local.environment();
        for (name, value) in &mut environment {
            if name == "AWS_ENDPOINT_URL" {
                *value = self.server.url();
            }
        }
        environment
    }

    /// Whether requests take as long as in AWS, or as long as they take here.
    pub(crate) fn take_time(&self, takes_time: bool) {
        self.meter.takes_time.store(takes_time, Ordering::Relaxed);
    }

    /// What was counted since this was asked last.
    pub(crate) fn counted(&self) -> Counts {
        std::mem::take(&mut *self.meter.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Meter {
    fn count(&self, name: &str, sent: usize, received: usize, capacity: (f64, f64)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name.to_owned()).or_default();
        count.calls += 1;
        count.sent += sent;
        count.received += received;
        count.read += capacity.0;
        count.written += capacity.1;
    }
}

async fn answer(
    State(meter): State<Arc<Meter>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or(("S3", method.as_str()));
    let (is_table, name) = if service.starts_with("DynamoDB") {
        (true, format!("DynamoDB {operation}"))
    } else {
        (false, format!("{} {operation}", service.trim_start_matches("Amazon")))
    };
    if meter.takes_time.load(Ordering::Relaxed) {
        let takes = match (service, operation) {
            (_, "TransactWriteItems") => TRANSACTION,
            ("S3", _) => BUCKET,
            _ if is_table => TABLE,
            _ => QUEUE,
        };
        tokio::time::sleep(takes).await;
    }
    let sent = body.len();
    if is_table {
        let Some((status, body, capacity)) = ask_table(&meter.table, operation, &body).await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        meter.count(&name, sent, body.len(), capacity);
        return (status, [("content-type", "application/x-amz-json-1.0")], body).into_response();
    }
    match forward(&meter.client, &meter.behind, method, &uri, headers, body).await {
        Ok((response, received)) => {
            meter.count(&name, sent, received, (0.0, 0.0));
            response
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Asks the table, and how much it consumed: read and written units.
async fn ask_table(table: &Table, operation: &str, body: &[u8]) -> Option<(StatusCode, String, (f64, f64))> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let is_measured = !operation.starts_with("Create") && !operation.starts_with("UpdateT");
    if let (true, Some(request)) = (is_measured, request.as_object_mut()) {
        request.insert("ReturnConsumedCapacity".to_owned(), json!("TOTAL"));
    }
    let (status, answer) = table.ask(operation.to_owned(), request.to_string().into_bytes()).await?;
    let parsed: Value = serde_json::from_str(&answer).ok()?;
    let units = match &parsed["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64().unwrap_or_default(),
    };
    let is_read = operation.contains("Get") || operation == "Query";
    Some((StatusCode::from_u16(status).ok()?, answer, if is_read { (units, 0.0) } else { (0.0, units) }))
}
