//! Discord says who a person is, and lets us ask about them. [Discord Docs/OAuth2: Authorization Code Grant]
//!
//! PKCE goes beside the client secret: Discord's metadata for authorization servers names S256. [RFC 7636] [RFC 8414]

pub mod install; // a person adds the bot to a server

use crate::config::SignInConfig;
use crate::discord::Discord;
use crate::ids::PersonId;
use crate::secret::Secrets;
use crate::store::{DiscordTokens, Person, Store};
use crate::{bot::Bot, http};
use anyhow::Result;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, TokenResponse as _, TokenUrl,
};
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker, UserMarker},
};
use url::{Url, form_urlencoded};

/// A person waits for the page meanwhile. Discord answers within a second.
const ATTEMPT: Duration = Duration::from_secs(8);

/// Who we are, where the environment does not say so and Discord is still being asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer is a list of two hundred servers, each well below a kilobyte.
const MAX_ANSWER: usize = 1 << 20;

/// An access token that ends so soon is renewed first.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// Whoever has got new tokens has written them down by then.
const WRITTEN_BY_THEN: Duration = Duration::from_secs(1);

/// What Discord says where it says nothing: a week. [Discord Docs/OAuth2: Access Token Response]
const USUAL_LIFE: Duration = Duration::from_hours(7 * 24);

/// Who a person is, and on which servers with which permissions.
const SCOPES: [&str; 2] = ["identify", "guilds"];

/// A client that can send people to Discord and ask for tokens.
type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Signing in by Discord.
#[derive(Debug)]
pub struct SignIn {
    line: Line,
    discord: Url,
    config: SignInConfig,
    redirect: Url,
    secrets: Secrets,
}

/// How Discord is reached.
#[derive(Debug)]
struct Line(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Line {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async { read(self.0.execute(request.try_into()?).await?).await })
    }
}

/// What a person is sent to Discord with.
#[derive(Debug)]
pub struct Departure {
    /// Discord's page, with everything it needs.
    pub address: Url,
    /// What proves to Discord, when they are back, that we are the same program. Kept until then.
    pub verifier: String,
}

/// Who somebody is, as Discord says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Their id.
    pub id: Id<UserMarker>,
    username: String,
    #[serde(default)]
    global_name: Option<String>,
    /// The hash of their picture.
    #[serde(default)]
    pub avatar: Option<String>,
}

impl User {
    /// What they are called everywhere.
    pub fn name(&self) -> &str {
        self.global_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.username)
    }
}

/// A server that a person is on. [Discord Docs/User: Get Current User Guilds]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TheirGuild {
    /// Its id.
    pub id: Id<GuildMarker>,
    /// Its name.
    pub name: String,
    /// The hash of its picture.
    #[serde(default)]
    pub icon: Option<String>,
    /// Whether it is theirs.
    #[serde(default)]
    pub owner: bool,
    /// What they may do there, as bits in decimal.
    #[serde(default)]
    pub permissions: String,
}

/// Why Discord did not say who somebody is, or what was asked about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// What the person allowed is used up, over or taken back: they have to sign in again.
    #[error("Discord does not let Guildhall ask about this person any more")]
    SignInAgain,
    /// Discord does not take us for who we are: the client secret or the redirect address is wrong.
    #[error("Discord does not accept Guildhall's client secret or redirect address")]
    WeAreRefused,
    /// Not now.
    #[error("Discord does not answer")]
    Unavailable,
}

#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Answer(#[from] oauth2::http::Error),
    #[error("Discord answered {0}")]
    Unavailable(u16),
    #[error("Discord's answer is too long")]
    TooLong,
}

/// Access and refresh token, sealed as one.
#[derive(Serialize, Deserialize)]
struct Pair {
    access: String,
    refresh: Option<String>,
}

