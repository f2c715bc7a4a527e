//! axum's extractors, whose refusals are problems.

use super::problem::Problem;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// A name as it is kept, without space around it: 1 to `most` characters that people can see.
pub(super) fn visible(name: &str, most: usize) -> Option<&str> {
    let is_visible = !name.chars().any(char::is_control);
    let name = name.trim();
    (is_visible && (1..=most).contains(&name.chars().count())).then_some(name)
}

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// The parameters after the question mark.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// The variable part of the path: an id of ours. Anything that cannot be one is answered like an unknown one.
#[derive(Debug)]
pub struct Id(pub String);

/// Our ids have at most 24 characters; this leaves room and keeps keys of the table within theirs.
pub(super) const MAX_ID_CHARS: usize = 64;

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(body) = axum::Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(params) = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(params))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let is_one =
            |id: &String| id.len() <= MAX_ID_CHARS && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let found = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let id = found.ok().map(|axum::extract::Path(id)| id).filter(is_one);
        id.map(Self).ok_or_else(|| Problem::no_such("id"))
    }
}
