//! `/guilds`: how servers are connected and disconnected.

use super::guilds::{GuildView, find};
use super::refusals::{Always, BadBody, BadParams, Forbidden, TakenByAnother, Unknown};
use crate::bot::Bot;
use crate::dashboard::auth::need::{ChangeSettings, ReadGuilds};
use crate::dashboard::auth::{Caller, May};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::problem::Problem;
use crate::discord::{Discord, DiscordError};
use crate::sentences::pages::Words;
use crate::servers::connect::{self, Install};
use crate::servers::{self, Outcome, Served};
use crate::sign_in::{NotTold, TheirGuild};
use crate::store::Connected;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use twilight_model::id::{Id as Snowflake, marker::GuildMarker};

/// A server that can be connected.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AvailableView {
    /// Discord's id.
    #[schema(example = "197038439483310086")]
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Servers that can be connected.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AvailableList {
    /// By id. May be empty where the list goes on all the same.
    pub items: Vec<AvailableView>,
    /// Where the next part begins; none at the end of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which part of the list is wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AvailableParams {
    /// The `cursor` of the part before this one; none for the first.
    #[param(pattern = "^[0-9]+$")]
    cursor: Option<String>,
}

/// A server to connect.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuild {
    /// Discord's id.
    #[schema(example = "197038439483310086", pattern = "^[1-9][0-9]{0,18}$")]
    pub id: String,
}

/// Which server the bot is to be added to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InviteParams {
    /// Discord's id of a server of the account's: the bot is given what its settings need. Without one, Discord asks
    /// which server, and the bot is given what new settings need.
    #[param(pattern = "^[1-9][0-9]{0,19}$")]
    guild_id: Option<String>,
}

/// A page of Discord's on which the bot is added to a server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InviteView {
    /// Its address.
    pub url: String,
    /// The permissions that the bot is given there, by Discord's names.
    #[schema(example = json!(["VIEW_CHANNEL", "SEND_MESSAGES"]))]
    pub permissions: Vec<String>,
}

/// How a server is given up.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisconnectParams {
    /// Whether the bot leaves the server too. Where every server that the bot is in belongs to the one account, it always
    /// does.
    #[param(default = false)]
    leave: Option<bool>,
}

impl InviteView {
    /// What is shown of it.
    pub fn of(install: &Install) -> Self {
        let permissions = install.permissions.iter_names().map(|(name, _)| name.to_owned()).collect();
        Self { url: install.url.to_string(), permissions }
    }
}

/// Where the bot is added to a server: a plain link, from which nobody comes back. A server that was joined through it works
/// at once where there is one account; elsewhere it has to be connected.
#[utoipa::path(
    get, path = "/guilds/invite", tag = "guilds", params(InviteParams),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = InviteView), BadParams, Unknown, Forbidden, Always),
)]
pub async fn get_invite(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    Params(params): Params<InviteParams>,
) -> Result<Json<InviteView>, Problem> {
    let guild = match params.guild_id {
        Some(id) => Some(find(&bot, &caller, &Id(id)).await?),
        None => None,
    };
    let (discord, served) = at_hand(&bot, &caller).await?;
    Ok(Json(InviteView::of(&connect::install(discord, &served, guild.as_ref(), None))))
}

/// Servers that you can connect and no account has: for whoever runs the installation, those that the bot is in; for a
/// person who signed in by Discord, those that they manage, whether or not the bot is in them.
#[utoipa::path(
    get, path = "/guilds/available", tag = "guilds", params(AvailableParams),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = AvailableList), BadParams, Forbidden, Always),
)]
pub async fn list_available(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    Params(params): Params<AvailableParams>,
) -> Result<Json<AvailableList>, Problem> {
    if !caller.may_connect(&bot) {
        let theirs = managed(&bot, &caller).await?;
        let theirs = connect::unconnected(&bot, theirs).await?.into_iter();
        let items = theirs.map(|guild| AvailableView { id: guild.id.to_string(), name: guild.name }).collect();
        return Ok(Json(AvailableList { items, cursor: None }));
    }
    let unknown = || Problem::bad_parameter("`cursor` must be one that an earlier part of this list contained.");
    let after = params.cursor.map(|cursor| cursor.parse().map_err(|_| unknown())).transpose()?;
    let (discord, served) = at_hand(&bot, &caller).await?;
    let (found, more) = connect::available(&bot, discord, &served, after).await?.map_err(not_now)?;
    let items = found.into_iter().map(|guild| AvailableView { id: guild.id.to_string(), name: guild.name }).collect();
    Ok(Json(AvailableList { items, cursor: more.map(|id| id.to_string()) }))
}

