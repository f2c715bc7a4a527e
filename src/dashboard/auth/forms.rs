//! The CSRF token in forms: found before the handler reads the form, so that none can forget it.

use super::origin;
use super::session::CSRF_HEADER;
use crate::dashboard::body::whole;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

/// How far into a form with files the token is looked for: it is its first field.
const MAX_FIRST_FIELD_BYTES: usize = 1024;

/// Takes the field `csrf` of a form for the header `x-csrf-token`, where that is not sent. In a form with files it must be
/// the first field.
pub async fn csrf_of_forms(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if origin::is_safe(request.method()) || headers.contains_key(CSRF_HEADER) || !headers.contains_key(COOKIE) {
        return next.run(request).await;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let (mut parts, body) = request.into_parts();
    let (csrf, body) = if kind.starts_with("application/x-www-form-urlencoded") {
        let bytes = match whole(body).await {
            Ok(bytes) => bytes,
            Err(problem) => return problem.into_response(),
        };
        let field = url::form_urlencoded::parse(&bytes).find(|(name, _)| name == "csrf");
        (field.map(|(_, value)| value.into_owned()), Body::from(bytes))
    } else if kind.starts_with("multipart/form-data") {
        let (first, body) = peek(body).await;
        (first_field(&first), body)
    } else {
        (None, body)
    };
    if let Some(csrf) = csrf.and_then(|csrf| HeaderValue::from_str(&csrf).ok()) {
        parts.headers.insert(CSRF_HEADER, csrf);
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The beginning of a body, and all of it again.
async fn peek(body: Body) -> (Bytes, Body) {
    let mut stream = body.into_data_stream();
    let mut first = BytesMut::new();
    while first.len() < MAX_FIRST_FIELD_BYTES {
        match stream.next().await {
            Some(Ok(chunk)) => first.extend_from_slice(&chunk),
            Some(Err(error)) => {
                let again = futures::stream::iter([Ok(first.clone().freeze()), Err(error)]);
                return (first.freeze(), Body::from_stream(again.chain(stream)));
            }
            None => break,
        }
    }
    let first = first.freeze();
    let again = futures::stream::iter([Ok(first.clone())]);
    (first, Body::from_stream(again.chain(stream)))
}

/// The value of a form's first field, if that is `csrf`. [RFC 7578: 4]
fn first_field(start: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(start.get(..MAX_FIRST_FIELD_BYTES).unwrap_or(start));
    let (head, rest) = start.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let boundary = lines.next().filter(|line| line.starts_with("--"))?;
    let is_ours = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-disposition:") && line.contains("name=\"csrf\"") && !line.contains("filename")
    });
    let value = rest.split_once(&format!("\r\n{boundary}"))?.0;
    is_ours.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use proptest::prelude::*;

    #[test]
    fn the_token_is_a_forms_first_field() {
        let form = |first: &str, second: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{first}\"\r\n\r\none\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"{second}\"\r\n\r\ntwo\r\n--b--\r\n"
            )
        };
        assert_eq!(first_field(form("csrf", "file").as_bytes()).as_deref(), Some("one"));
        assert_eq!(first_field(form("file", "csrf").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_breaks_it(bytes: Vec<u8>) {
            first_field(&bytes);
        }

        #[test]
        fn a_body_is_passed_on_as_it_came(chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..700), 0..6,
        )) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sent: Vec<u8> = chunks.concat();
            let stream = futures::stream::iter(chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(chunk.into())));
            let stream = stream.map(|chunk: Result<Bytes, _>| chunk);
            let passed = runtime.block_on(async {
                let (_, body) = peek(Body::from_stream(stream)).await;
                to_bytes(body, usize::MAX).await.unwrap()
            });
            prop_assert_eq!(passed, sent);
        }
    }
}
