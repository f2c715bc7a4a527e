//! `/connect`: “Add to Discord”. A person goes to Discord with what their server needs, and comes back with the server.

use super::api::guilds::find;
use super::auth::need::{ChangeSettings, May};
use super::auth::{Caller, Denied, hash, secret, session};
use super::extract::Id;
use super::problem::Problem;
use super::sign_in::{About, FRESH, MAX_CODE_CHARS, Message, Returned};
use crate::bot::Bot;
use crate::ids::PersonId;
use crate::sentences::pages::Words;
use crate::sentences::{Lang, Said};
use crate::servers::connect::{self, Return};
use crate::servers::{self, Served};
use crate::sign_in::install::Proof;
use crate::sign_in::{NotTold, SignIn};
use crate::store::{Connected, SignInUnderWay};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::sync::Arc;

/// The addresses by which servers are connected.
pub fn router() -> Router<Arc<Bot>> {
    Router::new().route("/connect", get(depart)).route("/connect/callback", get(callback))
}

/// Why a server was not connected: a sentence for the person who tried.
#[derive(Debug)]
pub enum ConnectTrouble {
    /// They may not connect servers, or it cannot be told.
    NotAllowed(Denied),
    /// The server that was named is not the account's.
    NoSuchServer,
    /// The state is unknown: forged, used, too old, of another browser, or of another account.
    Over,
    /// They said no on Discord's page.
    Declined,
    /// Discord named no server, or refuses us.
    Refused,
    /// They do not manage the server.
    NotManager,
    /// Another account has it.
    IsAnothers,
    /// There is no bot.
    NoBot,
    /// Discord does not answer.
    DiscordDown,
    /// Something of ours does not answer.
    Unavailable(anyhow::Error),
}

impl ConnectTrouble {
    /// The same for whoever is told so.
    fn sentence(&self, lang: Lang) -> String {
        let w = Words(lang);
        match self {
            Self::NotAllowed(denied) => return denied.sentence(lang),
            Self::NoSuchServer => w.connect_no_such_server(),
            Self::Over => w.connect_over(),
            Self::Declined => w.connect_declined(),
            Self::Refused => w.connect_refused(),
            Self::NotManager => w.connect_not_manager(),
            Self::IsAnothers => w.connect_is_anothers(),
            Self::NoBot => w.connect_no_bot(),
            Self::DiscordDown => w.connect_discord_down(),
            Self::Unavailable(_) => w.trouble_unavailable(),
        }
        .to_owned()
    }

    /// The page's status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotAllowed(_) | Self::Declined | Self::NotManager => StatusCode::FORBIDDEN,
            Self::NoSuchServer => StatusCode::NOT_FOUND,
            Self::Over => StatusCode::BAD_REQUEST,
            Self::IsAnothers => StatusCode::CONFLICT,
            Self::Refused => StatusCode::BAD_GATEWAY,
            Self::NoBot | Self::DiscordDown | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<anyhow::Error> for ConnectTrouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<Denied> for ConnectTrouble {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unavailable(error) => Self::Unavailable(error),
            denied => Self::NotAllowed(denied),
        }
    }
}

impl From<Problem> for ConnectTrouble {
    fn from(problem: Problem) -> Self {
        if problem.status == 404 { Self::NoSuchServer } else { Self::Unavailable(anyhow::anyhow!(problem.detail)) }
    }
}

impl From<NotTold> for ConnectTrouble {
    fn from(error: NotTold) -> Self {
        match error {
            NotTold::SignInAgain => Self::Over,
            NotTold::WeAreRefused => Self::Refused,
            NotTold::Unavailable => Self::DiscordDown,
        }
    }
}

impl IntoResponse for ConnectTrouble {
    fn into_response(self) -> Response {
        if let Self::Unavailable(error) = &self {
            tracing::error!(error = format!("{error:#}"), "a server could not be connected");
        }
        let said = Some(Said::by(|lang| self.sentence(lang)));
        let message = Message { about: About::AddingTheBot, said, next: Some("/servers"), join: None };
        (self.status(), message).into_response()
    }
}

/// Which server to add the bot to; Discord asks where none is named.
#[derive(Debug, Deserialize)]
struct Wanted {
    guild_id: Option<String>,
}