/// Connects a server that the bot is in and nobody has. Whoever does not run the installation must manage the server, as
/// Discord says; tokens of theirs cannot connect servers. “Add to Discord” on the dashboard adds the bot and connects in
/// one go.
#[utoipa::path(
    post, path = "/guilds", tag = "guilds", request_body = NewGuild,
    security(("bearer" = ["guilds:write"]), ("session" = ["admin"])),
    responses(
        (status = 201, body = GuildView, description = "It is connected"),
        (status = 200, body = GuildView, description = "It was connected before"),
        TakenByAnother, BadBody, Forbidden, Always,
    ),
)]
pub async fn connect_guild(
    State(bot): State<Arc<Bot>>,
    caller: May<ChangeSettings>,
    Body(new): Body<NewGuild>,
) -> Result<impl IntoResponse, Problem> {
    let id: Snowflake<GuildMarker> =
        new.id.trim().parse().map_err(|_| Problem::refused("`id` must be the number that Discord gives a server."))?;
    if !caller.may_connect(&bot) && !managed(&bot, &caller).await?.iter().any(|guild| guild.id == id) {
        return Err(denied(Words::denied_not_manager));
    }
    let now = Timestamp::now();
    let (_, served) = at_hand(&bot, &caller).await?;
    let (outcome, named) = Box::pin(connect::is_in(&bot, &served, id, now)).await?;
    match outcome {
        Outcome::Now => {}
        Outcome::NotInServer => {
            return Err(Problem::refused("The bot is not in this server. Add it there first: see `/guilds/invite`."));
        }
        Outcome::TokenRefused | Outcome::NoAnswer | Outcome::NoBot => {
            return Err(not_now(DiscordError::Unavailable("Discord does not answer")));
        }
    }
    let note = caller.note("guild.connected", id.to_string(), Vec::new(), now);
    match connect::connect(&bot, caller.account(), id, named, &note, now).await? {
        Connected::Yes(guild) => Ok((StatusCode::CREATED, Json(GuildView::from(*guild)))),
        Connected::Before(guild) => Ok((StatusCode::OK, Json(GuildView::from(*guild)))),
        Connected::IsAnothers => Err(anothers()),
    }
}

/// Disconnects a server. It is nobody's then; its settings are kept for 30 days, for when you connect it again.
#[utoipa::path(
    delete, path = "/guilds/{id}", tag = "guilds",
    params(("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$"), DisconnectParams),
    security(("bearer" = ["guilds:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is disconnected"), BadParams, Unknown, Forbidden, Always),
)]
pub async fn disconnect_guild(
    State(bot): State<Arc<Bot>>,
    caller: May<ChangeSettings>,
    id: Id,
    Params(params): Params<DisconnectParams>,
) -> Result<StatusCode, Problem> {
    Box::pin(disconnect(&bot, &caller, &id, params.leave.unwrap_or(false))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Disconnects a server, and lets the bot leave it where that is wanted.
pub(crate) async fn disconnect(bot: &Bot, caller: &Caller, id: &Id, leave: bool) -> Result<(), Problem> {
    // Each on the heap: they would make the future of the request large.
    let served = Box::pin(async { Ok(servers::served_by(bot, caller.account()).await?) });
    let (guild, served) = tokio::try_join!(Box::pin(find(bot, caller, id)), served)?;
    // A server that nobody has belongs to the one account there: the bot would go on as before.
    let leave = leave || bot.default_account.as_ref() == Some(caller.account());
    let now = Timestamp::now();
    let note = caller.note("guild.disconnected", guild.id.to_string(), Vec::new(), now);
    Box::pin(connect::disconnect(bot, served.as_ref(), guild, leave, &note, now)).await?.map_err(not_now)
}

/// Why somebody may not connect a server, in the words of pages.
fn denied(say: fn(Words) -> &'static str) -> Problem {
    Problem::said(StatusCode::FORBIDDEN, |lang| say(Words(lang)).to_owned())
}

/// Why a server cannot be connected that another account has.
fn anothers() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "Another account has connected this server. Whoever manages it there can disconnect it; then connect it here.",
    )
}

/// The servers that a person manages, who signed in by Discord.
async fn managed(bot: &Bot, caller: &Caller) -> Result<Vec<TheirGuild>, Problem> {
    let Some(person) = caller.person().filter(|_| caller.session().is_some()) else {
        return Err(denied(Words::denied_not_signed_in));
    };
    connect::managed_by(bot, person, Timestamp::now()).await.map_err(|error| match error {
        NotTold::SignInAgain => denied(Words::denied_sign_in_again),
        NotTold::WeAreRefused | NotTold::Unavailable => not_now(DiscordError::Unavailable("Discord does not answer")),
    })
}

async fn at_hand<'a>(bot: &'a Bot, caller: &Caller) -> Result<(&'a Discord, Served), Problem> {
    let served = servers::served_by(bot, caller.account()).await?;
    bot.discord.as_deref().zip(served).ok_or_else(|| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "There is no Discord bot at hand: none is set up, or Discord has not said yet who it is.",
        )
    })
}

fn not_now(error: DiscordError) -> Problem {
    tracing::warn!(error = %error, "Discord did not do what the API was asked for");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Discord does not answer, so nothing was done. Try again in a moment.",
    )
}
