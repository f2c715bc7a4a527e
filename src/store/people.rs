//! People who sign in: who they are, their sessions, and sign-ins under way.

use super::{Store, failure, from_item, is_condition_failure, keys, number, text};
use crate::ids::{AccountId, PersonId};
use crate::sentences::Lang;
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody who has signed in at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Discord's id of their user.
    pub id: PersonId,
    /// What they called themselves when they signed in last.
    pub name: String,
    /// Discord's hash of their picture, if they have one.
    #[serde(default)]
    pub avatar: Option<String>,
    /// The language that they have chosen, if they have.
    #[serde(default)]
    pub language: Option<Lang>,
    /// How often they have signed out everywhere: a session of an earlier epoch is over.
    #[serde(default)]
    pub epoch: u32,
    /// With what Discord is asked about them; none once Discord has taken that back.
    #[serde(default)]
    pub tokens: Option<DiscordTokens>,
}

/// What Discord gave for asking about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscordTokens {
    /// Access token and refresh token, sealed together.
    pub sealed: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
}

/// A browser in which somebody is signed in. Its cookie holds the secret, of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of the cookie's secret, in hexadecimal.
    pub hash: String,
    /// Who it is.
    pub person: PersonId,
    /// The account that they look at; none where they belong to none yet.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// What forms and scripts of our own pages send along with every change.
    pub csrf: String,
    /// The person's epoch when they signed in.
    pub epoch: u32,
    /// When it was last seen to be used, to within a day.
    pub renewed_at: Timestamp,
    /// When it ends unless it is used, in seconds since 1970.
    pub expires: i64,
}

/// Somebody was sent to Discord and has not come back yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInUnderWay {
    /// SHA-256 of the state that Discord sends back, in hexadecimal.
    pub state: String,
    /// SHA-256 of the cookie of the browser that it began in.
    pub browser: String,
    /// What proves to Discord that the same program asks for the tokens. [RFC 7636: 4.1]
    pub verifier: String,
    /// Where to go afterwards, below our own address.
    pub next: String,
    /// When it is too late, in seconds since 1970.
    pub expires: i64,
}

impl Store {
    /// One person. One GetItem.
    pub async fn person(&self, person: &PersonId) -> Result<Option<Person>> {
        self.get(keys::person(person)).await
    }

    /// Those of these people who have ever signed in, in any order. One BatchGetItem for each hundred.
    pub async fn people(&self, people: &[PersonId]) -> Result<Vec<Person>> {
        self.get_many(people.iter().map(keys::person).collect(), "read people").await
    }

