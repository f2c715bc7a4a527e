//! The table of a single machine: a DynamoDB on one `SQLite` file, inside this process.
//!
//! The SDK speaks DynamoDB's own protocol to it, but through memory instead of a port. A port on loopback would be open
//! to every program of the machine, and to every web page that its browser visits.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, IdentityCache, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// What the SDK sends: `DynamoDB_20120810.GetItem` and so on.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// Expired items are deleted about this often. DynamoDB itself promises "within a few days".
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// A client of the table in `file`, which is created when it is missing.
pub fn open(file: &Path) -> Result<Client> {
    Ok(Table::open(file)?.client())
}

/// What answers DynamoDB's requests.
///
/// One thread owns the database: `SQLite` writes one after the other anyway, and no thread of the runtime ever waits for
/// the disk.
#[derive(Debug, Clone)]
pub struct Table {
    requests: mpsc::UnboundedSender<Request>,
}

impl Table {
    /// The one in `file`, which is created when it is missing.
    pub fn open(file: &Path) -> Result<Self> {
        let path = file.to_str().context("the data folder's path is not valid UTF-8")?;
        let database = Database::new(path).map_err(|error| describe(&error)).context("opening the table's file")?;
        // WAL with `synchronous = NORMAL`: survives the death of the process; a power cut can take back the last instants.
        database.disable_bulk_loading().map_err(|error| describe(&error))?;
        let (requests, mut waiting) = mpsc::unbounded_channel::<Request>();
        std::thread::Builder::new().name("table".to_owned()).spawn(move || {
            let mut swept = Instant::now();
            while let Some(request) = waiting.blocking_recv() {
                let _ = request.answer.send(run(&database, &request.operation, &request.body));
                if swept.elapsed() > SWEEP_EVERY {
                    swept = Instant::now();
                    if let Err(error) = database.sweep_ttl() {
                        tracing::warn!(error = %error, "expired items could not be deleted yet");
                    }
                }
            }
        })?;
        Ok(Self { requests })
    }

    /// The answer to one request: its status and its JSON. None once the table's thread has ended.
    pub async fn ask(&self, operation: String, body: Vec<u8>) -> Option<(u16, String)> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request { operation, body, answer }).ok()?;
        answered.await.ok()
    }

    fn client(&self) -> Client {
        let connector = SharedHttpConnector::new(self.clone());
        // What guards calls over a network (signatures, time limits, retries, a choice of endpoints) costs more than the
        // table itself, and memory needs none of it.
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .allow_no_auth()
            .identity_cache(IdentityCache::no_cache())
            .endpoint_resolver(Here)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Client::from_conf(config)
    }
}

/// Names no machine: requests never leave the process.
#[derive(Debug)]
struct Here;

impl ResolveEndpoint for Here {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url("http://table.invalid").build()))
    }
}

#[derive(Debug)]
struct Request {
    operation: String,
    body: Vec<u8>,
    answer: oneshot::Sender<(u16, String)>,
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.strip_prefix(TARGET_PREFIX))
            .unwrap_or_default()
            .to_owned();
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let table = self.clone();
        HttpConnectorFuture::new(async move {
            let gone = || ConnectorError::io("the table's thread has ended".into());
            let (status, body) = table.ask(operation, body).await.ok_or_else(gone)?;
            let status = status.try_into().map_err(|_| gone())?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn run(database: &Database, operation: &str, body: &[u8]) -> (u16, String) {
    let outcome = match operation {
        "GetItem" => answer(body, |request| database.get_item(request)),
        "PutItem" => answer(body, |request| database.put_item(request)),
        "UpdateItem" => answer(body, |request| database.update_item(request)),
        "DeleteItem" => answer(body, |request| database.delete_item(request)),
        "Query" => answer(body, |request| database.query(request)),
        "BatchGetItem" => answer(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => answer(body, |request| database.batch_write_item(request)),
        "TransactWriteItems" => answer(body, |request| {
            // The token makes a request safe to repeat when its answer was lost on the way. Here none is lost or
            // repeated, while the database would keep each token for ten minutes and look through all of them each time.
            let once = TransactWriteItemsRequest { client_request_token: None, ..request };
            database.transact_write_items(once)
        }),
        "CreateTable" => answer(body, |request| database.create_table(request)),
        "UpdateTimeToLive" => answer(body, |request| database.update_time_to_live(request)),
        _ => Err(DynoxideError::ValidationException(format!("{operation} is not offered on one machine"))),
    };
    match outcome {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn answer<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> dynoxide::Result<A>,
) -> dynoxide::Result<String> {
    let request =
        serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let response = run(request)?;
    serde_json::to_string(&response).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn describe(error: &DynoxideError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}
