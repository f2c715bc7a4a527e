//! `/bot`: the account's own Discord application, in place of the shared bot. Its token is never shown.

use super::refusals::{Always, BadBody, Forbidden, TakenByAnother, Unknown};
use crate::bot::Bot;
use crate::config::public_key;
use crate::dashboard::auth::need::{ManageBot, ReadBot};
use crate::dashboard::auth::{self, Caller, May};
use crate::dashboard::extract::Body;
use crate::dashboard::problem::Problem;
use crate::discord::{Discord, DiscordError};
use crate::store::{CustomBot, Kept, Lease, SessionNotice};
use anyhow::anyhow;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Discord's tokens have about 70 characters.
const MAX_TOKEN_CHARS: usize = 200;

/// A Discord application with a bot.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// The application's id, from its page in Discord's developer portal.
    #[schema(example = "613425648685547541", pattern = "^[1-9][0-9]{0,18}$")]
    pub application_id: String,
    /// Its public key, from the same page: 64 hexadecimal digits.
    #[schema(
        example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        pattern = "^[0-9A-Fa-f]{64}$"
    )]
    pub public_key: String,
    /// The bot's token, from the page “Bot”. It is kept sealed and never shown again.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 200, pattern = "^[!-~]+$")]
    pub token: SecretString,
}

/// The account's bot.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BotView {
    /// Its application's id.
    #[schema(example = "613425648685547541")]
    pub application_id: String,
    /// The application's public key.
    pub public_key: String,
    /// Since when the account has it, or has it in this way.
    #[schema(value_type = String, format = DateTime)]
    pub added_at: Timestamp,
    /// How its connection to Discord's gateway is.
    pub connection: Connection,
    /// What an admin should know and can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// How a bot is connected to Discord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Not yet, or not at the moment.
    Connecting,
    /// It hears what it is told.
    Connected,
    /// Discord refuses it: see the notice. It is tried again when the bot is set again.
    Stopped,
}

/// What is wrong with a bot.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BotNotice)]
pub struct Notice {
    /// For programs.
    #[schema(example = "token_refused")]
    pub code: String,
    /// For people: what is wrong, and what to do about it.
    pub text: String,
}

/// The account's bot.
#[utoipa::path(get, path = "/bot", tag = "bot",
    security(("bearer" = ["bot:read"]), ("session" = ["agent"])),
    responses((status = 200, body = BotView), Unknown, Forbidden, Always))]
pub async fn get_bot(State(bot): State<Arc<Bot>>, caller: May<ReadBot>) -> Result<Json<BotView>, Problem> {
    look(&bot, &caller).await?.map(Json).ok_or_else(|| Problem::no_such("bot"))
}

/// An account's bot, if it has one.
pub(crate) async fn look(bot: &Bot, caller: &Caller) -> Result<Option<BotView>, Problem> {
    let Some(found) = bot.store.custom_bot_of(caller.account()).await? else { return Ok(None) };
    let leases = bot.store.leases_of(found.application).await?;
    Ok(Some(view(found, &leases)))
}

/// Brings a bot along, or replaces the account's bot. Discord is asked whether token, id and key belong together. It is
/// connected within seconds. Set `/discord/webhook/` at Guildhall's address as its Interactions Endpoint URL, or none at
/// all: then commands come over the gateway too.
#[utoipa::path(
    put, path = "/bot", tag = "bot", request_body = NewBot,
    security(("bearer" = ["bot:write"]), ("session" = ["admin"])),
    responses((status = 200, body = BotView), TakenByAnother, BadBody, Forbidden, Always),
)]
pub async fn set_bot(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageBot>,
    Body(new): Body<NewBot>,
) -> Result<Json<BotView>, Problem> {
    Ok(Json(bring(&bot, &caller, &new).await?))
}

