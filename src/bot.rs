//! What every door hands to the flows: the table, the queue, the knowledge base, the model, Discord.

use crate::account::Account;
use crate::config::RateConfig;
use crate::dashboard::auth::Access;
use crate::dashboard::limits::RateLimits;
use crate::discord::Discord;
use crate::events::Events;
use crate::ids::AccountId;
use crate::job::Jobs;
use crate::knowledge::Knowledge;
use crate::llm::Llm;
use crate::question::Place;
use crate::servers::{Ears, Servers};
use crate::settings::{Guild, GuildSettings};
use crate::store::Store;
use anyhow::Result;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How long settings and plans are remembered: a change must take effect within seconds.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Servers and accounts remembered at the same time; each takes well below a kilobyte.
const REMEMBERED_AT_MOST: u64 = 20_000;

/// Everything that flows need, built once by each door.
pub struct Bot {
    /// The table.
    pub store: Store,
    /// The queue.
    pub jobs: Jobs,
    /// What teams have taught it.
    pub knowledge: Knowledge,
    /// The model; without one, answers are quoted passages.
    pub llm: Option<Llm>,
    /// Where events go.
    pub events: Events,
    /// Discord; without it there is only the API and the command line.
    pub discord: Option<Arc<Discord>>,
    /// Whose servers are that no account has connected: on one machine, its one account; hosted, nobody's.
    pub default_account: Option<AccountId>,
    /// How people come in.
    pub access: Access,
    /// What Discord says of servers.
    pub servers: Servers,
    /// How often callers of the API may call.
    pub limits: RateLimits,
    /// Who listens to Discord's gateway.
    pub ears: Ears,
    homes: Cache<(Place, Option<AccountId>), Option<Arc<Home>>>,
}

/// Where a question belongs: the account that pays for it and the settings that apply.
#[derive(Debug, PartialEq, Eq)]
pub struct Home {
    /// The account with its plan.
    pub account: Account,
    /// How Guildhall behaves there.
    pub settings: GuildSettings,
}

impl Bot {
    /// Puts the parts together.
    pub fn new(
        store: Store,
        jobs: Jobs,
        knowledge: Knowledge,
        llm: Option<Llm>,
        events: Events,
        discord: Option<Arc<Discord>>,
        default_account: Option<AccountId>,
    ) -> Self {
        let homes = Cache::builder().max_capacity(REMEMBERED_AT_MOST).time_to_live(REMEMBERED).build();
        Self {
            store,
            jobs,
            knowledge,
            llm,
            events,
            discord,
            default_account,
            access: Access::default(),
            servers: Servers::default(),
            limits: RateLimits::new(RateConfig::default(), Vec::new()),
            ears: Ears::default(),
            homes,
        }
    }

    /// The account and settings of a place; none where no account has connected it. At most three GetItem each five
    /// seconds.
    ///
    /// What a bot is asked that an account has brought along is that account's, wherever it is asked: it speaks from the
    /// account's knowledge and on its quota, and follows the settings of servers that are the account's own.
    pub async fn home(&self, place: &Place, application: Option<Id<ApplicationMarker>>) -> Result<Option<Arc<Home>>> {
        let owner = match (application, &self.discord) {
            (Some(application), Some(discord)) => discord.account_of(application).await?,
            _ => None,
        };
        let look = async {
            let guild = match place {
                Place::Guild(id) => self.store.guild(*id).await?,
                Place::DirectMessage | Place::Account(_) => None,
            };
            let guild = guild.filter(|guild| owner.as_ref().is_none_or(|owner| *owner == guild.account));
            let account = match (place, &owner, &guild) {
                (Place::Account(account), ..) | (_, Some(account), _) | (.., Some(Guild { account, .. })) => {
                    Some(account.clone())
                }
                _ => self.default_account.clone(),
            };
            let Some(account) = account else { return Ok(None) };
            let Some(account) = self.store.account(&account).await? else { return Ok(None) };
            let settings = guild.map(|guild| guild.settings).unwrap_or_default();
            anyhow::Ok(Some(Arc::new(Home { account, settings })))
        };
        self.homes
            .try_get_with((place.clone(), owner.clone()), look)
            .await
            .map_err(|error: Arc<anyhow::Error>| anyhow::anyhow!("{error:#}"))
    }
}
