//! One request to Discord: its rate limits, when it is worth another try, and what a refusal means.

use super::DiscordError;
use super::pace::{Budget, Pace};
use crate::http;
use anyhow::{Context as _, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use twilight_http_ratelimiting::{Endpoint, Method, RateLimitHeaders, RateLimiter};
use twilight_model::id::{Id, marker::ApplicationMarker};

/// A request must be over by then, waiting included: a job that holds its place longer keeps others from theirs, and the
/// queue tries again anyway.
const PATIENCE: Duration = Duration::from_secs(30);

/// One attempt. Discord answers within a second; what takes longer than this has been lost.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Pauses before further attempts at what may be repeated.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(10)];

/// Discord does not know an interaction's reply before our first answer to it has arrived, and a quick worker overtakes
/// that answer. It has to arrive within three seconds. [Discord Docs/Receiving and Responding: Interaction Callback]
const NOT_YET: [Duration; 7] = [
    Duration::from_millis(10),
    Duration::from_millis(30),
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(600),
    Duration::from_secs(1),
    Duration::from_secs(1),
];

/// A 429 without a time, as a proxy before Discord may send it.
const UNTOLD_WAIT: Duration = Duration::from_secs(5);

/// A token that Discord did not know is not used again for so long: each use would count towards the ten thousand refusals
/// in ten minutes after which it blocks an address. 120 in that time leave room for many such bots.
/// [Discord Docs/Rate Limits: Invalid Request Limit]
const REVOKED: Duration = Duration::from_secs(5);

/// What is said instead of using it.
pub(super) const REFUSED_LATELY: &str = "the token was refused a moment ago";

/// Discord's answers are messages and lists of them; a hundred messages stay well below this.
const MAX_ANSWER: usize = 8 << 20;

/// How Discord wants clients to call themselves. [Discord Docs/Reference: User Agent]
const USER_AGENT: &str = concat!("DiscordBot (guildhall, ", env!("CARGO_PKG_VERSION"), ")");

/// Codes that mean that the interaction is over. [Discord Docs/Opcodes and Status Codes: JSON]
const UNKNOWN_WEBHOOK: u64 = 10_015;
const UNKNOWN_INTERACTION: u64 = 10_062;
const INVALID_WEBHOOK_TOKEN: u64 = 50_027;

/// What is asked of Discord.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/api/v10/`, without a query. Holds the interaction's token: never logged.
    pub(super) path: String,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Value>,
    pub(super) as_bot: bool,
}

impl Call<'_> {
    /// Whether doing it twice is the same as doing it once. Discord drops a message whose nonce it has just seen, and a
    /// message has one thread. [Discord Docs/Message: Create Message]
    fn may_repeat(&self) -> bool {
        let has_nonce = || self.body.is_some_and(|body| body["enforce_nonce"] == true);
        !matches!(self.method, Method::Post) || self.path.ends_with("/threads") || has_nonce()
    }

    /// Whether Discord must have had our first answer to the interaction before.
    fn follows_an_answer(&self) -> bool {
        self.path.starts_with("webhooks/")
    }

    /// Whether nobody misses it.
    fn is_luxury(&self) -> bool {
        self.path.ends_with("/typing")
    }
}

/// Where Discord is, and the connections to it that all applications share.
#[derive(Debug, Clone)]
pub(super) struct Line {
    http: reqwest::Client,
    base: Url,
    budget: Budget,
}

/// Discord, as one application speaks to it.
#[derive(Debug)]
pub(super) struct Rest {
    line: Line,
    token: SecretString,
    /// What is limited by route.
    limits: RateLimiter,
    /// All requests but those to interactions.
    pace: Pace,
    /// Discord does not know the token; it is not used until then.
    revoked: Mutex<Option<Instant>>,
}

