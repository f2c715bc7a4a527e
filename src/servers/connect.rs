//! How a server comes to an account, and goes again.

use super::{Outcome, Served, needs};
use crate::bot::Bot;
use crate::discord::{Discord, DiscordError, GUILDS_PAGE, GuildName};
use crate::ids::{AccountId, PersonId};
use crate::settings::{Guild, GuildSettings};
use crate::sign_in::{self, NotTold, TheirGuild};
use crate::store::{Connected, Note};
use anyhow::{Result, bail};
use jiff::Timestamp;
use twilight_model::id::{Id, marker::GuildMarker};
use url::Url;

/// Somebody else writes the server at the same time; it is read again and given up as it is then.
const TRIES: u32 = 8;

/// What is asked of Discord when a bot is added to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// Where the person goes.
    pub url: Url,
    /// The permissions that the bot is given there.
    pub permissions: twilight_model::guild::Permissions,
}

/// Where a person comes back from Discord, and with which state.
#[derive(Debug, Clone, Copy)]
pub struct Return<'a> {
    /// The address of ours, as it stands in the developer portal.
    pub redirect: &'a Url,
    /// What comes back with the person.
    pub state: &'a str,
    /// The hash of the PKCE verifier. [RFC 7636: 4.2]
    pub challenge: &'a str,
}

/// Discord's page on which the bot that serves an account is added to a server: to this one, if one is given, with what its
/// settings need. Without a way back, Discord keeps the person. Sends nothing.
/// [Discord Docs/OAuth2: Bot Authorization Flow]
pub fn install(discord: &Discord, served: &Served, guild: Option<&Guild>, back: Option<Return<'_>>) -> Install {
    let permissions = guild
        .map_or_else(|| needs::for_install(&GuildSettings::default()), |guild| needs::for_install(&guild.settings));
    let mut url = discord.authorize_address();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &served.application.to_string());
        query.append_pair("permissions", &permissions.bits().to_string());
        if let Some(guild) = guild {
            query.append_pair("guild_id", &guild.id.to_string()).append_pair("disable_guild_select", "true");
        }
        match back {
            Some(Return { redirect, state, challenge }) => query
                .append_pair("scope", "bot applications.commands")
                .append_pair("response_type", "code")
                .append_pair("redirect_uri", redirect.as_str())
                .append_pair("code_challenge", challenge)
                .append_pair("code_challenge_method", "S256")
                .append_pair("state", state),
            None => query.append_pair("scope", "bot applications.commands"),
        };
    }
    Install { url, permissions }
}

/// Makes a server the account's, if it is nobody's. Its name is told where it is known. Two requests to the table, one more
/// where it is somebody's.
pub async fn connect(
    bot: &Bot,
    account: &AccountId,
    guild: Id<GuildMarker>,
    named: Option<(String, Option<String>)>,
    note: &Note,
    now: Timestamp,
) -> Result<Connected> {
    let connected = bot.store.connect_guild(account, guild, named, note, now).await?;
    if let Connected::Yes(_) = &connected {
        tracing::info!(guild.id = %guild, account.id = %account, "a server was connected");
    }
    Ok(connected)
}

/// Gives a server up; its settings are kept for 30 days, for the same account. Before that the bot leaves it, if it is to:
/// one request to Discord, and nothing has happened where that fails. One or two requests to the table.
pub async fn disconnect(
    bot: &Bot,
    served: Option<&Served>,
    mut guild: Guild,
    leave: bool,
    note: &Note,
    now: Timestamp,
) -> Result<Result<(), DiscordError>> {
    if let (true, Some(served), Some(discord)) = (leave, served, &bot.discord) {
        if let Err(error) = discord.leave(served.application, guild.id).await {
            return Ok(Err(error));
        }
        bot.servers.forget(served.application, guild.id).await;
    }
    for _ in 0..TRIES {
        if bot.store.disconnect_guild(&guild, note, now).await? {
            tracing::info!(guild.id = %guild.id, account.id = %guild.account, "a server was disconnected");
            return Ok(Ok(()));
        }
        match bot.store.guild(guild.id).await? {
            Some(found) if found.account == guild.account => guild = found,
            _ => return Ok(Ok(())),
        }
    }
    bail!("a server is changed by too many at once")
}

/// Servers that the bot is in and nobody has connected, behind `after` by id, and behind which id it goes on. One request
/// to Discord, and two to the table.
pub async fn available(
    bot: &Bot,
    discord: &Discord,
    served: &Served,
    after: Option<Id<GuildMarker>>,
) -> Result<Result<(Vec<GuildName>, Option<Id<GuildMarker>>), DiscordError>> {
    let mut listed = match discord.guilds_of_bot(served.application, after).await {
        Ok(listed) => listed,
        Err(error) => return Ok(Err(error)),
    };
    listed.sort_by_key(|guild| guild.id);
    let more = listed.last().map(|last| last.id).filter(|_| listed.len() >= GUILDS_PAGE);
    let ids: Vec<_> = listed.iter().map(|guild| guild.id).collect();
    let known = bot.store.guilds(&ids).await?;
    listed.retain(|guild| !known.contains_key(&guild.id));
    Ok(Ok((listed, more)))
}

/// The servers that a person owns or manages, as Discord says now. One request to Discord, two where the person's token has
/// to be renewed; two requests to the table, or four.
pub async fn managed_by(bot: &Bot, person: &PersonId, now: Timestamp) -> Result<Vec<TheirGuild>, NotTold> {
    let sign_in = bot.access.sign_in.as_ref().ok_or(NotTold::SignInAgain)?;
    let token = sign_in::access_token(bot, person, now).await?;
    let mut theirs = sign_in.guilds(&token).await?;
    theirs.retain(TheirGuild::is_managed);
    Ok(theirs)
}

/// Those of a person's servers that nobody has connected. One request to the table for each hundred.
pub async fn unconnected(bot: &Bot, mut theirs: Vec<TheirGuild>) -> Result<Vec<TheirGuild>> {
    let ids: Vec<_> = theirs.iter().map(|guild| guild.id).collect();
    let known = bot.store.guilds(&ids).await?;
    theirs.retain(|guild| !known.contains_key(&guild.id));
    theirs.sort_by_key(|guild| guild.id);
    Ok(theirs)
}

/// Whether the bot is in a server, as Discord says now, and what the server is called. Four requests to Discord at most,
/// and one to the table.
pub async fn is_in(
    bot: &Bot,
    served: &Served,
    guild: Id<GuildMarker>,
    now: Timestamp,
) -> Result<(Outcome, Option<(String, Option<String>)>)> {
    let Some(discord) = &bot.discord else { return Ok((Outcome::NoBot, None)) };
    // What was seen a minute ago is no reason to connect or to refuse now.
    bot.servers.forget(served.application, guild).await;
    let sight = bot.servers.look(&bot.store, discord, served.application, guild, now).await?;
    let named = sight.facts.as_ref().map(|facts| (facts.name.clone(), facts.icon.clone()));
    Ok((sight.outcome, named))
}
