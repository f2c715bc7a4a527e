//! Writes that happen together or not at all.

use super::{Store, failure, keys, to_item};
use anyhow::Result;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use serde::Serialize;
use std::time::Duration;

/// Others write the same items at the same moment; then these writes are tried again so often.
const TRIES: u32 = 6;

/// What became of writes that were to happen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Together {
    Done,
    /// None happened: the condition of this one does not hold, the first of those that do not.
    Refused(usize),
}

impl Store {
    pub(super) fn putting<T: Serialize>(&self, key: keys::Key, value: &T) -> Result<PutBuilder> {
        Ok(Put::builder().table_name(&self.table).set_item(Some(to_item(key, value)?)))
    }

    pub(super) fn updating(&self, key: keys::Key) -> UpdateBuilder {
        Update::builder().table_name(&self.table).set_key(Some(key.item()))
    }

    pub(super) fn deleting(&self, key: keys::Key) -> DeleteBuilder {
        Delete::builder().table_name(&self.table).set_key(Some(key.item()))
    }

    /// One transaction; more where others write the same items at the same moment.
    pub(super) async fn together(&self, writes: Vec<TransactWriteItem>, attempted: &str) -> Result<Together> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
            }
            let written = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = written else { return Ok(Together::Done) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(failure(attempted, &error));
            };
            let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code()).collect();
            if let Some(refused) = codes.iter().position(|code| *code == Some("ConditionalCheckFailed")) {
                return Ok(Together::Refused(refused));
            }
            if !codes.contains(&Some("TransactionConflict")) {
                return Err(failure(attempted, &error));
            }
        }
        anyhow::bail!("the table is too busy to {attempted}")
    }
}

/// One write of several.
pub(super) trait Write {
    fn write(self) -> Result<TransactWriteItem>;
}

impl Write for PutBuilder {
    fn write(self) -> Result<TransactWriteItem> {
        Ok(TransactWriteItem::builder().put(self.build()?).build())
    }
}

impl Write for UpdateBuilder {
    fn write(self) -> Result<TransactWriteItem> {
        Ok(TransactWriteItem::builder().update(self.build()?).build())
    }
}

impl Write for DeleteBuilder {
    fn write(self) -> Result<TransactWriteItem> {
        Ok(TransactWriteItem::builder().delete(self.build()?).build())
    }
}
