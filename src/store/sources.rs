//! Knowledge sources, and which index answers now.

use super::source_lists::SourceList;
use super::transact::{Together, Write as _};
use super::{Store, failure, from_item, is_condition_failure, keys, number, text, to_item};
use crate::ids::{AccountId, SourceId};
use crate::knowledge::source::{IndexPointer, Ready, Source, Status};
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Serialize, Deserialize)]
struct Guide {
    version: String,
}

/// The attribute of a source that says which list it stands on.
const LISTED: &str = "listed";

/// Sources that are put on lists side by side.
const LISTED_AT_A_TIME: usize = 8;

/// No later request came for the source; one from before there were revisions has none.
const SAME_REVISION: &str = "(attribute_not_exists(#revision) OR #revision = :revision)";

impl Store {
    /// Writes a new source. One transaction with its entries in lists.
    pub async fn put_source(&self, source: &Source) -> Result<()> {
        let list = SourceList::of(&source.status);
        let mut item = to_item(keys::source(&source.account, &source.id), source)?;
        item.insert(LISTED.to_owned(), text(list.code()));
        let mut writes = vec![Put::builder().table_name(&self.table).set_item(Some(item)).write()?];
        writes.extend(self.listing(source, list)?);
        self.together(writes, "write a source").await.map(drop)
    }

    /// One source. One GetItem.
    pub async fn source(&self, account: &AccountId, source: &SourceId) -> Result<Option<Source>> {
        self.get(keys::source(account, source)).await
    }

    /// An account's sources, in no order. One Query for each megabyte; what is on other lists than its status asks for is put
    /// on the right ones, with a transaction each: an older program wrote it.
    pub async fn sources(&self, account: &AccountId) -> Result<Vec<Source>> {
        let items = self.query_items(&keys::account_partition(account), keys::SOURCE).await?;
        let (mut sources, mut unlisted) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            let listed = item.get(LISTED).and_then(|listed| listed.as_s().ok()).cloned();
            let source: Source = from_item(item)?;
            // What is on its way out is gone from all lists soon.
            if source.status != Status::Removing && listed.as_deref() != Some(SourceList::of(&source.status).code()) {
                let source = source.clone();
                unlisted.push(async move { self.change_source_status(&source, &source.status).await });
            }
            sources.push(source);
        }
        let mut listing = stream::iter(unlisted).buffer_unordered(LISTED_AT_A_TIME);
        while let Some(listed) = listing.next().await {
            listed?;
        }
        Ok(sources)
    }

    /// Says how far Guildhall is with a source; false, and nothing happens, when it is gone, on its way out, or asked
    /// for anew since `source` was read. One UpdateItem where it stays on its lists, else one transaction.
    pub async fn set_source_status(&self, source: &Source, status: &Status) -> Result<bool> {
        self.update_source(source, Unless::AskedAnew, status, &[]).await
    }

    /// The same, also refused when the status is not the one that was read any more.
    pub async fn change_source_status(&self, source: &Source, status: &Status) -> Result<bool> {
        self.update_source(source, Unless::Changed, status, &[]).await
    }

    /// Asks for a source anew: what works on an earlier request may not write any more. Refused as by
    /// [`Self::set_source_status`], with as many requests.
    pub async fn set_source_pending(&self, source: &Source, revision: Timestamp) -> Result<bool> {
        let values = [("revision", attribute(&revision)?)];
        self.update_source(source, Unless::AskedAnew, &Status::Pending, &values).await
    }

    /// Names the extracted content that belongs into the index from now on. Refused as by
    /// [`Self::set_source_status`], with as many requests.
    pub async fn set_source_content(&self, source: &Source, content: &str, status: &Status) -> Result<bool> {
        let values = [("content", attribute(&content)?)];
        self.update_source(source, Unless::AskedAnew, status, &values).await
    }

    /// Says that a source answers questions. Refused as by [`Self::change_source_status`], with as many requests.
    pub async fn set_source_ready(&self, source: &Source, ready: &Ready, status: &Status) -> Result<bool> {
        let values = [("ready", attribute(ready)?)];
        self.update_source(source, Unless::Changed, status, &values).await
    }

    /// Puts a source on its way out, whatever was asked of it since it was read; false, and nothing happens, when it is gone
    /// or was added anew after that. One transaction.
    pub async fn set_source_removing(&self, source: &Source) -> Result<bool> {
        let list = SourceList::of(&Status::Removing);
        let update = self
            .updating(keys::source(&source.account, &source.id))
            .update_expression("SET #status = :removing, listed = :listed")
            .condition_expression("attribute_exists(pk) AND created_at = :created")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":removing", attribute(&Status::Removing)?)
            .expression_attribute_values(":listed", text(list.code()))
            .expression_attribute_values(":created", attribute(&source.created_at)?);
        let mut writes = vec![update.write()?];
        writes.extend(self.listing(source, list)?);
        Ok(self.together(writes, "remove a source").await? == Together::Done)
    }

    /// Forgets a source that is on its way out; false, and nothing happens, when it was added again since `source` was
    /// read. One transaction.
    pub async fn delete_source(&self, source: &Source) -> Result<bool> {
        let delete = self
            .deleting(keys::source(&source.account, &source.id))
            .condition_expression(format!("#status.#state = :removing AND {SAME_REVISION}"))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":removing", AttributeValue::S("removing".to_owned()))
            .expression_attribute_values(":revision", attribute(&source.revision)?);
        let mut writes = vec![delete.write()?];
        writes.extend(self.unlisting(source)?);
        Ok(self.together(writes, "delete a source").await? == Together::Done)
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
        source: &Source,
        unless: Unless,
        status: &Status,
        further: &[(&str, AttributeValue)],
    ) -> Result<bool> {
        let (list, key) = (SourceList::of(status), || keys::source(&source.account, &source.id));
        let update = Update::new(source, unless, status, further)?;
        if SourceList::of(&source.status) == list {
            let written = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key().item()))
                .update_expression(&update.expression)
                .condition_expression(format!("{} AND listed = :listed", update.condition))
                .set_expression_attribute_names(Some(update.names.clone()))
                .set_expression_attribute_values(Some(update.values.clone()))
                .send()
                .await;
            match written {
                Ok(_) => return Ok(true),
                // Perhaps because it stands on another list than the one that was read.
                Err(error) if is_condition_failure(&error) => {}
                Err(error) => return Err(failure("update a source", &error)),
            }
        }
        let write = self
            .updating(key())
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values));
        let mut writes = vec![write.write()?];
        writes.extend(self.listing(source, list)?);
        Ok(self.together(writes, "update a source").await? == Together::Done)
    }
}

