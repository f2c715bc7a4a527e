//! Discord's error bodies. [Discord Docs/Opcodes and Status Codes: JSON]

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What Discord says instead of doing what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) Value);

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: u32, message: &str) -> Self {
        Self(status, json!({"message": message, "code": code}))
    }

    /// 50035: one field of the body breaks a rule. `field` is a dotted path.
    pub(crate) fn form(field: &str, code: &str, message: &str) -> Self {
        let mut errors = json!({"_errors": [{"code": code, "message": message}]});
        for part in field.rsplit('.') {
            errors = json!({part: errors});
        }
        Self(StatusCode::BAD_REQUEST, json!({"message": "Invalid Form Body", "code": 50035, "errors": errors}))
    }

    pub(crate) fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 50109, "The request body contains invalid JSON.")
    }

    pub(crate) fn empty_message() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 50006, "Cannot send an empty message")
    }

    pub(crate) fn acknowledged() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 40060, "Interaction has already been acknowledged.")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    pub(crate) fn unknown(code: u32) -> Self {
        let what = match code {
            10002 => "Unknown Application",
            10003 => "Unknown Channel",
            10004 => "Unknown Guild",
            10007 => "Unknown Member",
            10008 => "Unknown Message",
            10015 => "Unknown Webhook",
            10062 => "Unknown interaction",
            _ => "404: Not Found",
        };
        Self::new(StatusCode::NOT_FOUND, code, what)
    }

    /// 403: what the bot may not do.
    pub(crate) fn forbidden(code: u32) -> Self {
        let why = match code {
            50001 => "Missing Access",
            160_002 => "Cannot reply without permission to read message history",
            _ => "Missing Permissions",
        };
        Self::new(StatusCode::FORBIDDEN, code, why)
    }

    pub(crate) fn invalid_webhook_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 50027, "Invalid Webhook Token")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}
