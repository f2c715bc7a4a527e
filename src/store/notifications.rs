//! Who of an account is told what happens, and what has happened lately.

use super::{Store, keys};
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
        let happened: Vec<Happened> = self.newest(account, &keys::events_since(now - EVENTS_KEPT), &to, limit).await?;
        Ok(happened.iter().filter_map(|happened| Event::from_detail(&happened.detail).ok()).collect())
    }
}
