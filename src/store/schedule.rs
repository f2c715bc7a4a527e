//! What the schedule must remember from one run to the next: which accounts there are, which commands Discord has.

use super::{Store, failure, from_item, keys, text};
use crate::ids::AccountId;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use twilight_model::id::{Id, marker::ApplicationMarker};

#[derive(Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) account: AccountId,
}

#[derive(Serialize, Deserialize)]
struct Registered {
    fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Place {
    after: AccountId,
}

impl Store {
    /// Accounts by id, those behind `after`, at most `limit`. One Query.
    pub async fn accounts(&self, after: Option<&AccountId>, limit: u16) -> Result<Vec<AccountId>> {
        let query = self.client.query().table_name(&self.table).limit(i32::from(limit));
        let query = query.expression_attribute_values(":pk", text(keys::ACCOUNTS));
        let query = match after {
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(&after.0)),
            None => query.key_condition_expression("pk = :pk"),
        };
        let found = query.send().await.map_err(|error| failure("list accounts", &error))?;
        let listed = found.items.unwrap_or_default().into_iter().map(from_item::<Listed>);
        listed.map(|listed| Ok(listed.context("an account of the list")?.account)).collect()
    }

    /// How far the schedule has come in the list of accounts; none at its beginning. One GetItem.
    pub async fn schedule_place(&self) -> Result<Option<AccountId>> {
        Ok(self.get::<Place>(keys::schedule_place()).await?.map(|place| place.after))
    }

    /// Notes how far it has come. One write.
    pub async fn set_schedule_place(&self, after: Option<&AccountId>) -> Result<()> {
        match after {
            Some(after) => self.put(keys::schedule_place(), &Place { after: after.clone() }).await,
            None => self.delete(keys::schedule_place()).await,
        }
    }

    /// Which commands Discord has of an application, by their fingerprint. One GetItem.
    pub async fn registered_commands(&self, application: Id<ApplicationMarker>) -> Result<Option<String>> {
        let found: Option<Registered> = self.get(keys::commands(application)).await?;
        Ok(found.map(|registered| registered.fingerprint))
    }

    /// Notes which commands Discord has. One PutItem.
    pub async fn set_registered_commands(&self, application: Id<ApplicationMarker>, fingerprint: &str) -> Result<()> {
        self.put(keys::commands(application), &Registered { fingerprint: fingerprint.to_owned() }).await
    }
}
