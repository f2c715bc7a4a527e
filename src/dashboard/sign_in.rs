//! `/sign-in`, `/sign-out` and `/join`: how people come in and leave.

mod arrive; // who somebody is once Discord has said so, and where they belong
mod trouble; // why somebody could not come in

pub use trouble::SignInTrouble;

use super::auth::session::{self, SignedIn};
use super::auth::{Denied, hash, origin};
use super::team;
use crate::bot::Bot;
use crate::sentences::Said;
use crate::store::{Invitation, Joined};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// The longest address within our own pages that somebody is sent back to.
const MAX_NEXT_CHARS: usize = 500;

/// Discord's codes have 30 characters.
pub(super) const MAX_CODE_CHARS: usize = 512;

/// Nothing that is told on the way to Discord and back is kept by anybody.
pub(super) const FRESH: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")];

/// The addresses by which people come in and leave.
pub fn router() -> Router<Arc<Bot>> {
    Router::new()
        .route("/sign-in", get(depart))
        .route("/sign-in/callback", get(callback))
        .route("/sign-out", post(sign_out))
        .route("/sign-out/everywhere", post(sign_out_everywhere))
        .route("/join/{invitation}", get(show_invitation).post(join))
}

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Sends somebody to Discord.
async fn depart(
    State(bot): State<Arc<Bot>>,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, SignInTrouble> {
    // Whoever is refused as the machine's admin would be sent back here, and so on.
    if bot.access.local_admin && origin::loopback_host(&headers).is_some() {
        return Ok(Redirect::to(&checked(next)).into_response());
    }
    let (address, cookie) = arrive::depart(&bot, &headers, checked(next), Timestamp::now()).await?;
    Ok((FRESH, [(SET_COOKIE, cookie)], Redirect::to(address.as_str())).into_response())
}

/// What Discord sends back, here and where the bot is added. [Discord Docs/OAuth2: Authorization Code Grant]
#[derive(Debug, Deserialize)]
pub(super) struct Returned {
    #[serde(default)]
    pub(super) state: String,
    pub(super) code: Option<String>,
    pub(super) error: Option<String>,
}

/// Somebody is back from Discord.
async fn callback(
    State(bot): State<Arc<Bot>>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, SignInTrouble> {
    let now = Timestamp::now();
    let under_way = arrive::take(&bot, &headers, &returned.state, now).await?;
    let code = match (returned.error.as_deref(), returned.code) {
        (None, Some(code)) => code,
        (Some("access_denied"), _) => return Err(SignInTrouble::Denied),
        _ => return Err(SignInTrouble::Refused),
    };
    let next = under_way.next.clone();
    let cookie = arrive::arrive(&bot, &headers, under_way, &code, now).await?;
    Ok((FRESH, [(SET_COOKIE, cookie)], Redirect::to(&next)).into_response())
}

async fn sign_out(State(bot): State<Arc<Bot>>, mut parts: Parts) -> Result<Response, SignInTrouble> {
    if let Some(signed_in) = SignedIn::find(&mut parts, &bot).await? {
        bot.store.delete_session(&signed_in.session.hash).await?;
        crate::sign_in::give_back(&bot, &signed_in.person.id);
    }
    Ok(([(SET_COOKIE, session::end(&bot.access))], Redirect::to("/")).into_response())
}

async fn sign_out_everywhere(State(bot): State<Arc<Bot>>, mut parts: Parts) -> Result<Response, SignInTrouble> {
    if let Some(signed_in) = SignedIn::find(&mut parts, &bot).await? {
        bot.store.sign_out_everywhere(&signed_in.person.id).await?;
        crate::sign_in::give_back(&bot, &signed_in.person.id);
    }
    Ok(([(SET_COOKIE, session::end(&bot.access))], Redirect::to("/")).into_response())
}

/// Asks somebody who follows an invitation's link whether they want to join.
async fn show_invitation(
    State(bot): State<Arc<Bot>>,
    Path(secret): Path<String>,
    mut parts: Parts,
) -> Result<Response, SignInTrouble> {
    let invitation = invited(&bot, &secret).await?;
    let Some(signed_in) = SignedIn::find(&mut parts, &bot).await? else {
        if bot.access.sign_in.is_none() {
            return Err(SignInTrouble::NotOffered);
        }
        return Ok(Redirect::to(&format!("/sign-in?next=/join/{secret}")).into_response());
    };
    let account = bot.store.account(&invitation.account).await?.ok_or(SignInTrouble::InvitationOver)?;
    let join = Join {
        account: account.name,
        role: invitation.role,
        name: signed_in.person.name.clone(),
        csrf: signed_in.session.csrf.clone(),
    };
    let message = Message { about: About::Invitation, said: None, next: None, join: Some(join) };
    Ok(message.into_response())
}

async fn join(
    State(bot): State<Arc<Bot>>,
    Path(secret): Path<String>,
    mut parts: Parts,
) -> Result<Response, SignInTrouble> {
    let signed_in = SignedIn::find(&mut parts, &bot).await?.ok_or(SignInTrouble::Over)?;
    let invitation = invited(&bot, &secret).await?;
    match team::accept(&bot, &signed_in, &invitation, Timestamp::now()).await? {
        Joined::Yes | Joined::WasMember => Ok(Redirect::to("/").into_response()),
        Joined::NotInvited => Err(SignInTrouble::InvitationOver),
    }
}

/// The invitation that a link is of.
pub async fn invited(bot: &Bot, secret: &str) -> Result<Invitation, SignInTrouble> {
    bot.store.invitation(&hash(secret), Timestamp::now()).await?.ok_or(SignInTrouble::InvitationOver)
}

/// An address within our own pages, or the first of them: nobody is sent elsewhere.
fn checked(next: String) -> String {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= MAX_NEXT_CHARS
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { next } else { "/".to_owned() }
}

/// Something that is said on a page of its own.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// What it is about.
    pub(super) about: About,
    /// What is said.
    pub(super) said: Option<Said>,
    /// The address that leads on.
    pub(super) next: Option<&'static str>,
    /// The form that somebody joins with.
    pub(super) join: Option<Join>,
}

/// What a page on the way in is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Signing in or out.
    SigningIn,
    /// An invitation.
    Invitation,
    /// Adding the bot to a server.
    AddingTheBot,
}

