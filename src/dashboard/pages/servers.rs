//! `/servers`: the account's servers.

use super::dress::page_response;
use super::form::Field;
use super::format::{When, when};
use super::shell::{Here, Shell, Told};
use super::team::is_hash;
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::auth::Scope;
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
    /// Whether the visitor may add the bot to a server, and there is a bot.
    may_add: bool,
}

/// A server in the list.
pub(super) struct ServerView {
    pub(super) id: String,
    /// Its name; its id where Discord has not said it.
    pub(super) name: String,
    /// Letters in place of its picture.
    pub(super) initials: String,
    /// Its picture, at Discord.
    pub(super) icon: Option<String>,
    pub(super) mode: &'static str,
    /// Since when the bot is no longer in it.
    pub(super) left: Option<When>,
}

impl ServerView {
    fn new(w: Words, guild: &Guild, now: Timestamp) -> Self {
        let id = guild.id.to_string();
        Self {
            initials: guild.name.as_deref().map_or_else(|| "#".to_owned(), initials),
            icon: icon(guild),
            name: server_name(w, guild),
            mode: mode_name(w, guild.settings.response_mode),
            left: guild.left_at.map(|at| when(w, at, now)),
            id,
        }
    }
}

/// What a server is called: its name, or its id where Discord has not said it yet.
pub(super) fn server_name(w: Words, guild: &Guild) -> String {
    guild.name.clone().unwrap_or_else(|| w.server_name(guild.id.to_string()))
}

/// The first letters of a name's first words.
fn initials(name: &str) -> String {
    let first = name.split_whitespace().filter_map(|word| word.chars().find(|char| char.is_alphanumeric()));
    first.take(2).flat_map(char::to_uppercase).collect()
}

/// Where Discord has a server's picture. [Discord Docs/Reference: Image Formatting]
fn icon(guild: &Guild) -> Option<String> {
    let hash = guild.icon.as_ref().filter(|hash| is_hash(hash))?;
    Some(format!("https://cdn.discordapp.com/icons/{}/{hash}.png?size=64", guild.id))
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
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadGuilds>,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Servers).telling(told.notice());
    page(&bot, &visitor, shell, Field::default()).await
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
    let shell = Shell::new(&visitor, Here::Servers);
    let error = shell.w.servers_bad_id().to_owned();
    let mut response = page(&bot, &visitor, shell, Field { value: id, error: Some(error) }).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

async fn page(bot: &Bot, visitor: &Guest, shell: Shell, by_id: Field) -> Result<Response, Problem> {
    let mut guilds = bot.store.guilds_of(visitor.account()).await?;
    guilds.sort_by_key(|guild| (guild.left_at.is_some(), snowflake_time(guild.id.get())));
    let (w, now) = (shell.w, Timestamp::now());
    let servers = guilds.iter().map(|guild| ServerView::new(w, guild, now)).collect();
    let by_id = visitor.may_connect(bot).then_some(by_id);
    let may_add = visitor.may(Scope::ChangeSettings) && bot.discord.is_some();
    Ok(page_response(&Page { shell, w, servers, by_id, may_add }))
}
