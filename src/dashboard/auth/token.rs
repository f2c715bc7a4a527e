//! API tokens: what stands in a header, and what is kept of it.

use super::need::Scope;
use crate::ids::{AccountId, PersonId, TokenId};
use crate::store::{ApiToken, Note, Store};
use anyhow::Result;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// What tokens begin with, so that people and scanners for leaked secrets know them when they see one.
const PREFIX: &str = "gh_";

/// Characters after the prefix: 32 bytes in base64 without padding.
const SECRET_CHARS: usize = 43;

/// Longest name of a token, in characters: it is a label in a list.
pub const MAX_NAME_CHARS: usize = 100;

/// Who runs the installation: the hash of a token that is in no table, because it is what the first others are made with.
#[derive(Debug, Clone)]
pub struct OperatorToken(String);

impl OperatorToken {
    /// Whoever has this token.
    pub fn new(token: &SecretString) -> Self {
        Self(hash(token.expose_secret()))
    }

    pub(super) fn is(&self, secret: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), hash(secret).as_bytes()).is_ok()
    }
}

/// Makes a token for an account, with the note of who made it. The secret is returned here and never again.
pub async fn create_token(
    store: &Store,
    account: &AccountId,
    name: &str,
    scopes: BTreeSet<Scope>,
    made_by: Option<PersonId>,
    note: Option<&Note>,
    now: Timestamp,
) -> Result<(ApiToken, SecretString)> {
    let secret = SecretString::from(format!("{PREFIX}{}", random()));
    let token = ApiToken {
        id: TokenId::generate(now),
        name: name.to_owned(),
        hash: hash(secret.expose_secret()),
        account: account.clone(),
        created_at: now,
        manage_tokens: scopes.contains(&Scope::ManageTokens),
        scopes: Some(scopes),
        made_by,
    };
    store.put_token(&token, note).await?;
    Ok((token, secret))
}

/// 256 random bits in base64, for whatever must not be guessed.
pub(super) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>())
}

/// A secret for a link or an address, and what is kept of it.
pub(in crate::dashboard) fn secret() -> (SecretString, String) {
    let text = random();
    let hash = hash(&text);
    (text.into(), hash)
}

/// Whether a text can be one of [`random`]'s: what cannot is not looked up.
pub(super) fn is_random(text: &str) -> bool {
    let is_base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.len() == SECRET_CHARS && text.chars().all(is_base64url)
}

/// The token that a request carries, ours or not. What a proxy before us adds for its own password is none.
/// [RFC 6750: 2.1]
pub(super) fn sent(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, secret) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Whether a token can be one of ours: what cannot is not looked up.
pub(super) fn is_ours(secret: &str) -> bool {
    secret.strip_prefix(PREFIX).is_some_and(is_random)
}

/// What is kept of a secret. It has 256 random bits, so a plain hash cannot be guessed backwards.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str) -> Option<&str> {
        bearer(header).filter(|secret| is_ours(secret))
    }

    proptest! {
        #[test]
        fn every_token_is_recognised_in_a_header(random: [u8; 32]) {
            let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
            for header in [format!("Bearer {secret}"), format!("bearer  {secret} ")] {
                prop_assert_eq!(token(&header), Some(secret.as_str()));
            }
        }

        #[test]
        fn nothing_else_is(header in ".{0,80}") {
            prop_assert_eq!(token(&header), None);
        }
    }

    #[test]
    fn another_scheme_or_length_is_no_token() {
        let secret = format!("{PREFIX}{}", "a".repeat(SECRET_CHARS));
        for header in [format!("Basic {secret}"), format!("Bearer {secret}a"), format!("Bearer{secret}"), secret] {
            assert_eq!(token(&header), None, "{header}");
        }
    }

    #[test]
    fn the_hash_is_sha_256_in_hexadecimal() {
        // The standard's own example. [FIPS 180-4]
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
