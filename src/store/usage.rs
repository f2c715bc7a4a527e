//! How many messages an account has used in a month.

use super::{Store, failure, from_item, keys};
use crate::account::Month;
use crate::ids::AccountId;
use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use serde::Deserialize;

/// A reader retries what a busy table left out, but not for ever.
const BATCH_TRIES: usize = 5;

#[derive(Deserialize)]
struct Share {
    used: i64,
}

impl Store {
    /// Messages used in `month`. One BatchGetItem of all shares.
    pub async fn usage(&self, account: &AccountId, month: Month) -> Result<u32> {
        let month = month.to_string();
        let mut wanted = KeysAndAttributes::builder();
        for share in 0..keys::USAGE_SHARES {
            wanted = wanted.keys(keys::usage(account, &month, share).item());
        }
        let mut pending = Some(wanted.consistent_read(true).build()?);
        let mut used = 0;
        for _ in 0..BATCH_TRIES {
            let Some(wanted) = pending.take() else { break };
            let found = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| failure("read a month's usage", &error))?;
            for item in found.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                used += from_item::<Share>(item)?.used;
            }
            pending = found.unprocessed_keys.unwrap_or_default().remove(&self.table);
        }
        ensure!(pending.is_none(), "the table is too busy to read a month's usage");
        Ok(u32::try_from(used.max(0)).unwrap_or(u32::MAX))
    }
}

/// The part of `limit` that one share may count up to; the parts add up to `limit` exactly.
pub(super) fn part_of(limit: u32, share: u32) -> u32 {
    limit / keys::USAGE_SHARES + u32::from(share < limit % keys::USAGE_SHARES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_add_up_to_the_limit(limit in 0_u32..1_000_000) {
            let sum: u32 = (0..keys::USAGE_SHARES).map(|share| part_of(limit, share)).sum();
            prop_assert_eq!(sum, limit);
        }
    }
}
