//! The REST API, in the paths and words of version 10.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};

use super::commands;
use super::draft::Draft;
use super::error::Refusal;
use super::gate::{Payload, at_the_gate};
use super::ids;
use super::state::Shared;

type Shown = Result<Json<Value>, Refusal>;
type Server = State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/applications/@me", get(application))
        .route("/users/@me", get(me))
        .route("/applications/{app}/commands", get(list_commands).put(put_commands))
        .route("/webhooks/{app}/{token}", post(follow_up))
        .route("/webhooks/{app}/{token}/messages/{which}", get(show).patch(edit).delete(remove))
        .route("/interactions/{id}/{token}/callback", post(callback))
        .route("/channels/{channel}", get(channel))
        .route("/channels/{channel}/typing", post(typing))
        .route("/channels/{channel}/messages", get(history).post(send))
        .route("/channels/{channel}/messages/{message}", patch(edit_own).delete(remove_any).get(show_any))
        .route("/guilds/{guild}", get(guild))
        .route("/gateway/bot", get(gateway))
        .fallback(|| async { Refusal::unknown(0) })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, 0, "405: Method Not Allowed")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), at_the_gate))
        .with_state(shared);
    Router::new().nest("/api/v10", api)
}

async fn application(State(shared): Server) -> Json<Value> {
    Json(json!({
        "id": shared.application_id.to_string(), "name": "Guildhall", "icon": null, "description": "", "summary": "",
        "bot": shared.bot_user(), "bot_public": true, "bot_require_code_grant": false, "rpc_origins": [],
        "flags": 1 << 18, "verify_key": hex::encode(shared.key.verifying_key().as_bytes()), "owner": null, "team": null,
        "interactions_endpoint_url": null, "integration_types_config": {"0": {}},
    }))
}

async fn me(State(shared): Server) -> Json<Value> {
    let mut user = shared.bot_user();
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
    let commands = shared.state().commands.clone().into_iter();
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
    let kept = commands::overwrite(&state.commands, &wanted, app)?;
    state.command_writes += 1;
    state.commands.clone_from(&kept);
    Ok(Json(Value::Array(kept)))
}

fn known_application(shared: &Shared, app: u64) -> Result<(), Refusal> {
    if app == shared.application_id { Ok(()) } else { Err(Refusal::unknown(10002)) }
}

async fn follow_up(State(shared): Server, Path((app, token)): Path<(u64, String)>, payload: Payload) -> Shown {
    known_webhook(&shared, app)?;
    let draft = Draft::check(&payload.0, payload.1)?;
    let mut state = shared.state();
    let id = state.follow_up(&shared, &token, draft)?;
    Ok(Json(state.messages[&id].json(app)))
}

async fn show(State(shared): Server, Path((app, token, which)): Path<(u64, String, String)>) -> Shown {
    known_webhook(&shared, app)?;
    let mut state = shared.state();
    let id = state.webhook_message(&token, &which)?;
    Ok(Json(state.messages[&id].json(app)))
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
    Ok(Json(state.messages[&id].json(app)))
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
    if app == shared.application_id { Ok(()) } else { Err(Refusal::unknown(10015)) }
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
            shown["resource"]["message"] = shared.state().messages[&original].json(shared.application_id);
        }
    }
    Ok(Json(shown).into_response())
}

async fn channel(State(shared): Server, Path(channel): Path<u64>) -> Shown {
    let state = shared.state();
    let (guild, name) = state.channels.get(&channel).ok_or_else(|| Refusal::unknown(10003))?;
    Ok(Json(channel_json(channel, *guild, name)))
}

/// A text channel. [Discord Docs/Channel: Channel Object]
pub(crate) fn channel_json(id: u64, guild_id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "type": 0, "guild_id": guild_id.to_string(), "name": name, "position": 0, "parent_id": null,
        "topic": null, "nsfw": false, "rate_limit_per_user": 0, "last_message_id": null, "permission_overwrites": [],
        "flags": 0,
    })
}

async fn typing(State(shared): Server, Path(channel): Path<u64>) -> Result<StatusCode, Refusal> {
    let mut state = shared.state();
    if !state.channels.contains_key(&channel) {
        return Err(Refusal::unknown(10003));
    }
    state.typing.push(channel);
    Ok(StatusCode::NO_CONTENT)
}

