//! How many messages an account has used in a month.

use super::{Store, keys};
use crate::account::Month;
use crate::ids::AccountId;
use anyhow::Result;
use serde::Deserialize;

#[derive(Deserialize)]
struct Share {
    used: i64,
}

impl Store {
    /// Messages used in `month`. One BatchGetItem of all shares.
    pub async fn usage(&self, account: &AccountId, month: Month) -> Result<u32> {
        let month = month.to_string();
        let keys = (0..keys::USAGE_SHARES).map(|share| keys::usage(account, &month, share)).collect();
        let shares: Vec<Share> = self.get_many(keys, "read a month's usage").await?;
        let used: i64 = shares.iter().map(|share| share.used).sum();
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
