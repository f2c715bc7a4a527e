//! Bodies of requests, read within bounds.

use super::problem::Problem;
use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;

/// Largest form, files apart: it holds settings, or a text to learn, of which a megabyte is a book.
const MAX_FORM_BYTES: usize = 2 * 1024 * 1024;

/// What is read of a body that nobody wants.
const MOST_FORGOTTEN_BYTES: usize = 32 * 1024 * 1024;

/// A form of at most [`MAX_FORM_BYTES`]. Of a larger one the rest is read and forgotten, within bounds: a browser that is
/// cut off while it sends shows no page that says why.
pub(super) async fn whole(body: Body) -> Result<Bytes, Problem> {
    let (mut chunks, mut bytes, mut read) = (body.into_data_stream(), BytesMut::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_parameter("The form did not come to its end."))?;
        read += chunk.len();
        if read <= MAX_FORM_BYTES {
            bytes.extend_from_slice(&chunk);
        } else if read > MOST_FORGOTTEN_BYTES {
            break;
        }
    }
    if read <= MAX_FORM_BYTES {
        return Ok(bytes.freeze());
    }
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "This form is too large."))
}

/// Reads a body that nobody wants, within bounds.
pub(super) async fn forget(body: Body) {
    let (mut chunks, mut read) = (body.into_data_stream(), 0_usize);
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        if read > MOST_FORGOTTEN_BYTES {
            break;
        }
    }
}