/// Brings a bot along for an account, once Discord has said that it is one.
pub(crate) async fn bring(bot: &Bot, caller: &Caller, new: &NewBot) -> Result<BotView, NoBot> {
    let discord = bot.discord.as_ref().ok_or_else(|| anyhow!("this Guildhall speaks to no Discord"))?;
    let (application, key) = checked(discord, new).await?;
    let account = caller.account();
    let record = CustomBot {
        application,
        account: account.clone(),
        public_key: key,
        token: discord.seal_token(account, application, new.token.expose_secret()).await?,
        revision: hex::encode(rand::rng().random::<[u8; 8]>()),
        added_at: Timestamp::now(),
    };
    if bot.store.put_custom_bot(&record).await? == Kept::IsAnothers {
        return Err(NoBot::Taken);
    }
    let note = caller.note("bot.set", application.to_string(), Vec::new(), Timestamp::now());
    auth::keep_note(bot, &note).await;
    discord.forget(application).await;
    tracing::info!(application.id = %application, account.id = %account, "an account has brought its bot along");
    if let Err(error) = discord.sync_commands(application).await {
        // It is done again at the next start; until then questions can be asked by mention.
        tracing::warn!(application.id = %application, error = %error, "Discord did not take a custom bot's commands");
    }
    let leases = bot.store.leases_of(application).await?;
    Ok(view(record, &leases))
}

