//! Whose sessions are kept: the shared bot's, and those of the bots that teams have brought along.

use guildhall::discord::Discord;
use guildhall::ids::AccountId;
use guildhall::store::{CustomBot, Store};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How often the list of bots is read: one that was just brought along is waited for by somebody.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A bot whose gateway sessions are kept.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub id: Id<ApplicationMarker>,
    /// Its token.
    pub token: SecretString,
    /// Number of shards; none leaves it to Discord's recommendation.
    pub shards: Option<u32>,
    /// Another one whenever the bot was set anew: then it is connected anew, whatever was wrong with it before.
    pub revision: String,
    /// The account that has brought it along; none for the shared bot.
    pub account: Option<AccountId>,
}

/// The shared bot, as the environment has it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Its token.
    pub token: SecretString,
    /// Number of shards; none leaves it to Discord's recommendation.
    pub shards: Option<u32>,
}

impl Application {
    /// The shared bot.
    pub fn shared(id: Id<ApplicationMarker>, token: SecretString, shards: Option<u32>) -> Self {
        // Tells tokens apart without saying anything of them.
        let revision = hex::encode(&Sha256::digest(token.expose_secret())[..8]);
        Self { id, token, shards, revision, account: None }
    }

    fn custom(bot: CustomBot, token: SecretString) -> Self {
        Self { id: bot.application, token, shards: None, revision: bot.revision, account: Some(bot.account) }
    }

    fn is(&self, other: &Self) -> bool {
        (self.id, &self.revision, self.shards) == (other.id, &other.revision, other.shards)
    }
}

/// Tells which bots there are, as soon as that is known and whenever it changes. Ends only with its task.
pub async fn keep(store: Store, discord: Arc<Discord>, shared: Option<Shared>, tell: watch::Sender<Vec<Application>>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut custom: HashMap<Id<ApplicationMarker>, Option<Application>> = HashMap::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // Perhaps whose the shared bot's token is has only now been learnt.
            _ = discord.application(), if shared.is_some() && discord.known_application().is_none() => {}
        }
        match store.custom_bots().await {
            Ok(found) => custom = opened(&discord, found, custom).await,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the list of custom bots cannot be read now");
            }
        }
        let ours = shared.as_ref().zip(discord.known_application());
        let ours = ours.map(|(shared, known)| Application::shared(known.id, shared.token.clone(), shared.shards));
        let mut all: Vec<Application> = ours.into_iter().collect();
        all.extend(
            custom
                .values()
                .flatten()
                .filter(|custom| all.iter().all(|ours| ours.id != custom.id))
                .cloned()
                .collect::<Vec<_>>(),
        );
        all.sort_unstable_by_key(|application| application.id);
        tell.send_if_modified(|known| {
            let is_same = known.len() == all.len() && known.iter().zip(&all).all(|(known, new)| known.is(new));
            if !is_same {
                *known = all;
            }
            !is_same
        });
    }
}

/// Bots with their tokens; each revision's is opened once. None stands for one whose token cannot be opened.
async fn opened(
    discord: &Discord,
    found: Vec<CustomBot>,
    mut before: HashMap<Id<ApplicationMarker>, Option<Application>>,
) -> HashMap<Id<ApplicationMarker>, Option<Application>> {
    let mut now = HashMap::with_capacity(found.len());
    for bot in found {
        let id = bot.application;
        let known = before.remove(&id);
        let application = match known {
            Some(Some(known)) if known.revision == bot.revision => Some(known),
            known => match discord.token_of(&bot).await {
                Ok(token) => Some(Application::custom(bot, token)),
                Err(error) => {
                    // Said once.
                    if !matches!(known, Some(None)) {
                        tracing::error!(
                            application.id = %id,
                            error = format!("{error:#}"),
                            "a custom bot is not connected, for its token cannot be read: its account has to enter it again"
                        );
                    }
                    None
                }
            },
        };
        now.insert(id, application);
    }
    now
}
