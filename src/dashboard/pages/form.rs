//! Forms as browsers send them: read field by field, since what cannot be used is shown again beside what is wrong with it.

use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::problem::Problem;
use axum::extract::{FromRequest, RawForm, Request};
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use std::sync::Arc;
use url::{Url, form_urlencoded};

/// The field that proves that a form is one of ours.
pub(super) const CSRF: &str = "csrf";

/// A form that the visitor has sent from one of our pages. There is no other way to get one.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl Sent {
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

impl FromRequest<Arc<Bot>> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::of(&mut parts, bot).await?;
        let headers = parts.headers.clone();
        same_origin(&headers)?;
        let form = RawForm::from_request(Request::from_parts(parts, body), bot).await;
        let RawForm(bytes) = form.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        let fields: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
        let sent = Self { visitor, fields };
        sent.visitor.check_csrf(&headers, sent.field(CSRF))?;
        Ok(sent)
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

/// Refuses what another site's page has sent.
pub(super) fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (headers.get(ORIGIN), text("sec-fetch-site")) {
        (Some(origin), _) => {
            let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
            let host = origin.and_then(|origin| Some(authority(&origin)?.to_owned()));
            host.is_some() && host.as_deref() == text(HOST.as_str())
        }
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        // No browser of today sends neither with a form; what is no browser has no cookie to be abused.
        (None, None) => true,
    };
    if is_ours { Ok(()) } else { Err(Problem::forbidden("This form was sent by a page of another site.")) }
}

/// Host and port, as the header `Host` has them.
fn authority(url: &Url) -> Option<&str> {
    let rest = url.as_str().split_once("://")?.1;
    Some(rest.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(headers: &[(&'static str, &str)]) -> bool {
        same_origin(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
            .is_ok()
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        assert!(from(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")]));
        assert!(from(&[("host", "x.example"), ("origin", "https://x.example")]));
        assert!(from(&[("host", "x.example"), ("sec-fetch-site", "same-origin")]));
        assert!(!from(&[("host", "x.example"), ("origin", "https://evil.example")]));
        assert!(!from(&[("host", "x.example"), ("origin", "https://x.example:8443")]));
        assert!(!from(&[("host", "x.example"), ("origin", "null")]));
        assert!(!from(&[("host", "x.example"), ("sec-fetch-site", "cross-site")]));
        assert!(!from(&[("host", "x.example"), ("sec-fetch-site", "same-site")]));
    }
}
