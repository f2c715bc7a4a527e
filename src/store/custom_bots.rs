//! Bots that teams have brought along. An application belongs to one account, and an account has one.

use super::{Store, failure, keys, text, to_item};
use crate::ids::AccountId;
use anyhow::Result;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Another write of the same bot goes first; this one is tried again so often.
const TRIES: u32 = 6;

/// A bot that a team has brought along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomBot {
    /// Its application.
    pub application: Id<ApplicationMarker>,
    /// Whose it is.
    pub account: AccountId,
    /// What its interactions are signed with, in hexadecimal.
    pub public_key: String,
    /// Its token, sealed.
    pub token: String,
    /// Another one whenever the bot is set again: what was wrong with it before need not be any more.
    pub revision: String,
    /// Since when the account has it.
    pub added_at: Timestamp,
}

/// What an account's entry says.
#[derive(Serialize, Deserialize)]
struct Entry {
    application: Id<ApplicationMarker>,
}

/// What became of a bot that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is there.
    Yes,
    /// Another account has the application.
    IsAnothers,
}

impl Store {
    /// Every bot that an account has brought along and whose item can be read. One Query.
    pub async fn custom_bots(&self) -> Result<Vec<CustomBot>> {
        let items = self.query_items(keys::CUSTOM_BOTS, "").await?;
        Ok(self.readable(items).await)
    }

    /// The bot of this application. One GetItem.
    pub async fn custom_bot(&self, application: Id<ApplicationMarker>) -> Result<Option<CustomBot>> {
        self.get(keys::custom_bot(application)).await
    }

    /// An account's bot. Two GetItem.
    pub async fn custom_bot_of(&self, account: &AccountId) -> Result<Option<CustomBot>> {
        let entry: Option<Entry> = self.get(keys::custom_bot_of_account(account)).await?;
        let Some(Entry { application }) = entry else { return Ok(None) };
        Ok(self.custom_bot(application).await?.filter(|bot| bot.account == *account))
    }

    /// Makes this the account's one bot. A GetItem and one transaction.
    pub async fn put_custom_bot(&self, bot: &CustomBot) -> Result<Kept> {
        for attempt in 0..TRIES {
            pause(attempt).await;
            let seen: Option<Entry> = self.get(keys::custom_bot_of_account(&bot.account)).await?;
            let record = Put::builder()
                .table_name(&self.table)
                .set_item(Some(to_item(keys::custom_bot(bot.application), bot)?))
                .condition_expression("attribute_not_exists(pk) OR account = :account")
                .expression_attribute_values(":account", text(&bot.account.0))
                .build()?;
            let entry = Put::builder().table_name(&self.table).set_item(Some(to_item(
                keys::custom_bot_of_account(&bot.account),
                &Entry { application: bot.application },
            )?));
            let entry = match &seen {
                Some(seen) => entry
                    .condition_expression("application = :seen")
                    .expression_attribute_values(":seen", text(seen.application.to_string())),
                None => entry.condition_expression("attribute_not_exists(pk)"),
            };
            let mut writes = vec![
                TransactWriteItem::builder().put(record).build(),
                TransactWriteItem::builder().put(entry.build()?).build(),
            ];
            if let Some(before) = seen.map(|seen| seen.application).filter(|before| *before != bot.application) {
                writes.push(self.delete_of(keys::custom_bot(before), &bot.account)?);
            }
            match self.write_bot(writes).await? {
                Written::Yes => return Ok(Kept::Yes),
                Written::Refused(0) => return Ok(Kept::IsAnothers),
                Written::Refused(_) | Written::Busy => {}
            }
        }
        anyhow::bail!("an account's bot is changed by too many at once")
    }

    /// Takes an account's bot away; false where it has none. A GetItem and one transaction.
    pub async fn delete_custom_bot(&self, account: &AccountId) -> Result<bool> {
        for attempt in 0..TRIES {
            pause(attempt).await;
            let seen: Option<Entry> = self.get(keys::custom_bot_of_account(account)).await?;
            let Some(Entry { application }) = seen else { return Ok(false) };
            let entry = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(keys::custom_bot_of_account(account).item()))
                .condition_expression("application = :seen")
                .expression_attribute_values(":seen", text(application.to_string()))
                .build()?;
            let writes = vec![
                TransactWriteItem::builder().delete(entry).build(),
                self.delete_of(keys::custom_bot(application), account)?,
            ];
            if let Written::Yes = self.write_bot(writes).await? {
                return Ok(true);
            }
        }
        anyhow::bail!("an account's bot is changed by too many at once")
    }

    fn delete_of(&self, key: keys::Key, account: &AccountId) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression("attribute_not_exists(pk) OR account = :account")
            .expression_attribute_values(":account", text(&account.0))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn write_bot(&self, writes: Vec<TransactWriteItem>) -> Result<Written> {
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(writes)).send().await else {
            return Ok(Written::Yes);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(failure("write a custom bot", &error));
        };
        let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code()).collect();
        if let Some(refused) = codes.iter().position(|code| *code == Some("ConditionalCheckFailed")) {
            return Ok(Written::Refused(refused));
        }
        if codes.contains(&Some("TransactionConflict")) {
            return Ok(Written::Busy);
        }
        Err(failure("write a custom bot", &error))
    }
}

enum Written {
    Yes,
    /// The condition of this write, the first of those that do not hold.
    Refused(usize),
    Busy,
}

async fn pause(attempt: u32) {
    if attempt > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5 << attempt)).await;
    }
}
