//! The content of messages is asked for as long as some server needs it, and given up again some time later: Discord then
//! sends less, and the bot reads less than it could.

use crate::guilds::Rules;
use crate::judge::Found;
use crate::session::Parts;
use anyhow::Result;
use guildhall::discord::MOST_GUILDS;
use guildhall::store::SessionKey;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How long it is asked for though no server seems to need it: an admin who tries things out changes their mind, and each
/// change costs a start of every session.
pub const KEPT: Duration = Duration::from_hours(1);

/// Begins sessions without it beside those of this one's generation, unless a server of the application needs it after all.
pub async fn give_up(parts: Arc<Parts>, session: SessionKey) {
    let application = session.application;
    let given_up = async {
        Ok(!is_needed(&parts, application).await?
            && parts.outside.store.next_generation(application, session.generation, false).await?)
    };
    match given_up.await {
        Ok(false) => {}
        Ok(true) => {
            tracing::info!(application.id = %application, "no server wants all its messages read any more: sessions that do not ask for their content are begun");
        }
        Err(error) => {
            let error: anyhow::Error = error;
            tracing::warn!(application.id = %application, error = format!("{error:#}"), "whether the content of messages is needed cannot be told yet");
        }
    }
}

/// Looks at all the servers that the bot is in. A session knows only those of which it has heard, which after a resume may be
/// none.
async fn is_needed(parts: &Parts, application: Id<ApplicationMarker>) -> Result<bool> {
    let mut after = None;
    loop {
        let page = parts.outside.discord.guilds_after(application, after).await?;
        let mut known = parts.outside.store.guilds(&page).await?;
        let needs = |guild| match parts.found(known.remove(guild)) {
            Found::Settings(guild) => guild.is_some_and(|guild| Rules::from(guild.settings).need_content()),
            _ => true,
        };
        if page.iter().any(needs) {
            return Ok(true);
        }
        let last = page.iter().max().copied();
        if page.len() < MOST_GUILDS || last <= after {
            return Ok(false);
        }
        after = last;
    }
}
