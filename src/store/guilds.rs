//! Servers, their settings, and what of them has changed.

use super::transact::Together;
use super::{Item, Note, Store, failure, is_condition_failure, keys, number, text, to_item};
use crate::ids::AccountId;
use crate::settings::Guild;
use anyhow::Result;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use twilight_model::id::{Id, marker::GuildMarker};

/// Whoever has not looked for a day starts afresh.
pub(super) const CHANGES_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A server that the table knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// As it is set.
    As(Box<Guild>),
    /// What it is set to cannot be read by this version. Nothing it says may be guessed: with the settings of a new server,
    /// the bot would speak where it was told to be silent.
    Unreadable,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) guild: Id<GuildMarker>,
    pub(super) expires: i64,
}

impl Store {
    /// One server with its settings. One GetItem.
    pub async fn guild(&self, guild: Id<GuildMarker>) -> Result<Option<Guild>> {
        self.get(keys::guild(guild)).await
    }

    /// Those of these servers that the table knows. One BatchGetItem for each [`MOST_KEYS`](super::MOST_KEYS).
    pub async fn guilds(&self, guilds: &[Id<GuildMarker>]) -> Result<HashMap<Id<GuildMarker>, Known>> {
        // A key may come once in a batch.
        let wanted: HashSet<Id<GuildMarker>> = guilds.iter().copied().collect();
        let items = self.get_items(wanted.into_iter().map(keys::guild).collect(), "read servers").await?;
        let mut found = HashMap::with_capacity(items.len());
        for item in items {
            match self.read::<Guild>(item).await {
                Ok(guild) => found.insert(guild.id, Known::As(Box::new(guild))),
                Err(key) => keys::guild_of(&key).and_then(|id| found.insert(id, Known::Unreadable)),
            };
        }
        Ok(found)
    }

    /// An account's servers, by id as text. One Query.
    pub async fn guilds_of(&self, account: &AccountId) -> Result<Vec<Guild>> {
        self.query_all(&keys::account_partition(account), keys::GUILD).await
    }

    /// Writes a server, its entry in the account's list and the news of it, unless somebody has written it since version
    /// `guild.version - 1`, or it is not the account's any more. Returns whether it was written. One transaction.
    pub async fn put_guild(&self, guild: &Guild, now: Timestamp) -> Result<bool> {
        self.put_guild_noted(guild, None, now).await
    }

    /// The same with the note of who did it, in the same transaction.
    pub async fn put_guild_noted(&self, guild: &Guild, note: Option<&Note>, now: Timestamp) -> Result<bool> {
        let put = |key: keys::Key| -> Result<_> {
            Ok(Put::builder().table_name(&self.table).set_item(Some(to_item(key, guild)?)))
        };
        // Items of an older program have no version.
        let unchanged = put(keys::guild(guild.id))?
            .condition_expression(
                "(attribute_not_exists(pk) AND :before = :none) OR (account = :account AND \
                 (version = :before OR (attribute_not_exists(version) AND :before = :none)))",
            )
            .expression_attribute_values(":account", text(&guild.account.0))
            .expression_attribute_values(":before", number(guild.version.saturating_sub(1)))
            .expression_attribute_values(":none", number(0))
            .build()?;
        let listed = put(keys::guild_of_account(&guild.account, guild.id))?.build()?;
        let mut writes = vec![
            TransactWriteItem::builder().put(unchanged).build(),
            TransactWriteItem::builder().put(listed).build(),
            self.guild_news(guild.id, now)?,
        ];
        writes.extend(self.noting(note)?);
        Ok(self.together(writes, "write a server").await? == Together::Done)
    }

    /// Notes that the bot is no longer in a server since `left_at`, or is in it again. Nothing happens where no account
    /// has the server. A GetItem, and an UpdateItem of it and of its entry in the account's list.
    pub async fn set_guild_left(&self, guild: Id<GuildMarker>, left_at: Option<Timestamp>) -> Result<()> {
        let Some(found) = self.guild(guild).await? else { return Ok(()) };
        match left_at {
            Some(at) => self.update_guild(&found, "SET left_at = :at", &[(":at", at.to_string())]).await,
            None => self.update_guild(&found, "REMOVE left_at", &[]).await,
        }
    }

    /// Notes what people call a server that was read as `guild`, and the hash of its icon. An UpdateItem of it and of its
    /// entry in the account's list.
    pub async fn name_guild(&self, guild: &Guild, name: &str, icon: Option<&str>) -> Result<()> {
        let name = (":name", name.to_owned());
        match icon {
            Some(icon) => {
                let values = [name, (":icon", icon.to_owned())];
                self.update_guild(guild, "SET #name = :name, icon = :icon", &values).await
            }
            None => self.update_guild(guild, "SET #name = :name REMOVE icon", &[name]).await,
        }
    }

    async fn update_guild(&self, guild: &Guild, expression: &str, values: &[(&str, String)]) -> Result<()> {
        for key in [keys::guild(guild.id), keys::guild_of_account(&guild.account, guild.id)] {
            let mut update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.item()))
                .condition_expression("attribute_exists(pk)")
                .update_expression(expression);
            if expression.contains("#name") {
                update = update.expression_attribute_names("#name", "name");
            }
            for (name, value) in values {
                update = update.expression_attribute_values(*name, text(value));
            }
            match update.send().await {
                Ok(_) => {}
                Err(error) if is_condition_failure(&error) => {}
                Err(error) => return Err(failure("note something of a server", &error)),
            }
        }
        Ok(())
    }

    /// The servers whose settings were written at `since` or later, oldest change first. One Query.
    ///
    /// The time is the writer's. Ask again from a few seconds before the time of the last look: clocks differ, and a write
    /// takes its time.
    pub async fn guilds_changed(&self, since: Timestamp) -> Result<Vec<Id<GuildMarker>>> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk >= :since")
            .expression_attribute_values(":pk", AttributeValue::S(keys::GUILD_CHANGES.to_owned()))
            .expression_attribute_values(":since", AttributeValue::S(keys::guild_change_time(since)))
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(|error| failure("list changes of servers", &error))?;
        Ok(self.readable::<Change>(items).await.into_iter().map(|change| change.guild).collect())
    }
}
