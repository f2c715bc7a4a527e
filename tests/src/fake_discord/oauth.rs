//! A person allows an application to know who they are. [Discord Docs/OAuth2]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Extension, Form, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::gate::{Caller, Person};
use super::rest::Server;
use super::rest::servers::{Window, of_bot};
use super::state::{Shared, State as Memory};
use super::{FakeDiscord, Member};

/// A week, as Discord's access tokens last.
const TOKENS_LAST: Duration = Duration::from_hours(7 * 24);

/// What is remembered of people and applications that ask about them.
#[derive(Debug)]
pub(crate) struct OAuth {
    client_secret: String,
    /// Who sits at the browser that comes next, and whether they allow it.
    visitor: Option<(u64, bool)>,
    /// The server that people choose who are asked to add a bot.
    chosen: Option<u64>,
    codes: HashMap<String, Grant>,
    access: HashMap<String, (u64, Instant)>,
    refresh: HashMap<String, u64>,
    tokens_last: Duration,
    guilds: BTreeMap<(u64, u64), u64>,
    asked: Vec<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Grant {
    user: u64,
    redirect: String,
    challenge: Option<String>,
    scope: String,
    /// The server that the bot was added to.
    added: Option<u64>,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            client_secret: random(),
            visitor: None,
            chosen: None,
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            tokens_last: TOKENS_LAST,
            guilds: BTreeMap::new(),
            asked: Vec::new(),
        }
    }
}

impl OAuth {
    /// Whose access token this is, while it lasts.
    pub(crate) fn person_with(&self, token: &str) -> Option<u64> {
        self.access.get(token).filter(|(_, ends)| Instant::now() < *ends).map(|(user, _)| *user)
    }

    fn give(&mut self, user: u64, scope: &str) -> Value {
        let (access, refresh) = (random(), random());
        self.access.insert(access.clone(), (user, Instant::now() + self.tokens_last));
        self.refresh.insert(refresh.clone(), user);
        json!({
            "token_type": "Bearer", "access_token": access, "refresh_token": refresh,
            "expires_in": self.tokens_last.as_secs(), "scope": scope,
        })
    }
}

impl FakeDiscord {
    /// What `DISCORD_CLIENT_SECRET` is set to.
    pub fn client_secret(&self) -> String {
        self.shared.state().oauth.client_secret.clone()
    }

    /// Whoever comes to Discord's page from now on is this person, and allows or denies what is asked.
    pub fn at_the_browser(&self, member: &Member, allows: bool) {
        self.shared.state().oauth.visitor = Some((member.id, allows));
    }

    /// Whoever is asked to add a bot chooses this server, unless one is named already.
    pub fn adds_to(&self, guild_id: u64) {
        self.shared.state().oauth.chosen = Some(guild_id);
    }

    /// Somebody resets the client secret in the developer portal.
    pub fn resets_client_secret(&self) {
        self.shared.state().oauth.client_secret = random();
    }

    /// A person takes back what they have allowed: no token of theirs works any more.
    pub fn takes_back(&self, member: &Member) {
        let mut state = self.shared.state();
        state.oauth.access.retain(|_, (user, _)| *user != member.id);
        state.oauth.refresh.retain(|_, user| *user != member.id);
    }

    /// Whether somebody has a token for asking about this person.
    pub fn has_allowed(&self, member: &Member) -> bool {
        self.shared.state().oauth.refresh.values().any(|user| *user == member.id)
    }

    /// How long access tokens last that are given from now on.
    pub fn set_tokens_last(&self, time: Duration) {
        self.shared.state().oauth.tokens_last = time;
    }

    /// A person is on this server and may do this there; `permissions` are Discord's bits.
    pub fn is_on(&self, member: &Member, guild_id: u64, permissions: u64) {
        self.shared.state().oauth.guilds.insert((member.id, guild_id), permissions);
    }

    /// With what people were sent to Discord's page so far.
    pub fn asked_to_allow(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.state().oauth.asked.clone()
    }
}

