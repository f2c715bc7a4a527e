//! A bot and its servers: which ones, as whom, and how it leaves one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::channels::known_guild;
use super::{Server, Shown};
use crate::fake_discord::error::Refusal;
use crate::fake_discord::gate::Caller;
use crate::fake_discord::state::{self, Shared, member_json};

type By = Extension<Caller>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/guilds/{guild}/members/{user}", get(member)).route("/users/@me/guilds/{guild}", delete(leave))
}

/// Of members, only bots are known. [Discord Docs/Guild: Get Guild Member]
async fn member(State(shared): Server, Extension(Caller(bot)): By, Path((guild, user)): Path<(u64, u64)>) -> Shown {
    let state = shared.state();
    let guild = known_guild(&state, bot, guild)?;
    let role = guild.bots.get(&user).ok_or_else(|| Refusal::unknown(10007))?;
    let mut member = member_json(None, &[*role]);
    member["user"] = state.bots[&user].user();
    Ok(Json(member))
}

/// Which part of the list is wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Window {
    after: Option<u64>,
    limit: Option<usize>,
}

/// A bot's own servers. [Discord Docs/User: Get Current User Guilds]
pub(crate) fn of_bot(state: &state::State, bot: u64, window: &Window) -> Value {
    let mine = state.guilds.iter().filter(|(_, guild)| guild.bots.contains_key(&bot));
    let behind = mine.filter(|(id, _)| window.after.is_none_or(|after| **id > after));
    let shown = behind.take(window.limit.unwrap_or(200)).map(|(id, guild)| {
        json!({
            "id": id.to_string(), "name": guild.name, "icon": null, "banner": null, "owner": false,
            "permissions": "2248473465835073", "features": [],
        })
    });
    shown.collect()
}

/// [Discord Docs/User: Leave Guild]
async fn leave(
    State(shared): Server,
    Extension(Caller(bot)): By,
    Path(guild): Path<u64>,
) -> Result<StatusCode, Refusal> {
    let mut state = shared.state();
    known_guild(&state, bot, guild)?;
    state.expel(bot, guild);
    Ok(StatusCode::NO_CONTENT)
}
