//! How often a program or a person may call: so many requests a minute for each token or session, fewer of those that cost
//! money or work, and few tries for who has neither. Each process counts by itself: behind several, a caller may have as many
//! times more.

use super::api::PREFIX;
use super::auth::{Access, Recognised, session};
use super::body;
use super::problem::Problem;
use crate::bot::Bot;
use crate::config::RateConfig;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;
use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// [draft-ietf-httpapi-ratelimit-headers-10]
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What all limits are counted over.
const WINDOW: Duration = Duration::from_mins(1);

/// A token or session that was good is taken for good for so long, for the question alone whether its next request counts
/// as a try of somebody unknown.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// Callers that are remembered as good or as refused.
const REMEMBERED: u64 = 50_000;

/// What nobody has used for a while is forgotten after so many requests.
const TIDIED_AFTER: u32 = 1_024;

/// Who calls, as far as counting goes: the hash of what they sent, or of where they are.
type Key = [u8; 16];

type Limiter = RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// One limit, and where everybody stands.
struct Limit {
    name: &'static str,
    per_minute: NonZeroU32,
    limiter: Limiter,
    taken: AtomicU32,
}

/// Where a caller stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    name: &'static str,
    per_minute: u32,
    /// Requests that may follow at once.
    left: u32,
    /// How long until a request may follow; nothing where one may at once.
    wait: Duration,
}

/// All limits of one process.
pub struct RateLimits {
    requests: Limit,
    asks: Limit,
    uploads: Limit,
    tries: Limit,
    proxies: Vec<IpNet>,
    good: Cache<Key, ()>,
    refused: Cache<Key, Instant>,
}

/// What a request is, as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// An asset, the description, a choice of language: nobody's, and not counted here.
    Free,
    /// On the way to being signed in: nobody is known yet.
    SignIn,
    /// Any operation of the API, and any page.
    Plain,
    /// One that asks the model.
    Ask,
    /// One after which something is read and indexed.
    Upload,
}

impl Class {
    /// What the API's operations and the forms of pages are, side by side: what one of them limits, the other does.
    fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (method, operation(path)) {
            (_, Some("/openapi.json")) => Self::Free,
            (&Method::POST, Some("/ask")) => Self::Ask,
            (&Method::POST, Some(adding)) if adding.starts_with("/knowledge/sources") => Self::Upload,
            (_, Some(_)) => Self::Plain,
            (_, None) => match (method, parts.as_slice()) {
                (_, ["healthz" | "preferences"] | ["assets", ..]) => Self::Free,
                (_, ["sign-in" | "join", ..]) => Self::SignIn,
                (&Method::POST, ["playground"]) => Self::Ask,
                (&Method::POST, ["knowledge", "add" | "files"] | ["knowledge", _, "refresh"]) => Self::Upload,
                _ => Self::Plain,
            },
        }
    }
}

/// The operation of the API that an address is of, with a slash before it.
fn operation(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/'))
}

impl Limit {
    fn new(name: &'static str, per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self { name, per_minute, limiter, taken: AtomicU32::new(0) }
    }

    fn take(&self, key: &Key) -> Standing {
        if self.taken.fetch_add(1, Ordering::Relaxed) % TIDIED_AFTER == TIDIED_AFTER - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let (left, wait) = match self.limiter.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity(), Duration::ZERO),
            Err(not_yet) => (0, not_yet.wait_time_from(DefaultClock::default().now())),
        };
        Standing { name: self.name, per_minute: self.per_minute.get(), left, wait }
    }
}

impl RateLimits {
    /// Nobody has called yet. What `proxies` say of where a request comes from is believed.
    pub fn new(config: RateConfig, proxies: Vec<IpNet>) -> Self {
        let remembering = |time| Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build();
        Self {
            requests: Limit::new("requests", config.requests_per_minute),
            asks: Limit::new("ask", config.asks_per_minute),
            uploads: Limit::new("uploads", config.uploads_per_minute),
            tries: Limit::new("tries", config.tries_per_minute),
            proxies,
            good: remembering(GOOD_FOR),
            refused: Cache::builder().max_capacity(REMEMBERED).time_to_live(WINDOW).build(),
        }
    }

    fn take(&self, class: Class, key: &Key) -> Vec<Standing> {
        let of_class = match class {
            Class::Ask => Some(&self.asks),
            Class::Upload => Some(&self.uploads),
            Class::Plain | Class::Free | Class::SignIn => None,
        };
        let of_class = of_class.map(|limit| limit.take(key));
        // What the narrower limit refuses does not count on the wider one.
        if of_class.is_some_and(|standing| !standing.wait.is_zero()) {
            return of_class.into_iter().collect();
        }
        std::iter::once(self.requests.take(key)).chain(of_class).collect()
    }

    /// How long somebody unknown at this address has to wait; nothing where they need not.
    async fn refuses(&self, address: &Key) -> Option<Standing> {
        let wait = self.refused.get(address).await?.checked_duration_since(Instant::now())?;
        let Limit { name, per_minute, .. } = self.tries;
        Some(Standing { name, per_minute: per_minute.get(), left: 0, wait })
    }

