//! What a session does out of line: looking things up, noting where the bot is, and answering interactions.

use crate::guilds::Spot;
use crate::judge::{Found, Lookup, Presence};
use crate::session::Parts;
use guildhall::discord::DiscordError;
use guildhall::interactions::interaction::Interaction;
use guildhall::interactions::{act, decide};
use guildhall::settings::Guild;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::channel::ChannelType;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker, UserMarker},
};

/// Pauses before the table is asked again; the last one stays.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Times that Discord is asked before a lookup ends without an answer. Its client waits half a minute each time.
const TRIES: usize = 3;

/// What servers are set to, however long it takes: nothing can be decided without.
pub async fn settings(parts: Arc<Parts>, guilds: Vec<Id<GuildMarker>>) -> Vec<(Lookup, Found)> {
    let mut pauses = PAUSES.iter();
    let mut pause = PAUSES[0];
    let mut found: HashMap<Id<GuildMarker>, Guild> = loop {
        match parts.outside.store.guilds(&guilds).await {
            Ok(found) => {
                let ours = found.into_iter().filter(|guild| parts.follows(guild));
                break ours.map(|guild| (guild.id, guild)).collect();
            }
            Err(error) => {
                tracing::warn!(
                    guilds = guilds.len(),
                    error = format!("{error:#}"),
                    "what servers are set to cannot be read yet"
                );
            }
        }
        pause = pauses.next().copied().unwrap_or(pause);
        tokio::time::sleep(pause).await;
    };
    guilds.into_iter().map(|guild| (Lookup::Settings(guild), Found::Settings(found.remove(&guild)))).collect()
}

/// What only Discord can tell; where it will not, the least that is right.
pub async fn ask_discord(
    parts: Arc<Parts>,
    application: Id<ApplicationMarker>,
    bot: Id<UserMarker>,
    lookup: Lookup,
) -> Vec<(Lookup, Found)> {
    let found = match lookup {
        Lookup::OwnRole(guild) => {
            let roles = patiently(|| parts.outside.discord.guild_roles(application, guild)).await;
            let is_own = |tags: Option<Id<UserMarker>>| tags == Some(bot);
            let own = roles
                .unwrap_or_default()
                .into_iter()
                .find(|role| is_own(role.tags.as_ref().and_then(|tags| tags.bot_id)));
            Found::OwnRole(own.map(|role| role.id))
        }
        Lookup::Channel { channel, .. } => {
            let channel = patiently(|| parts.outside.discord.channel(application, channel)).await;
            Found::Channel(channel.map_or(Spot::Channel, |channel| match channel.kind {
                ChannelType::AnnouncementThread | ChannelType::PublicThread | ChannelType::PrivateThread => {
                    Spot::Thread { parent: channel.parent_id.map(Id::cast), own: channel.owner_id == Some(bot) }
                }
                _ => Spot::Channel,
            }))
        }
        Lookup::Settings(guild) => return settings(parts, vec![guild]).await,
    };
    vec![(lookup, found)]
}

/// Asks again while Discord cannot be reached, a few times.
async fn patiently<T, F: Future<Output = Result<T, DiscordError>>>(ask: impl Fn() -> F) -> Option<T> {
    for pause in PAUSES.into_iter().take(TRIES) {
        match ask().await {
            Ok(found) => return Some(found),
            Err(DiscordError::Unavailable(_)) => tokio::time::sleep(pause).await,
            Err(DiscordError::Refused { .. } | DiscordError::TooLate) => break,
        }
    }
    tracing::warn!("Discord did not tell what a message depends on; it is judged without");
    None
}

/// Writes down whether the bot is in a server. Tried for as long as the process lives: the same again changes nothing.
pub async fn note(parts: Arc<Parts>, presence: Presence, now: Timestamp) {
    let (guild, left_at) = match presence {
        Presence::Left(guild) => (guild, Some(now)),
        Presence::Returned(guild) => (guild, None),
    };
    let mut pauses = PAUSES.iter();
    let mut pause = PAUSES[0];
    while let Err(error) = write_presence(&parts, guild, left_at).await {
        tracing::warn!(guild.id = %guild, error = format!("{error:#}"), "that the bot joined or left a server cannot be written down yet");
        pause = pauses.next().copied().unwrap_or(pause);
        tokio::time::sleep(pause).await;
    }
}

/// A bot that an account has brought along says nothing of servers that are another account's.
async fn write_presence(parts: &Parts, guild: Id<GuildMarker>, left_at: Option<Timestamp>) -> anyhow::Result<()> {
    let store = &parts.outside.store;
    if parts.account.is_some() && !store.guild(guild).await?.is_some_and(|guild| parts.follows(&guild)) {
        return Ok(());
    }
    store.set_guild_left(guild, left_at).await
}

#[derive(Deserialize)]
struct Frame {
    d: Interaction,
}

/// Does what an interaction asks for, as the webhook does, and tells Discord.
pub async fn interact(parts: Arc<Parts>, frame: String) {
    let Ok(Frame { d: interaction }) = serde_json::from_str(&frame) else {
        parts.metrics.unreadable_frames.inc();
        return;
    };
    let now = Timestamp::now();
    let decision = decide(&interaction, now);
    let Some(response) = act(&parts.outside.store, &parts.outside.jobs, decision, interaction.locale(), now).await
    else {
        return;
    };
    let (application, id) = (interaction.application_id, interaction.id);
    if let Err(error) = parts.outside.discord.respond(application, id, &interaction.token, &response).await {
        tracing::warn!(interaction.id = %id, error = %error, "an interaction could not be answered");
    }
}
