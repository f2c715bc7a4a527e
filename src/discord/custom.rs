//! Bots that teams have brought along: found in the table, each with a token and rate limits of its own.

use super::rest::{Line, Rest};
use super::{Discord, DiscordError, ask, get};
use crate::config::public_key;
use crate::ids::AccountId;
use crate::secret::Secrets;
use crate::store::{CustomBot, RefusalKind, Store};
use anyhow::{Context as _, Result, anyhow};
use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use moka::future::Cache;
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, UserMarker},
};

/// How long a bot is not looked up again: one that is taken away must be gone within seconds.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Bots, and applications that are none of ours, that are remembered at the same time.
const REMEMBERED_AT_MOST: u64 = 10_000;

/// How long a bot's rate limits are remembered after its last request. Discord's buckets refill within minutes.
const LIMITS_REMEMBERED: Duration = Duration::from_hours(1);

/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED`, of small bots.
/// [Discord Docs/Application: Application Flags]
const MAY_READ_CONTENT: u64 = 1 << 18 | 1 << 19;

/// Where bots and their tokens are kept.
pub struct CustomBots {
    /// Sealed, in the table.
    pub store: Store,
    /// What they are sealed with.
    pub secrets: Secrets,
}

/// An application, as Discord shows it to whoever has its token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Own {
    /// Its id.
    pub id: Id<ApplicationMarker>,
    /// What its interactions are signed with, in hexadecimal.
    pub verify_key: String,
    /// Where Discord posts its interactions; none where they come over the gateway.
    #[serde(default)]
    pub interactions_endpoint_url: Option<String>,
    #[serde(default)]
    bot: Option<OwnBot>,
    /// What it may do.
    #[serde(default)]
    flags: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct OwnBot {
    id: Id<UserMarker>,
}

/// Bots that were looked up.
#[derive(Debug)]
pub(super) struct Registry {
    /// None where teams cannot bring any.
    bots: Option<CustomBots>,
    found: Cache<Id<ApplicationMarker>, Option<Arc<Found>>>,
    /// By application and revision. They outlive what was found, because Discord counts on.
    rests: Cache<(Id<ApplicationMarker>, String), Arc<Rest>>,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) account: AccountId,
    pub(super) public_key: VerifyingKey,
    pub(super) rest: Arc<Rest>,
}

impl fmt::Debug for CustomBots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomBots").finish_non_exhaustive()
    }
}

impl CustomBots {
    async fn token(&self, bot: &CustomBot) -> Result<SecretString> {
        let opened = self.secrets.open(&sealed_for(&bot.account, bot.application), &bot.token).await;
        self.noted(&bot.account, opened).await.context("a bot's token")
    }

    /// What came of a secret, noted where it is nothing: the account's bot is silent then, and somebody has to see why.
    async fn noted<T>(&self, account: &AccountId, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            tracing::error!(account.id = %account, error = format!("{error:#}"), "a bot's token cannot be sealed or opened");
            self.store.record_refusal(account, RefusalKind::Key, &format!("{error:#}"), Timestamp::now()).await;
        }
        outcome
    }
}

/// A token is worth nothing in another account's record, or in another application's.
fn sealed_for(account: &AccountId, application: Id<ApplicationMarker>) -> String {
    format!("bot token of {application} for {account}")
}

impl Registry {
    pub(super) fn new(bots: Option<CustomBots>) -> Self {
        let found = Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_live(REMEMBERED).build();
        let rests = Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_idle(LIMITS_REMEMBERED).build();
        Self { bots, found, rests }
    }

    fn bots(&self) -> Result<&CustomBots> {
        self.bots.as_ref().context("this Guildhall has nothing to seal bots' tokens with")
    }

    /// The bot of this application, at most five seconds old.
    pub(super) async fn find(&self, application: Id<ApplicationMarker>, line: &Line) -> Result<Option<Arc<Found>>> {
        let Some(bots) = &self.bots else { return Ok(None) };
        let look = async {
            let Some(bot) = bots.store.custom_bot(application).await? else { return Ok(None) };
            let token = bots.token(&bot).await?;
            let public_key = public_key(&bot.public_key)?;
            let new = async { Arc::new(Rest::new(line.clone(), token, Some(application))) };
            let rest = self.rests.get_with((application, bot.revision), new).await;
            anyhow::Ok(Some(Arc::new(Found { account: bot.account, public_key, rest })))
        };
        self.found.try_get_with(application, look).await.map_err(|error: Arc<anyhow::Error>| anyhow!("{error:#}"))
    }
}

impl Own {
    /// Its bot. Only those of applications from before 2016 have another id than these.
    pub fn bot(&self) -> Id<UserMarker> {
        self.bot.as_ref().map_or_else(|| self.id.cast(), |bot| bot.id)
    }

    /// Whether its bot may read what people write.
    pub fn may_read_content(&self) -> bool {
        self.flags & MAY_READ_CONTENT != 0
    }
}

impl Discord {
    /// Whose a token is. One request. An unknown token is refused with 401.
    pub async fn whose(&self, token: SecretString) -> Result<Own, DiscordError> {
        ask(&Rest::new(self.line.clone(), token, None), &get("applications/@me".to_owned())).await
    }

    /// An application of ours, as Discord shows it. One request.
    pub async fn own(&self, application: Id<ApplicationMarker>) -> Result<Own, DiscordError> {
        ask(&*self.rest(application).await?, &get("applications/@me".to_owned())).await
    }

    /// A bot's token as it is written to the table.
    pub async fn seal_token(
        &self,
        account: &AccountId,
        application: Id<ApplicationMarker>,
        token: &str,
    ) -> Result<String> {
        let bots = self.custom.bots()?;
        let sealed = bots.secrets.seal(&sealed_for(account, application), token).await;
        bots.noted(account, sealed).await
    }

    /// A bot's token.
    pub async fn token_of(&self, bot: &CustomBot) -> Result<SecretString> {
        self.custom.bots()?.token(bot).await
    }

    /// Looks an application up anew when it is needed next: for whoever has just changed it.
    pub async fn forget(&self, application: Id<ApplicationMarker>) {
        self.custom.found.invalidate(&application).await;
    }
}