    async fn tried(&self, address: &Key) -> Standing {
        let standing = self.tries.take(address);
        if standing.left == 0 {
            let until = Instant::now() + standing.wait.max(WINDOW / standing.per_minute);
            self.refused.insert(*address, until).await;
        }
        standing
    }
}

/// Counts a request, refuses it where there were too many, and says in the answer how many more there may be.
pub(super) async fn limit(State(bot): State<Arc<Bot>>, mut request: Request, next: Next) -> Response {
    let class = Class::of(request.method(), request.uri().path());
    if class == Class::Free {
        return next.run(request).await;
    }
    let limits = &bot.limits;
    let address = key(&[b"address", &octets(address(&request, &limits.proxies))]);
    if class == Class::SignIn {
        let standing = limits.tries.take(&address);
        return if standing.wait.is_zero() { next.run(request).await } else { refuse(request, &[standing]).await };
    }
    let caller = credential(request.headers(), &bot.access).unwrap_or(address);
    let is_good = limits.good.contains_key(&caller);
    let mut standings = Vec::new();
    if is_good {
        standings = limits.take(class, &caller);
        if standings.iter().any(|standing| !standing.wait.is_zero()) {
            return refuse(request, &standings).await;
        }
    } else if let Some(standing) = limits.refuses(&address).await {
        return refuse(request, &[standing]).await;
    }
    let recognised = Recognised::default();
    request.extensions_mut().insert(recognised.clone());
    let is_operation = operation(request.uri().path()).is_some();
    let mut response = next.run(request).await;
    // Programs know that they need a token: whoever sends none to the API guesses. A page without one is somebody who has
    // yet to sign in, and an address where nothing is has checked nothing.
    let is_miss = matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
    let is_guess = !is_good && (is_miss || response.status() == StatusCode::UNAUTHORIZED);
    if !recognised.is_somebody() && (recognised.is_nobody() || (is_operation && is_guess)) {
        limits.good.invalidate(&caller).await;
        limits.tried(&address).await;
        return response;
    }
    if recognised.is_somebody() && !is_good {
        limits.good.insert(caller, ()).await;
        standings = limits.take(class, &caller);
    }
    tell(response.headers_mut(), &standings);
    response
}

/// Refuses a request whose body is read and forgotten: otherwise a browser that still sends it shows no answer.
async fn refuse(request: Request, standings: &[Standing]) -> Response {
    body::forget(request.into_body()).await;
    refusal(standings)
}

fn refusal(standings: &[Standing]) -> Response {
    let wait = standings.iter().map(|standing| standing.wait).max().unwrap_or_default();
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail =
        format!("Too many requests. Wait {seconds} s, and see the headers `RateLimit-Policy` and `RateLimit`.");
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response();
    tell(response.headers_mut(), standings);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn tell(headers: &mut HeaderMap, standings: &[Standing]) {
    let list = |item: fn(&Standing) -> String| {
        HeaderValue::from_str(&standings.iter().map(item).collect::<Vec<_>>().join(", ")).ok()
    };
    let policy = list(|Standing { name, per_minute, .. }| format!("\"{name}\";q={per_minute};w={}", WINDOW.as_secs()));
    let limit = list(|standing| format!("\"{}\";r={};t={}", standing.name, standing.left, standing.full_after()));
    headers.extend(policy.map(|policy| (POLICY, policy)));
    headers.extend(limit.map(|limit| (LIMIT, limit)));
}

impl Standing {
    /// Seconds until as many requests may follow as ever.
    fn full_after(&self) -> u64 {
        let missing = u64::from(self.per_minute.saturating_sub(self.left));
        (missing * WINDOW.as_secs()).div_ceil(u64::from(self.per_minute.max(1)))
    }
}

/// What the request says who sent it by: a token before a cookie, as everywhere.
fn credential(headers: &HeaderMap, access: &Access) -> Option<Key> {
    match headers.get(AUTHORIZATION) {
        Some(token) => Some(key(&[b"token", token.as_bytes()])),
        None => session::secret(headers, access).map(|secret| key(&[b"session", secret.as_bytes()])),
    }
}

fn key(parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(&digest.finalize()[..16]);
    key
}

/// Where the request comes from: each proxy adds to `X-Forwarded-For` whom it got the request from. A proxy on this very
/// machine, those in `GUILDHALL_TRUSTED_PROXIES`, and AWS in front of a function are believed; anybody else could say
/// anything there.
fn address(request: &Request, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| address.is_loopback() || proxies.iter().any(|net| net.contains(address));
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let mut nearest = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    if peer.is_some_and(|peer| !is_proxy(&peer)) {
        return nearest;
    }
    for address in forwarded_for(request.headers()) {
        nearest = address;
        if !is_proxy(&address) {
            break;
        }
    }
    nearest
}

/// The addresses that proxies have added, the nearest first, up to one that is none.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    entries.map_while(|entry| entry.trim().parse().ok()).map(|address: IpAddr| address.to_canonical())
}