async fn send(State(shared): Server, Path(channel): Path<u64>, payload: Payload) -> Shown {
    let draft = Draft::check(&payload.0, payload.1)?;
    let mut state = shared.state();
    let id = state.post(&shared, channel, draft)?;
    Ok(Json(state.messages[&id].json(shared.application_id)))
}

#[derive(Deserialize)]
struct Window {
    after: Option<u64>,
    before: Option<u64>,
    limit: Option<usize>,
}

/// Newest first, whatever the window. With `after`, Discord takes the ones right behind it.
async fn history(State(shared): Server, Path(channel): Path<u64>, Query(window): Query<Window>) -> Shown {
    let state = shared.state();
    if !state.channels.contains_key(&channel) {
        return Err(Refusal::unknown(10003));
    }
    let limit = window.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::form("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100."));
    }
    let (from, to) = (window.after.map_or(0, |id| id + 1), window.before.unwrap_or(u64::MAX));
    let visible = state
        .messages
        .range(from..to)
        .map(|(_, message)| message)
        .filter(|message| message.channel_id == channel && !message.deleted && message.only_for.is_none());
    let mut taken: Vec<_> = if window.after.is_some() {
        visible.take(limit).collect()
    } else {
        let mut newest: Vec<_> = visible.rev().take(limit).collect();
        newest.reverse();
        newest
    };
    taken.reverse();
    Ok(Json(taken.into_iter().map(|message| message.json(shared.application_id)).collect()))
}

async fn show_any(State(shared): Server, Path((channel, id)): Path<(u64, u64)>) -> Shown {
    let state = shared.state();
    let message = state
        .messages
        .get(&id)
        .filter(|message| message.channel_id == channel && !message.deleted && message.only_for.is_none());
    Ok(Json(message.ok_or_else(|| Refusal::unknown(10008))?.json(shared.application_id)))
}

async fn edit_own(State(shared): Server, Path((channel, id)): Path<(u64, u64)>, payload: Payload) -> Shown {
    let mut state = shared.state();
    let message = state.messages.get(&id).filter(|message| message.channel_id == channel && message.only_for.is_none());
    let message = message.ok_or_else(|| Refusal::unknown(10008))?;
    if !message.from_bot {
        return Err(Refusal::new(StatusCode::FORBIDDEN, 50005, "Cannot edit a message authored by another user"));
    }
    state.edit(id, Draft::check(&payload.0, payload.1)?)?;
    Ok(Json(state.messages[&id].json(shared.application_id)))
}

async fn remove_any(State(shared): Server, Path((channel, id)): Path<(u64, u64)>) -> Result<StatusCode, Refusal> {
    let mut state = shared.state();
    let found = state.messages.get(&id).is_some_and(|message| message.channel_id == channel && !message.deleted);
    if !found {
        return Err(Refusal::unknown(10008));
    }
    state.delete(id);
    Ok(StatusCode::NO_CONTENT)
}

async fn guild(State(shared): Server, Path(guild): Path<u64>) -> Shown {
    let state = shared.state();
    let name = state.guilds.get(&guild).ok_or_else(|| Refusal::unknown(10004))?;
    let everyone = json!({
        "id": guild.to_string(), "name": "@everyone", "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null}, "hoist": false, "icon": null,
        "unicode_emoji": null, "position": 0, "permissions": "2248473465835073", "managed": false, "mentionable": false,
        "flags": 0,
    });
    Ok(Json(json!({
        "id": guild.to_string(), "name": name, "icon": null, "splash": null, "discovery_splash": null, "banner": null,
        "description": null, "owner_id": ids::snowflake().to_string(), "region": "deprecated", "afk_channel_id": null,
        "afk_timeout": 300, "verification_level": 1, "default_message_notifications": 1, "explicit_content_filter": 2,
        "roles": [everyone], "emojis": [], "stickers": [], "features": [], "mfa_level": 0, "application_id": null,
        "system_channel_id": null, "system_channel_flags": 0, "rules_channel_id": null, "vanity_url_code": null,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
        "public_updates_channel_id": null, "nsfw_level": 0, "nsfw": false, "premium_progress_bar_enabled": false,
        "safety_alerts_channel_id": null, "max_members": 500_000, "max_presences": null, "widget_enabled": false,
        "widget_channel_id": null,
    })))
}

async fn gateway(State(shared): Server) -> Json<Value> {
    Json(json!({
        "url": shared.state().gateway_url, "shards": 1,
        "session_start_limit": {"total": 1_000, "remaining": 1_000, "reset_after": 86_400_000, "max_concurrency": 1},
    }))
}
