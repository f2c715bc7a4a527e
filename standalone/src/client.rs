//! The API, from the other side.

use guildhall::dashboard::api::ask::{AskRequest, AskResponse};
use guildhall::dashboard::api::knowledge::{AddRequest, Found, SourceView};
use guildhall::dashboard::api::tokens::{CreatedToken, NewToken, TokenView};
use guildhall::dashboard::auth::Scope;
use guildhall::dashboard::page::Page;
use guildhall::dashboard::problem::Problem;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::time::Duration;
use url::Url;

/// Longer than the server takes for an answer, for which `LLM_TIMEOUT_SECONDS` may allow ten minutes.
const TIMEOUT: Duration = Duration::from_mins(11);

/// Speaks to one server on behalf of one token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
}

/// Why a call failed: a sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused; its own sentence.
    #[error("{0}")]
    Refused(String),
    /// No answer that can be understood came.
    #[error("The server at {base} cannot be reached or does not answer as Guildhall does: {reason}")]
    NoAnswer {
        /// The server's address.
        base: Url,
        /// What went wrong, from the outermost cause to the innermost.
        reason: String,
    },
}

impl Client {
    /// For the server at `base`, for example `http://127.0.0.1:8080`.
    pub fn new(base: Url, token: SecretString) -> anyhow::Result<Self> {
        Ok(Self { http: guildhall::http::client_builder().timeout(TIMEOUT).build()?, base, token })
    }

    /// Asks a question.
    pub async fn ask(&self, request: &AskRequest) -> Result<AskResponse, CallError> {
        self.json(self.request(Method::POST, &["ask"], &[]).json(request)).await
    }

    /// All sources, oldest first.
    pub async fn sources(&self) -> Result<Vec<SourceView>, CallError> {
        self.list(&["knowledge", "sources"]).await
    }

    /// Adds a text, a page or a site.
    pub async fn add(&self, request: &AddRequest) -> Result<SourceView, CallError> {
        self.json(self.request(Method::POST, &["knowledge", "sources"], &[]).json(request)).await
    }

    /// Adds a file under a name.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<SourceView, CallError> {
        // The name goes first and as a field of its own: in the file's headers, what is not ASCII gets lost.
        let form = Form::new().text("name", name.to_owned()).part("file", Part::bytes(bytes).file_name("file"));
        self.json(self.request(Method::POST, &["knowledge", "sources", "files"], &[]).multipart(form)).await
    }

    /// Removes a source.
    pub async fn remove(&self, id: &str) -> Result<(), CallError> {
        self.send(self.request(Method::DELETE, &["knowledge", "sources", id], &[])).await.map(drop)
    }

    /// What a question finds.
    pub async fn search(&self, question: &str, limit: u32) -> Result<Found, CallError> {
        let query = [("q", question), ("limit", &limit.to_string())];
        self.json(self.request(Method::GET, &["knowledge", "search"], &query)).await
    }

    /// All tokens, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenView>, CallError> {
        self.list(&["tokens"]).await
    }

    /// Makes a token that may do this, or what programs usually need.
    pub async fn create_token(&self, name: &str, scopes: Option<BTreeSet<Scope>>) -> Result<CreatedToken, CallError> {
        let new = NewToken { name: name.to_owned(), manage_tokens: false, scopes };
        self.json(self.request(Method::POST, &["tokens"], &[]).json(&new)).await
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, id: &str) -> Result<(), CallError> {
        self.send(self.request(Method::DELETE, &["tokens", id], &[])).await.map(drop)
    }

    /// Follows a list to its end.
    async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("limit", "500")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.json(self.request(Method::GET, path, &query)).await?;
            all.extend(page.items);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        self.http.request(method, address(&self.base, path, query)).bearer_auth(self.token.expose_secret())
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        self.send(request).await?.json().await.map_err(|error| self.no_answer(&error))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        match response.json::<Problem>().await {
            Ok(problem) => Err(CallError::Refused(problem.detail)),
            Err(_) => Err(CallError::NoAnswer { base: self.base.clone(), reason: format!("it answered {status}") }),
        }
    }

    fn no_answer(&self, error: &reqwest::Error) -> CallError {
        let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        let innermost = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        CallError::NoAnswer { base: self.base.clone(), reason: innermost }
    }
}

fn address(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["api", "v1"]).extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_built_below_the_base_and_escaped() {
        let plain: Url = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!(
            address(&plain, &["tokens", "a/../b"], &[]).as_str(),
            "http://127.0.0.1:8080/api/v1/tokens/a%2F..%2Fb"
        );
        let below: Url = "https://example.com/guildhall/".parse().unwrap();
        let found = address(&below, &["knowledge", "search"], &[("q", "a&b=ü")]);
        assert_eq!(found.as_str(), "https://example.com/guildhall/api/v1/knowledge/search?q=a%26b%3D%C3%BC");
    }
}
