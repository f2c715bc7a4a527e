//! What interactions are signed with: the shared bot's key, and those of the bots that teams have brought along.

use crate::config::{Application, public_key};
use crate::discord::Discord;
use crate::store::Store;
use anyhow::{Result, anyhow};
use ed25519_dalek::VerifyingKey;
use futures::future::BoxFuture;
use moka::future::Cache;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How long an application is not looked up again: a bot that is taken away must be gone within seconds.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Applications that are remembered at the same time. Anybody can name one that is none of ours.
const REMEMBERED_AT_MOST: u64 = 10_000;

/// Where the keys are. One question to whoever knows, and not a list of those who may, because a door must not link how
/// Discord is spoken to when all it does is to listen.
pub struct Keys(Box<dyn Fn(Id<ApplicationMarker>) -> Found + Send + Sync>);

type Found = BoxFuture<'static, Result<Option<VerifyingKey>>>;

/// See [`Keys::listed`].
struct Listed {
    shared: Application,
    store: Store,
    custom: LazyLock<Cache<Id<ApplicationMarker>, Option<VerifyingKey>>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Those that whoever speaks to Discord here knows too.
    pub fn of_discord(discord: Arc<Discord>) -> Self {
        Self(Box::new(move |application| {
            let discord = Arc::clone(&discord);
            Box::pin(async move { discord.key_of(application).await })
        }))
    }

    /// The shared bot's key, and those in the table: for a door that has no token to speak with.
    pub fn listed(shared: Application, store: Store) -> Self {
        let listed = Arc::new(Listed {
            shared,
            store,
            custom: LazyLock::new(|| {
                Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_live(REMEMBERED).build()
            }),
        });
        Self(Box::new(move |application| {
            let listed = Arc::clone(&listed);
            Box::pin(async move { listed.of(application).await })
        }))
    }

    /// An application's key; none for applications that are not ours. An error where that cannot be told yet. At most one
    /// GetItem each five seconds, for applications that are not the shared bot's.
    pub(super) async fn of(&self, application: Id<ApplicationMarker>) -> Result<Option<VerifyingKey>> {
        (self.0)(application).await
    }
}

impl Listed {
    async fn of(&self, application: Id<ApplicationMarker>) -> Result<Option<VerifyingKey>> {
        if self.shared.id == application {
            return Ok(Some(self.shared.public_key));
        }
        let look = async {
            let bot = self.store.custom_bot(application).await?;
            bot.map(|bot| public_key(&bot.public_key)).transpose()
        };
        self.custom.try_get_with(application, look).await.map_err(|error: Arc<anyhow::Error>| anyhow!("{error:#}"))
    }
}
