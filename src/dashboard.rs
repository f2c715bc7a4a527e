//! The HTTP door: health, the JSON API with its description, and the pages.

pub mod api; // what lives under /api/v1
mod assets; // style, scripts and pictures of the pages
pub mod auth; // who calls: bearer tokens
mod body; // bodies within bounds
pub mod connect; // how people add the bot to their servers
mod extract; // axum's extractors, whose refusals are problems
pub mod limits; // how often somebody may call
pub mod page; // long lists in parts
mod pages; // what admins see and set
pub mod problem; // every error in one shape
pub mod sign_in; // how people come in and leave
pub mod team; // what is done with members and invitations

use crate::bot::Bot;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::Bytes;
use problem::Problem;
use serde_json::json;
use std::sync::{Arc, LazyLock};

/// Made when it is first asked for: it would be most of a cold start.
static DESCRIPTION: LazyLock<Bytes> =
    LazyLock::new(|| api::description().to_json().expect("the description has only text keys").into());

/// Everything that is spoken over HTTP except Discord's webhook.
pub fn router(bot: Arc<Bot>) -> Router {
    let api =
        api::router().route("/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], DESCRIPTION.clone())));
    let guarded = |router: Router<Arc<Bot>>| {
        router
            .layer(axum::middleware::from_fn(auth::csrf_of_forms))
            .layer(from_fn_with_state(Arc::clone(&bot), limits::limit))
    };
    let machines = Router::new()
        .route("/healthz", get(health))
        // A nest leaves out its own address with a slash at the end.
        .route("/api/v1/", any(async || Problem::not_found()))
        .nest(api::PREFIX, api::with_refusals(api))
        .route(&format!("{}{{name}}", assets::PREFIX), get(assets::serve));
    // What people see is dressed as a page, whoever refuses it. Pages are sent as they are, not compressed: each holds the
    // session's CSRF token and often what somebody else chose (a search, a name), and then the size of what is compressed
    // tells the token to whoever watches the wire, letter by letter (BREACH). What is the same for everybody is compressed, once.
    let pages = guarded(pages::router()).layer(from_fn_with_state(Arc::clone(&bot), pages::dress));
    guarded(machines).merge(pages).with_state(bot)
}

/// 200 while the table answers. The queue lives in it, and nothing is promised without it.
async fn health(State(bot): State<Arc<Bot>>) -> impl IntoResponse {
    match bot.store.ping().await {
        Ok(()) => (StatusCode::OK, Json(json!({"status": "ok"}))),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the table does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unavailable", "failing": "table"})))
        }
    }
}
