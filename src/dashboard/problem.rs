//! Every error of the API in one shape. The only place that decides which error has which status.

use crate::account::NotInPlan;
use crate::answer::{NoAnswer, UserError};
use crate::knowledge::AddError;
use crate::sentences::pages::Words;
use crate::sentences::{Lang, Said};
use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// The media type of a [`Problem`]. [RFC 9457: 3]
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request failed. [RFC 9457]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": "There is no such source."
}))]
pub struct Problem {
    /// `about:blank`: the status says all that a program needs to know. [RFC 9457: 4.2.1]
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What was wrong, in a sentence.
    pub detail: String,
    /// The same for pages, which speak more languages than the API.
    #[serde(skip)]
    #[schema(ignore)]
    said: Option<Said>,
}

impl Problem {
    /// A problem with this status, which is an error, and a sentence for the person who called.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            said: None,
        }
    }

    /// The same with a sentence in every language that pages speak.
    pub(crate) fn said(status: StatusCode, say: impl Fn(Lang) -> String) -> Self {
        let said = Said::by(say);
        Self { said: Some(said.clone()), ..Self::new(status, said.text(Lang::En)) }
    }

    /// What was wrong, in this language where that is known.
    pub(crate) fn detail_in(&self, lang: Lang) -> &str {
        self.said.as_ref().map_or(&self.detail, |said| said.text(lang))
    }

    /// There is no such thing, or it is another account's.
    pub fn no_such(thing: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no such {thing}."))
    }

    /// A parameter in the address has a wrong value.
    pub fn bad_parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The token is valid, but not for this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The request is well-formed, but what it carries cannot be used.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It is no longer what the caller has seen. [RFC 9110: 13.1.1]
    pub fn overtaken() -> Self {
        let detail =
            "Somebody else has changed this meanwhile. Read it again, and send your change with its new `ETag`.";
        Self::new(StatusCode::PRECONDITION_FAILED, detail)
    }

    /// Why there is no answer, in the language of the person who asked.
    pub fn no_answer(error: NoAnswer, lang: Lang) -> Self {
        let error = match error {
            NoAnswer::User(error) => error,
            NoAnswer::Internal(error) => return error.into(),
        };
        let status = match error {
            UserError::QuotaUsedUp { .. } => StatusCode::TOO_MANY_REQUESTS,
            UserError::NothingAsked | UserError::NothingToRead | UserError::TooLong => StatusCode::UNPROCESSABLE_ENTITY,
            UserError::NotConnected => StatusCode::UNAUTHORIZED,
            UserError::ModelFailed => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.sentence(lang))
    }

    /// Nothing lives at this address.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Nothing lives at this address. See /api/v1/openapi.json for those that exist.",
        )
    }

    /// The address exists, but not for this method.
    pub fn method_not_allowed() -> Self {
        let detail = "This address does not take this method. The header `Allow` names those that it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// A handler panicked. What it said may hold anything, so it is not shown.
    pub fn of_panic(_: Box<dyn Any + Send + 'static>) -> Response {
        // The panic hook has logged where it happened.
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Guildhall made a mistake. It has been logged.").into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        // For pages, which show it in their own form.
        response.extensions_mut().insert(self);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            // [RFC 9110: 11.6.1]
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What no caller is to blame for: the table, the files or the queue did not do their part.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a request of the API failed");
        let detail = "Guildhall cannot reach something that it needs for this. Try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl From<NotInPlan> for Problem {
    fn from(lacking: NotInPlan) -> Self {
        let NotInPlan { feature, plan } = lacking;
        Self::said(StatusCode::FORBIDDEN, |lang| {
            let w = Words(lang);
            w.denied_plan(w.feature(feature), feature.first_plan().to_string(), plan.to_string())
        })
    }
}

impl From<AddError> for Problem {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Refused(reason) => Self::refused(reason.to_string()),
            AddError::Unavailable(error) => error.into(),
        }
    }
}

/// The text names the field that is wrong.
macro_rules! from_rejection {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), rejection.body_text())
            }
        }
    )+};
}

from_rejection!(JsonRejection, QueryRejection, MultipartError);

/// It has no boundary because it is no form: axum calls that malformed, but it is the media type that is wrong.
impl From<MultipartRejection> for Problem {
    fn from(_: MultipartRejection) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send a form: `Content-Type: multipart/form-data` with a boundary.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Feature, Plan};
    use crate::dashboard::auth::Denied;
    use crate::knowledge::source::Unfit;

    #[test]
    fn each_error_of_ours_has_its_status() {
        let statuses = [
            UserError::QuotaUsedUp { limit: 2_500 },
            UserError::NothingAsked,
            UserError::TooLong,
            UserError::ModelFailed,
        ]
        .map(|error| Problem::no_answer(error.into(), Lang::En).status);
        assert_eq!(statuses, [429, 422, 422, 503]);
        let refused = Problem::from(AddError::Refused(Unfit::NoName));
        assert_eq!((refused.status, refused.detail.as_str()), (422, "The file has no name."));
    }

    #[test]
    fn what_a_plan_lacks_is_refused_with_the_plan_that_has_it() {
        let problem = Problem::from(Plan::Starter.require(Feature::LiveMonitoring).unwrap_err());
        assert_eq!(problem.status, 403);
        assert!(problem.detail.contains("the plan Standard"), "{}", problem.detail);
    }

    #[test]
    fn nothing_internal_is_shown() {
        let problem = Problem::from(anyhow::anyhow!("10.0.0.3 refused key hunter2"));
        assert_eq!(problem.status, 503);
        assert!(!serde_json::to_string(&problem).unwrap().contains("hunter2"));
    }

    #[test]
    fn a_problem_says_so_in_its_media_type_and_a_401_says_what_to_send() {
        let response = Problem::from(Denied::Unknown).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
