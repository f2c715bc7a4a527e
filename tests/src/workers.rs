//! Several workers, as far as Discord and the table see them: clients with one bot's token that have the table in common
//! and nothing else.

use std::sync::Arc;
use std::time::Duration;

use guildhall::config::Config;
use guildhall::discord::{Budget, Discord};
use guildhall::store::Store;
use tokio::task::JoinSet;
use tokio::time::Instant;
use twilight_model::id::Id;

use crate::fake_discord::FakeDiscord;

/// Channels that each worker asks about at the same time: one has no two requests under way at once.
const CHANNELS: usize = 12;

/// One Discord and its workers.
#[derive(Debug)]
pub struct Workers {
    /// Where they send requests.
    pub discord: FakeDiscord,
    /// One for each worker.
    pub clients: Vec<Arc<Discord>>,
}

impl Workers {
    /// So many workers on this table.
    pub async fn start(store: &Store, count: usize) -> Self {
        let discord = FakeDiscord::start().await;
        let environment = discord.environment();
        let value = |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let config = Config::from_vars(&value).expect("the fake says where it is");
        let client = |_| {
            let budget = Budget::Shared(store.clone());
            Discord::new(&config.discord_api_url, config.discord.as_ref(), None, budget).map(Arc::new)
        };
        let clients = (0..count).map(client).collect::<Result<_, _>>().expect("a client can be built");
        Self { discord, clients }
    }

    /// All of them ask as much as they may for so long: how many requests were answered.
    pub async fn ask(&self, time: Duration) -> usize {
        let (until, application) = (Instant::now() + time, Id::new(self.discord.application_id()));
        let mut tasks = JoinSet::new();
        for client in &self.clients {
            for _ in 0..CHANNELS {
                let client = Arc::clone(client);
                let channel = Id::new(self.discord.add_channel(self.discord.guild_id(), "help"));
                tasks.spawn(async move {
                    let mut count = 0;
                    while Instant::now() < until {
                        client.channel(application, channel).await.expect("it is there");
                        count += 1;
                    }
                    count
                });
            }
        }
        tasks.join_all().await.into_iter().sum()
    }
}
