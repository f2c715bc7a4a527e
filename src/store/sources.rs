//! Knowledge sources, and which index answers now.

use super::{Store, failure, is_condition_failure, keys, number, text, to_item};
use crate::ids::{AccountId, SourceId};
use crate::knowledge::source::{IndexPointer, Ready, Source, Status};
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Guide {
    version: String,
}

/// No later request came for the source; one from before there were revisions has none.
const SAME_REVISION: &str = "(attribute_not_exists(#revision) OR #revision = :revision)";

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

    /// Titles of an account's sources that could not be read, oldest first. One Query, one more for each further megabyte of
    /// sources.
    pub async fn failed_sources(&self, account: &AccountId) -> Result<Vec<String>> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .filter_expression("#status.#state = :failed")
            .projection_expression("title")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pk", text(keys::account_partition(account)))
            .expression_attribute_values(":prefix", text(keys::SOURCE))
            .expression_attribute_values(":failed", text("failed"))
            .into_paginator()
            .items()
            .send();
        let items =
            pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| failure("list failed sources", &error))?;
        Ok(items.iter().filter_map(|item| item.get("title")?.as_s().ok().cloned()).collect())
    }

    /// Says how far Guildhall is with a source; false, and nothing happens, when it is gone, on its way out, or asked
    /// for anew since `source` was read. One UpdateItem.
    pub async fn set_source_status(&self, source: &Source, status: &Status) -> Result<bool> {
        self.update_source(source, Unless::AskedAnew, &[("status", attribute(status)?)]).await
    }

    /// The same, also refused when the status is not the one that was read any more. One UpdateItem.
    pub async fn change_source_status(&self, source: &Source, status: &Status) -> Result<bool> {
        self.update_source(source, Unless::Changed, &[("status", attribute(status)?)]).await
    }

    /// Asks for a source anew: what works on an earlier request may not write any more. Refused as by
    /// [`Self::set_source_status`]. One UpdateItem.
    pub async fn set_source_pending(&self, source: &Source, revision: Timestamp) -> Result<bool> {
        let values = [("status", attribute(&Status::Pending)?), ("revision", attribute(&revision)?)];
        self.update_source(source, Unless::AskedAnew, &values).await
    }

    /// Names the extracted content that belongs into the index from now on. Refused as by
    /// [`Self::set_source_status`]. One UpdateItem.
    pub async fn set_source_content(&self, source: &Source, content: &str, status: &Status) -> Result<bool> {
        let values = [("content", attribute(&content)?), ("status", attribute(status)?)];
        self.update_source(source, Unless::AskedAnew, &values).await
    }

    /// Says that a source answers questions. Refused as by [`Self::change_source_status`]. One UpdateItem.
    pub async fn set_source_ready(&self, source: &Source, ready: &Ready, status: &Status) -> Result<bool> {
        let values = [("ready", attribute(ready)?), ("status", attribute(status)?)];
        self.update_source(source, Unless::Changed, &values).await
    }

    /// Puts a source on its way out; false where there is none. One UpdateItem.
    pub async fn set_source_removing(&self, account: &AccountId, source: &SourceId) -> Result<bool> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::source(account, source).item()))
            .update_expression("SET #status = :removing")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":removing", attribute(&Status::Removing)?)
            .send()
            .await;
        done(update, "remove a source")
    }

    /// Forgets a source that is on its way out; false, and nothing happens, when it was added again since `source` was
    /// read. One DeleteItem.
    pub async fn delete_source(&self, source: &Source) -> Result<bool> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::source(&source.account, &source.id).item()))
            .condition_expression(format!("#status.#state = :removing AND {SAME_REVISION}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":removing", AttributeValue::S("removing".to_owned()))
            .expression_attribute_values(":revision", attribute(&source.revision)?)
            .send()
            .await;
        done(delete, "delete a source")
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

    async fn update_source(&self, source: &Source, unless: Unless, values: &[(&str, AttributeValue)]) -> Result<bool> {
        let sets: Vec<String> = (0..values.len()).map(|i| format!("#n{i} = :v{i}")).collect();
        let mut condition = format!("attribute_exists(pk) AND #status.#state <> :removing AND {SAME_REVISION}");
        if unless == Unless::Changed {
            condition.push_str(" AND #status = :status");
        }
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::source(&source.account, &source.id).item()))
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression(condition)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":removing", AttributeValue::S("removing".to_owned()))
            .expression_attribute_values(":revision", attribute(&source.revision)?);
        if unless == Unless::Changed {
            update = update.expression_attribute_values(":status", attribute(&source.status)?);
        }
        for (i, (name, value)) in values.iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#n{i}"), *name)
                .expression_attribute_values(format!(":v{i}"), value.clone());
        }
        done(update.send().await, "update a source")
    }
}

/// What a write gives way to, besides a source that is gone or on its way out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unless {
    /// A later request to read it.
    AskedAnew,
    /// The same, or another status than the one that was read.
    Changed,
}

/// Whether a write was made, rather than refused by its condition.
fn done<T, E, R>(sent: Result<T, SdkError<E, R>>, what: &str) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match sent {
        Ok(_) => Ok(true),
        Err(error) if is_condition_failure(&error) => Ok(false),
        Err(error) => Err(failure(what, &error)),
    }
}

fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).context("a value could not be written as an attribute")
}
