//! Whether a request comes from our own pages. Browsers say where a request comes from, and no page can make them lie.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use std::net::IpAddr;
use url::{Host, Url};

/// What proxies add, by which a request is known that only seems to come from this machine.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Whether a method changes nothing. [RFC 9110: 9.2.1]
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a request that changes something was sent by a page of `own` origin: by its `Origin`, and where the browser
/// sends none, by `Sec-Fetch-Site`. One that says nothing of it does not count: every browser says one of the two.
/// [Fetch: Origin header] [Fetch Metadata]
pub(super) fn is_ours(headers: &HeaderMap, own: &str) -> bool {
    match headers.get(ORIGIN) {
        Some(origin) => origin == own,
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    }
}

/// The origin of an address as browsers write it.
pub(super) fn of(address: &Url) -> String {
    address.origin().ascii_serialization()
}

/// The name by which a browser on this machine reached us, if it is a name of this machine. A page of a stranger whose
/// domain was made to point here has that domain in `Host`, and a proxy in between gives itself away.
pub(in crate::dashboard) fn loopback_host(headers: &HeaderMap) -> Option<&str> {
    if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
        return None;
    }
    let host = headers.get(HOST)?.to_str().ok().filter(|host| !host.contains(['@', '/', '\\', '?', '#']))?;
    is_loopback(&Url::parse(&format!("http://{host}")).ok()?).then_some(host)
}

/// Whether an address can mean only the machine that it is used on.
pub(super) fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[test]
    fn only_our_own_pages_change_something() {
        let own = "https://bot.example.com";
        for (pairs, expected) in [
            (&[("origin", own)][..], true),
            (&[("origin", own), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://bot.example.com")], false),
            (&[("origin", "https://bot.example.com.evil.example")], false),
            (&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
        ] {
            assert_eq!(is_ours(&headers(pairs), own), expected, "{pairs:?}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080"] {
            let map = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(loopback_host(&map), Some(host));
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "a@127.0.0.1",
            "",
            "0.0.0.0",
        ] {
            let map = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            assert_eq!(loopback_host(&map), None, "{host}");
        }
        for name in FORWARDED {
            assert_eq!(loopback_host(&headers(&[("host", "localhost"), (name, "1")])), None, "{name}");
        }
        assert_eq!(loopback_host(&HeaderMap::new()), None);
    }
}
