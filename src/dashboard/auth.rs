//! Who calls the API: bearer tokens. Only their hashes are kept.

use super::problem::Problem;
use crate::account::{Account, Plan};
use crate::bot::{Bot, Home};
use crate::ids::{AccountId, TokenId};
use crate::question::Place;
use crate::settings::GuildSettings;
use crate::store::{ApiToken, Store};
use anyhow::Result;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What tokens begin with, so that people and scanners for leaked secrets know them when they see one.
const PREFIX: &str = "gh_";

/// Characters after the prefix: 32 bytes in base64 without padding.
const SECRET_CHARS: usize = 43;

/// Longest name of a token, in characters: it is a label in a list.
pub const MAX_NAME_CHARS: usize = 100;

/// Somebody whose token was checked. There is no other way to get one.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account with its plan, at most a few seconds old.
    pub home: Arc<Home>,
    /// The token that was sent.
    pub token: TokenId,
    manages_tokens: bool,
    is_operator: bool,
}

/// Who runs the installation: the hash of a token that is in no table, because it is what the first others are made with.
#[derive(Debug, Clone)]
pub struct Operator(String);

impl Operator {
    /// Whoever has this token.
    pub fn new(token: &SecretString) -> Self {
        Self(hash(token.expose_secret()))
    }

    fn is(&self, secret: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), hash(secret).as_bytes()).is_ok()
    }

    /// The operator's account comes to be when it is first used.
    async fn caller(bot: &Bot) -> Result<Caller> {
        let id = AccountId::operator();
        let account = if let Some(account) = bot.store.account(&id).await? {
            account
        } else {
            let new = Account { id, name: "Operator".to_owned(), plan: Plan::Pro };
            bot.store.put_account(&new).await?;
            new
        };
        let home = Arc::new(Home { account, settings: GuildSettings::default() });
        Ok(Caller { home, token: TokenId("operator".to_owned()), manages_tokens: true, is_operator: true })
    }
}

/// A caller who may make, list and revoke tokens. There is no other way to get one.
#[derive(Debug, Clone)]
pub struct Manager(pub Caller);

impl Caller {
    /// Whose token it is.
    pub fn account(&self) -> &AccountId {
        &self.home.account.id
    }

    /// Whether a server that no account has connected may become theirs: on one machine its account's, and hosted the
    /// operator's, until people can connect servers themselves.
    pub fn may_connect(&self, bot: &Bot) -> bool {
        self.is_operator || bot.default_account.as_ref() == Some(self.account())
    }
}

impl FromRequestParts<Arc<Bot>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let (Some(operator), Some(secret)) = (&bot.operator, header.and_then(sent))
            && operator.is(secret)
        {
            return Ok(Operator::caller(bot).await?);
        }
        let secret = header.and_then(bearer).ok_or_else(Problem::unauthorized)?;
        let token = bot.store.token(&hash(secret)).await?.ok_or_else(Problem::unauthorized)?;
        let home = bot.home(&Place::Account(token.account), None).await?.ok_or_else(Problem::unauthorized)?;
        Ok(Self { home, token: token.id, manages_tokens: token.manage_tokens, is_operator: false })
    }
}

impl FromRequestParts<Arc<Bot>> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, bot).await?;
        if !caller.manages_tokens {
            return Err(Problem::forbidden(
                "This token may not manage tokens. On Guildhall's machine, `guildhall token` can.",
            ));
        }
        Ok(Self(caller))
    }
}

/// Makes a token for an account. The secret is returned here and never again.
pub async fn create_token(
    store: &Store,
    account: &AccountId,
    name: &str,
    manage_tokens: bool,
    now: Timestamp,
) -> Result<(ApiToken, SecretString)> {
    let secret = SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())));
    let token = ApiToken {
        id: TokenId::generate(now),
        name: name.to_owned(),
        hash: hash(secret.expose_secret()),
        account: account.clone(),
        created_at: now,
        manage_tokens,
    };
    store.put_token(&token).await?;
    Ok((token, secret))
}

/// The token in a header `Authorization`. [RFC 6750: 2.1]
fn sent(header: &str) -> Option<&str> {
    let (scheme, secret) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The token in a header `Authorization`, if it can be one of ours.
fn bearer(header: &str) -> Option<&str> {
    let is_base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let ours = |random: &str| random.len() == SECRET_CHARS && random.chars().all(is_base64url);
    sent(header).filter(|secret| secret.strip_prefix(PREFIX).is_some_and(ours))
}

/// What is kept of a token. It has 256 random bits, so a plain hash cannot be guessed backwards.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_token_is_recognised_in_a_header(random: [u8; 32]) {
            let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
            for header in [format!("Bearer {secret}"), format!("bearer  {secret} ")] {
                prop_assert_eq!(bearer(&header), Some(secret.as_str()));
            }
        }

        #[test]
        fn nothing_else_is(header in ".{0,80}") {
            prop_assert_eq!(bearer(&header), None);
        }
    }

    #[test]
    fn another_scheme_or_length_is_no_token() {
        let secret = format!("{PREFIX}{}", "a".repeat(SECRET_CHARS));
        for header in [format!("Basic {secret}"), format!("Bearer {secret}a"), format!("Bearer{secret}"), secret] {
            assert_eq!(bearer(&header), None, "{header}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_in_hexadecimal() {
        // The standard's own example. [FIPS 180-4]
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