    /// Writes what Discord says of a person, and leaves the rest of them as it is. One UpdateItem.
    pub async fn person_signed_in(
        &self,
        person: &PersonId,
        name: &str,
        avatar: Option<&str>,
        tokens: &DiscordTokens,
    ) -> Result<Person> {
        let avatar = avatar.map_or(aws_sdk_dynamodb::types::AttributeValue::Null(true), text);
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::person(person).item()))
            .update_expression(
                "SET #id = :id, #name = :name, #avatar = :avatar, #tokens = :tokens, \
                 #epoch = if_not_exists(#epoch, :zero)",
            )
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#avatar", "avatar")
            .expression_attribute_names("#tokens", "tokens")
            .expression_attribute_names("#epoch", "epoch")
            .expression_attribute_values(":id", text(&person.0))
            .expression_attribute_values(":name", text(name))
            .expression_attribute_values(":avatar", avatar)
            .expression_attribute_values(":tokens", serde_dynamo::to_attribute_value(tokens)?)
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(|error| failure("write a person", &error))?;
        from_item(updated.attributes.context("the table has not said what it wrote")?)
    }

    /// Puts tokens in place of those that were seen, or of none, or takes those away; false where others were there by then.
    /// One UpdateItem.
    pub async fn replace_discord_tokens(
        &self,
        person: &PersonId,
        seen: &DiscordTokens,
        new: Option<&DiscordTokens>,
    ) -> Result<bool> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::person(person).item()))
            .expression_attribute_names("#tokens", "tokens")
            .expression_attribute_values(":seen", serde_dynamo::to_attribute_value(seen)?);
        let update = match new {
            Some(new) => update
                .condition_expression("#tokens = :seen OR attribute_not_exists(#tokens)")
                .update_expression("SET #tokens = :new")
                .expression_attribute_values(":new", serde_dynamo::to_attribute_value(new)?),
            None => update.condition_expression("#tokens = :seen").update_expression("REMOVE #tokens"),
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("write a person's tokens", &error)),
        }
    }

    /// Notes the language that a person has chosen; none for that of their browser. One UpdateItem.
    pub async fn set_language(&self, person: &PersonId, language: Option<Lang>) -> Result<()> {
        let language = serde_dynamo::to_attribute_value(language)?;
        let set = "SET #language = :language";
        self.change_if_there(keys::person(person), set, Some("language"), &[(":language", language)]).await
    }

    /// Ends every session of a person. One UpdateItem.
    pub async fn sign_out_everywhere(&self, person: &PersonId) -> Result<()> {
        self.change_if_there(keys::person(person), "ADD #epoch :one", Some("epoch"), &[(":one", number(1))]).await
    }

    /// The session with this hash, if it has not ended. One GetItem.
    pub async fn session(&self, hash: &str, now: Timestamp) -> Result<Option<Session>> {
        let found: Option<Session> = self.get(keys::browser_session(hash)).await?;
        // The table takes its time to delete what has ended.
        Ok(found.filter(|session| session.expires > now.as_second()))
    }

    /// Begins a session. One PutItem.
    pub async fn put_session(&self, session: &Session) -> Result<()> {
        self.put(keys::browser_session(&session.hash), session).await
    }

    /// Lets a session last from now on, unless it was ended meanwhile. One UpdateItem.
    pub async fn renew_session(&self, hash: &str, now: Timestamp, expires: i64) -> Result<()> {
        let values = [(":now", text(now.to_string())), (":expires", number(expires))];
        let set = "SET renewed_at = :now, expires = :expires";
        self.change_if_there(keys::browser_session(hash), set, None, &values).await
    }

    /// Lets a session look at another account, unless it was ended meanwhile. One UpdateItem.
    pub async fn set_session_account(&self, hash: &str, account: &AccountId) -> Result<()> {
        let values = [(":account", text(&account.0))];
        self.change_if_there(keys::browser_session(hash), "SET account = :account", None, &values).await
    }

    /// Changes an item, unless it is gone. An attribute whose name is a word of DynamoDB's own stands as `#name` in the
    /// expression. One UpdateItem.
    async fn change_if_there(
        &self,
        key: keys::Key,
        expression: &str,
        reserved: Option<&str>,
        values: &[(&str, AttributeValue)],
    ) -> Result<()> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression("attribute_exists(pk)")
            .update_expression(expression);
        if let Some(name) = reserved {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
        for (name, value) in values {
            update = update.expression_attribute_values(*name, value.clone());
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failure(&error) => Ok(()),
            Err(error) => Err(failure("write a person or a session", &error)),
        }
    }

    /// Ends a session. One DeleteItem.
    pub async fn delete_session(&self, hash: &str) -> Result<()> {
        self.delete(keys::browser_session(hash)).await
    }

    /// Notes that somebody is sent to Discord. One PutItem.
    pub async fn put_sign_in(&self, under_way: &SignInUnderWay) -> Result<()> {
        self.put(keys::sign_in(&under_way.state), under_way).await
    }

    /// Takes a sign-in that began in this browser: once, and only while it lasts. One DeleteItem.
    pub async fn take_sign_in(&self, state: &str, browser: &str, now: Timestamp) -> Result<Option<SignInUnderWay>> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::sign_in(state).item()))
            .condition_expression("browser = :browser")
            .expression_attribute_values(":browser", text(browser))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let found = match deleted {
            Ok(deleted) => deleted.attributes,
            Err(error) if is_condition_failure(&error) => return Ok(None),
            Err(error) => return Err(failure("end a sign-in", &error)),
        };
        let found: Option<SignInUnderWay> = found.map(from_item).transpose()?;
        Ok(found.filter(|under_way| under_way.expires > now.as_second()))
    }
}
