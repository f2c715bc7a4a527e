//! A browser as far as signing in needs one: cookies, redirects, and where a request comes from.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::fake_discord::{FakeDiscord, Member};
use crate::server;

/// Redirects that are followed one after the other; more are a loop.
const MOST_REDIRECTS: usize = 8;

/// One browser with its own cookies, at one Guildhall.
#[derive(Debug, Clone)]
pub struct Browser {
    base: Url,
    cookies: BTreeMap<String, String>,
    client: reqwest::Client,
}

/// What a browser was answered.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status.
    pub status: u16,
    /// Where it came from in the end.
    pub address: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it says.
    pub body: String,
}

impl Page {
    /// Where it sends the browser.
    ///
    /// # Panics
    /// When it sends it nowhere.
    #[track_caller]
    pub fn location(&self) -> Url {
        let to = self.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        self.address.join(to.unwrap_or_else(|| panic!("no redirect: {self:?}"))).expect("an address")
    }

    /// What it says, as JSON; null where it says none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Browser {
    /// A new one at this Guildhall, such as `http://127.0.0.1:8080`.
    ///
    /// # Panics
    /// When that is no address.
    pub fn new(base: &str) -> Self {
        Self { base: base.parse().expect("an address"), cookies: BTreeMap::new(), client: server::client() }
    }

    /// The same browser, after Guildhall has moved.
    ///
    /// # Panics
    /// When that is no address.
    #[must_use]
    pub fn at(self, base: &str) -> Self {
        Self { base: base.parse().expect("an address"), ..self }
    }

    /// Its cookies.
    pub fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// The origin of the pages that it shows.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Sends one request, exactly so; cookies go along where the address is Guildhall's.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn sends(
        &mut self,
        method: Method,
        address: &Url,
        headers: &[(&str, &str)],
        body: Option<(&str, String)>,
    ) -> Page {
        let mut request = self.client.request(method, address.clone());
        let is_ours = address.origin() == self.base.origin();
        if is_ours && !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.expect("the server can be reached");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if is_ours {
            for cookie in headers.get_all(SET_COOKIE) {
                self.keep(cookie.to_str().expect("a cookie is ASCII"));
            }
        }
        Page { status, address: address.clone(), headers, body: response.text().await.unwrap_or_default() }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a cookie has a name");
        if rest.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Opens an address of Guildhall, without following where it leads.
    pub async fn opens(&mut self, path: &str) -> Page {
        let address = self.base.join(path).expect("a path");
        self.sends(Method::GET, &address, &[], None).await
    }

    /// Opens an address, and goes wherever it leads.
    ///
    /// # Panics
    /// When that has no end.
    pub async fn goes(&mut self, mut address: Url) -> Page {
        for _ in 0..MOST_REDIRECTS {
            let page = self.sends(Method::GET, &address, &[], None).await;
            if !(300..400).contains(&page.status) {
                return page;
            }
            address = page.location();
        }
        panic!("redirects without end");
    }

    /// A person signs in, and goes on at `next`.
    pub async fn signs_in(&mut self, discord: &FakeDiscord, member: &Member, next: &str) -> Page {
        discord.at_the_browser(member, true);
        let mut address = self.base.join("/sign-in").expect("a path");
        address.query_pairs_mut().append_pair("next", next);
        self.goes(address).await
    }

    /// What a page of Guildhall's sends with each change.
    pub async fn csrf(&mut self) -> String {
        let accounts = self.opens("/api/v1/me/accounts").await;
        accounts.json()["csrf"].as_str().unwrap_or_default().to_owned()
    }

    /// What a script of Guildhall's own pages asks the API.
    pub async fn api(&mut self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let csrf = if method == Method::GET { String::new() } else { self.csrf().await };
        let (address, origin) = (self.base.join(&format!("/api/v1{path}")).expect("a path"), self.origin());
        let headers = [(ORIGIN.as_str(), origin.as_str()), ("x-csrf-token", &csrf)];
        let headers = if method == Method::GET { &[][..] } else { &headers[..] };
        let page = self.sends(method, &address, headers, body.map(|body| ("application/json", body.to_string()))).await;
        (page.status, page.json())
    }

    /// Sends a form of one of Guildhall's own pages.
    pub async fn submits(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf().await;
        let (address, origin) = (self.base.join(path).expect("a path"), self.origin());
        let mut form = Url::parse("form://").expect("an address");
        form.query_pairs_mut().extend_pairs(fields).append_pair("csrf", &csrf);
        let body = form.query().unwrap_or_default().to_owned();
        let headers = [(ORIGIN.as_str(), origin.as_str())];
        self.sends(Method::POST, &address, &headers, Some(("application/x-www-form-urlencoded", body))).await
    }
}
