//! `/guilds/{id}/channels`, `/roles`, `/health` and `/health`: what Discord says of servers, and what is wrong.

use super::guilds::find;
use super::refusals::{Always, Forbidden, Unknown};
use crate::account::Month;
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadGuilds;
use crate::dashboard::auth::{Caller, May};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::discord::{Facts, GuildChannel};
use crate::sentences::Lang;
use crate::servers::{self, Attention, Check, Code, Outcome, Place, Served, Sight, Status};
use crate::settings::{Guild, GuildSettings};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use twilight_model::channel::ChannelType;
use twilight_model::guild::Permissions;

/// How Discord answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It said how things are, within the last minute.
    Current,
    /// The bot is not in the server: what is shown is what was known before, if anything.
    NotInServer,
    /// It does not know the bot's token.
    TokenRefused,
    /// It does not answer: what is shown is what it said last, if anything.
    Unavailable,
    /// There is no bot that could ask.
    NoBot,
}

/// What Discord says of a server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SightView {
    /// How it answered.
    pub state: Seen,
    /// When it said what is shown; none where it never did.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Whose the server is.
    pub owner_id: Option<String>,
    /// What the bot may do in the server as a whole: Discord's bits as a decimal number.
    #[schema(example = "274877991936")]
    pub permissions: Option<String>,
    /// The bot's highest role: it can do nothing to people with one above it. None where it has no role.
    pub highest_role: Option<RoleView>,
    /// Roles above it.
    pub roles_above: Option<usize>,
}

/// The channels of a server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelsView {
    /// How Discord answered.
    pub state: Seen,
    /// When it said so; none where it never did, and then the list is empty.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// As Discord shows them from top to bottom; without threads.
    pub items: Vec<ChannelView>,
}

/// A channel, or a category of channels.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelView {
    /// Its id.
    #[schema(example = "381870553235193857")]
    pub id: String,
    /// What people call it.
    #[schema(example = "help")]
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    /// The id of its category.
    pub category_id: Option<String>,
    /// Where it stands among those of its category.
    pub position: i64,
    /// What the bot may do there: Discord's bits as a decimal number.
    #[schema(example = "274877991936")]
    pub permissions: String,
    /// Whether questions are answered there, as the server is set.
    pub answers: bool,
    /// Permissions that the bot lacks to do so, by Discord's names.
    #[schema(example = json!(["SEND_MESSAGES"]))]
    pub missing: Vec<String>,
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// People write there.
    Text,
    /// The server's news.
    Announcement,
    /// Each question is a thread.
    Forum,
    /// A forum of pictures.
    Media,
    /// People talk there.
    Voice,
    /// Few talk, many listen.
    Stage,
    /// Channels stand below it.
    Category,
    /// Something newer than this version.
    Other,
}

/// The roles of a server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RolesView {
    /// How Discord answered.
    pub state: Seen,
    /// When it said so; none where it never did, and then the list is empty.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// The highest first; `@everyone`, whose id is the server's, is the last.
    pub items: Vec<RoleView>,
}

/// A role.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoleView {
    /// Its id.
    #[schema(example = "41771983423143936")]
    pub id: String,
    /// What people call it.
    #[schema(example = "Support")]
    pub name: String,
    /// The higher, the more it can do to others.
    pub position: i64,
    /// Red, green and blue as `#rrggbb`; none where it has no colour.
    #[schema(example = "#1abc9c")]
    pub colour: Option<String>,
    /// Whether it belongs to a bot or an integration, so that nobody can be given it.
    pub managed: bool,
    /// Whether the bot has it.
    pub of_bot: bool,
}

/// What checks have found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HealthView {
    /// The worst of them.
    pub status: Status,
    /// Each check once, in the order in which they are worth mending.
    pub checks: Vec<CheckView>,
}

/// What a check has found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckView {
    /// What was checked.
    pub code: Code,
    /// How bad it is.
    pub status: Status,
    /// What was found, in the language of `Accept-Language`.
    pub found: String,
    /// How to mend it, where there is something to mend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// Since when it is so, as far as anybody has looked.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The channels that it is about; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<PlaceView>,
}

/// A channel in which something is wrong.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlaceView {
    /// Its id.
    pub id: String,
    /// What it is called; none where that is not known, as of a thread.
    pub name: Option<String>,
    /// Permissions that the bot lacks there, by Discord's names.
    pub missing: Vec<String>,
}

/// What needs attention.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttentionView {
    /// The worst first; empty where all is well.
    pub items: Vec<AttentionItem>,
}

/// Something that needs attention.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttentionItem {
    /// The server; none where it concerns all of them.
    pub guild_id: Option<String>,
    /// What the server is called, as far as is known.
    pub guild_name: Option<String>,
    /// When it was looked at.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// What was found.
    #[serde(flatten)]
    pub check: CheckView,
}

impl From<Outcome> for Seen {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Now => Self::Current,
            Outcome::NotInServer => Self::NotInServer,
            Outcome::TokenRefused => Self::TokenRefused,
            Outcome::NoAnswer => Self::Unavailable,
            Outcome::NoBot => Self::NoBot,
        }
    }
}