impl SignIn {
    /// `discord` is the base of Discord's addresses, `public` is ours, and `secrets` seals what Discord gives.
    pub fn new(config: SignInConfig, discord: &Url, public: &Url, secrets: Secrets) -> Result<Self> {
        // A redirect would carry the code or the secret to wherever it points.
        let http = http::client_builder().timeout(ATTEMPT).redirect(reqwest::redirect::Policy::none()).build()?;
        let redirect = below(public, &["sign-in", "callback"]);
        Ok(Self { line: Line(http), discord: discord.clone(), config, redirect, secrets })
    }

    /// Where Discord sends people back to: it must be told of this address in its developer portal.
    pub fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// What to send a person to Discord with. `state` comes back with them.
    pub async fn departure(&self, state: String, discord: Option<&Discord>) -> Result<Departure, NotTold> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(discord).await?;
        let scopes = SCOPES.map(|scope| Scope::new(scope.to_owned()));
        let (mut address, _) =
            client.authorize_url(|| CsrfToken::new(state)).add_scopes(scopes).set_pkce_challenge(challenge).url();
        // Whoever has allowed the same before is not asked again. [Discord Docs/OAuth2: Authorization Code Grant]
        address.query_pairs_mut().append_pair("prompt", "none");
        Ok(Departure { address, verifier: verifier.secret().clone() })
    }

    /// Who has come back with this code, and what we may ask about them from now on.
    pub async fn arrival(
        &self,
        code: &str,
        verifier: String,
        discord: Option<&Discord>,
        now: Timestamp,
    ) -> Result<(User, DiscordTokens), NotTold> {
        let client = self.client(discord).await?;
        let asked = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&self.line)
            .await;
        let given = asked.map_err(|error| why(&error))?;
        let user: User = self.ask("users/@me", given.access_token().secret()).await?;
        let tokens = self.seal(&user.id.into(), &given, None, now).await?;
        Ok((user, tokens))
    }

    /// The servers that a person is on, at most 200. Asked with a token of [`access_token`](Self::access_token).
    pub async fn guilds(&self, token: &SecretString) -> Result<Vec<TheirGuild>, NotTold> {
        self.ask("users/@me/guilds", token.expose_secret()).await
    }

    /// With what Discord can be asked about a person; renewed where it is over. One or two requests to Discord and two to
    /// the table where it is.
    pub async fn access_token(
        &self,
        store: &Store,
        person: &PersonId,
        discord: Option<&Discord>,
        now: Timestamp,
    ) -> Result<SecretString, NotTold> {
        let seen = self.tokens_of(store, person).await?;
        let pair = self.open(person, &seen).await?;
        if seen.expires_at > now + SOON {
            return Ok(pair.access.into());
        }
        let refresh = RefreshToken::new(pair.refresh.ok_or(NotTold::SignInAgain)?);
        let client = self.client(discord).await?;
        let asked = client.exchange_refresh_token(&refresh).request_async(&self.line).await;
        let given = match asked.map_err(|error| why(&error)) {
            Ok(given) => given,
            Err(NotTold::SignInAgain) => {
                // A refresh token works once: perhaps somebody else is just renewing them.
                tokio::time::sleep(WRITTEN_BY_THEN).await;
                if store.replace_discord_tokens(person, &seen, None).await.map_err(|error| unavailable(&error))? {
                    return Err(NotTold::SignInAgain);
                }
                let newer = self.tokens_of(store, person).await?;
                return Ok(self.open(person, &newer).await?.access.into());
            }
            Err(error) => return Err(error),
        };
        let new = self.seal(person, &given, Some(refresh.secret()), now).await?;
        store.replace_discord_tokens(person, &seen, Some(&new)).await.map_err(|error| unavailable(&error))?;
        Ok(given.access_token().secret().clone().into())
    }

    /// Lets Discord forget what a person allowed: their tokens are worthless from then on, here and there.
    async fn give_back(&self, store: &Store, person: &PersonId, discord: Option<&Discord>) -> Result<(), NotTold> {
        let seen = self.tokens_of(store, person).await?;
        if !store.replace_discord_tokens(person, &seen, None).await.map_err(|error| unavailable(&error))? {
            return Ok(());
        }
        let pair = self.open(person, &seen).await?;
        let id = self.application(discord).await.ok_or(NotTold::Unavailable)?.to_string();
        // Either token takes all of the authorization with it. [Discord Docs/OAuth2: Token Revocation Example]
        let token = pair.refresh.as_deref().unwrap_or(&pair.access);
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
        let address = below(&self.discord, &["api", "v10", "oauth2", "token", "revoke"]);
        let request = self.line.0.post(address).basic_auth(id, Some(self.config.client_secret.expose_secret()));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|error| {
            tracing::warn!(error = %error.without_url(), "Discord was not told that a person has signed out");
            NotTold::Unavailable
        })
    }

    async fn tokens_of(&self, store: &Store, person: &PersonId) -> Result<DiscordTokens, NotTold> {
        let person: Option<Person> = store.person(person).await.map_err(|error| unavailable(&error))?;
        person.and_then(|person| person.tokens).ok_or(NotTold::SignInAgain)
    }

    async fn client(&self, discord: Option<&Discord>) -> Result<Client, NotTold> {
        let id = self.application(discord).await.ok_or(NotTold::Unavailable)?;
        let token = TokenUrl::from_url(below(&self.discord, &["api", "v10", "oauth2", "token"]));
        Ok(BasicClient::new(ClientId::new(id.to_string()))
            .set_client_secret(ClientSecret::new(self.config.client_secret.expose_secret().to_owned()))
            .set_auth_uri(AuthUrl::from_url(below(&self.discord, &["oauth2", "authorize"])))
            .set_token_uri(token)
            .set_redirect_uri(RedirectUrl::from_url(self.redirect.clone())))
    }

    /// The application that people sign in to: the shared bot's.
    async fn application(&self, discord: Option<&Discord>) -> Option<Id<ApplicationMarker>> {
        if let Some(id) = self.config.application {
            return Some(id);
        }
        Some(tokio::time::timeout(PATIENCE, discord?.application()).await.ok()??.id)
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<T, NotTold> {
        let address = below(&self.discord, &["api", "v10"]);
        let request = self.line.0.get(format!("{address}/{path}")).bearer_auth(token).build();
        let answer = async { read(self.line.0.execute(request?).await?).await };
        let answer = answer.await.map_err(|error| {
            tracing::warn!(%error, "Discord does not answer a question about somebody who signed in");
            NotTold::Unavailable
        })?;
        match answer.status().as_u16() {
            200 => serde_json::from_slice(answer.body()).map_err(|error| {
                tracing::error!(
                    line = error.line(),
                    column = error.column(),
                    "Discord's answer about a person cannot be read"
                );
                NotTold::Unavailable
            }),
            401 | 403 => Err(NotTold::SignInAgain),
            status => {
                tracing::error!(status, "Discord refuses to say who somebody is");
                Err(NotTold::Unavailable)
            }
        }
    }

    async fn seal(
        &self,
        person: &PersonId,
        given: &BasicTokenResponse,
        before: Option<&str>,
        now: Timestamp,
    ) -> Result<DiscordTokens, NotTold> {
        let refresh = given.refresh_token().map(|token| token.secret().as_str()).or(before);
        let pair = Pair { access: given.access_token().secret().clone(), refresh: refresh.map(str::to_owned) };
        let pair = serde_json::to_string(&pair).map_err(|error| unavailable(&error.into()))?;
        let sealed = self.secrets.seal(&sealed_for(person), &pair).await.map_err(|error| unavailable(&error))?;
        let life = SignedDuration::try_from(given.expires_in().unwrap_or(USUAL_LIFE)).unwrap_or(SignedDuration::ZERO);
        Ok(DiscordTokens { sealed, expires_at: now.checked_add(life).unwrap_or(now) })
    }

    /// What cannot be opened any more, as after the loss of the key, is as good as taken back.
    async fn open(&self, person: &PersonId, tokens: &DiscordTokens) -> Result<Pair, NotTold> {
        let opened = self.secrets.open(&sealed_for(person), &tokens.sealed).await.map_err(|error| {
            tracing::warn!(person.id = %person, error = format!("{error:#}"), "a person's tokens cannot be opened");
            NotTold::SignInAgain
        })?;
        serde_json::from_str(opened.expose_secret()).map_err(|_| NotTold::SignInAgain)
    }
}