/// A change of a source, in the table's words.
struct Update {
    expression: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    fn new(source: &Source, unless: Unless, status: &Status, further: &[(&str, AttributeValue)]) -> Result<Self> {
        let mut sets = vec!["#status = :new".to_owned(), "listed = :listed".to_owned()];
        let mut condition = format!("attribute_exists(pk) AND #status.#state <> :removing AND {SAME_REVISION}");
        let names = [("#status", "status"), ("#state", "state"), ("#revision", "revision")];
        let mut names: HashMap<String, String> = names.map(|(name, of)| (name.to_owned(), of.to_owned())).into();
        let mut values = HashMap::from([
            (":new".to_owned(), attribute(status)?),
            (":listed".to_owned(), text(SourceList::of(status).code())),
            (":removing".to_owned(), text("removing")),
            (":revision".to_owned(), attribute(&source.revision)?),
        ]);
        match attribute(&source.status)? {
            _ if unless == Unless::AskedAnew => {}
            // Other statuses have at most a reason, which another version of this program may put into other words.
            AttributeValue::M(mut was) if !matches!(source.status, Status::Indexing { .. }) => {
                condition.push_str(" AND #status.#state = :was");
                values.insert(":was".to_owned(), was.remove("state").context("a status has a state")?);
            }
            was => {
                condition.push_str(" AND #status = :was");
                values.insert(":was".to_owned(), was);
            }
        }
        for (i, (name, value)) in further.iter().enumerate() {
            sets.push(format!("#n{i} = :v{i}"));
            names.insert(format!("#n{i}"), (*name).to_owned());
            values.insert(format!(":v{i}"), value.clone());
        }
        Ok(Self { expression: format!("SET {}", sets.join(", ")), condition, names, values })
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

fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).context("a value could not be written as an attribute")
}
