//! Sessions of people who signed in: a cookie in the browser, the rest in the table.

use super::token::{hash, is_random, random, sent};
use super::{Access, Denied, Recognised, origin};
use crate::bot::Bot;
use crate::dashboard::problem::Problem;
use crate::ids::AccountId;
use crate::store::{Person, Session, Store};
use anyhow::Result;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::FromRequestParts;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// A session that nobody uses for so long has ended.
const LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One write a day keeps a session alive, however much it is used.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How long browsers keep a cookie at most; the table decides when a session ends. [RFC 6265bis: 5.5]
const COOKIE_LASTS: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How long Discord may keep somebody until they are back.
pub(in crate::dashboard) const SIGN_IN_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// In which header scripts send the session's CSRF token. Forms send it in their field `csrf`.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// Somebody who is signed in, whether or not they belong to an account.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub person: Arc<Person>,
    /// In which browser.
    pub session: Arc<Session>,
}

impl SignedIn {
    /// Whose session the request's cookie is of, if it is of one. A request that changes something must have been sent by
    /// one of our own pages. Two GetItem, and once a day an UpdateItem.
    pub async fn find(parts: &mut Parts, bot: &Bot) -> Result<Option<Self>, Denied> {
        if let Some(found) = parts.extensions.get::<Self>() {
            return Ok(Some(found.clone()));
        }
        let Some(secret) = cookie(&parts.headers, session_cookie(&bot.access)) else { return Ok(None) };
        let now = Timestamp::now();
        let Some((session, person)) = Self::of(secret, bot, now).await? else {
            Recognised::note(&parts.extensions, Recognised::NOBODY);
            return Ok(None);
        };
        Recognised::note(&parts.extensions, Recognised::SOMEBODY);
        if !origin::is_safe(&parts.method) {
            let own = bot.access.origin();
            if !own.is_some_and(|own| origin::is_ours(&parts.headers, &own)) {
                return Err(Denied::Forged);
            }
            let sent = parts.headers.get(CSRF_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
            if verify_slices_are_equal(sent, session.csrf.as_bytes()).is_err() {
                return Err(Denied::Forged);
            }
        }
        if now > session.renewed_at + RENEWED_AFTER {
            bot.store.renew_session(&session.hash, now, (now + LASTS).as_second()).await?;
        }
        let found = Self { person: Arc::new(person), session: Arc::new(session) };
        parts.extensions.insert(found.clone());
        Ok(Some(found))
    }

    async fn of(secret: &str, bot: &Bot, now: Timestamp) -> Result<Option<(Session, Person)>> {
        let Some(session) = bot.store.session(&hash(secret), now).await? else { return Ok(None) };
        let person = bot.store.person(&session.person).await?;
        Ok(person.filter(|person| person.epoch == session.epoch).map(|person| (session, person)))
    }
}

impl FromRequestParts<Arc<Bot>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        if sent(&parts.headers).is_some() {
            return Err(Denied::People.into());
        }
        Ok(Self::find(parts, bot).await?.ok_or(Denied::Unknown)?)
    }
}

/// Begins a session. What is returned is the cookie. One PutItem.
pub async fn begin(
    store: &Store,
    access: &Access,
    person: &Person,
    account: Option<AccountId>,
    now: Timestamp,
) -> Result<HeaderValue> {
    let secret = random();
    let session = Session {
        hash: hash(&secret),
        person: person.id.clone(),
        account,
        csrf: random(),
        epoch: person.epoch,
        renewed_at: now,
        expires: (now + LASTS).as_second(),
    };
    store.put_session(&session).await?;
    Ok(set_cookie(access, session_cookie(access), &secret, COOKIE_LASTS))
}

/// The cookie that takes the session's away.
pub fn end(access: &Access) -> HeaderValue {
    set_cookie(access, session_cookie(access), "", SignedDuration::ZERO)
}

/// Ends the session that the request's cookie is of, if any: whoever signs in gets a new one. One DeleteItem.
pub async fn forget(headers: &HeaderMap, bot: &Bot) -> Result<()> {
    match cookie(headers, session_cookie(&bot.access)) {
        Some(secret) => bot.store.delete_session(&hash(secret)).await,
        None => Ok(()),
    }
}

/// The secret in the request's cookie, whether or not it is of a session.
pub(in crate::dashboard) fn secret<'a>(headers: &'a HeaderMap, access: &Access) -> Option<&'a str> {
    cookie(headers, session_cookie(access))
}

/// The cookie's name. Browsers take `__Host-` only over TLS, for the whole host and from no other one.
/// [RFC 6265bis: 4.1.3.2]
fn session_cookie(access: &Access) -> &'static str {
    if access.is_behind_tls() { "__Host-guildhall" } else { "guildhall" }
}

/// The same for the browser in which a sign-in begins.
fn sign_in_cookie(access: &Access) -> &'static str {
    if access.is_behind_tls() { "__Host-guildhall-sign-in" } else { "guildhall-sign-in" }
}

/// One of our cookies. All of them hold 256 random bits.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let mut pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, value)| *found == name && is_random(value)).map(|(_, value)| value)
}

/// Scripts cannot read it, and other sites' requests do not bring it along, except when a person follows a link to us.
fn set_cookie(access: &Access, name: &str, value: &str, lasts: SignedDuration) -> HeaderValue {
    let secure = if access.is_behind_tls() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", lasts.as_secs());
    HeaderValue::from_str(&cookie).expect("names and base64 are visible ASCII")
}

/// By what the browser is known in which somebody signs in, if it has begun before.
pub(in crate::dashboard) fn sent_browser<'a>(headers: &'a HeaderMap, access: &Access) -> Option<&'a str> {
    cookie(headers, sign_in_cookie(access))
}

/// The same, or something new.
pub(in crate::dashboard) fn browser(headers: &HeaderMap, access: &Access) -> String {
    sent_browser(headers, access).map_or_else(random, str::to_owned)
}

/// The cookie that makes a browser known for as long as signing in may take.
pub(in crate::dashboard) fn browser_cookie(access: &Access, browser: &str) -> HeaderValue {
    set_cookie(access, sign_in_cookie(access), browser, SIGN_IN_LASTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let secret = "a".repeat(43);
        let headers = |text: &str| HeaderMap::from_iter([(COOKIE, text.parse().unwrap())]);
        let found = |text: &str| cookie(&headers(text), "guildhall").map(str::to_owned);
        assert_eq!(found(&format!("a=b; guildhall={secret}; c")), Some(secret.clone()));
        assert_eq!(found(&format!("guildhall=short; guildhall={secret}")), Some(secret.clone()));
        for other in [format!("xguildhall={secret}"), format!("guildhall=\"{secret}\""), "guildhall=".to_owned()] {
            assert_eq!(found(&other), None);
        }
    }

    #[test]
    fn behind_tls_a_cookie_stays_on_its_host() {
        let mut access = Access { address: Some("https://bot.example.com".parse().unwrap()), ..Access::default() };
        insta::assert_snapshot!(set_cookie(&access, session_cookie(&access), "x", LASTS).to_str().unwrap(), @"__Host-guildhall=x; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
        access.address = Some("http://127.0.0.1:8080".parse().unwrap());
        insta::assert_snapshot!(end(&access).to_str().unwrap(), @"guildhall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
