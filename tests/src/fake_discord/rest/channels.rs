//! Channels, their messages and threads, and servers.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Server, Shown};
use crate::fake_discord::draft::Draft;
use crate::fake_discord::error::Refusal;
use crate::fake_discord::gate::{Caller, Payload};
use crate::fake_discord::gateway::without_content;
use crate::fake_discord::places::{Denied, Guild};
use crate::fake_discord::state::{self, Shared};

type By = Extension<Caller>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/channels/{channel}", get(channel))
        .route("/channels/{channel}/typing", post(typing))
        .route("/channels/{channel}/messages", get(history).post(send))
        .route("/channels/{channel}/messages/{message}", patch(edit_own).delete(remove_any).get(show_any))
        .route("/channels/{channel}/messages/{message}/threads", post(start_thread))
        .route("/guilds/{guild}", get(guild))
        .route("/guilds/{guild}/roles", get(roles))
        .route("/guilds/{guild}/channels", get(channels))
        .route("/gateway/bot", get(gateway))
}

async fn channel(State(shared): Server, Extension(Caller(bot)): By, Path(channel): Path<u64>) -> Shown {
    Ok(Json(shared.state().visible_channel(bot, channel)?.json()))
}

async fn typing(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path(channel): Path<u64>,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.state();
    state.visible_channel(bot, channel)?;
    if state.denies(channel, Denied::Send) {
        return Err(Refusal::forbidden(50013));
    }
    state.typing.push(channel);
    Ok(StatusCode::NO_CONTENT)
}

async fn send(State(shared): Server, Extension(Caller(bot)): By, Path(channel): Path<u64>, payload: Payload) -> Shown {
    let draft = Draft::check(&payload.0, payload.1)?;
    let mut state = shared.state();
    let id = state.post(bot, channel, draft)?;
    Ok(Json(state.shown(id)))
}

#[derive(Deserialize)]
struct Window {
    after: Option<u64>,
    before: Option<u64>,
    limit: Option<usize>,
}

/// Newest first, whatever the window. With `after`, Discord takes the ones right behind it.
async fn history(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path(channel): Path<u64>,
    Query(window): Query<Window>,
) -> Shown {
    let mut state = shared.state();
    state.visible_channel(bot, channel)?;
    let limit = window.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::form("limit", "NUMBER_TYPE_MAX", "int value should be less than or equal to 100."));
    }
    if state.denies(channel, Denied::History) {
        return Ok(Json(json!([])));
    }
    let (from, to) = (window.after.map_or(0, |id| id + 1), window.before.unwrap_or(u64::MAX));
    let visible = state
        .messages
        .range(from..to.max(from))
        .map(|(_, message)| message)
        .filter(|message| message.channel_id == channel && !message.deleted && message.only_for.is_none())
        .map(|message| message.id);
    let mut taken: Vec<u64> = if window.after.is_some() {
        visible.take(limit).collect()
    } else {
        let mut newest: Vec<_> = visible.rev().take(limit).collect();
        newest.reverse();
        newest
    };
    taken.reverse();
    Ok(Json(taken.into_iter().map(|id| as_allowed(&mut state, bot, id)).collect()))
}

/// A message with as much content as the application may read.
fn as_allowed(state: &mut state::State, bot: u64, id: u64) -> Value {
    let shown = state.shown(id);
    let direct = state.messages[&id].guild_id.is_none();
    if direct || state.gateway.line(bot).settings.message_content { shown } else { without_content(shown, bot) }
}

async fn show_any(State(shared): Server, Extension(Caller(bot)): By, Path((channel, id)): Path<(u64, u64)>) -> Shown {
    let mut state = shared.state();
    state.visible_channel(bot, channel)?;
    if state.denies(channel, Denied::History) {
        return Err(Refusal::forbidden(50013));
    }
    state.there(channel, id)?;
    Ok(Json(as_allowed(&mut state, bot, id)))
}

async fn edit_own(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path((channel, id)): Path<(u64, u64)>,
    payload: Payload,
) -> Shown {
    let mut state = shared.state();
    state.visible_channel(bot, channel)?;
    if state.there(channel, id)?.author["id"] != *bot.to_string() {
        return Err(Refusal::new(StatusCode::FORBIDDEN, 50005, "Cannot edit a message authored by another user"));
    }
    state.edit(id, Draft::check(&payload.0, payload.1)?)?;
    Ok(Json(state.shown(id)))
}

async fn remove_any(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path((channel, id)): Path<(u64, u64)>,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.state();
    state.visible_channel(bot, channel)?;
    let own = state.there(channel, id)?.author["id"] == *bot.to_string();
    if !own && state.denies(channel, Denied::Manage) {
        return Err(Refusal::forbidden(50013));
    }
    state.delete(id);
    Ok(StatusCode::NO_CONTENT)
}

async fn start_thread(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path((channel, id)): Path<(u64, u64)>,
    payload: Payload,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let name = payload.0.get("name").and_then(Value::as_str).unwrap_or_default();
    if !(1..=100).contains(&name.chars().count()) {
        return Err(Refusal::form("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."));
    }
    let minutes = payload.0.get("auto_archive_duration").filter(|minutes| !minutes.is_null());
    if minutes.is_some_and(|minutes| !matches!(minutes.as_u64(), Some(60 | 1_440 | 4_320 | 10_080))) {
        let message = "Value must be one of (60, 1440, 4320, 10080).";
        return Err(Refusal::form("auto_archive_duration", "BASE_TYPE_CHOICES", message));
    }
    let mut state = shared.state();
    let place = state.visible_channel(bot, channel)?;
    if state.denies(channel, Denied::Thread) {
        return Err(Refusal::forbidden(50013));
    }
    if place.is_thread() || place.guild_id.is_none() || place.kind == 15 {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, 50024, "Cannot execute action on this channel type"));
    }
    state.there(channel, id)?;
    if state.channels.contains_key(&id) {
        let message = "A thread has already been created for this message";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, 160_004, message));
    }
    state.open_thread(bot, channel, Some(id), name);
    Ok((StatusCode::CREATED, Json(state.channels[&id].json())))
}

pub(super) fn known_guild(state: &state::State, bot: u64, guild: u64) -> Result<&Guild, Refusal> {
    let found = state.guilds.get(&guild).filter(|guild| guild.bots.contains_key(&bot));
    found.ok_or_else(|| Refusal::unknown(10004))
}

async fn guild(State(shared): Server, Extension(Caller(bot)): By, Path(guild): Path<u64>) -> Shown {
    Ok(Json(known_guild(&shared.state(), bot, guild)?.json(guild)))
}

async fn roles(State(shared): Server, Extension(Caller(bot)): By, Path(guild): Path<u64>) -> Shown {
    Ok(Json(known_guild(&shared.state(), bot, guild)?.roles_json(guild)))
}

/// Without threads. [Discord Docs/Guild: Get Guild Channels]
async fn channels(State(shared): Server, Extension(Caller(bot)): By, Path(guild): Path<u64>) -> Shown {
    let state = shared.state();
    known_guild(&state, bot, guild)?;
    let here = state.channels.values().filter(|channel| channel.guild_id == Some(guild) && !channel.is_thread());
    Ok(Json(here.map(|channel| state.channel_json(channel)).collect()))
}

async fn gateway(State(shared): Server, Extension(Caller(bot)): By) -> Json<Value> {
    let mut state = shared.state();
    let url = state.gateway_url.clone();
    Json(state.gateway.line(bot).shown(&url))
}