/// `GET /oauth2/authorize`: the page on which a person allows or denies. A browser with a screen shows it; any other does
/// at once what was planned for it.
pub(crate) async fn authorize(
    State(shared): Server,
    headers: HeaderMap,
    Query(mut asked): Query<BTreeMap<String, String>>,
) -> Result<Response, (StatusCode, &'static str)> {
    let mut state = shared.state();
    let answer = asked.remove("answer");
    let shows_pages = headers.get(header::ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    if shows_pages && answer.is_none() {
        return Ok(question(&asked).into_response());
    }
    state.oauth.asked.push(asked.clone());
    let said = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    if said("client_id") != shared.application_id.to_string() {
        return Err((StatusCode::BAD_REQUEST, "Unknown Application"));
    }
    if said("response_type") != "code" || said("scope").is_empty() || said("redirect_uri").is_empty() {
        return Err((StatusCode::BAD_REQUEST, "Invalid Form Body"));
    }
    let challenge = asked.get("code_challenge").cloned();
    if challenge.is_some() && said("code_challenge_method") != "S256" {
        return Err((StatusCode::BAD_REQUEST, "Invalid code_challenge_method"));
    }
    let (user, plan) = state.oauth.visitor.ok_or((StatusCode::UNAUTHORIZED, "nobody sits at this browser"))?;
    let allows = answer.map_or(plan, |answer| answer == "allow");
    let redirect = said("redirect_uri").to_owned();
    let mut back =
        reqwest::Url::parse(&redirect).map_err(|_| (StatusCode::BAD_REQUEST, "Invalid OAuth2 redirect_uri"))?;
    if allows {
        let (code, scope) = (random(), said("scope").to_owned());
        let mut added = None;
        if scope.split(' ').any(|scope| scope == "bot") {
            added = asked.get("guild_id").and_then(|id| id.parse().ok()).or(state.oauth.chosen);
            state.invite(shared.application_id, added.ok_or((StatusCode::BAD_REQUEST, "no server was chosen"))?);
        }
        back.query_pairs_mut().append_pair("code", &code);
        state.oauth.codes.insert(code, Grant { user, redirect, challenge, scope, added });
    } else {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", "The resource owner or authorization server denied the request");
    }
    if let Some(said) = asked.get("state") {
        back.query_pairs_mut().append_pair("state", said);
    }
    Ok(Redirect::to(back.as_str()).into_response())
}

/// What a person is asked: a form that brings them here again with their answer.
fn question(asked: &BTreeMap<String, String>) -> Html<String> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let field = |(name, value): (&String, &String)| {
        format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
    };
    Html(format!(
        "<!doctype html><html lang=\"en\"><link rel=\"icon\" href=\"data:,\"><title>Discord</title><form>{}<p>An application wants to know who you are.</p>\
         <button name=\"answer\" value=\"allow\">Authorise</button>\
         <button name=\"answer\" value=\"deny\">Cancel</button></form></html>",
        asked.iter().map(field).collect::<String>()
    ))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    token: Option<String>,
}

/// `POST /oauth2/token`.
pub(crate) async fn token(State(shared): Server, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    let mut state = shared.state();
    if !is_client(&shared, &state, &headers, &asked) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let allowed = match asked.grant_type.as_deref() {
        Some("authorization_code") => {
            // A code is used up by the first attempt.
            let grant = asked.code.as_ref().and_then(|code| state.oauth.codes.remove(code));
            grant.filter(|grant| fits(grant, &asked)).map(|grant| (grant.user, grant.scope, grant.added))
        }
        Some("refresh_token") => {
            let user = asked.refresh_token.as_ref().and_then(|token| state.oauth.refresh.remove(token));
            user.map(|user| (user, "identify guilds".to_owned(), None))
        }
        _ => return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    };
    let Some((user, scope, added)) = allowed else { return refused(StatusCode::BAD_REQUEST, "invalid_grant") };
    let mut given = state.oauth.give(user, &scope);
    if let Some(guild) = added {
        // [Discord Docs/OAuth2: Advanced Bot Authorization]
        given["guild"] = state.guilds.get(&guild).map_or(Value::Null, |found| found.json(guild));
    }
    Json(given).into_response()
}

/// `POST /oauth2/token/revoke`.
pub(crate) async fn revoke(State(shared): Server, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    let mut state = shared.state();
    if !is_client(&shared, &state, &headers, &asked) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let token = asked.token.unwrap_or_default();
    let user = state.oauth.access.remove(&token).map(|(user, _)| user).or(state.oauth.refresh.remove(&token));
    if let Some(user) = user {
        state.oauth.access.retain(|_, (other, _)| *other != user);
        state.oauth.refresh.retain(|_, other| *other != user);
    }
    Json(json!({})).into_response()
}

/// `GET /users/@me/guilds`. [Discord Docs/User: Get Current User Guilds]
pub(crate) async fn guilds(
    State(shared): Server,
    Extension(Caller(bot)): Extension<Caller>,
    person: Option<Extension<Person>>,
    Query(window): Query<Window>,
) -> Response {
    let state = shared.state();
    let Some(Extension(Person(user))) = person else {
        return Json(of_bot(&state, bot, &window)).into_response();
    };
    let theirs = state.oauth.guilds.iter().filter(|((who, _), _)| *who == user);
    let shown = theirs.map(|((_, guild), permissions)| {
        let name = state.guilds.get(guild).map_or("A server", |guild| &guild.name);
        json!({
            "id": guild.to_string(), "name": name, "icon": null, "banner": null, "owner": false, "features": [],
            "permissions": permissions.to_string(),
        })
    });
    Json(shown.collect::<Value>()).into_response()
}

fn is_client(shared: &Shared, state: &Memory, headers: &HeaderMap, asked: &Asked) -> bool {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let pair = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Some((id.to_owned(), secret.to_owned()))
    });
    let sent = basic.or_else(|| asked.client_id.clone().zip(asked.client_secret.clone()));
    sent == Some((shared.application_id.to_string(), state.oauth.client_secret.clone()))
}

/// [RFC 7636: 4.6]
fn fits(grant: &Grant, asked: &Asked) -> bool {
    let made = asked.code_verifier.as_ref().map(|verifier| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
    grant.challenge == made && asked.redirect_uri.as_ref() == Some(&grant.redirect)
}

/// [RFC 6749: 5.2]
fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error, "error_description": format!("{error} in request.")}))).into_response()
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// Where people meet it; the API's part is beside the other endpoints.
pub(crate) fn pages() -> axum::Router<Arc<Shared>> {
    axum::Router::new().route("/oauth2/authorize", axum::routing::get(authorize))
}