/// With what Discord can be asked about a person. See [`SignIn::access_token`].
pub async fn access_token(bot: &Bot, person: &PersonId, now: Timestamp) -> Result<SecretString, NotTold> {
    let sign_in = bot.access.sign_in.as_ref().ok_or(NotTold::SignInAgain)?;
    sign_in.access_token(&bot.store, person, bot.discord.as_deref(), now).await
}

/// Gives back, by and by, what a person allowed who signs out. Nobody waits for Discord, and nothing depends on it.
pub fn give_back(bot: &Arc<Bot>, person: &PersonId) {
    let (bot, person) = (Arc::clone(bot), person.clone());
    tokio::spawn(async move {
        let Some(sign_in) = &bot.access.sign_in else { return };
        if let Err(NotTold::Unavailable | NotTold::WeAreRefused) =
            sign_in.give_back(&bot.store, &person, bot.discord.as_deref()).await
        {
            tracing::warn!(person.id = %person, "what a person allowed at Discord could not be given back");
        }
    });
}

/// Tokens are worth nothing in another person's record.
fn sealed_for(person: &PersonId) -> String {
    format!("Discord tokens of {person}")
}

fn unavailable(error: &anyhow::Error) -> NotTold {
    tracing::error!(error = format!("{error:#}"), "what Discord gave for a person cannot be kept or read");
    NotTold::Unavailable
}

