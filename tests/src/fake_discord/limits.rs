//! Rate limits as Discord documents them, and the faults a test asks for. [Discord Docs/Rate Limits]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use super::error::Refusal;

/// A request that was on its way when the client was told to wait breaks no rule; loopback takes far less than this.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// "All bots can make up to 50 requests per second", interaction endpoints apart. [Discord Docs/Rate Limits]
const GLOBAL: u32 = 50;

/// What goes wrong with a request on purpose.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with Discord's plain error body (HTML above 500, as its edge sends it), and nothing is done.
    Status(u16),
    /// This status and Discord's error `code` and `message`, and nothing is done.
    Refused {
        /// HTTP status.
        status: u16,
        /// Discord's JSON error code.
        code: u32,
        /// Discord's words.
        message: String,
    },
    /// 429: wait this long, in this bucket or everywhere. Requests that come sooner count as [`violations`].
    ///
    /// [`violations`]: super::FakeDiscord::violations
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
        /// Whether every endpoint but the interactions' must wait.
        global: bool,
    },
    /// Waits, then answers as if nothing had happened.
    Hang(Duration),
    /// Closes the connection before anything is done.
    Close,
    /// Does what was asked and closes the connection instead of saying so.
    CloseAfter,
}

/// A fault for the next requests to one kind of endpoint.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) method: Option<Method>,
    pub(crate) prefix: String,
    pub(crate) left: usize,
    pub(crate) fault: Fault,
}

/// One request as the limits see it: which bucket it falls into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    route: String,
    major: String,
    interaction: bool,
    /// Every bot has buckets of its own.
    bot: Option<u64>,
}

impl Bucket {
    /// The bucket of a request. `path` is relative to `/api/v10`. Ids become placeholders; the channel, guild, or webhook with
    /// its token is what the limit is counted by.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let interaction = matches!(parts.first(), Some(&("webhooks" | "interactions")));
        let major = parts.iter().skip(1).take(if interaction { 2 } else { 1 }).copied().collect::<Vec<_>>().join("/");
        let route = parts.iter().enumerate().map(|(at, part)| {
            let id = part.bytes().all(|byte| byte.is_ascii_digit()) || (interaction && at == 2);
            if id { ":id" } else { part }
        });
        let method = if interaction { "webhook" } else { method.as_str() };
        Self { route: format!("{method} /{}", route.collect::<Vec<_>>().join("/")), major, interaction, bot: None }
    }

    /// The same bucket, of this bot.
    pub(crate) fn of_bot(&self, bot: Option<u64>) -> Self {
        Self { bot, ..self.clone() }
    }

    /// How many requests in which time. Discord publishes no numbers; these are what it has been seen to send.
    fn rate(&self) -> (u32, Duration) {
        match self.route.as_str() {
            "POST /channels/:id/messages" | "PATCH /channels/:id/messages/:id" => (5, Duration::from_secs(5)),
            route if route.starts_with("webhook ") => (5, Duration::from_secs(2)),
            _ => (50, Duration::from_secs(1)),
        }
    }

    /// The opaque name in `X-RateLimit-Bucket`.
    fn name(&self) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.route.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

#[derive(Debug)]
struct Window {
    left: u32,
    ends: Instant,
    /// Until when a 429 told the client to stay away, and when it was told.
    told_to_wait: Option<(Instant, Instant)>,
    exhausted_since: Option<Instant>,
}

/// The state of all buckets.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: HashMap<Bucket, Window>,
    global: Option<(Instant, Instant)>,
    /// When each bot's current second began, and how many requests came in it.
    seconds: HashMap<Option<u64>, (Instant, u32)>,
    /// Requests that were over the limit of all endpoints together.
    pub(crate) over_global: usize,
    /// Another limit a second for all endpoints together than [`GLOBAL`].
    pub(crate) per_second: Option<u32>,
    pub(crate) off: bool,
    pub(crate) violations: usize,
    pub(crate) overruns: usize,
}

impl Limits {
    /// Takes one request from its bucket: the headers for its answer, or the 429 it gets instead.
    pub(crate) fn take(&mut self, bucket: &Bucket, now: Instant) -> Result<HeaderMap, Box<(HeaderMap, Refusal)>> {
        if let Some((told, until)) = self.global
            && !bucket.interaction
            && now < until
        {
            self.violations += usize::from(now > told + ON_ITS_WAY);
            return Err(Box::new(refuse(until - now, None, HeaderMap::new())));
        }
        if let Some(wait) = self.over_global(bucket, now) {
            return Err(Box::new(refuse(wait, None, HeaderMap::new())));
        }
        let (limit, period) = bucket.rate();
        let fresh = || Window { left: limit, ends: now + period, told_to_wait: None, exhausted_since: None };
        let window = self.windows.entry(bucket.clone()).or_insert_with(fresh);
        if let Some((told, until)) = window.told_to_wait.filter(|(_, until)| now < *until) {
            self.violations += usize::from(now > told + ON_ITS_WAY);
            return Err(Box::new(refuse(until - now, Some("user"), headers(bucket, limit, 0, until - now))));
        }
        if now >= window.ends {
            *window = fresh();
        }
        if window.left == 0 && !self.off {
            self.overruns += usize::from(window.exhausted_since.is_some_and(|since| now > since + ON_ITS_WAY));
            window.told_to_wait = Some((now, window.ends));
            let wait = window.ends - now;
            return Err(Box::new(refuse(wait, Some("user"), headers(bucket, limit, 0, wait))));
        }
        window.left = window.left.saturating_sub(1);
        if window.left == 0 && window.exhausted_since.is_none() {
            window.exhausted_since = Some(now);
        }
        let left = if self.off { window.left.max(1) } else { window.left };
        Ok(headers(bucket, limit, left, window.ends - now))
    }

