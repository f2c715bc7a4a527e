//! Forms as browsers send them: read field by field, since what cannot be used is shown again beside what is wrong with it.

use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::auth::Need;
use crate::dashboard::body::whole;
use crate::dashboard::problem::Problem;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use std::sync::Arc;
use url::form_urlencoded;

/// A form, sent from one of our pages by somebody who may do `N`. There is no other way to get one.
pub(super) struct Sent<N> {
    pub(super) visitor: Visitor<N>,
    fields: Vec<(String, String)>,
}

impl<N> Sent<N> {
    /// A field as it was typed; empty where it is missing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of a field.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

impl<N: Need> FromRequest<Arc<Bot>> for Sent<N> {
    type Rejection = Problem;

    async fn from_request(request: Request, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, bot).await?;
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send a form."));
        }
        let bytes = whole(body).await?;
        Ok(Self { visitor, fields: form_urlencoded::parse(&bytes).into_owned().collect() })
    }
}

/// One value of a form: as typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub(super) value: String,
    pub(super) error: Option<String>,
}

impl Field {
    /// As it is.
    pub(super) fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), error: None }
    }
}
