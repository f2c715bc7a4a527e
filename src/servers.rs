//! An account's servers: what Discord says of them, and what is wrong with them.

pub mod connect; // how a server comes to an account, and goes
mod findings; // what a check can find
mod judge; // facts to findings: pure
mod needs; // which permissions the bot needs: pure
mod sight; // what Discord says, remembered for a minute
mod words; // findings in sentences

pub use findings::{Check, Code, Finding, Place, Status};
pub use needs::{for_install, in_channel, is_for_talk};
pub use sight::{Outcome, Servers, Sight};

use crate::account::{Account, Month};
use crate::bot::Bot;
use crate::ids::AccountId;
use crate::interactions::commands;
use crate::knowledge::source::IndexPointer;
use crate::settings::Guild;
use crate::store::{Ailing, Checked, CustomBot, Refusal};
use anyhow::Result;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker},
};

/// A page does not wait longer to learn who the shared bot is.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found is written down again when it has changed, or is older than this.
const WRITTEN_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// The overview looks again at a server that nobody has looked at for so long.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Servers that the overview looks at anew in one call; the others are told from memory, and have their turn with the next
/// calls.
const LOOKED_AT_A_TIME: usize = 4;

/// Who listens to Discord's gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ears {
    /// Workers that share it, and give signs of life.
    #[default]
    Workers,
    /// This very process, which gives none.
    Own,
    /// Nobody: it is switched off.
    Nobody,
}

/// The bot that serves an account.
#[derive(Debug, Clone)]
pub struct Served {
    /// Its application.
    pub application: Id<ApplicationMarker>,
    /// The account's own bot; none where it is the shared one.
    pub custom: Option<CustomBot>,
}

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// The server; none where it concerns all of them.
    pub guild: Option<Guild>,
    /// What was found.
    pub check: Check,
    /// When it was looked at.
    pub at: Timestamp,
}

/// The bot that serves an account: its own, or the shared one; none where there is neither, or the shared one is not known
/// yet. Two GetItem.
pub async fn served_by(bot: &Bot, account: &AccountId) -> Result<Option<Served>> {
    if let Some(custom) = bot.store.custom_bot_of(account).await? {
        return Ok(Some(Served { application: custom.application, custom: Some(custom) }));
    }
    let Some(discord) = &bot.discord else { return Ok(None) };
    let shared = tokio::time::timeout(PATIENCE, discord.application()).await.ok().flatten();
    Ok(shared.map(|shared| Served { application: shared.id, custom: None }))
}

/// What Discord says of a server, at most a minute old, or what it said last. At most four requests to Discord, and one to
/// the table. A new name is noted: two more.
pub async fn look(bot: &Bot, served: Option<&Served>, guild: &Guild, now: Timestamp) -> Result<Arc<Sight>> {
    let (Some(served), Some(discord)) = (served, &bot.discord) else { return Ok(Arc::new(Sight::no_bot())) };
    let sight = Box::pin(bot.servers.look(&bot.store, discord, served.application, guild.id, now)).await?;
    if let (Outcome::Now, Some(facts)) = (sight.outcome, &sight.facts)
        && (guild.name.as_ref() != Some(&facts.name) || guild.icon != facts.icon)
    {
        Box::pin(bot.store.name_guild(guild, &facts.name, facts.icon.as_deref())).await?;
    }
    Ok(sight)
}

/// How a server is. Up to four requests to Discord within a minute, and up to eight to the table.
pub async fn health(bot: &Bot, served: Option<&Served>, guild: &Guild, now: Timestamp) -> Result<Vec<Check>> {
    let (before, findings) = tokio::try_join!(
        Box::pin(bot.store.checked(&guild.account, Some(guild.id))),
        Box::pin(look_at(bot, served, guild, now)),
    )?;
    Box::pin(keep(bot, &guild.account, Some(guild), findings, before, now)).await.map(|checked| checked.checks)
}

async fn look_at(bot: &Bot, served: Option<&Served>, guild: &Guild, now: Timestamp) -> Result<Vec<Finding>> {
    let session = async {
        match served {
            Some(served) => Ok(Some(bot.store.session_of_guild(served.application, guild.id).await?)),
            None => Ok(None),
        }
    };
    let registered = async {
        match served {
            Some(served) => bot.store.registered_commands(served.application).await,
            None => Ok(None),
        }
    };
    let own = async {
        match (served, &bot.discord) {
            (Some(served), Some(discord)) => bot.servers.application(discord, served.application).await.ok(),
            _ => None,
        }
    };
    let seeing = async {
        let sight = Box::pin(look(bot, served, guild, now)).await?;
        // Asked by then, so that it costs no request of its own.
        anyhow::Ok((sight, own.await))
    };
    // On the heap: side by side they would make the future of a request large.
    let ((sight, own), session, registered, troubles) = tokio::try_join!(
        Box::pin(seeing),
        Box::pin(session),
        Box::pin(registered),
        Box::pin(bot.store.troubles(guild.id)),
    )?;
    Ok(judge::server(&judge::Material {
        settings: &guild.settings,
        sight: &sight,
        own: own.as_deref(),
        session: session.as_ref(),
        revision: served.and_then(|served| served.custom.as_ref()).map(|custom| custom.revision.as_str()),
        troubles: &troubles,
        ears: bot.ears,
        has_commands: registered.as_deref() == Some(&*commands::fingerprint()),
        now,
    }))
}

