//! Events that could not be passed on when they happened, and accounts that are still to hear how many more there were.

use super::{Store, failure, from_item, is_condition_failure, keys, number, text};
use crate::events::Event;
use crate::ids::AccountId;
use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An event that nobody could be told of for so long is only of interest to whoever looks at the list of events.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// As long as an event may still come for the window: an event bus tries for a day.
const WINDOW_KEPT: SignedDuration = SignedDuration::from_hours(48);

#[derive(Serialize, Deserialize)]
struct Waiting {
    detail: String,
    expires: i64,
}

#[derive(Deserialize)]
struct Mailed {
    events: Vec<String>,
}

/// An account that is to hear how many more events a window had than it was told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestDue {
    /// Which account.
    pub account: AccountId,
    /// When the window began.
    pub from: Timestamp,
    expires: i64,
}

impl Store {
    /// Keeps an event to be passed on later. One PutItem; a second time changes nothing.
    pub async fn put_waiting_event(&self, event: &Event, now: Timestamp) -> Result<()> {
        let waiting = Waiting { detail: event.to_detail(), expires: (now + KEPT).as_second() };
        self.put(keys::waiting_event(&event.id), &waiting).await
    }

    /// Events that wait to be passed on, at most `limit`. One Query.
    pub async fn waiting_events(&self, limit: u16) -> Result<Vec<Event>> {
        let query = self.client.query().table_name(&self.table).limit(i32::from(limit)).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk");
        let found = query.expression_attribute_values(":pk", text(keys::OUTBOX)).send().await;
        let items = found.map_err(|error| failure("list waiting events", &error))?.items.unwrap_or_default();
        let waiting: Vec<Waiting> = items.into_iter().map(from_item).collect::<Result<_>>()?;
        // One of a newer program is left to that.
        Ok(waiting.iter().filter_map(|waiting| Event::from_detail(&waiting.detail).ok()).collect())
    }

    /// Forgets an event that was passed on. One DeleteItem.
    pub async fn drop_waiting_event(&self, event: &Event) -> Result<()> {
        self.delete(keys::waiting_event(&event.id)).await
    }

    /// Whether an event is one of the first `most` of its account's window, however often it is asked. One UpdateItem, and
    /// a GetItem where it has a place already or there is none left.
    pub async fn takes_place(
        &self,
        account: &AccountId,
        window: Timestamp,
        event: &str,
        most: u16,
        now: Timestamp,
    ) -> Result<bool> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::mailed(account, window).item()))
            .update_expression("SET #events = list_append(if_not_exists(#events, :none), :new), expires = :expires")
            .condition_expression(
                "attribute_not_exists(#events) OR (size(#events) < :most AND NOT contains(#events, :event))",
            )
            .expression_attribute_names("#events", "events")
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":new", AttributeValue::L(vec![text(event)]))
            .expression_attribute_values(":event", text(event))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":expires", number((now + WINDOW_KEPT).as_second()))
            .send()
            .await;
        match update {
            Ok(_) => return Ok(true),
            Err(error) if is_condition_failure(&error) => {}
            Err(error) => return Err(failure("take a place among what is mailed", &error)),
        }
        Ok(self.mailed(account, window).await?.iter().any(|mailed| mailed == event))
    }

    /// Events of a window that were mailed one by one. One GetItem.
    pub async fn mailed(&self, account: &AccountId, window: Timestamp) -> Result<Vec<String>> {
        Ok(self.get::<Mailed>(keys::mailed(account, window)).await?.map(|mailed| mailed.events).unwrap_or_default())
    }

    /// Notes that an account is to hear how many more there were. One PutItem; a second time changes nothing.
    pub async fn put_digest_due(&self, account: &AccountId, from: Timestamp, now: Timestamp) -> Result<()> {
        let due = DigestDue { account: account.clone(), from, expires: (now + WINDOW_KEPT).as_second() };
        self.put(keys::digest(from, account), &due).await
    }

    /// Whose windows began before this and are still to be told of, oldest first, at most `limit`. One Query.
    pub async fn digests_due(&self, before: Timestamp, limit: u16) -> Result<Vec<DigestDue>> {
        let query = self.client.query().table_name(&self.table).limit(i32::from(limit)).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND sk < :before");
        let query = query.expression_attribute_values(":pk", text(keys::DIGESTS));
        let found = query.expression_attribute_values(":before", text(keys::millisecond(before))).send().await;
        let items = found.map_err(|error| failure("list digests that are due", &error))?.items.unwrap_or_default();
        items.into_iter().map(from_item).collect()
    }

    /// Forgets a digest that was passed on. One DeleteItem.
    pub async fn drop_digest(&self, due: &DigestDue) -> Result<()> {
        self.delete(keys::digest(due.from, &due.account)).await
    }

    /// Ids of an account's events that happened in this time and begin so. One Query a megabyte.
    pub async fn events_between(
        &self,
        account: &AccountId,
        (from, to): (Timestamp, Timestamp),
        prefix: &str,
    ) -> Result<Vec<String>> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .projection_expression("sk")
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(keys::account_partition(account)))
            .expression_attribute_values(":from", text(keys::events_since(from)))
            .expression_attribute_values(":to", text(keys::events_since(to)))
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| failure("count events", &error))?;
        let id = |item: &super::Item| item.get(keys::SK)?.as_s().ok()?.splitn(3, '#').nth(2).map(str::to_owned);
        Ok(items.iter().filter_map(id).filter(|id| id.starts_with(prefix)).collect())
    }
}
