//! The REST API, in the paths and words of version 10.

mod channels; // channels, their messages and threads, servers
pub(crate) mod servers; // a bot and its servers

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};

use super::commands;
use super::draft::Draft;
use super::error::Refusal;
use super::gate::{Caller, Payload, Person, at_the_gate};
use super::gateway;
use super::oauth;
use super::state::Shared;

pub(crate) type Shown = Result<Json<Value>, Refusal>;
pub(crate) type Server = State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/applications/@me", get(application))
        .route("/users/@me", get(me))
        .route("/users/@me/guilds", get(oauth::guilds))
        .route("/oauth2/token", post(oauth::token))
        .route("/oauth2/token/revoke", post(oauth::revoke))
        .route("/applications/{app}/commands", get(list_commands).put(put_commands))
        .route("/webhooks/{app}/{token}", post(follow_up))
        .route("/webhooks/{app}/{token}/messages/{which}", get(show).patch(edit).delete(remove))
        .route("/interactions/{id}/{token}/callback", post(callback))
        .merge(channels::router())
        .merge(servers::router())
        .fallback(|| async { Refusal::unknown(0) })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, 0, "405: Method Not Allowed")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), at_the_gate))
        .with_state(Arc::clone(&shared));
    let gateway = Router::new()
        .route("/", get(gateway::entry::upgrade))
        .route("/resume", get(gateway::entry::upgrade))
        .route("/resume/", get(gateway::entry::upgrade));
    let pages = oauth::pages().with_state(Arc::clone(&shared));
    Router::new().nest("/api/v10", api).merge(pages).merge(gateway.with_state(shared))
}

async fn application(State(shared): Server, Extension(Caller(app)): Extension<Caller>) -> Json<Value> {
    let mut state = shared.state();
    let flags = state.gateway.line(app).application_flags();
    let state = &*state;
    Json(json!({
        "id": app.to_string(), "name": state.bots[&app].name, "icon": null, "description": "", "summary": "",
        "bot": state.bots[&app].user(), "bot_public": true, "bot_require_code_grant": false, "rpc_origins": [],
        "flags": flags, "verify_key": hex::encode(state.bots[&app].key.verifying_key().as_bytes()), "owner": null, "team": null,
        "interactions_endpoint_url": state.endpoints.get(&app), "integration_types_config": {"0": {}},
    }))
}

async fn me(
    State(shared): Server,
    Extension(Caller(app)): Extension<Caller>,
    person: Option<Extension<Person>>,
) -> Json<Value> {
    if let Some(Extension(Person(id))) = person {
        return Json(shared.state().users[&id].clone());
    }
    let mut user = shared.state().bots[&app].user();
    user["mfa_enabled"] = json!(false);
    user["verified"] = json!(true);
    user["flags"] = json!(0);
    Json(user)
}

#[derive(Deserialize)]
struct WithLocalizations {
    #[serde(default)]
    with_localizations: bool,
}

async fn list_commands(State(shared): Server, Path(app): Path<u64>, Query(query): Query<WithLocalizations>) -> Shown {
    known_application(&shared, app)?;
    let commands = shared.state().commands.get(&app).cloned().unwrap_or_default().into_iter();
    Ok(Json(if query.with_localizations {
        commands.collect()
    } else {
        commands.map(commands::without_localizations).collect()
    }))
}

async fn put_commands(State(shared): Server, Path(app): Path<u64>, body: Bytes) -> Shown {
    known_application(&shared, app)?;
    let wanted: Vec<Value> = serde_json::from_slice(&body).map_err(|_| Refusal::not_json())?;
    let mut state = shared.state();
    let before = state.commands.get(&app).cloned().unwrap_or_default();
    let kept = commands::overwrite(&before, &wanted, app)?;
    state.command_writes += 1;
    state.commands.insert(app, kept.clone());
    Ok(Json(Value::Array(kept)))
}

fn known_application(shared: &Shared, app: u64) -> Result<(), Refusal> {
    if shared.state().bots.contains_key(&app) { Ok(()) } else { Err(Refusal::unknown(10002)) }
}

async fn follow_up(State(shared): Server, Path((app, token)): Path<(u64, String)>, payload: Payload) -> Shown {
    known_webhook(&shared, app)?;
    let draft = Draft::check(&payload.0, payload.1)?;
    let mut state = shared.state();
    let id = state.follow_up(&token, draft)?;
    Ok(Json(state.shown(id)))
}

async fn show(State(shared): Server, Path((app, token, which)): Path<(u64, String, String)>) -> Shown {
    known_webhook(&shared, app)?;
    let mut state = shared.state();
    let id = state.webhook_message(&token, &which)?;
    Ok(Json(state.shown(id)))
}

async fn edit(
    State(shared): Server,
    Path((app, token, which)): Path<(u64, String, String)>,
    payload: Payload,
) -> Shown {
    known_webhook(&shared, app)?;
    let mut state = shared.state();
    let id = state.webhook_message(&token, &which)?;
    state.edit(id, Draft::check(&payload.0, payload.1)?)?;
    Ok(Json(state.shown(id)))
}

async fn remove(
    State(shared): Server,
    Path((app, token, which)): Path<(u64, String, String)>,
) -> Result<StatusCode, Refusal> {
    known_webhook(&shared, app)?;
    let mut state = shared.state();
    let id = state.webhook_message(&token, &which)?;
    state.delete(id);
    Ok(StatusCode::NO_CONTENT)
}

fn known_webhook(shared: &Shared, app: u64) -> Result<(), Refusal> {
    if shared.state().bots.contains_key(&app) { Ok(()) } else { Err(Refusal::unknown(10015)) }
}

#[derive(Deserialize)]
struct WithResponse {
    #[serde(default)]
    with_response: bool,
}

async fn callback(
    State(shared): Server,
    Path((id, token)): Path<(u64, String)>,
    Query(query): Query<WithResponse>,
    payload: Payload,
) -> Result<Response, Refusal> {
    let kind = shared.state().interactions.get(&token).filter(|found| found.id == id).map(|found| found.kind);
    let kind = kind.ok_or_else(|| Refusal::unknown(10062))?;
    let body = Value::Object(payload.0);
    let original = shared.first_answer(&token, &body)?;
    if !query.with_response {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut shown = json!({"interaction": {"id": id.to_string(), "type": kind}, "resource": {"type": body["type"]}});
    if let Some(original) = original {
        shown["interaction"]["response_message_id"] = json!(original.to_string());
        shown["interaction"]["response_message_loading"] = json!(body["type"] == 5);
        if matches!(body["type"].as_u64(), Some(4 | 7)) {
            shown["resource"]["message"] = shared.state().shown(original);
        }
    }
    Ok(Json(shown).into_response())
}
