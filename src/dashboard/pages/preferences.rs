//! The visitor's language and colours: what they have chosen, else what their browser asks for.

use crate::sentences::Lang;
use axum::Form;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

/// The cookie of the language.
const LANGUAGE: &str = "language";
/// The cookie of the colours.
const THEME: &str = "theme";

/// Cookies of choices last a year: seconds.
const A_YEAR: u32 = 365 * 24 * 3600;

/// How a visitor wants to see pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preferences {
    pub(super) lang: Lang,
    pub(super) theme: Theme,
}

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Theme {
    /// Those that the browser asks for.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// As pages and cookies write it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Preferences {
    /// What a request says of them.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, LANGUAGE).and_then(known);
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).map(accepted);
        let theme = match cookie(headers, THEME) {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        Self { lang: chosen.or_else(accepted).unwrap_or_default(), theme }
    }
}

/// A choice.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    language: Option<String>,
    theme: Option<Theme>,
    #[serde(default)]
    back: String,
}

/// Keeps a choice in a cookie and goes back to the page where it was made. It also works before somebody has signed in;
/// whoever is made to send it sees pages in another colour and can change that.
pub(super) async fn save(Form(choice): Form<Choice>) -> Response {
    let mut cookies = Vec::new();
    if let Some(lang) = choice.language.as_deref().and_then(known) {
        cookies.push((SET_COOKIE, kept(LANGUAGE, lang.code())));
    }
    if let Some(theme) = choice.theme {
        cookies.push((SET_COOKIE, kept(THEME, theme.code())));
    }
    let back = local_address(&choice.back).unwrap_or("/").to_owned();
    (StatusCode::SEE_OTHER, AppendHeaders(cookies), [(LOCATION, back)]).into_response()
}

/// An address of ours, if it is one. What browsers take for another site's is not: `//x`, `/\x`, or with signs that they
/// leave out.
pub(super) fn local_address(address: &str) -> Option<&str> {
    let is_plain = address.chars().all(|char| char.is_ascii_graphic() && char != '\\');
    (address.starts_with('/') && !address.starts_with("//") && is_plain).then_some(address)
}

fn kept(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={A_YEAR}; SameSite=Lax; HttpOnly")
}

/// A cookie of the request.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// A language that pages speak.
fn known(code: &str) -> Option<Lang> {
    Lang::ALL.iter().copied().find(|lang| lang.code() == code)
}

/// The language that a browser likes best of those that we speak. [RFC 9110: 12.5.4]
fn accepted(header: &str) -> Lang {
    let mut best: Option<(f32, Lang)> = None;
    for offer in header.split(',').take(50) {
        let (tag, weight) = offer.split_once(';').unwrap_or((offer, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        if let Some(lang) = known(&primary)
            && weight > 0.0
            && best.is_none_or(|(known, _)| weight > known)
        {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lang(headers: &[(axum::http::HeaderName, &str)]) -> Lang {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        Preferences::of(&headers.collect()).lang
    }

    #[test]
    fn the_choice_counts_before_the_browser() {
        assert_eq!(lang(&[]), Lang::En);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "fr-CA,fr;q=0.8,en;q=0.5")]), Lang::Fr);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "de, en;q=0.3, fr;q=0.7")]), Lang::Fr);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "de")]), Lang::En);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "fr;q=0")]), Lang::En);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "fr"), (COOKIE, "a=b; language=en")]), Lang::En);
        assert_eq!(lang(&[(ACCEPT_LANGUAGE, "fr"), (COOKIE, "language=tlh")]), Lang::Fr);
    }

    #[test]
    fn back_leads_to_a_page_of_ours() {
        for address in ["/", "/servers/1?a=b&c=%20"] {
            assert_eq!(local_address(address), Some(address));
        }
        for address in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "servers"]
        {
            assert_eq!(local_address(address), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(header in ".{0,60}") {
            accepted(&header);
        }
    }
}