/// Removes the account's bot: its connection ends within seconds, and its token is deleted.
#[utoipa::path(
    delete, path = "/bot", tag = "bot",
    security(("bearer" = ["bot:write"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is removed"), Unknown, Forbidden, Always),
)]
pub async fn remove_bot(State(bot): State<Arc<Bot>>, caller: May<ManageBot>) -> Result<StatusCode, Problem> {
    remove(&bot, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an account's bot.
pub(crate) async fn remove(bot: &Bot, caller: &Caller) -> Result<(), Problem> {
    let found = bot.store.custom_bot_of(caller.account()).await?;
    if !bot.store.delete_custom_bot(caller.account()).await? {
        return Err(Problem::no_such("bot"));
    }
    let on = found.as_ref().map(|found| found.application.to_string());
    auth::keep_note(bot, &caller.note("bot.removed", on, Vec::new(), Timestamp::now())).await;
    if let (Some(found), Some(discord)) = (found, &bot.discord) {
        discord.forget(found.application).await;
        tracing::info!(application.id = %found.application, account.id = %caller.account(), "an account has removed its bot");
    }
    Ok(())
}

/// Why a bot was not taken. As text, a sentence that names the field as the API does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoBot {
    #[error("`application_id` must be the number that the application's page in Discord's developer portal shows.")]
    NoApplication,
    #[error("`public_key`: {0}.")]
    NoKey(anyhow::Error),
    #[error("`token` is not a bot's token: copy it from the page “Bot” of Discord's developer portal.")]
    NoToken,
    #[error("Discord does not know this `token`. Make a new one on the page “Bot” of Discord's developer portal.")]
    UnknownToken,
    #[error("Discord refuses to say whose this `token` is.")]
    RefusedToken,
    #[error("This `token` belongs to another application than `application_id`.")]
    AnothersToken,
    #[error("`public_key` is not the one that Discord shows for this application.")]
    WrongKey,
    #[error("This is the application that Guildhall itself uses. Use one of your own.")]
    Shared,
    #[error("Another account uses this application. Remove it there first, or use another application.")]
    Taken,
    #[error("Discord does not answer, so the bot could not be checked. Try again in a moment.")]
    Unavailable,
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<NoBot> for Problem {
    fn from(reason: NoBot) -> Self {
        match reason {
            NoBot::Internal(error) => error.into(),
            NoBot::Taken => Self::new(StatusCode::CONFLICT, reason.to_string()),
            NoBot::Unavailable => Self::new(StatusCode::SERVICE_UNAVAILABLE, reason.to_string()),
            reason => Self::refused(reason.to_string()),
        }
    }
}

/// The application's id and public key, once Discord has confirmed that all three belong together.
async fn checked(discord: &Discord, new: &NewBot) -> Result<(Id<ApplicationMarker>, String), NoBot> {
    let application: Id<ApplicationMarker> = new.application_id.trim().parse().map_err(|_| NoBot::NoApplication)?;
    let key = public_key(&new.public_key).map_err(NoBot::NoKey)?;
    let token = new.token.expose_secret();
    let is_printable = |token: &str| token.chars().all(|c| c.is_ascii_graphic());
    if token.is_empty() || token.len() > MAX_TOKEN_CHARS || !is_printable(token) {
        return Err(NoBot::NoToken);
    }
    let own = discord.whose(new.token.clone()).await.map_err(|error| match error {
        DiscordError::Refused { status: 401, .. } => NoBot::UnknownToken,
        DiscordError::Refused { .. } => NoBot::RefusedToken,
        DiscordError::TooLate | DiscordError::Unavailable(_) => NoBot::Unavailable,
    })?;
    if own.id != application {
        return Err(NoBot::AnothersToken);
    }
    if public_key(&own.verify_key).ok() != Some(key) {
        return Err(NoBot::WrongKey);
    }
    if discord.known_application().is_some_and(|shared| shared.id == application) {
        return Err(NoBot::Shared);
    }
    Ok((application, hex::encode(key.as_bytes())))
}

fn view(bot: CustomBot, leases: &[Lease]) -> BotView {
    // What Discord thought of the bot before it was set anew does not count any more.
    let current =
        || leases.iter().filter(|lease| lease.state.stopped.as_ref().is_none_or(|stopped| *stopped == bot.revision));
    let connection = if current().any(|lease| lease.state.stopped.is_some()) {
        Connection::Stopped
    } else if current().any(|lease| lease.state.ready && lease.owner.is_some()) {
        Connection::Connected
    } else {
        Connection::Connecting
    };
    let notice = current().find_map(|lease| lease.state.notice);
    BotView {
        application_id: bot.application.to_string(),
        public_key: bot.public_key,
        added_at: bot.added_at,
        connection,
        notice: notice.map(told),
    }
}

fn told(notice: SessionNotice) -> Notice {
    let code = serde_json::to_value(notice).ok().and_then(|code| code.as_str().map(str::to_owned));
    let mut text = notice.advice().to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    Notice { code: code.unwrap_or_default(), text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;
    use crate::store::{SessionKey, SessionState};

    fn bot() -> CustomBot {
        CustomBot {
            application: Id::new(5),
            account: AccountId::local(),
            public_key: "00".to_owned(),
            token: "sealed".to_owned(),
            revision: "2".to_owned(),
            added_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn lease(state: SessionState) -> Lease {
        let key = SessionKey { application: Id::new(5), total: 1, generation: 0, shard: 0 };
        Lease { key, owner: Some("a".to_owned()), fence: 0, state }
    }

    fn refused(stopped: &str) -> SessionState {
        SessionState {
            stopped: Some(stopped.to_owned()),
            notice: Some(SessionNotice::TokenRefused),
            ..SessionState::default()
        }
    }

    #[test]
    fn what_was_wrong_with_an_older_token_is_not_told() {
        let shown = view(bot(), &[lease(refused("1"))]);
        assert_eq!((shown.connection, shown.notice), (Connection::Connecting, None));
        let shown = view(bot(), &[lease(refused("2"))]);
        assert_eq!(shown.connection, Connection::Stopped);
        insta::assert_snapshot!(serde_json::to_string(&shown).unwrap(), @r#"{"application_id":"5","public_key":"00","added_at":"1970-01-01T00:00:00Z","connection":"stopped","notice":{"code":"token_refused","text":"Discord does not accept the bot's token: make a new one in the developer portal and set it here."}}"#);
    }

    #[test]
    fn a_ready_session_is_connected() {
        let ready = SessionState { ready: true, ..SessionState::default() };
        assert_eq!(view(bot(), &[lease(SessionState::default()), lease(ready)]).connection, Connection::Connected);
        assert_eq!(view(bot(), &[]).connection, Connection::Connecting);
    }
}
