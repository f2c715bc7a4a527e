//! Which network addresses a page may be fetched from.
//!
//! Whoever adds a source names its address, and a page names where it redirects to. Neither may make Guildhall speak to
//! its own network: databases, routers, the cloud's metadata service with its credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::FetchError;

/// Ranges that are not the public internet.
/// [IANA IPv4 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv4-special-registry/)
const RESERVED_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // "this network", unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT; Alibaba's metadata service
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host agent: a public number, reachable inside only
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; metadata of AWS, Google, Azure, DigitalOcean
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // IETF protocols; Oracle's metadata service
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),      // multicast, reserved, broadcast
];

/// What of 2000::/3, the only space that IANA gives out as global unicast, is not the public internet. Everything
/// outside (unique local, link-local, multicast, IPv4-mapped, the metadata address fd00:ec2::254 …) is refused with it.
/// [IANA IPv6 Special-Purpose Address Registry](https://www.iana.org/assignments/iana-ipv6-special-registry/)
const RESERVED_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // IETF protocols, Teredo (an IPv4 address inside), ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 (an IPv4 address inside)
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Where a network with IPv6 alone translates to IPv4: what counts is the IPv4 address in the last 32 bits.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether a page may be fetched from here. `allow_loopback` opens 127.0.0.0/8 and ::1 and nothing else.
pub(super) fn is_allowed(address: IpAddr, allow_loopback: bool) -> bool {
    if address.is_loopback() {
        return allow_loopback;
    }
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) if v6_within(v6, NAT64) => is_public_v4(Ipv4Addr::from_bits(low_32(v6))),
        IpAddr::V6(v6) => {
            v6_within(v6, (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3))
                && !RESERVED_V6.iter().any(|range| v6_within(v6, *range))
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !RESERVED_V4.iter().any(|(network, length)| (address.to_bits() ^ network.to_bits()) >> (32 - length) == 0)
}

fn v6_within(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - length) == 0
}

fn low_32(address: Ipv6Addr) -> u32 {
    let [.., a, b, c, d] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}

/// What can be said about an address before its name is resolved. The client does not ask its resolver about a host
/// that is a number already, so numbers are judged here.
pub(super) fn check(url: &Url, allow_loopback: bool) -> Result<(), FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::NotWeb);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::Credentials);
    }
    let allowed = match url.host() {
        None => return Err(FetchError::NotWeb),
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => is_allowed(address.into(), allow_loopback),
        Some(Host::Ipv6(address)) => is_allowed(address.into(), allow_loopback),
    };
    if allowed { Ok(()) } else { Err(FetchError::NotPublic) }
}

/// Resolves names to the addresses that may be spoken to. The client connects to exactly what this answers, so a name
/// cannot point elsewhere between the check and the connection.
pub(super) struct PublicResolver {
    pub(super) allow_loopback: bool,
}

/// A name with addresses of which none is public.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NoPublicAddress;

/// A name without any address.
#[derive(Debug, thiserror::Error)]
#[error("the name does not resolve")]
pub(super) struct UnknownName;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_loopback = self.allow_loopback;
        Box::pin(async move {
            // Port 0 stands for "the port of the URL" to the client.
            let all: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| UnknownName)?.collect();
            if all.is_empty() {
                return Err(UnknownName.into());
            }
            let public: Vec<SocketAddr> =
                all.into_iter().filter(|address| is_allowed(address.ip(), allow_loopback)).collect();
            if public.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_allowed() {
        for refused in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.8.8.8",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_allowed(refused.parse().unwrap(), false), "{refused}");
        }
        for allowed in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_allowed(allowed.parse().unwrap(), false), "{allowed}");
        }
    }

    #[test]
    fn allow_loopback_opens_loopback_alone() {
        for opened in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_allowed(opened.parse().unwrap(), true), "{opened}");
        }
        for refused in ["0.0.0.0", "10.0.0.1", "169.254.169.254", "::", "::ffff:127.0.0.1", "fd00::1", "192.168.0.1"] {
            assert!(!is_allowed(refused.parse().unwrap(), true), "{refused}");
        }
    }

    #[test]
    fn numbers_in_every_notation_are_judged() {
        for refused in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://0/",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            let verdict = check(&Url::parse(refused).unwrap(), false);
            assert!(matches!(verdict, Err(FetchError::NotPublic)), "{refused}: {verdict:?}");
        }
        assert!(matches!(check(&Url::parse("ftp://example.org/").unwrap(), false), Err(FetchError::NotWeb)));
        assert!(matches!(check(&Url::parse("file:///etc/passwd").unwrap(), true), Err(FetchError::NotWeb)));
        assert!(matches!(check(&Url::parse("http://a:b@example.org/").unwrap(), true), Err(FetchError::Credentials)));
        assert!(check(&Url::parse("https://example.org/").unwrap(), false).is_ok());
    }
}