impl SightView {
    /// What is shown of a server beside its settings.
    pub fn of(sight: &Sight) -> Self {
        let facts = sight.facts.as_deref();
        let highest = facts.and_then(Facts::highest_role_of_bot);
        Self {
            state: sight.outcome.into(),
            as_of: sight.at,
            owner_id: facts.map(|facts| facts.owner.to_string()),
            permissions: facts.map(|facts| facts.bot_may_in_general().bits().to_string()),
            highest_role: facts.zip(highest).map(|(facts, role)| RoleView::of(facts, role)),
            roles_above: facts.map(|facts| facts.roles.iter().take_while(|role| Some(*role) != highest).count()),
        }
    }
}

impl ChannelsView {
    /// The channels of a server that is set so.
    pub fn of(sight: &Sight, settings: &GuildSettings) -> Self {
        let channels = sight
            .facts
            .iter()
            .flat_map(|facts| facts.channels.iter().map(|channel| ChannelView::of(facts, channel, settings)));
        Self { state: sight.outcome.into(), as_of: sight.at, items: channels.collect() }
    }
}

impl ChannelView {
    fn of(facts: &Facts, channel: &GuildChannel, settings: &GuildSettings) -> Self {
        let may = facts.bot_may(channel);
        let answers = servers::is_for_talk(channel.kind) && settings.channels.lets_in(&[channel.id.cast()]);
        let needed = if answers { servers::in_channel(settings, channel.kind) } else { Permissions::empty() };
        Self {
            id: channel.id.to_string(),
            name: channel.name.clone(),
            kind: channel.kind.into(),
            category_id: channel.parent_id.map(|id| id.to_string()),
            position: channel.position,
            permissions: may.bits().to_string(),
            answers,
            missing: names(needed.difference(may)),
        }
    }
}

impl From<ChannelType> for ChannelKind {
    fn from(kind: ChannelType) -> Self {
        match kind {
            ChannelType::GuildText => Self::Text,
            ChannelType::GuildAnnouncement => Self::Announcement,
            ChannelType::GuildForum => Self::Forum,
            ChannelType::GuildMedia => Self::Media,
            ChannelType::GuildVoice => Self::Voice,
            ChannelType::GuildStageVoice => Self::Stage,
            ChannelType::GuildCategory => Self::Category,
            _ => Self::Other,
        }
    }
}

impl RolesView {
    /// The roles of a server.
    pub fn of(sight: &Sight) -> Self {
        let roles = sight.facts.iter().flat_map(|facts| facts.roles.iter().map(|role| RoleView::of(facts, role)));
        Self { state: sight.outcome.into(), as_of: sight.at, items: roles.collect() }
    }
}

impl RoleView {
    fn of(facts: &Facts, role: &crate::discord::GuildRole) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name.clone(),
            position: role.position,
            colour: (role.colour != 0).then(|| format!("#{:06x}", role.colour & 0xff_ffff)),
            managed: role.managed,
            of_bot: facts.bot_roles.contains(&role.id),
        }
    }
}

impl HealthView {
    /// What checks have found, in this language.
    pub fn of(checks: &[Check], lang: Lang) -> Self {
        let status = checks.iter().map(|check| check.finding.status()).min().unwrap_or(Status::Unknown);
        Self { status, checks: checks.iter().map(|check| CheckView::of(check, lang)).collect() }
    }
}

impl CheckView {
    fn of(check: &Check, lang: Lang) -> Self {
        let finding = &check.finding;
        Self {
            code: finding.code(),
            status: finding.status(),
            found: finding.found(lang),
            mend: finding.mend(lang).map(str::to_owned),
            since: check.since,
            channels: finding.places().iter().map(PlaceView::of).collect(),
        }
    }
}

impl PlaceView {
    fn of(place: &Place) -> Self {
        Self { id: place.channel.to_string(), name: place.name.clone(), missing: names(place.missing) }
    }
}

impl AttentionView {
    /// What needs attention, in this language.
    pub fn of(found: &[Attention], lang: Lang) -> Self {
        let item = |attention: &Attention| AttentionItem {
            guild_id: attention.guild.as_ref().map(|guild| guild.id.to_string()),
            guild_name: attention.guild.as_ref().and_then(|guild| guild.name.clone()),
            as_of: attention.at,
            check: CheckView::of(&attention.check, lang),
        };
        Self { items: found.iter().map(item).collect() }
    }
}

/// Permissions by Discord's names.
fn names(permissions: Permissions) -> Vec<String> {
    permissions.iter_names().map(|(name, _)| name.to_owned()).collect()
}

/// The language that a caller asks for first.
pub(super) fn lang(headers: &HeaderMap) -> Lang {
    let header = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Lang::from_locale(header.split([',', ';']).next().unwrap_or_default().trim())
}

