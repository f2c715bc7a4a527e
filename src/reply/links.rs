//! Which addresses become links, and which links deceive.

use url::Url;

/// Longest address that becomes a link: two must fit a message, with words around them.
const MAX_ADDRESS: usize = 700;

/// `address` if it is one of the web that Discord can open, in its normal form, in which nothing ends `<…>` early and
/// a host name in look-alike letters shows as punycode.
pub(super) fn web_address(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    // Names before an @ pretend to be hosts.
    let is_plain = url.username().is_empty() && url.password().is_none();
    let normal = url.as_str().replace('`', "%60").replace('|', "%7C").replace('\\', "%5C");
    (is_web && is_plain && normal.len() <= MAX_ADDRESS).then_some(normal)
}

/// Whether `label` is an address rather than words. Discord shows a link with such a label as raw Markdown.
pub(super) fn is_address(label: &str) -> bool {
    let label = label.trim();
    !label.contains(char::is_whitespace) && (label.contains("://") || label.starts_with("www."))
}

/// Whether `label` names another site than the one that `url` leads to.
pub(super) fn is_misleading(label: &str, url: &str) -> bool {
    let target = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    label.split_whitespace().filter_map(host).any(|host| {
        let host = host.strip_prefix("www.").unwrap_or(&host);
        target != host && !target.ends_with(&format!(".{host}"))
    })
}

/// The host that a word names, if it looks like a web address.
fn host(word: &str) -> Option<String> {
    /// Ends of file names that are no top-level domain.
    const FILE_ENDS: [&str; 12] =
        ["js", "ts", "json", "toml", "yaml", "yml", "txt", "html", "css", "xml", "csv", "pdf"];
    let word = word.trim_matches(|char: char| !char.is_alphanumeric());
    let (has_scheme, rest) = match word.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, word),
    };
    let host = rest.split(['/', '?', '#', ':']).next()?.rsplit('@').next()?.to_lowercase();
    let (name, end) = host.rsplit_once('.')?;
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '.'));
    let is_end = end.chars().count() >= 2 && end.chars().all(char::is_alphabetic) && !FILE_ENDS.contains(&end);
    (is_name(name) && is_end || has_scheme && is_name(&host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_links() {
        assert_eq!(web_address("https://Example.com/a b>").as_deref(), Some("https://example.com/a%20b%3E"));
        assert_eq!(web_address("https://аpple.com").as_deref(), Some("https://xn--pple-43d.com/"));
        for address in
            ["javascript:alert(1)", "file:///etc/passwd", "discord://x", "/page", "https://bank.com@evil.com", ""]
        {
            assert_eq!(web_address(address), None, "{address}");
        }
        assert_eq!(web_address(&format!("https://a.b/{}", "x".repeat(3_000))), None);
    }

    #[test]
    fn a_label_must_not_name_another_site() {
        for (label, url) in [
            ("discord.gg/nitro", "https://evil.com/"),
            ("Go to https://bank.com now", "https://bank.com.evil.com/"),
            ("**bank.com**", "https://evil.com/bank.com"),
        ] {
            assert!(is_misleading(label, url), "{label}");
        }
        for (label, url) in [
            ("the manual", "https://docs.example.com/"),
            ("example.com", "https://docs.example.com/"),
            ("www.example.com/a", "https://example.com/b"),
            ("settings.json", "https://example.com/"),
            ("e.g. this, v1.2", "https://example.com/"),
        ] {
            assert!(!is_misleading(label, url), "{label}");
        }
    }
}
