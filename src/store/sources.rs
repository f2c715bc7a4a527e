//! Knowledge sources, and which index answers now.

use super::{Store, failure, is_condition_failure, keys, number, to_item};
use crate::ids::{AccountId, SourceId};
use crate::knowledge::source::{IndexPointer, Ready, Source, Status};
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Guide {
    version: String,
}

impl Store {
    /// Writes a new source. One PutItem.
    pub async fn put_source(&self, source: &Source) -> Result<()> {
        self.put(keys::source(&source.account, &source.id), source).await
    }

    /// One source. One GetItem.
    pub async fn source(&self, account: &AccountId, source: &SourceId) -> Result<Option<Source>> {
        self.get(keys::source(account, source)).await
    }

    /// An account's sources, oldest first. One Query.
    pub async fn sources(&self, account: &AccountId) -> Result<Vec<Source>> {
        self.query_all(&keys::account_partition(account), keys::SOURCE).await
    }

    /// Says how far Guildhall is with a source; nothing happens when it is gone or on its way out. One UpdateItem.
    pub async fn set_source_status(&self, account: &AccountId, source: &SourceId, status: &Status) -> Result<()> {
        self.update_source(account, source, &[("status", attribute(status)?)]).await
    }

    /// Names the extracted content that belongs into the index from now on. One UpdateItem.
    pub async fn set_source_content(
        &self,
        account: &AccountId,
        source: &SourceId,
        content: &str,
        status: &Status,
    ) -> Result<()> {
        self.update_source(account, source, &[("content", attribute(&content)?), ("status", attribute(status)?)]).await
    }

    /// Says that a source answers questions. One UpdateItem.
    pub async fn set_source_ready(
        &self,
        account: &AccountId,
        source: &SourceId,
        ready: &Ready,
        status: &Status,
    ) -> Result<()> {
        self.update_source(account, source, &[("ready", attribute(ready)?), ("status", attribute(status)?)]).await
    }

    /// Forgets a source. One DeleteItem.
    pub async fn delete_source(&self, account: &AccountId, source: &SourceId) -> Result<()> {
        self.delete(keys::source(account, source)).await
    }

    /// Which version of Guildhall's own guide the account was given. One GetItem.
    pub async fn guide(&self, account: &AccountId) -> Result<Option<String>> {
        Ok(self.get::<Guide>(keys::guide(account)).await?.map(|guide| guide.version))
    }

    /// Notes that the account was given a version of the guide. One PutItem.
    pub async fn put_guide(&self, account: &AccountId, version: &str) -> Result<()> {
        self.put(keys::guide(account), &Guide { version: version.to_owned() }).await
    }

    /// The index that answers now. One GetItem.
    pub async fn index(&self, account: &AccountId) -> Result<Option<IndexPointer>> {
        self.get(keys::index(account)).await
    }

    /// Lets `next` answer from now on, unless somebody else has swapped since `next.version - 1`. One PutItem.
    pub async fn swap_index(&self, account: &AccountId, next: &IndexPointer) -> Result<bool> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::index(account), next)?))
            .condition_expression("attribute_not_exists(pk) OR version = :previous")
            .expression_attribute_values(":previous", number(next.version.saturating_sub(1)))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("swap the index", &error)),
        }
    }

    async fn update_source(
        &self,
        account: &AccountId,
        source: &SourceId,
        values: &[(&str, AttributeValue)],
    ) -> Result<()> {
        let sets: Vec<String> = (0..values.len()).map(|i| format!("#n{i} = :v{i}")).collect();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::source(account, source).item()))
            .update_expression(format!("SET {}", sets.join(", ")))
            // What is being removed stays so, whatever a reader that is still at work says of it.
            .condition_expression("attribute_exists(pk) AND #status.#state <> :removing")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":removing", AttributeValue::S("removing".to_owned()));
        for (i, (name, value)) in values.iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#n{i}"), *name)
                .expression_attribute_values(format!(":v{i}"), value.clone());
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failure(&error) => Ok(()),
            Err(error) => Err(failure("update a source", &error)),
        }
    }
}

fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).context("a value could not be written as an attribute")
}
