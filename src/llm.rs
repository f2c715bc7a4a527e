//! The language model: any OpenAI-compatible `/chat/completions`.

mod wire;

use crate::config::{Config, ModelConfig};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

/// A completion is a few kilobytes; more than this is not one.
const MAX_RESPONSE: usize = 1024 * 1024;
/// Of a refusal only the first words matter: which parameter the server does not take.
const MAX_REFUSAL: usize = 16 * 1024;
/// Room for an answer of about 4,000 characters in its JSON; a message of Discord has 2,000.
const MAX_TOKENS: u32 = 1_500;
/// Servers that ask for `max_completion_tokens` count the model's hidden reasoning too, which needs room of its own.
const MAX_TOKENS_WITH_REASONING: u32 = 8_000;
/// Answers come from documents; there is nothing to be creative about.
const TEMPERATURE: f64 = 0.2;
/// How long to wait before the second attempt where the server names no time.
const PAUSE: Duration = Duration::from_millis(500);

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules.
    System,
    /// What is asked, and the material.
    User,
}

/// One message to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub content: String,
}

/// What the model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Its text as it came, empty where it said nothing; not to be trusted to be JSON.
    pub text: String,
    /// Why it stopped: `stop`, `length`, …
    pub finish_reason: Option<String>,
    /// Tokens read, where the server counts them.
    pub prompt_tokens: Option<u32>,
    /// Tokens written, where the server counts them.
    pub completion_tokens: Option<u32>,
}

/// Why there is no completion. Safe to log: no address, no key, nothing that anyone wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// Not reached, too slow, or failing on its side.
    #[error("the model server is unavailable: {0}")]
    Unavailable(String),
    /// It asks for a longer pause than the deadline allows, or twice in a row for one.
    #[error("the model server limits our requests (status 429)")]
    RateLimited,
    /// It will not answer this request however often it is sent; an admin has to look at key, model or address.
    #[error("the model server refused the request (status {status}): check the model's key, name and address")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// It answered with something that is not a completion.
    #[error("the model server's response cannot be used: {0}")]
    BadResponse(&'static str),
}

/// A model at an address, and what was learned of the dialect that is spoken there.
#[derive(Debug)]
pub struct Llm {
    endpoint: Url,
    api_key: Option<SecretString>,
    model: String,
    http: reqwest::Client,
    deadline: Duration,
    dialect: Dialect,
}

/// What this server was found not to take. Servers differ, and none says so beforehand.
#[derive(Debug, Default)]
struct Dialect {
    refuses_schema: AtomicBool,
    has_fixed_temperature: AtomicBool,
    wants_max_completion_tokens: AtomicBool,
}

/// The parameters of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parameters {
    schema: bool,
    temperature: bool,
    max_tokens: bool,
}

/// Why an attempt failed, and so what to do.
enum Failure {
    /// A pause may help: the error otherwise, and how long the server wants us to wait.
    Transient(LlmError, Option<Duration>),
    /// The server does not take the request's parameters; its words, in lower case.
    Parameters(StatusCode, String),
    Final(LlmError),
}

impl Llm {
    /// The model that is configured; none where none is.
    pub fn configured(config: &Config, http: reqwest::Client) -> Option<Self> {
        let ModelConfig { base_url, api_key, model } = config.llm.clone()?;
        Some(Self::new(base_url, api_key, model, http, config.llm_timeout))
    }

    /// `base_url` is what the server's documentation calls the base URL, usually ending in `/v1`; `chat/completions` is
    /// appended to it. Limits on connecting are those of `http`; one answer may take `deadline`, retry included.
    pub fn new(
        base_url: Url,
        api_key: Option<SecretString>,
        model: String,
        http: reqwest::Client,
        deadline: Duration,
    ) -> Self {
        let mut endpoint = base_url;
        if let Ok(mut segments) = endpoint.path_segments_mut() {
            segments.pop_if_empty().extend(["chat", "completions"]);
        }
        Self { endpoint, api_key, model, http, deadline, dialect: Dialect::default() }
    }

    /// Asks the model.
    ///
    /// A busy, failing or unreachable server is asked once more inside the deadline, after the pause that it names. A
    /// server that does not know a parameter is asked again without it, and never again with it: above all `schema`,
    /// so that the text must be read defensively.
    pub async fn complete(&self, messages: &[Message], schema: &Value) -> Result<Completion, LlmError> {
        tokio::time::timeout(self.deadline, self.attempts(messages, schema)).await.unwrap_or_else(|_| {
            let words = format!("no complete response within {} ms", self.deadline.as_millis());
            Err(LlmError::Unavailable(words))
        })
    }