/// How what all servers of an account share is. Six requests to the table, or seven.
pub async fn account_health(bot: &Bot, account: &Account, now: Timestamp) -> Result<Vec<Check>> {
    let (before, used, shared) = tokio::try_join!(
        Box::pin(bot.store.checked(&account.id, None)),
        Box::pin(bot.store.usage(&account.id, Month::of(now))),
        Box::pin(Shared::read(bot, &account.id, now)),
    )?;
    let findings = shared.judge(bot, account, used, now);
    Box::pin(keep(bot, &account.id, None, findings, before, now)).await.map(|checked| checked.checks)
}

/// What is known of what all servers of an account share.
#[derive(Debug)]
struct Shared {
    index: Option<IndexPointer>,
    failed: Vec<String>,
    ailments: Vec<Ailing>,
    refusals: Vec<Refusal>,
}

impl Shared {
    async fn read(bot: &Bot, account: &AccountId, now: Timestamp) -> Result<Self> {
        let (index, failed, ailments, refusals) = tokio::try_join!(
            Box::pin(bot.store.index(account)),
            Box::pin(bot.store.failed_sources(account)),
            Box::pin(bot.store.ailments(account, now)),
            Box::pin(bot.store.refusals(account)),
        )?;
        Ok(Self { index, failed, ailments, refusals })
    }

    fn judge(&self, bot: &Bot, account: &Account, used: u32, now: Timestamp) -> Vec<Finding> {
        judge::account(&judge::AccountMaterial {
            used,
            limit: account.plan.messages_per_month(),
            has_model: bot.llm.is_some(),
            has_embeddings: bot.knowledge.has_embeddings(),
            sources: self.index.as_ref().map_or(0, |index| index.sources),
            failed: &self.failed,
            ailments: &self.ailments,
            refusals: &self.refusals,
            now,
        })
    }
}

/// Gives each finding the time since when it is so, and writes down what is new.
async fn keep(
    bot: &Bot,
    account: &AccountId,
    guild: Option<&Guild>,
    findings: Vec<Finding>,
    before: Option<Checked>,
    now: Timestamp,
) -> Result<Checked> {
    let checks = findings::since(findings, before.as_ref().map_or(&[], |before| &before.checks), now);
    let checked = Checked { guild: guild.map(|guild| guild.id), at: now, checks };
    let is_news = before.is_none_or(|before| {
        before.checks != checked.checks || now.duration_since(before.at) >= WRITTEN_EVERY.min(STALE_AFTER)
    });
    // A server that is not written down is not the account's for good.
    if is_news && guild.is_none_or(|guild| guild.version > 0 || guild.name.is_some()) {
        bot.store.put_checked(account, &checked).await?;
    }
    Ok(checked)
}

/// What the table says of an account's health: what [`attention`] begins with.
#[derive(Debug)]
pub struct Known {
    served: Option<Served>,
    checked: Vec<Checked>,
    shared: Shared,
}

impl Known {
    /// Seven requests to the table side by side.
    pub async fn read(bot: &Bot, account: &AccountId, now: Timestamp) -> Result<Self> {
        let (served, checked, shared) = tokio::try_join!(
            Box::pin(served_by(bot, account)),
            Box::pin(bot.store.all_checked(account)),
            Box::pin(Shared::read(bot, account, now)),
        )?;
        Ok(Self { served, checked, shared })
    }

    /// The index that answers now.
    pub fn index(&self) -> Option<&IndexPointer> {
        self.shared.index.as_ref()
    }
}

/// What needs attention, the worst first: of the account as a whole, of whose month `used` messages are used, and of each of
/// its servers as it was found within a quarter of an hour, or when there was time to look. One request to the table now and
/// then, however many servers there are, and for each of at most four servers that are looked at anew seven more, and four to
/// Discord.
pub async fn attention(
    bot: &Bot,
    account: &Account,
    guilds: &[Guild],
    used: u32,
    known: Known,
    now: Timestamp,
) -> Result<Vec<Attention>> {
    let Known { served, checked, shared } = known;
    let mut known: HashMap<Option<Id<GuildMarker>>, Checked> =
        checked.into_iter().map(|checked| (checked.guild, checked)).collect();
    let findings = shared.judge(bot, account, used, now);
    let all = keep(bot, &account.id, None, findings, known.remove(&None), now);

    let mut stale: Vec<&Guild> = guilds
        .iter()
        .filter(|guild| known.get(&Some(guild.id)).is_none_or(|checked| now.duration_since(checked.at) >= STALE_AFTER))
        .collect();
    stale.sort_by_key(|guild| known.get(&Some(guild.id)).map(|checked| checked.at));
    stale.truncate(LOOKED_AT_A_TIME);
    let looking = stale.into_iter().map(|guild| {
        let (before, served) = (known.get(&Some(guild.id)).cloned(), served.as_ref());
        Box::pin(async move {
            let findings = look_at(bot, served, guild, now).await?;
            keep(bot, &guild.account, Some(guild), findings, before, now).await
        })
    });
    let (all, looked) = tokio::try_join!(Box::pin(all), try_join_all(looking))?;
    known.extend(looked.into_iter().map(|checked| (checked.guild, checked)));

    let of_account = all.checks.into_iter().map(|check| Attention { guild: None, check, at: all.at });
    let of_servers = guilds.iter().filter_map(|guild| {
        let Checked { at, checks, .. } = known.remove(&Some(guild.id))?;
        Some(checks.into_iter().map(move |check| Attention { guild: Some(guild.clone()), check, at }))
    });
    let mut found: Vec<Attention> = of_account.chain(of_servers.flatten()).collect();
    found.retain(|attention| matches!(attention.check.finding.status(), Status::Problem | Status::Warning));
    found.sort_by_key(|attention| (attention.check.finding.status(), attention.check.since));
    Ok(found)
}
