//! Forms as browsers send them: read field by field, since what cannot be used is shown again beside what is wrong with it.

use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::auth::Need;
use crate::dashboard::problem::Problem;
use axum::extract::{FromRequest, FromRequestParts as _, RawForm, Request};
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
        let form = RawForm::from_request(Request::from_parts(parts, body), bot).await;
        let RawForm(bytes) = form.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
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