/// A server of the caller's with the bot that serves it and what Discord says of it.
async fn seen(bot: &Bot, caller: &Caller, id: &Id) -> Result<(Guild, Arc<Sight>), Problem> {
    let (guild, served) = tokio::try_join!(Box::pin(find(bot, caller, id)), Box::pin(served_by(bot, caller)))?;
    let sight = Box::pin(servers::look(bot, served.as_ref(), &guild, Timestamp::now())).await?;
    Ok((guild, sight))
}

async fn served_by(bot: &Bot, caller: &Caller) -> Result<Option<Served>, Problem> {
    Ok(servers::served_by(bot, caller.account()).await?)
}

/// A server of the caller's, and what Discord says of it. Up to four requests to Discord within a minute, and up to eight
/// to the table.
pub(super) async fn details(bot: &Bot, caller: &Caller, id: &Id) -> Result<(Guild, SightView), Problem> {
    let (mut guild, sight) = seen(bot, caller, id).await?;
    if let Some(facts) = &sight.facts {
        (guild.name, guild.icon) = (Some(facts.name.clone()), facts.icon.clone());
    }
    Ok((guild, SightView::of(&sight)))
}

/// The channels of a server with what the bot may do in each, at most a minute old. While Discord does not answer, they are
/// those of which it last told.
#[utoipa::path(
    get, path = "/guilds/{id}/channels", tag = "guilds",
    params(("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$")),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = ChannelsView), Unknown, Forbidden, Always),
)]
pub async fn list_channels(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    id: Id,
) -> Result<Json<ChannelsView>, Problem> {
    let (guild, sight) = seen(&bot, &caller, &id).await?;
    Ok(Json(ChannelsView::of(&sight, &guild.settings)))
}

/// The roles of a server, at most a minute old. While Discord does not answer, they are those of which it last told.
#[utoipa::path(
    get, path = "/guilds/{id}/roles", tag = "guilds",
    params(("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$")),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = RolesView), Unknown, Forbidden, Always),
)]
pub async fn list_roles(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    id: Id,
) -> Result<Json<RolesView>, Problem> {
    let (_, sight) = seen(&bot, &caller, &id).await?;
    Ok(Json(RolesView::of(&sight)))
}

/// What is right and wrong with a server, and how to mend it: of the server itself, and of what all servers of the account
/// share.
#[utoipa::path(
    get, path = "/guilds/{id}/health", tag = "guilds",
    params(
        ("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$"),
        ("Accept-Language" = Option<String>, Header, description = "The language of the sentences: `en` or `fr`"),
    ),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = HealthView), Unknown, Forbidden, Always),
)]
pub async fn get_guild_health(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    id: Id,
    headers: HeaderMap,
) -> Result<Json<HealthView>, Problem> {
    let now = Timestamp::now();
    let of_server = async {
        let (guild, served) = tokio::try_join!(Box::pin(find(&bot, &caller, &id)), Box::pin(served_by(&bot, &caller)))?;
        Ok::<_, Problem>(servers::health(&bot, served.as_ref(), &guild, now).await?)
    };
    let of_account = async { Ok(servers::account_health(&bot, &caller.home.account, now).await?) };
    let (mut checks, of_account) = tokio::try_join!(Box::pin(of_server), Box::pin(of_account))?;
    checks.extend(of_account);
    Ok(Json(HealthView::of(&checks, lang(&headers))))
}

/// What needs attention, in any server and in what they share. Each server was looked at within a quarter of an hour; of
/// those that were not, four are looked at with each call.
#[utoipa::path(
    get, path = "/health", tag = "guilds",
    params(("Accept-Language" = Option<String>, Header, description = "The language of the sentences: `en` or `fr`")),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = AttentionView), Forbidden, Always),
)]
pub async fn get_health(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    headers: HeaderMap,
) -> Result<Json<AttentionView>, Problem> {
    let (account, now) = (&caller.home.account, Timestamp::now());
    let (guilds, used, known) = tokio::try_join!(
        Box::pin(bot.store.guilds_of(&account.id)),
        Box::pin(bot.store.usage(&account.id, Month::of(now))),
        Box::pin(servers::Known::read(&bot, &account.id, now)),
    )?;
    let found = Box::pin(servers::attention(&bot, account, &guilds, used, known, now)).await?;
    Ok(Json(AttentionView::of(&found, lang(&headers))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_told_in_their_language() {
        let asked = |header: &str| lang(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, header.parse().unwrap())]));
        assert_eq!(asked("fr-CH, fr;q=0.9, en;q=0.8"), Lang::Fr);
        assert_eq!(asked("fr;q=0.9"), Lang::Fr);
        assert_eq!([asked("de"), asked(""), lang(&HeaderMap::new())], [Lang::En; 3]);
    }

    #[test]
    fn permissions_have_discords_names() {
        assert_eq!(
            names(Permissions::SEND_MESSAGES | Permissions::CREATE_PUBLIC_THREADS),
            ["SEND_MESSAGES", "CREATE_PUBLIC_THREADS"]
        );
    }
}
