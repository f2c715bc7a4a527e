//! Accounts and their API tokens.

use super::schedule::Listed;
use super::transact::{Together, Write as _};
use super::{Note, Store, keys, text};
use crate::account::{Account, Plan};
use crate::dashboard::auth::Scope;
use crate::ids::{AccountId, PersonId, TokenId};
use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// Whether it may make, list and revoke tokens: what was said of a token before there were scopes.
    #[serde(default)]
    pub manage_tokens: bool,
    /// What it may do; none where it was made before there were scopes.
    #[serde(default)]
    pub scopes: Option<BTreeSet<Scope>>,
    /// The person who made it, or who made the token that it was made with; none where nobody signed in for it.
    #[serde(default)]
    pub made_by: Option<PersonId>,
}

impl ApiToken {
    /// What it may do.
    pub fn may(&self) -> BTreeSet<Scope> {
        self.scopes.clone().unwrap_or_else(|| Scope::unsaid(self.manage_tokens))
    }
}

impl Store {
    /// One account. One GetItem.
    pub async fn account(&self, account: &AccountId) -> Result<Option<Account>> {
        self.get(keys::account(account)).await
    }

    /// Writes an account and its entry in the list of accounts. One transaction.
    pub async fn put_account(&self, account: &Account) -> Result<()> {
        let listed = Listed { account: account.id.clone() };
        let writes = vec![
            self.putting(keys::account(&account.id), account)?.write()?,
            self.putting(keys::account_listed(&account.id), &listed)?.write()?,
        ];
        self.together(writes, "write an account").await.map(drop)
    }

    /// Writes the account of one machine, unless somebody who runs it has given it another plan since. One transaction.
    pub async fn put_own_account(&self, account: &Account) -> Result<()> {
        let listed = Listed { account: account.id.clone() };
        let writes = vec![
            self.putting(keys::account(&account.id), account)?
                .condition_expression("attribute_not_exists(plan_was_set)")
                .write()?,
            self.putting(keys::account_listed(&account.id), &listed)?.write()?,
        ];
        self.together(writes, "write this machine's account").await.map(drop)
    }

    /// Gives an account another plan, if it still has this one; false where it has another by now. One transaction.
    pub async fn set_plan(&self, account: &Account, plan: Plan, note: &Note) -> Result<bool> {
        let update = self
            .updating(keys::account(&account.id))
            .update_expression("SET #plan = :new, plan_was_set = :yes")
            .condition_expression("#plan = :old")
            .expression_attribute_names("#plan", "plan")
            .expression_attribute_values(":new", text(plan.as_str()))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":old", text(account.plan.as_str()));
        let mut writes = vec![update.write()?];
        writes.extend(self.noting(Some(note))?);
        Ok(self.together(writes, "change an account's plan").await? == Together::Done)
    }

    /// The token with this hash. One GetItem.
    pub async fn token(&self, hash: &str) -> Result<Option<ApiToken>> {
        self.get(keys::token(hash)).await
    }

    /// An account's tokens, oldest first. One Query.
    pub async fn tokens(&self, account: &AccountId) -> Result<Vec<ApiToken>> {
        self.query_all(&keys::account_partition(account), keys::TOKEN).await
    }

    /// Writes a token, its entry in the account's list and the note of who did it. One transaction.
    pub async fn put_token(&self, token: &ApiToken, note: Option<&Note>) -> Result<()> {
        let mut writes = vec![
            self.putting(keys::token(&token.hash), token)?.write()?,
            self.putting(keys::token_of_account(&token.account, &token.id), token)?.write()?,
        ];
        writes.extend(self.noting(note)?);
        self.together(writes, "write a token").await.map(drop)
    }

    /// Makes a token worthless at once. One transaction.
    pub async fn delete_token(&self, token: &ApiToken, note: &Note) -> Result<()> {
        let mut writes = vec![
            self.deleting(keys::token(&token.hash)).write()?,
            self.deleting(keys::token_of_account(&token.account, &token.id)).write()?,
        ];
        writes.extend(self.noting(Some(note))?);
        self.together(writes, "revoke a token").await.map(drop)
    }
}
