//! AWS as a worker reaches it: all of it, or all but what is away at the moment.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tests::server::{self, Server};

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
    away: Mutex<Option<&'static str>>,
}

impl Proxy {
    /// Passes everything on to `upstream`.
    pub(super) async fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_end_matches('/').to_owned();
        let shared = Arc::new(Shared { upstream, client: server::client(), away: Mutex::default() });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        Self { shared, server: Server::start(router).await }
    }

    /// What `AWS_ENDPOINT_URL` is set to.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Answers 503 to requests to this service (`AmazonSQS`, `DynamoDB`) from now on, or to none.
    pub(super) fn set_away(&self, service: Option<&'static str>) {
        *self.shared.away.lock().expect("no holder panics") = service;
    }

    /// The same for so long.
    pub(super) async fn is_away_for(&self, service: &'static str, time: Duration) {
        self.set_away(Some(service));
        tokio::time::sleep(time).await;
        self.set_away(None);
    }
}

async fn pass(State(shared): State<Arc<Shared>>, uri: Uri, mut headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if shared.away.lock().expect("no holder panics").is_some_and(|away| target.starts_with(away)) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    headers.remove("host");
    let sent = shared.client.post(format!("{}{uri}", shared.upstream)).headers(headers).body(body).send().await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    (status, headers, answer.bytes().await.unwrap_or_default()).into_response()
}
