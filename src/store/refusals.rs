//! What AWS or a mail server refuses to do for an account, for the dashboard's health page.

use super::{Store, failure, keys, number, text};
use crate::ids::AccountId;
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What has not happened again for so long is over.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Characters of a reason.
const MAX_REASON: usize = 300;

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// To send an e-mail to one of its addresses.
    Mail,
    /// To seal or open the token of the bot that it has brought along.
    Key,
}

/// What was refused, the last time for this reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What.
    pub kind: RefusalKind,
    /// A sentence for whoever runs the installation; no address, no secret.
    pub reason: String,
    /// How often, for whatever reason.
    pub count: u64,
    /// When last.
    pub last: Timestamp,
}

impl RefusalKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Key => "key",
        }
    }
}

impl Store {
    /// Records that something was refused. One UpdateItem. Where even that fails it is a line in the log: what was refused
    /// is told of by others too.
    pub async fn record_refusal(&self, account: &AccountId, kind: RefusalKind, reason: &str, now: Timestamp) {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::refusal(account, kind.name()).item()))
            .update_expression("SET kind = :kind, reason = :reason, #last = :now, expires = :expires ADD #count :one")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":kind", text(kind.name()))
            .expression_attribute_values(":reason", text(reason))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":expires", number((now + KEPT).as_second()))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        if let Err(error) = update {
            let error = failure("record a refusal", &error);
            tracing::warn!(account.id = %account, error = format!("{error:#}"), "a refusal could not be noted");
        }
    }

    /// What an account is refused. One Query.
    pub async fn refusals(&self, account: &AccountId) -> Result<Vec<Refusal>> {
        self.query_all(&keys::account_partition(account), keys::REFUSAL).await
    }
}
