//! Servers become an account's, and are given up again.

use super::guilds::{CHANGES_KEPT, Change};
use super::{Store, keys, number, text, to_item};
use crate::ids::AccountId;
use crate::settings::{Guild, GuildSettings};
use anyhow::Result;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
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
        let put = |key: keys::Key| -> Result<_> {
            Ok(Put::builder().table_name(&self.table).set_item(Some(to_item(key, &new)?)))
        };
        let settings = put(keys::guild(guild))?.condition_expression("attribute_not_exists(pk)").build()?;
        let listed = put(keys::guild_of_account(account, guild))?.build()?;
        let writes = vec![
            TransactWriteItem::builder().put(settings).build(),
            TransactWriteItem::builder().put(listed).build(),
            self.guild_news(guild, now)?,
            self.gone(keys::former_guild(account, guild))?,
        ];
        if self.write_guild(&writes).await? {
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
    pub async fn disconnect_guild(&self, guild: &Guild, now: Timestamp) -> Result<bool> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::guild(guild.id).item()))
            .condition_expression(
                "account = :account AND (version = :seen OR (attribute_not_exists(version) AND :seen = :none))",
            )
            .expression_attribute_values(":account", text(&guild.account.0))
            .expression_attribute_values(":seen", number(guild.version))
            .expression_attribute_values(":none", number(0))
            .build()?;
        let former = Former {
            settings: guild.settings.clone(),
            version: guild.version,
            expires: (now + SETTINGS_KEPT).as_second(),
        };
        let kept = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::former_guild(&guild.account, guild.id), &former)?))
            .build()?;
        let writes = vec![
            TransactWriteItem::builder().delete(delete).build(),
            self.gone(keys::guild_of_account(&guild.account, guild.id))?,
            self.gone(keys::facts(guild.id))?,
            self.gone(keys::health(&guild.account, Some(guild.id)))?,
            TransactWriteItem::builder().put(kept).build(),
            self.guild_news(guild.id, now)?,
        ];
        self.write_guild(&writes).await
    }

    fn gone(&self, key: keys::Key) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key.item())).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// The news that a server's settings have changed.
    pub(super) fn guild_news(&self, guild: Id<GuildMarker>, now: Timestamp) -> Result<TransactWriteItem> {
        let change = Change { guild, expires: (now + CHANGES_KEPT).as_second() };
        let news = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::guild_change(now, guild), &change)?))
            .build()?;
        Ok(TransactWriteItem::builder().put(news).build())
    }
}