/// Why one attempt brought nothing.
enum Failure {
    /// Discord has certainly not done it; worth another try after the time told, or after our own pause.
    Undone(Option<Duration>, &'static str),
    /// Discord does not know the interaction: not yet, or no more.
    Unknown,
    /// It may have been done.
    Uncertain(&'static str),
    /// It will never be done.
    Final(DiscordError),
}

impl Line {
    /// Connects with the first request.
    pub(super) fn new(api_url: &Url, budget: Budget) -> Result<Self> {
        let http =
            http::client_builder().user_agent(USER_AGENT).timeout(ATTEMPT).build().context("the client for Discord")?;
        let base = format!("{}/api/v10/", api_url.as_str().trim_end_matches('/'));
        Ok(Self { http, base: Url::parse(&base).context("DISCORD_API_URL")?, budget })
    }

    /// A page of Discord's that is not of its API.
    pub(super) fn beside_api(&self, path: &str) -> Url {
        self.base.join("../../").and_then(|root| root.join(path)).expect("a fixed path fits any address")
    }
}

impl Rest {
    /// Must be called within a runtime: the limiter runs as a task of it. Without an application, requests are not shared
    /// with other workers.
    pub(super) fn new(line: Line, token: SecretString, application: Option<Id<ApplicationMarker>>) -> Self {
        let pace = line.budget.pace(application);
        // Its own limit of all routes together would know of this process only.
        Self { line, token, limits: RateLimiter::new(u16::MAX), pace, revoked: Mutex::default() }
    }

    /// Sends a call and reads the answer. What Discord has certainly not done is tried again for half a minute. What it
    /// may have done is tried again only where a repetition changes nothing: no POST but one that Discord itself knows
    /// again.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Vec<u8>, DiscordError> {
        let until = Instant::now() + PATIENCE;
        let (mut pauses, mut not_yet) = (PAUSES.iter(), NOT_YET.iter());
        loop {
            // In a box, as it is large, and part of the futures of all who ask.
            let Ok(outcome) = tokio::time::timeout_at(until, Box::pin(self.attempt(call))).await else {
                return Err(DiscordError::Unavailable("Discord took too long"));
            };
            let (wait, why) = match outcome {
                Ok(answer) => return Ok(answer),
                Err(Failure::Unknown) => match not_yet.next() {
                    Some(&pause) => (pause, DiscordError::TooLate),
                    None => return Err(DiscordError::TooLate),
                },
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Undone(Some(told), why)) => (told, DiscordError::Unavailable(why)),
                Err(Failure::Uncertain(why)) if !call.may_repeat() => {
                    return Err(DiscordError::Unavailable(why));
                }
                Err(Failure::Undone(None, why) | Failure::Uncertain(why)) => match pauses.next() {
                    Some(&pause) => (pause, DiscordError::Unavailable(why)),
                    None => return Err(DiscordError::Unavailable(why)),
                },
            };
            if Instant::now() + wait >= until {
                return Err(why);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        if call.as_bot && self.revoked().is_some_and(|until| Instant::now() < until) {
            // Whether it is refused again is found out later: an answer is not given up for what may pass.
            return Err(Failure::Final(DiscordError::Unavailable(REFUSED_LATELY)));
        }
        if call.is_luxury() && self.pace.is_scarce() {
            return Err(Failure::Final(DiscordError::Unavailable("the bot's requests are scarce")));
        }
        let permit = self.limits.acquire(Endpoint { method: call.method, path: without_token(&call.path) }).await;
        if call.as_bot {
            self.pace.turn().await;
        }
        let response = self.request(call)?.send().await.map_err(|error| {
            if error.is_connect() {
                Failure::Undone(None, "Discord could not be reached")
            } else {
                Failure::Uncertain("the connection to Discord broke off")
            }
        })?;
        let told = (response.status() == StatusCode::TOO_MANY_REQUESTS)
            .then(|| seconds(response.headers(), RETRY_AFTER.as_str()).unwrap_or(UNTOLD_WAIT));
        permit.complete(limit_headers(response.headers(), told));
        if let Some(wait) = told {
            if response.headers().get(RateLimitHeaders::SCOPE).is_some_and(|scope| scope == "global") {
                self.pace.pause(wait).await;
            }
            return Err(Failure::Undone(Some(wait), "Discord's rate limit is used up"));
        }
        let status = response.status();
        if status.is_server_error() {
            return Err(Failure::Uncertain("Discord failed"));
        }
        let body = read(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        if call.as_bot && status == StatusCode::UNAUTHORIZED {
            *self.revoked() = Some(Instant::now() + REVOKED);
        }
        Err(match refusal(status, &body) {
            DiscordError::TooLate if status == StatusCode::NOT_FOUND && call.follows_an_answer() => Failure::Unknown,
            error => Failure::Final(error),
        })
    }

    fn revoked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, call: &Call<'_>) -> Result<reqwest::RequestBuilder, Failure> {
        let unusable = || Failure::Final(DiscordError::Refused { status: 400, code: 0 });
        let method = reqwest::Method::from_bytes(call.method.name().as_bytes()).map_err(|_| unusable())?;
        let mut url = self.line.base.join(&call.path).map_err(|_| unusable())?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = self.line.http.request(method, url);
        if call.as_bot {
            let mut value =
                HeaderValue::from_str(&format!("Bot {}", self.token.expose_secret())).map_err(|_| unusable())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(match call.body {
            Some(body) => request.json(body),
            None => request,
        })
    }
}

/// The path for the limiter, which writes it into its logs: an interaction's token is a secret, and told apart from others
/// by its hash as well.
fn without_token(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    let hash;
    if let ["webhooks" | "interactions", _, token, ..] = parts.as_mut_slice() {
        hash = hex::encode(&Sha256::digest(*token)[..8]);
        *token = &hash;
    }
    parts.join("/")
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Uncertain("Discord's answer broke off"))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::Uncertain("Discord's answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(status: StatusCode, body: &[u8]) -> DiscordError {
    #[derive(Deserialize)]
    struct Body {
        code: u64,
    }
    let code = serde_json::from_slice(body).map_or(0, |body: Body| body.code);
    match code {
        UNKNOWN_WEBHOOK | UNKNOWN_INTERACTION | INVALID_WEBHOOK_TOKEN => DiscordError::TooLate,
        _ => DiscordError::Refused { status: status.as_u16(), code },
    }
}

/// What the limiter learns from an answer. After a 429 the bucket counts as empty for the time told.
fn limit_headers(headers: &HeaderMap, told: Option<Duration>) -> Option<RateLimitHeaders> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u16>().ok();
    let bucket = headers.get(RateLimitHeaders::BUCKET)?.as_bytes().to_vec();
    let (remaining, resets) = match told {
        Some(wait) => (0, wait),
        None => (number(RateLimitHeaders::REMAINING)?, seconds(headers, RateLimitHeaders::RESET_AFTER)?),
    };
    Some(RateLimitHeaders {
        bucket,
        limit: number(RateLimitHeaders::LIMIT).unwrap_or(0),
        remaining,
        reset_at: std::time::Instant::now() + resets,
    })
}

/// A header with a number of seconds; nothing where it is none or is beyond a day.
fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let value: f64 = headers.get(name)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(value).ok().filter(|wait| *wait <= Duration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::State;
    use axum::response::{IntoResponse as _, Response as Answer};
    use std::collections::VecDeque;
    use std::sync::Arc;

    type Script = Arc<Mutex<VecDeque<Answer>>>;

    /// A Discord that gives these answers, one a request, then 200s; and what is left of them.
    async fn discord(answers: Vec<Answer>) -> (Rest, Script) {
        async fn next(State(script): State<Script>) -> Answer {
            script.lock().unwrap().pop_front().unwrap_or_else(|| "{}".into_response())
        }
        let script: Script = Arc::new(Mutex::new(answers.into()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let app = Router::new().fallback(next).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (Rest::new(Line::new(&url, Budget::Own).unwrap(), "token".into(), None), script)
    }

    fn refused(status: u16, code: u64) -> Answer {
        (StatusCode::from_u16(status).unwrap(), serde_json::json!({"code": code, "message": "no"}).to_string())
            .into_response()
    }

    fn limited(scope: &'static str) -> Answer {
        let headers = [("retry-after", "0.02"), ("x-ratelimit-scope", scope), ("x-ratelimit-bucket", "b")];
        (StatusCode::TOO_MANY_REQUESTS, headers, "{}").into_response()
    }

    async fn send(method: Method, as_bot: bool, answers: Vec<Answer>) -> (Result<Vec<u8>, DiscordError>, usize) {
        let (rest, script) = discord(answers).await;
        let outcome = rest
            .send(&Call { method, path: "webhooks/1/t".to_owned(), query: &[], body: Some(&Value::Null), as_bot })
            .await;
        let left = script.lock().unwrap().len();
        (outcome, left)
    }

    #[tokio::test]
    async fn an_edit_is_repeated_until_it_is_done() {
        let answers = vec![refused(502, 0), limited("user"), limited("global"), limited("shared")];
        assert_eq!(send(Method::Patch, false, answers).await, (Ok(b"{}".to_vec()), 0));
    }

    #[tokio::test]
    async fn a_follow_up_that_may_be_there_is_not_repeated() {
        let (outcome, left) = send(Method::Post, false, vec![refused(500, 0), refused(500, 0)]).await;
        assert!(matches!(outcome, Err(DiscordError::Unavailable(_))), "{outcome:?}");
        assert_eq!(left, 1);
        // A 429 says that it is not there.
        assert_eq!(send(Method::Post, false, vec![limited("user")]).await, (Ok(b"{}".to_vec()), 0));
    }

    #[tokio::test]
    async fn a_reply_may_overtake_the_first_answer() {
        let early = vec![refused(404, UNKNOWN_WEBHOOK), refused(404, UNKNOWN_WEBHOOK)];
        assert_eq!(send(Method::Patch, false, early).await, (Ok(b"{}".to_vec()), 0));
    }

    #[tokio::test]
    async fn a_refusal_is_told_at_once() {
        // 401s count towards the ten thousand after which Discord blocks an address: an expired token is not tried again.
        let expired = vec![refused(401, INVALID_WEBHOOK_TOKEN), refused(500, 0)];
        assert_eq!(send(Method::Patch, false, expired).await, (Err(DiscordError::TooLate), 1));
        let answers = vec![refused(400, 50_035), refused(400, 50_035)];
        let error = DiscordError::Refused { status: 400, code: 50_035 };
        assert_eq!(send(Method::Patch, false, answers).await, (Err(error), 1));
        assert_eq!(
            send(Method::Get, true, vec![refused(401, 0)]).await.0,
            Err(DiscordError::Refused { status: 401, code: 0 })
        );
    }

    #[tokio::test]
    async fn a_token_that_was_refused_is_not_used_again() {
        let (rest, script) = discord(vec![refused(401, 0), refused(500, 0)]).await;
        let call =
            |as_bot| Call { method: Method::Get, path: "webhooks/1/t".to_owned(), query: &[], body: None, as_bot };
        assert_eq!(rest.send(&call(true)).await, Err(DiscordError::Refused { status: 401, code: 0 }));
        for _ in 0..2 {
            // Worth another try later: Discord may have been wrong.
            assert!(matches!(rest.send(&call(true)).await, Err(DiscordError::Unavailable(_))));
        }
        assert_eq!(script.lock().unwrap().len(), 1, "Discord was asked once");
        assert_eq!(rest.send(&call(false)).await, Ok(b"{}".to_vec()), "an interaction's token is another one");
    }

    #[tokio::test]
    async fn a_message_with_a_nonce_is_repeated() {
        let (rest, script) = discord(vec![refused(500, 0)]).await;
        let body = serde_json::json!({"nonce": "1-0", "enforce_nonce": true});
        let path = "channels/1/messages".to_owned();
        let call = Call { method: Method::Post, path, query: &[], body: Some(&body), as_bot: true };
        assert_eq!(rest.send(&call).await, Ok(b"{}".to_vec()));
        assert!(script.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_first_answer_that_comes_too_late_is_not_repeated() {
        let (rest, script) = discord(vec![refused(404, UNKNOWN_INTERACTION), refused(500, 0)]).await;
        let path = "interactions/1/t/callback".to_owned();
        let call = Call { method: Method::Post, path, query: &[], body: Some(&Value::Null), as_bot: false };
        assert_eq!(rest.send(&call).await, Err(DiscordError::TooLate));
        assert_eq!(script.lock().unwrap().len(), 1);
    }

    #[test]
    fn the_limiter_never_sees_a_token() {
        let path = without_token("webhooks/5/secret/messages/@original");
        assert!(path.starts_with("webhooks/5/") && path.ends_with("/messages/@original"), "{path}");
        assert!(!path.contains("secret") && path != without_token("webhooks/5/other/messages/@original"), "{path}");
        assert!(!without_token("interactions/7/secret/callback").contains("secret"));
        assert_eq!(without_token("channels/3/messages"), "channels/3/messages");
    }

    #[test]
    fn what_is_over_is_too_late() {
        for (status, code) in [(404, 10_062), (404, 10_015), (401, 50_027)] {
            let body = format!(r#"{{"code":{code}}}"#);
            assert_eq!(refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes()), DiscordError::TooLate);
        }
        let html = refusal(StatusCode::FORBIDDEN, b"<html>");
        assert_eq!(html, DiscordError::Refused { status: 403, code: 0 });
    }

    #[tokio::test]
    async fn an_absurd_wait_is_not_waited_for() {
        let headers = [("retry-after", "3600"), ("x-ratelimit-scope", "user"), ("x-ratelimit-bucket", "b")];
        let answer = (StatusCode::TOO_MANY_REQUESTS, headers, "{}").into_response();
        let (outcome, _) = send(Method::Patch, false, vec![answer]).await;
        assert!(matches!(outcome, Err(DiscordError::Unavailable(_))), "{outcome:?}");
    }
}
