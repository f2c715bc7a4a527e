//! What a session does out of line: looking things up, noting where the bot is, and answering interactions.

use crate::guilds::Spot;
use crate::judge::{Found, Lookup, Presence};
use crate::session::Parts;
use anyhow::{Result, anyhow};
use futures::FutureExt as _;
use guildhall::discord::DiscordError;
use guildhall::interactions::interaction::Interaction;
use guildhall::interactions::{act, decide};
use jiff::Timestamp;
use serde::Deserialize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::channel::ChannelType;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker, UserMarker},
};

/// Pauses before something is tried again.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// The pause once these are over.
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Times that Discord is asked before a lookup ends without an answer. Its client waits half a minute each time.
const TRIES: usize = 3;

/// What servers are set to, however long it takes: nothing can be decided without.
pub async fn settings(parts: Arc<Parts>, guilds: Vec<Id<GuildMarker>>) -> Vec<(Lookup, Found)> {
    let read = async || {
        let mut known = parts.outside.store.guilds(&guilds).await?;
        Ok(guilds.iter().map(|&guild| (Lookup::Settings(guild), parts.found(known.remove(&guild)))).collect())
    };
    insistently("what servers are set to cannot be read yet", || caught(read())).await
}

/// What a lookup comes to. One that panics has failed like any other: somebody waits for its end.
async fn caught<T>(lookup: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(lookup).catch_unwind().await.unwrap_or_else(|_| Err(anyhow!("it panicked")))
}

/// Tries until it is done, and says `trouble` each time that it is not.
async fn insistently<T, F: Future<Output = Result<T>>>(trouble: &str, attempt: impl Fn() -> F) -> T {
    let mut pauses = PAUSES.into_iter();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => tracing::warn!(error = format!("{error:#}"), "{trouble}"),
        }
        tokio::time::sleep(pauses.next().unwrap_or(LAST_PAUSE)).await;
    }
}

/// What only Discord can tell. Where it will not, the least that is right; where it cannot, that nothing is known.
pub async fn ask_discord(
    parts: Arc<Parts>,
    application: Id<ApplicationMarker>,
    bot: Id<UserMarker>,
    lookup: Lookup,
) -> Vec<(Lookup, Found)> {
    if let Lookup::Settings(guild) = lookup {
        return settings(parts, vec![guild]).await;
    }
    let asked = caught(async { Ok(answered(&parts, application, bot, lookup).await?) });
    let found = Box::pin(asked).await.unwrap_or_else(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "Discord did not tell what a message depends on; it is judged without"
        );
        Found::Unknown
    });
    vec![(lookup, found)]
}

async fn answered(
    parts: &Parts,
    application: Id<ApplicationMarker>,
    bot: Id<UserMarker>,
    lookup: Lookup,
) -> Result<Found, DiscordError> {
    let discord = &parts.outside.discord;
    match lookup {
        Lookup::OwnRole(guild) => told(patiently(|| discord.guild_roles(application, guild)).await).map(|roles| {
            let mut roles = roles.iter().flatten();
            let own = roles.find(|role| role.tags.as_ref().is_some_and(|tags| tags.bot_id == Some(bot)));
            Found::OwnRole(own.map(|role| role.id))
        }),
        Lookup::Locale(guild) => {
            let asked = told(patiently(|| discord.guild_locale(application, guild)).await);
            asked.map(|locale| Found::Locale(locale.flatten()))
        }
        Lookup::Channel { channel, .. } => {
            told(patiently(|| discord.channel(application, channel)).await).map(|channel| {
                Found::Channel(channel.map_or(Spot::Channel, |channel| match channel.kind {
                    ChannelType::AnnouncementThread | ChannelType::PublicThread | ChannelType::PrivateThread => {
                        Spot::Thread { parent: channel.parent_id.map(Id::cast), own: channel.owner_id == Some(bot) }
                    }
                    _ => Spot::Channel,
                }))
            })
        }
        // The table's to tell.
        Lookup::Settings(_) => Ok(Found::Unknown),
    }
}

/// What Discord said; none where it refuses to say it. Fails where it could not be asked: that says nothing.
fn told<T>(answer: Result<T, DiscordError>) -> Result<Option<T>, DiscordError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(DiscordError::Refused { .. }) => Ok(None),
        Err(error @ (DiscordError::Unavailable(_) | DiscordError::TooLate)) => Err(error),
    }
}

/// Asks again while Discord cannot be reached, a few times.
async fn patiently<T, F: Future<Output = Result<T, DiscordError>>>(ask: impl Fn() -> F) -> Result<T, DiscordError> {
    let mut pauses = PAUSES.into_iter().take(TRIES - 1);
    loop {
        match (ask().await, pauses.next()) {
            (Err(DiscordError::Unavailable(_)), Some(pause)) => tokio::time::sleep(pause).await,
            (answer, _) => return answer,
        }
    }
}

/// Writes down whether the bot is in a server. Tried for as long as the process lives: the same again changes nothing.
pub async fn note(parts: Arc<Parts>, presence: Presence, now: Timestamp) {
    let (guild, left_at) = match presence {
        Presence::Left(guild) => (guild, Some(now)),
        Presence::Returned(guild) => (guild, None),
    };
    let write = || write_presence(&parts, guild, left_at);
    insistently("that the bot joined or left a server cannot be written down yet", write).await;
}

/// A bot that an account has brought along says nothing of servers that are another account's.
async fn write_presence(parts: &Parts, guild: Id<GuildMarker>, left_at: Option<Timestamp>) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn only_what_discord_has_said_is_known() {
        assert_eq!(told(Ok(7)).ok(), Some(Some(7)));
        assert_eq!(told::<u8>(Err(DiscordError::Refused { status: 403, code: 0 })).ok(), Some(None));
        assert!(told::<u8>(Err(DiscordError::Unavailable("it is down"))).is_err());
    }

    #[tokio::test]
    async fn a_lookup_that_panics_is_tried_again() {
        let attempts = Cell::new(0);
        let read = async || {
            attempts.update(|attempts| attempts + 1);
            assert!(attempts.get() > 2, "a lookup may panic");
            Ok(attempts.get())
        };
        assert_eq!(insistently("it cannot be read yet", || caught(read())).await, 3);
    }
}
