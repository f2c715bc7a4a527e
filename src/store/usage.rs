//! How many messages an account has used in a month.

use super::{Store, keys};
use crate::account::Month;
use crate::ids::AccountId;
use anyhow::Result;
use serde::Deserialize;

/// Of every hundred messages of a month, those after which its owner is warned.
pub(super) const WARNED_AT_PERCENT: u32 = 80;

#[derive(Deserialize)]
struct Share {
    #[serde(rename = "pk")]
    key: String,
    used: i64,
}

impl Store {
    /// Messages used in `month`. One BatchGetItem of all shares.
    pub async fn usage(&self, account: &AccountId, month: Month) -> Result<u32> {
        let shares = self.shares(account, &month.to_string()).await?;
        let used: i64 = shares.iter().map(|share| share.used).sum();
        Ok(u32::try_from(used.max(0)).unwrap_or(u32::MAX))
    }

    /// The shares that have counted their part of `ceiling`. One BatchGetItem of all shares.
    pub(super) async fn shares_full_at(&self, account: &AccountId, month: &str, ceiling: u32) -> Result<Vec<u32>> {
        let shares = self.shares(account, month).await?;
        let number = |share: &Share| share.key.rsplit('#').next().and_then(|number| number.parse().ok());
        let full = shares.iter().filter_map(|share| Some((number(share)?, share.used)));
        Ok(full.filter(|(share, used)| *used >= i64::from(part_of(ceiling, *share))).map(|(share, _)| share).collect())
    }

    async fn shares(&self, account: &AccountId, month: &str) -> Result<Vec<Share>> {
        let keys = (0..keys::USAGE_SHARES).map(|share| keys::usage(account, month, share)).collect();
        self.get_many(keys, "read a month's usage").await
    }
}

/// The messages of a month that may be used before its owner is warned.
pub(super) fn before_warning(limit: u32) -> u32 {
    u32::try_from(u64::from(limit) * u64::from(WARNED_AT_PERCENT) / 100).unwrap_or(limit)
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