    /// Counts a request against the bot's limit of all endpoints together: how long to wait, when it is over it.
    fn over_global(&mut self, bucket: &Bucket, now: Instant) -> Option<Duration> {
        if bucket.interaction || self.off {
            return None;
        }
        let second = Duration::from_secs(1);
        let (since, count) = self.seconds.entry(bucket.bot).or_insert((now, 0));
        if now >= *since + second {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        let over = *count > self.per_second.unwrap_or(GLOBAL);
        self.over_global += usize::from(over);
        over.then(|| *since + second - now)
    }

    /// A 429 that a test asked for.
    pub(crate) fn block(
        &mut self,
        bucket: &Bucket,
        wait: Duration,
        global: bool,
        now: Instant,
    ) -> (HeaderMap, Refusal) {
        if global {
            self.global = Some((now, now + wait));
            return refuse(wait, None, HeaderMap::new());
        }
        let (limit, period) = bucket.rate();
        let fresh = Window { left: limit, ends: now + period, told_to_wait: None, exhausted_since: None };
        self.windows.entry(bucket.clone()).or_insert(fresh).told_to_wait = Some((now, now + wait));
        refuse(wait, Some("user"), headers(bucket, limit, 0, wait))
    }
}

fn headers(bucket: &Bucket, limit: u32, left: u32, resets: Duration) -> HeaderMap {
    let at = jiff::Timestamp::now().as_duration().as_secs_f64() + resets.as_secs_f64();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).expect("digits and hex are fit for a header");
        headers.insert(HeaderName::from_static(name), value);
    };
    put("x-ratelimit-bucket", bucket.name());
    put("x-ratelimit-limit", limit.to_string());
    put("x-ratelimit-remaining", left.to_string());
    put("x-ratelimit-reset", format!("{at:.3}"));
    put("x-ratelimit-reset-after", format!("{:.3}", resets.as_secs_f64()));
    headers
}

fn refuse(wait: Duration, scope: Option<&'static str>, mut headers: HeaderMap) -> (HeaderMap, Refusal) {
    let global = scope.is_none();
    headers.insert("x-ratelimit-scope", HeaderValue::from_static(scope.unwrap_or("global")));
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
    }
    // The header has whole seconds, rounded up; the body says it exactly.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    headers.insert("retry-after", HeaderValue::from(seconds));
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": (wait.as_secs_f64() * 1_000.0).ceil() / 1_000.0,
        "global": global,
    });
    (headers, Refusal(StatusCode::TOO_MANY_REQUESTS, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_route_and_its_major_resource() {
        let of = |method: Method, path: &str| Bucket::of(&method, path);
        assert_ne!(of(Method::POST, "/channels/1/messages"), of(Method::POST, "/channels/2/messages"));
        assert_eq!(of(Method::POST, "/channels/1/messages").name(), of(Method::POST, "/channels/2/messages").name());
        assert_eq!(of(Method::PATCH, "/channels/1/messages/5"), of(Method::PATCH, "/channels/1/messages/6"));
        assert_ne!(of(Method::POST, "/webhooks/1/abc"), of(Method::POST, "/webhooks/1/abd"));
    }

    #[test]
    fn a_sixth_message_waits_and_impatience_is_counted() {
        let mut limits = Limits::default();
        let bucket = Bucket::of(&Method::POST, "/channels/1/messages");
        let start = Instant::now();
        for left in (0..5).rev() {
            let headers = limits.take(&bucket, start).expect("within the limit");
            assert_eq!(headers["x-ratelimit-remaining"], left.to_string());
        }
        let (headers, refusal) = *limits.take(&bucket, start + Duration::from_secs(1)).expect_err("used up");
        assert_eq!(headers["retry-after"], "4");
        assert_eq!(refusal.1["global"], false);
        assert_eq!((limits.overruns, limits.violations), (1, 0));
        limits.take(&bucket, start + Duration::from_secs(2)).expect_err("told to wait");
        assert_eq!((limits.overruns, limits.violations), (1, 1));
        limits.take(&bucket, start + Duration::from_secs(5)).expect("a new window");

        limits.block(&bucket, Duration::from_secs(9), true, start + Duration::from_secs(5));
        limits.take(&bucket, start + Duration::from_secs(13)).expect_err("everything waits");
        let interaction = Bucket::of(&Method::PATCH, "/webhooks/1/abc/messages/@original");
        limits.take(&interaction, start + Duration::from_secs(13)).expect("interactions do not wait for others");
        limits.take(&bucket, start + Duration::from_secs(14)).expect("over");
    }
}