/// Of IPv6 the network: one subscriber has 2⁶⁴ addresses.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => (Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)).octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_is_told_from_what_does_not() {
        for (method, path, class) in [
            (Method::GET, "/", Class::Plain),
            (Method::GET, "/assets/app.css", Class::Free),
            (Method::POST, "/preferences", Class::Free),
            (Method::POST, "/playground", Class::Ask),
            (Method::GET, "/playground", Class::Plain),
            (Method::POST, "/knowledge/add", Class::Upload),
            (Method::POST, "/knowledge/files", Class::Upload),
            (Method::POST, "/knowledge/abc/refresh", Class::Upload),
            (Method::POST, "/knowledge/abc/remove", Class::Plain),
            (Method::GET, "/knowledge/add", Class::Plain),
            (Method::GET, "/api/v1/openapi.json", Class::Free),
            (Method::GET, "/api/v10/usage", Class::Plain),
            (Method::GET, "/sign-in/callback", Class::SignIn),
            (Method::GET, "/sign-information", Class::Plain),
            (Method::POST, "/join/abc", Class::SignIn),
            (Method::GET, "/api/v1/usage", Class::Plain),
            (Method::POST, "/api/v1/ask", Class::Ask),
            (Method::GET, "/api/v1/ask", Class::Plain),
            (Method::POST, "/api/v1/knowledge/sources/files", Class::Upload),
            (Method::GET, "/api/v1/knowledge/sources", Class::Plain),
        ] {
            assert_eq!(Class::of(&method, path), class, "{method} {path}");
        }
    }

    fn limits(per_minute: u32) -> RateLimits {
        let per_minute = NonZeroU32::new(per_minute).unwrap();
        RateLimits::new(
            RateConfig {
                requests_per_minute: NonZeroU32::new(6).unwrap(),
                asks_per_minute: per_minute,
                uploads_per_minute: per_minute,
                tries_per_minute: per_minute,
            },
            Vec::new(),
        )
    }

    #[test]
    fn each_caller_has_a_limit_and_a_narrower_one_besides() {
        let (limits, ann, bob) = (limits(2), key(&[b"ann"]), key(&[b"bob"]));
        let left = |standings: Vec<Standing>| standings.iter().map(|standing| standing.left).collect::<Vec<_>>();
        assert_eq!(left(limits.take(Class::Ask, &ann)), [5, 1]);
        assert_eq!(left(limits.take(Class::Ask, &ann)), [4, 0]);
        let refused = limits.take(Class::Ask, &ann);
        assert!(refused.len() == 1 && refused[0].wait > Duration::from_secs(20), "{refused:?}");
        assert_eq!(left(limits.take(Class::Plain, &ann)), [3], "what was refused did not count");
        assert_eq!(left(limits.take(Class::Ask, &bob)), [5, 1]);

        let response = refusal(&refused);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(
            (header("ratelimit-policy"), header("ratelimit")),
            ("\"ask\";q=2;w=60".to_owned(), "\"ask\";r=0;t=60".to_owned())
        );
        assert!((20..=30).contains(&header("retry-after").parse::<u64>().unwrap()));
    }

    #[tokio::test]
    async fn who_is_unknown_has_few_tries() {
        let (limits, here, there) = (limits(2), key(&[b"1"]), key(&[b"2"]));
        limits.tried(&here).await;
        assert_eq!(limits.refuses(&here).await, None);
        limits.tried(&here).await;
        assert!(limits.refuses(&here).await.is_some());
        assert_eq!(limits.refuses(&there).await, None);
    }

    #[test]
    fn only_proxies_that_are_known_are_believed() {
        let from = |peer: Option<&str>, forwarded: &str| {
            let mut request = Request::new(axum::body::Body::empty());
            request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
            let peer = peer.map(|peer| ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 7)));
            request.extensions_mut().extend(
                peer.map(|peer| {
                    let mut extensions = axum::http::Extensions::new();
                    extensions.insert(peer);
                    extensions
                })
                .unwrap_or_default(),
            );
            address(&request, &["10.0.0.0/24".parse().unwrap()]).to_string()
        };
        assert_eq!(from(Some("203.0.113.9"), "198.51.100.1"), "203.0.113.9");
        assert_eq!(from(Some("127.0.0.1"), "1.1.1.1, 198.51.100.1"), "198.51.100.1");
        assert_eq!(from(None, "1.1.1.1, 198.51.100.1"), "198.51.100.1");
        assert_eq!(from(Some("::ffff:127.0.0.1"), "nonsense"), "127.0.0.1");
        assert_eq!(from(Some("10.0.0.7"), "1.1.1.1, 198.51.100.1"), "198.51.100.1");
        assert_eq!(from(Some("10.0.0.7"), "1.1.1.1, 198.51.100.1, 10.0.0.9, 127.0.0.1"), "198.51.100.1");
        assert_eq!(from(Some("10.0.0.7"), "198.51.100.1, nonsense"), "10.0.0.7");
        assert_eq!(from(Some("10.0.1.7"), "198.51.100.1"), "10.0.1.7");
        let network = |address: &str| octets(address.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::2"));
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
    }
}
