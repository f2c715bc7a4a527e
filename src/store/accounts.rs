//! Accounts and their API tokens.

use super::schedule::Listed;
use super::{Item, Store, failure, keys, to_item};
use crate::account::Account;
use crate::ids::{AccountId, TokenId};
use anyhow::Result;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of an API token. The secret itself is shown once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its public name for listing and revoking.
    pub id: TokenId,
    /// What a person called it.
    pub name: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    /// Whose it is.
    pub account: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it may make, list and revoke tokens.
    #[serde(default)]
    pub manage_tokens: bool,
}

impl Store {
    /// One account. One GetItem.
    pub async fn account(&self, account: &AccountId) -> Result<Option<Account>> {
        self.get(keys::account(account)).await
    }

    /// Writes an account and its entry in the list of accounts. One transaction.
    pub async fn put_account(&self, account: &Account) -> Result<()> {
        let put = |item: Item| -> Result<TransactWriteItem> {
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build()?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let listed = Listed { account: account.id.clone() };
        self.client
            .transact_write_items()
            .transact_items(put(to_item(keys::account(&account.id), account)?)?)
            .transact_items(put(to_item(keys::account_listed(&account.id), &listed)?)?)
            .send()
            .await
            .map_err(|error| failure("write an account", &error))?;
        Ok(())
    }

    /// The token with this hash. One GetItem.
    pub async fn token(&self, hash: &str) -> Result<Option<ApiToken>> {
        self.get(keys::token(hash)).await
    }

    /// An account's tokens, oldest first. One Query.
    pub async fn tokens(&self, account: &AccountId) -> Result<Vec<ApiToken>> {
        self.query_all(&keys::account_partition(account), keys::TOKEN).await
    }

    /// Writes a token and its entry in the account's list. One transaction.
    pub async fn put_token(&self, token: &ApiToken) -> Result<()> {
        self.put_both(keys::token(&token.hash), keys::token_of_account(&token.account, &token.id), token).await
    }

    /// Makes a token worthless at once. One transaction.
    pub async fn delete_token(&self, token: &ApiToken) -> Result<()> {
        let delete = |key: keys::Key| -> Result<TransactWriteItem> {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(key.item())).build()?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        };
        self.client
            .transact_write_items()
            .transact_items(delete(keys::token(&token.hash))?)
            .transact_items(delete(keys::token_of_account(&token.account, &token.id))?)
            .send()
            .await
            .map_err(|error| failure("revoke a token", &error))?;
        Ok(())
    }

    async fn put_both<T: Serialize>(&self, one: keys::Key, other: keys::Key, value: &T) -> Result<()> {
        let put = |key: keys::Key| -> Result<TransactWriteItem> {
            let put = Put::builder().table_name(&self.table).set_item(Some(to_item(key, value)?)).build()?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        self.client
            .transact_write_items()
            .transact_items(put(one)?)
            .transact_items(put(other)?)
            .send()
            .await
            .map_err(|error| failure("write an item and its list entry", &error))?;
        Ok(())
    }
}
