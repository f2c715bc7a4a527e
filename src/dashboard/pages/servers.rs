//! `/servers`: the account's servers.

use super::dress::page_response;
use super::form::Field;
use super::format::{When, when};
use super::shell::{Here, Shell};
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadGuilds;
use crate::dashboard::problem::Problem;
use crate::ids::snowflake_time;
use crate::sentences::pages::Words;
use crate::settings::{Guild, ResponseMode};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use twilight_model::id::{Id, marker::GuildMarker};

#[derive(Template)]
#[template(path = "servers.html")]
struct Page {
    shell: Shell,
    w: Words,
    servers: Vec<ServerView>,
    /// Where a server that is not listed may be set up by its id; none where servers are connected through Discord.
    by_id: Option<Field>,
}

/// A server in the list.
pub(super) struct ServerView {
    pub(super) id: String,
    /// Its name; its id where Discord has not said it.
    pub(super) name: String,
    /// Two letters in place of its picture.
    pub(super) initials: String,
    pub(super) mode: &'static str,
    /// Since when the bot is no longer in it.
    pub(super) left: Option<When>,
}

impl ServerView {
    fn new(w: Words, guild: &Guild, now: Timestamp) -> Self {
        let id = guild.id.to_string();
        Self {
            name: w.server_name(&*id),
            initials: id.chars().rev().take(2).collect(),
            mode: mode_name(w, guild.settings.response_mode),
            left: guild.left_at.map(|at| when(w, at, now)),
            id,
        }
    }
}

/// What a response mode is called.
pub(super) fn mode_name(w: Words, mode: ResponseMode) -> &'static str {
    match mode {
        ResponseMode::Command => w.mode_command(),
        ResponseMode::Mention => w.mode_mention(),
        ResponseMode::AllMessages { .. } => w.mode_all(),
    }
}

/// The list.
pub(super) async fn show(State(bot): State<Arc<Bot>>, visitor: Visitor<ReadGuilds>) -> Result<Response, Problem> {
    page(&bot, &visitor, Field::default()).await
}

/// A server to be opened by its id.
#[derive(Deserialize)]
pub(super) struct Open {
    #[serde(default)]
    id: String,
}

/// Goes to a server by its id.
pub(super) async fn open(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadGuilds>,
    Query(Open { id }): Query<Open>,
) -> Result<Response, Problem> {
    let typed = id.trim();
    if typed.parse::<Id<GuildMarker>>().is_ok() {
        return Ok(Redirect::to(&format!("/servers/{typed}")).into_response());
    }
    let error = Words(visitor.preferences.lang).servers_bad_id().to_owned();
    let mut response = page(&bot, &visitor, Field { value: id, error: Some(error) }).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

async fn page(bot: &Bot, visitor: &Guest, by_id: Field) -> Result<Response, Problem> {
    let mut guilds = bot.store.guilds_of(visitor.account()).await?;
    guilds.sort_by_key(|guild| (guild.left_at.is_some(), snowflake_time(guild.id.get())));
    let shell = Shell::new(visitor, Here::Servers);
    let (w, now) = (shell.w, Timestamp::now());
    let servers = guilds.iter().map(|guild| ServerView::new(w, guild, now)).collect();
    let may_connect = visitor.may_connect(bot);
    Ok(page_response(&Page { w, shell, servers, by_id: may_connect.then_some(by_id) }))
}