/// An invitation that somebody may accept.
#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) account: String,
    pub(super) role: crate::account::Role,
    pub(super) name: String,
    pub(super) csrf: String,
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        // What is around the pages shows it in their form.
        let mut response = FRESH.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for SignInTrouble {
    fn into_response(self) -> Response {
        if let Self::Unavailable(error) = &self {
            tracing::error!(error = format!("{error:#}"), "somebody could not sign in or out");
        }
        let next = self.may_try_again().then_some("/sign-in");
        let said = Some(Said::by(|lang| self.sentence(lang)));
        let message = Message { about: About::SigningIn, said, next, join: None };
        (self.status(), message).into_response()
    }
}

impl From<Denied> for SignInTrouble {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unavailable(error) => Self::Unavailable(error),
            Denied::Forged => Self::Forged,
            _ => Self::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    proptest! {
        #[test]
        fn nobody_is_sent_elsewhere(next in "[/\\\\a-z:.@?#%\\t\\n ]{0,12}") {
            let own: Url = "https://bot.example.com".parse().unwrap();
            let target = own.join(&checked(next)).unwrap();
            prop_assert_eq!(target.origin(), own.origin());
        }
    }

    #[test]
    fn a_page_of_ours_is_where_somebody_goes_on() {
        assert_eq!(checked("/servers/5?tab=roles".to_owned()), "/servers/5?tab=roles");
        for other in ["", "https://evil.example", "//evil.example", "/\\evil.example", "servers", "/a b"] {
            assert_eq!(checked(other.to_owned()), "/");
        }
    }
}