    async fn attempts(&self, messages: &[Message], schema: &Value) -> Result<Completion, LlmError> {
        let started = Instant::now();
        let mut parameters = self.dialect.parameters();
        let mut is_retry = false;
        loop {
            match self.attempt(messages, schema, parameters).await {
                Ok(completion) => {
                    self.dialect.learn(parameters);
                    return Ok(completion);
                }
                Err(Failure::Parameters(status, words)) => {
                    parameters = parameters.adapted_to(&words).ok_or(LlmError::Refused { status: status.as_u16() })?;
                }
                Err(Failure::Transient(error, pause)) => {
                    let pause = pause.unwrap_or(PAUSE);
                    if is_retry || started.elapsed().saturating_add(pause) >= self.deadline {
                        return Err(error);
                    }
                    is_retry = true;
                    tokio::time::sleep(pause).await;
                }
                Err(Failure::Final(error)) => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        messages: &[Message],
        schema: &Value,
        parameters: Parameters,
    ) -> Result<Completion, Failure> {
        let body = wire::Request {
            model: &self.model,
            messages,
            temperature: parameters.temperature.then_some(TEMPERATURE),
            max_tokens: parameters.max_tokens.then_some(MAX_TOKENS),
            max_completion_tokens: (!parameters.max_tokens).then_some(MAX_TOKENS_WITH_REASONING),
            response_format: parameters.schema.then(|| wire::response_format(schema)),
        };
        let mut request = self.http.post(self.endpoint.clone()).json(&body);
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key.expose_secret());
        }
        let response = request.send().await.map_err(|error| Failure::Transient(unreachable(&error), None))?;

        let status = response.status();
        match status {
            _ if status.is_success() => {
                let body = read(response, MAX_RESPONSE).await?;
                wire::read(&body).map_err(|what| Failure::Final(LlmError::BadResponse(what)))
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let pause = retry_after(response.headers(), SystemTime::now());
                Err(Failure::Transient(LlmError::RateLimited, pause))
            }
            _ if status.is_server_error() => {
                let pause = retry_after(response.headers(), SystemTime::now());
                Err(Failure::Transient(LlmError::Unavailable(format!("status {}", status.as_u16())), pause))
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                // Words that cannot be read are no reason to give up: the schema is the usual culprit.
                let words = read(response, MAX_REFUSAL).await.unwrap_or_default();
                Err(Failure::Parameters(status, String::from_utf8_lossy(&words).to_lowercase()))
            }
            _ => Err(Failure::Final(LlmError::Refused { status: status.as_u16() })),
        }
    }
}

impl Dialect {
    fn parameters(&self) -> Parameters {
        Parameters {
            schema: !self.refuses_schema.load(Ordering::Relaxed),
            temperature: !self.has_fixed_temperature.load(Ordering::Relaxed),
            max_tokens: !self.wants_max_completion_tokens.load(Ordering::Relaxed),
        }
    }

    /// Remembers what was left out of a request that succeeded. Nothing is learned from one that failed: a 400 may
    /// have had another reason, such as a prompt that is too long.
    fn learn(&self, worked: Parameters) {
        let missing = [
            (worked.schema, &self.refuses_schema),
            (worked.temperature, &self.has_fixed_temperature),
            (worked.max_tokens, &self.wants_max_completion_tokens),
        ];
        for (_, flag) in missing.into_iter().filter(|(sent, _)| !sent) {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

impl Parameters {
    /// The next set to try with a server that refused this one with `words`; none when there is nothing left to
    /// change. Each step leaves out one more, so there are at most three.
    fn adapted_to(self, words: &str) -> Option<Self> {
        if self.max_tokens && words.contains("max_completion_tokens") {
            Some(Self { max_tokens: false, ..self })
        } else if self.temperature && words.contains("temperature") {
            Some(Self { temperature: false, ..self })
        } else if self.schema {
            Some(Self { schema: false, ..self })
        } else {
            None
        }
    }
}

/// Reads at most `limit` bytes of a body.
async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::Transient(unreachable(&error), None))? {
        if body.len() + chunk.len() > limit {
            return Err(Failure::Final(LlmError::BadResponse("it is larger than 1 MB")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong on the way, without the address: it may carry a password.
fn unreachable(error: &reqwest::Error) -> LlmError {
    let what = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    LlmError::Unavailable(what.to_owned())
}

/// The pause of a `Retry-After` header, which is a number of seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
