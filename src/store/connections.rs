//! Servers become an account's, and are given up again.

use super::guilds::{CHANGES_KEPT, Change};
use super::transact::{Together, Write as _};
use super::{Note, Store, keys, number, text};
use crate::ids::AccountId;
use crate::settings::{Guild, GuildSettings};
use anyhow::Result;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twilight_model::id::{Id, marker::GuildMarker};

/// Whoever connects a server again within this time finds its settings as they were.
const SETTINGS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What became of a server that was to be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connected {
    /// It is the account's now.
    Yes(Box<Guild>),
    /// It was the account's before.
    Before(Box<Guild>),
    /// Another account has it.
    IsAnothers,
}

/// The settings of a server that was given up.
#[derive(Serialize, Deserialize)]
struct Former {
    settings: GuildSettings,
    version: u64,
    expires: i64,
}

impl Store {
    /// Makes a server the account's, if it is nobody's, with the settings that this account gave up in the last 30 days.
    /// A GetItem and one transaction, one GetItem more where it is somebody's.
    pub async fn connect_guild(
        &self,
        account: &AccountId,
        guild: Id<GuildMarker>,
        named: Option<(String, Option<String>)>,
        note: &Note,
        now: Timestamp,
    ) -> Result<Connected> {
        let former: Option<Former> = self.get(keys::former_guild(account, guild)).await?;
        let mut new = Guild::new(guild, account.clone());
        // Time to live is not punctual. [Amazon DynamoDB Developer Guide: Time to Live]
        if let Some(former) = former.filter(|former| former.expires > now.as_second()) {
            // Above every version that was seen, so that no old `ETag` fits.
            (new.settings, new.version) = (former.settings, former.version + 1);
        }
        (new.name, new.icon) = named.map_or((None, None), |(name, icon)| (Some(name), icon));
        let settings = self.putting(keys::guild(guild), &new)?.condition_expression("attribute_not_exists(pk)");
        let mut writes = vec![
            settings.write()?,
            self.putting(keys::guild_of_account(account, guild), &new)?.write()?,
            self.guild_news(guild, now)?,
            self.deleting(keys::former_guild(account, guild)).write()?,
        ];
        writes.extend(self.noting(Some(note))?);
        if self.together(writes, "connect a server").await? == Together::Done {
            return Ok(Connected::Yes(Box::new(new)));
        }
        match self.guild(guild).await? {
            Some(found) if found.account == *account => Ok(Connected::Before(Box::new(found))),
            Some(_) => Ok(Connected::IsAnothers),
            None => anyhow::bail!("a server is connected and given up at the same time"),
        }
    }

    /// Gives a server up that was seen as `guild`; its settings are kept for 30 days. False where somebody has written it
    /// since. One transaction.
    pub async fn disconnect_guild(&self, guild: &Guild, note: &Note, now: Timestamp) -> Result<bool> {
        let Guild { id, account, .. } = guild;
        let delete = self
            .deleting(keys::guild(*id))
            .condition_expression(
                "account = :account AND (version = :seen OR (attribute_not_exists(version) AND :seen = :none))",
            )
            .expression_attribute_values(":account", text(&account.0))
            .expression_attribute_values(":seen", number(guild.version))
            .expression_attribute_values(":none", number(0));
        let expires = (now + SETTINGS_KEPT).as_second();
        let former = Former { settings: guild.settings.clone(), version: guild.version, expires };
        let mut writes = vec![
            delete.write()?,
            self.deleting(keys::guild_of_account(account, *id)).write()?,
            self.deleting(keys::facts(*id)).write()?,
            self.deleting(keys::health(account, Some(*id))).write()?,
            self.putting(keys::former_guild(account, *id), &former)?.write()?,
            self.guild_news(*id, now)?,
        ];
        writes.extend(self.noting(Some(note))?);
        Ok(self.together(writes, "give a server up").await? == Together::Done)
    }

    /// The news that a server's settings have changed.
    pub(super) fn guild_news(&self, guild: Id<GuildMarker>, now: Timestamp) -> Result<TransactWriteItem> {
        let change = Change { guild, expires: (now + CHANGES_KEPT).as_second() };
        self.putting(keys::guild_change(now, guild), &change)?.write()
    }
}
