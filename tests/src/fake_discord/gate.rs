//! What stands before every endpoint: the token, the limits, planned faults, the record, and reading a body.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::limits::{Bucket, Fault};
use super::state::{Request, Shared};
use crate::server::hang_up;

/// Nothing that a bot sends here comes near this; Discord's own limit for files is in the same range.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// What every request passes: the token, the rate limits, the faults that a test planned, and the record.
pub(crate) async fn at_the_gate(
    State(shared): State<Arc<Shared>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, 40005, "Request entity too large").into_response();
    };
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let record = |status: u16, body: &Bytes| {
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let body = seen_body(body);
        shared.state().requests.push(Request { method: method.clone(), path: path.clone(), query, body, status });
    };

    let bucket = Bucket::of(&method, &path);
    let needs_none = ["/webhooks/", "/interactions/", "/oauth2/"];
    let needs_token = !needs_none.iter().any(|prefix| path.starts_with(prefix));
    let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let caller =
        token.and_then(|token| token.strip_prefix("Bot ")).and_then(|token| shared.state().bot_with(&token.into()));
    let person =
        token.and_then(|token| token.strip_prefix("Bearer ")).and_then(|token| shared.state().oauth.person_with(token));
    if needs_token && caller.is_none() && person.is_none() {
        record(401, &body);
        return Refusal::unauthorized().into_response();
    }
    let counted = shared.state().limits.take(&bucket.of_bot(caller), Instant::now());
    let limits = match counted {
        Ok(headers) => headers,
        Err(refused) => {
            record(429, &body);
            return (*refused).into_response();
        }
    };

    let fault = shared.state().next_fault(&method, &path);
    let mut close_after = false;
    match fault {
        Some(Fault::Close) => {
            record(0, &body);
            hang_up();
        }
        Some(Fault::CloseAfter) => close_after = true,
        Some(Fault::Hang(time)) => tokio::time::sleep(time).await,
        Some(Fault::RateLimited { retry_after, global }) => {
            record(429, &body);
            let now = Instant::now();
            return shared.state().limits.block(&bucket.of_bot(caller), retry_after, global, now).into_response();
        }
        Some(Fault::Refused { status, code, message }) => {
            record(status, &body);
            let status = StatusCode::from_u16(status).expect("a test names a real status");
            return (limits, Refusal::new(status, code, &message)).into_response();
        }
        Some(Fault::Status(status)) => {
            record(status, &body);
            return (limits, plain(status)).into_response();
        }
        None => {}
    }

    let mut request = axum::extract::Request::from_parts(parts.clone(), Body::from(body.clone()));
    request.extensions_mut().insert(Caller(caller.unwrap_or(shared.application_id)));
    if let Some(person) = person {
        request.extensions_mut().insert(Person(person));
    }
    let mut response = next.run(request).await;
    if close_after {
        record(0, &body);
        hang_up();
    }
    record(response.status().as_u16(), &body);
    response.headers_mut().extend(limits);
    response
}

/// Whose token a request has; the first bot's where none is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) u64);

/// The person whose access token a request has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person(pub(crate) u64);

fn plain(status: u16) -> Response {
    let status = StatusCode::from_u16(status).expect("a test names a real status");
    if status.as_u16() > 500 {
        return (status, [(header::CONTENT_TYPE, "text/html")], "<html><center>cloudflare</center></html>")
            .into_response();
    }
    Refusal::new(status, 0, &status.to_string().replacen(' ', ": ", 1)).into_response()
}

fn seen_body(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        // A form: what stands between the first line that opens an object and its part's end.
        let text = String::from_utf8_lossy(body);
        let start = text.find("\r\n\r\n{").map_or(text.len(), |at| at + 4);
        let end = text[start..].find("\r\n--").map_or(text.len(), |at| start + at);
        serde_json::from_str(&text[start..end]).unwrap_or(Value::Null)
    })
}

/// The fields of a body, from JSON or from `payload_json` of a form, and the number of files beside them.
pub(crate) struct Payload(pub(crate) Map<String, Value>, pub(crate) usize);

impl FromRequest<Arc<Shared>> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: axum::extract::Request, state: &Arc<Shared>) -> Result<Self, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (mut fields, mut files) = (None, 0);
        if kind.starts_with("multipart/form-data") {
            let mut form = Multipart::from_request(request, state).await.map_err(|_| Refusal::not_json())?;
            while let Some(part) = form.next_field().await.map_err(|_| Refusal::not_json())? {
                let is_payload = part.name() == Some("payload_json");
                let bytes = part.bytes().await.map_err(|_| Refusal::not_json())?;
                if is_payload {
                    fields = serde_json::from_slice(&bytes).ok();
                } else {
                    files += 1;
                }
            }
        } else if kind.starts_with("application/json") {
            let bytes = Bytes::from_request(request, state).await.map_err(|_| Refusal::not_json())?;
            fields = serde_json::from_slice(&bytes).ok();
        }
        fields.map(|fields| Self(fields, files)).ok_or_else(Refusal::not_json)
    }
}
