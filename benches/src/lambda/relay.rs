//! A server before another one, which takes as long as the real one would.

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tests::server::{self, Server};

/// Larger than anything that is sent here.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;

/// Passes on what it is asked, and waits before it answers.
pub(super) struct Relay {
    server: Server,
    wait: Arc<AtomicU64>,
}

#[derive(Clone)]
struct To {
    url: Arc<str>,
    client: reqwest::Client,
    wait: Arc<AtomicU64>,
}

impl Relay {
    pub(super) async fn start(url: &str) -> Self {
        let wait = Arc::new(AtomicU64::new(0));
        let to = To { url: url.into(), client: server::client(), wait: Arc::clone(&wait) };
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(to);
        Self { server: Server::start(router).await, wait }
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// From now on, what is asked takes so much longer.
    pub(super) fn take(&self, wait: Duration) {
        self.wait.store(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

async fn pass(State(to): State<To>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    tokio::time::sleep(Duration::from_millis(to.wait.load(Ordering::Relaxed))).await;
    match forward(&to.client, &to.url, method, &uri, headers, body).await {
        Ok((response, _)) => response,
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The answer of the server at `url`, and how many bytes it has.
pub(super) async fn forward(
    client: &reqwest::Client,
    url: &str,
    method: Method,
    uri: &Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> reqwest::Result<(Response, usize)> {
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = client.request(method, format!("{url}{path}")).headers(headers).body(body).send().await?;
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(TRANSFER_ENCODING);
    let body = answer.bytes().await?;
    let length = body.len();
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok((response, length))
}