/// Sends somebody to Discord to add the bot.
async fn depart(
    State(bot): State<Arc<Bot>>,
    Query(Wanted { guild_id }): Query<Wanted>,
    mut parts: Parts,
) -> Result<Response, ConnectTrouble> {
    let caller = match May::<ChangeSettings>::check(&mut parts, &bot).await {
        Err(Denied::Unknown) if bot.access.sign_in.is_some() => {
            return Ok(Redirect::to("/sign-in?next=/connect").into_response());
        }
        caller => caller?,
    };
    let guild = match guild_id {
        Some(id) => Some(find(&bot, &caller, &Id(id)).await?),
        None => None,
    };
    let served = servers::served_by(&bot, caller.account()).await?.ok_or(ConnectTrouble::NoBot)?;
    let discord = bot.discord.as_deref().ok_or(ConnectTrouble::NoBot)?;
    let Some((sign_in, person)) = comes_back(&bot, &caller, &served) else {
        let install = connect::install(discord, &served, guild.as_ref(), None);
        return Ok((FRESH, Redirect::to(install.url.as_str())).into_response());
    };
    let ((state, state_hash), proof) = (secret(), Proof::generate());
    let redirect = sign_in.install_redirect();
    let back = Return { redirect: &redirect, state: state.expose_secret(), challenge: &proof.challenge };
    let install = connect::install(discord, &served, guild.as_ref(), Some(back));
    let browser = session::browser(&parts.headers, &bot.access);
    let under_way = SignInUnderWay {
        state: state_hash,
        browser: hash(&browser),
        verifier: proof.verifier,
        next: errand(&caller, person),
        expires: (Timestamp::now() + session::SIGN_IN_LASTS).as_second(),
    };
    bot.store.put_sign_in(&under_way).await?;
    let cookie = session::browser_cookie(&bot.access, &browser);
    Ok((FRESH, [(SET_COOKIE, cookie)], Redirect::to(install.url.as_str())).into_response())
}

/// Whether somebody comes back from Discord: only a person whom Discord knows, and only with the shared bot, of which we
/// have the client secret. Whoever adds a bot of their own chooses the server afterwards.
fn comes_back<'a>(bot: &'a Bot, caller: &'a Caller, served: &Served) -> Option<(&'a SignIn, &'a PersonId)> {
    let sign_in = bot.access.sign_in.as_ref().filter(|_| served.custom.is_none())?;
    Some((sign_in, caller.person().filter(|_| caller.session().is_some())?))
}

/// What a state is good for: adding a server to this account by this person, and nothing else.
fn errand(caller: &Caller, person: &PersonId) -> String {
    format!("/connect/{}/{person}", caller.account())
}

/// Somebody is back from Discord. Which server it is, Discord says in its own answer, never the address.
async fn callback(
    State(bot): State<Arc<Bot>>,
    Query(returned): Query<Returned>,
    mut parts: Parts,
) -> Result<Response, ConnectTrouble> {
    let now = Timestamp::now();
    let caller = May::<ChangeSettings>::check(&mut parts, &bot).await?;
    let sign_in = bot.access.sign_in.as_ref().ok_or(ConnectTrouble::Over)?;
    let person = caller.person().ok_or(ConnectTrouble::Over)?;
    let browser = session::sent_browser(&parts.headers, &bot.access).ok_or(ConnectTrouble::Over)?;
    let under_way = bot.store.take_sign_in(&hash(&returned.state), &hash(browser), now).await?;
    let under_way = under_way.filter(|under_way| under_way.next == errand(&caller, person));
    let under_way = under_way.ok_or(ConnectTrouble::Over)?;
    let code = match (returned.error.as_deref(), returned.code) {
        (None, Some(code)) if code.len() <= MAX_CODE_CHARS => code,
        (Some("access_denied"), _) => return Err(ConnectTrouble::Declined),
        _ => return Err(ConnectTrouble::Refused),
    };
    let added = sign_in.added(&code, under_way.verifier, bot.discord.as_deref()).await?;
    let added = added.ok_or(ConnectTrouble::Refused)?;
    let managed = connect::managed_by(&bot, person, now).await?;
    if !managed.iter().any(|guild| guild.id == added.id) {
        return Err(ConnectTrouble::NotManager);
    }
    let note = caller.note("guild.connected", added.id.to_string(), Vec::new(), now);
    let named = Some((added.name, added.icon));
    match connect::connect(&bot, caller.account(), added.id, named, &note, now).await? {
        Connected::Yes(_) | Connected::Before(_) => {
            Ok((FRESH, Redirect::to(&format!("/servers/{}", added.id))).into_response())
        }
        Connected::IsAnothers => Err(ConnectTrouble::IsAnothers),
    }
}
