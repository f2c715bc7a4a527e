//! Who of an account is told what happens, and what has happened lately.

use super::{Store, failure, from_item, keys, text};
use crate::events::Event;
use crate::ids::AccountId;
use crate::mail::Notifications;
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What happened longer ago is no news.
const EVENTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Serialize, Deserialize)]
struct Happened {
    /// The event as others get it; one of a newer program is passed over.
    detail: String,
    expires: i64,
}

impl Store {
    /// Who is told. One GetItem.
    pub async fn notifications(&self, account: &AccountId) -> Result<Notifications> {
        Ok(self.get(keys::notifications(account)).await?.unwrap_or_default())
    }

    /// Writes who is told. One PutItem.
    pub async fn put_notifications(&self, account: &AccountId, told: &Notifications) -> Result<()> {
        self.put(keys::notifications(account), told).await
    }

    /// Keeps an event for a month, for whoever looks later. One PutItem; a second time changes nothing.
    pub async fn put_event(&self, event: &Event) -> Result<()> {
        let happened = Happened { detail: event.to_detail(), expires: (event.at + EVENTS_KEPT).as_second() };
        self.put(keys::event(&event.account, event.at, &event.id), &happened).await
    }

    /// An account's events before this one, by its time and id, or its newest; newest first, at most `limit`. One Query.
    pub async fn recent_events(
        &self,
        account: &AccountId,
        before: Option<(Timestamp, &str)>,
        limit: u16,
        now: Timestamp,
    ) -> Result<Vec<Event>> {
        let to = match before {
            Some((at, id)) => keys::event_at(at, id),
            None => keys::events_since(now + SignedDuration::from_hours(24)),
        };
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(keys::account_partition(account)))
            .expression_attribute_values(":from", text(keys::events_since(now - EVENTS_KEPT)))
            .expression_attribute_values(":to", text(to))
            .scan_index_forward(false)
            // The one that `before` names is among those between, too.
            .limit(i32::from(limit) + i32::from(before.is_some()))
            .send()
            .await
            .map_err(|error| failure("list events", &error))?;
        let happened: Vec<Happened> =
            found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_>>()?;
        let events = happened.iter().filter_map(|happened| Event::from_detail(&happened.detail).ok());
        let is_before = |event: &Event| before.is_none_or(|(_, id)| event.id != id);
        Ok(events.filter(is_before).take(usize::from(limit)).collect())
    }
}
