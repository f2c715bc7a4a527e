//! What interactions are signed with: the shared bot's key, and those of the bots that teams have brought along.

use crate::config::{Application, public_key};
use crate::discord::Discord;
use crate::store::Store;
use anyhow::{Result, anyhow};
use ed25519_dalek::VerifyingKey;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How long an application is not looked up again: a bot that is taken away must be gone within seconds.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Applications that are remembered at the same time. Anybody can name one that is none of ours.
const REMEMBERED_AT_MOST: u64 = 10_000;

/// Where the keys are.
#[derive(Debug)]
pub enum Keys {
    /// With whoever speaks to Discord here too.
    Discord(Arc<Discord>),
    /// In the environment and the table, for a door that has no token to speak with.
    Listed(Box<Listed>),
}

/// See [`Keys::listed`].
#[derive(Debug)]
pub struct Listed {
    shared: Application,
    store: Store,
    custom: Cache<Id<ApplicationMarker>, Option<VerifyingKey>>,
}

impl Keys {
    /// The shared bot's key, and those in the table.
    pub fn listed(shared: Application, store: Store) -> Self {
        let custom = Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_live(REMEMBERED).build();
        Self::Listed(Box::new(Listed { shared, store, custom }))
    }

    /// An application's key; none for applications that are not ours. An error where that cannot be told yet. At most one
    /// GetItem each five seconds, for applications that are not the shared bot's.
    pub(super) async fn of(&self, application: Id<ApplicationMarker>) -> Result<Option<VerifyingKey>> {
        match self {
            Self::Discord(discord) => discord.key_of(application).await,
            Self::Listed(listed) => listed.of(application).await,
        }
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