/// An address below another one, which may have a path of its own.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Reads an answer that is not too long. What says that Discord is not well is an error.
async fn read(mut response: reqwest::Response) -> Result<HttpResponse, HttpError> {
    let status = response.status();
    if status.is_server_error() || status.as_u16() == 429 || status.is_redirection() {
        return Err(HttpError::Unavailable(status.as_u16()));
    }
    let mut answer = oauth2::http::Response::builder().status(status.as_u16());
    if let Some(kind) = response.headers().get(reqwest::header::CONTENT_TYPE) {
        answer = answer.header("content-type", kind.as_bytes());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer.body(body)?)
}

/// What a refusal means. [RFC 6749: 5.2]
fn why(error: &RequestTokenError<HttpError, oauth2::basic::BasicErrorResponse>) -> NotTold {
    match error {
        RequestTokenError::ServerResponse(said) => match said.error() {
            BasicErrorResponseType::InvalidGrant => NotTold::SignInAgain,
            kind => {
                tracing::error!(
                    code = kind.as_ref(),
                    "Discord refuses Guildhall's request for tokens: look at DISCORD_CLIENT_SECRET, and at the redirect \
                     addresses in Discord's developer portal"
                );
                NotTold::WeAreRefused
            }
        },
        RequestTokenError::Request(error) => {
            tracing::warn!(%error, "Discord does not answer a request for tokens");
            NotTold::Unavailable
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            tracing::error!("Discord's answer to a request for tokens cannot be read");
            NotTold::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_below_a_base_with_or_without_a_path() {
        let at = |base: &str| below(&base.parse().unwrap(), &["sign-in", "callback"]).to_string();
        assert_eq!(at("https://bot.example.com"), "https://bot.example.com/sign-in/callback");
        assert_eq!(at("https://example.com/bot/"), "https://example.com/bot/sign-in/callback");
    }

    #[test]
    fn a_person_is_called_what_they_chose() {
        let named = |text: &str| serde_json::from_str::<User>(text).unwrap().name().to_owned();
        assert_eq!(named(r#"{"id": "5", "username": "ann_5", "global_name": "Ann"}"#), "Ann");
        assert_eq!(named(r#"{"id": "5", "username": "ann_5", "global_name": null, "avatar": "a"}"#), "ann_5");
        assert!(serde_json::from_str::<User>(r#"{"id": "x", "username": "ann"}"#).is_err());
    }
}
