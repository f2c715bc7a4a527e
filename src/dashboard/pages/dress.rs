//! What all answers of pages share: a problem becomes a page that says what to do, and browsers are told what a page may do.

use super::preferences::Preferences;
use super::shell::{Here, Shell};
use super::visitor::Guest;
use crate::bot::Bot;
use crate::dashboard::auth::Caller;
use crate::dashboard::problem::Problem;
use crate::dashboard::sign_in::{About, Message};
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

/// Nothing from anywhere else, nothing inline, in nobody's frame. Servers' pictures are Discord's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' https://cdn.discordapp.com data:; connect-src 'self'; \
                      form-action 'self' https://discord.com; base-uri 'none'; frame-ancestors 'none'";

/// What pages have no use for.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// For two years, no browser comes without TLS. [RFC 6797: 6.1]
const TLS_ONLY: &str = "max-age=63072000";

/// htmx's mark on its requests: they get a part of a page, not a whole one.
pub(super) const HX_REQUEST: &str = "hx-request";

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    shell: Shell,
    w: Words,
    status: u16,
    title: &'static str,
    text: &'static str,
    /// What exactly was wrong, where the page's own text does not say it.
    detail: Option<String>,
    /// Whether it may help to look at another account.
    may_choose: bool,
}

/// Turns problems into pages and adds the headers.
pub(in crate::dashboard) async fn dress(State(bot): State<Arc<Bot>>, request: Request, next: Next) -> Response {
    let preferences = Preferences::of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let target = request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string);
    let is_part = request.headers().contains_key(HX_REQUEST);
    let again = look(&request);
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let kept = std::mem::take(response.headers_mut());
        response = if response.status() == StatusCode::UNAUTHORIZED {
            to_sign_in(if method == Method::GET { &target } else { "/" }, is_part)
        } else {
            // Whoever calls too often is not looked up for it.
            let is_counted = kept.contains_key(RETRY_AFTER);
            let shell =
                if is_counted { Shell::outside(preferences, Here::Nowhere, &path) } else { around(&bot, &again).await };
            page_of(&problem, is_counted, bot.access.sign_in.is_some(), shell)
        };
        let of_counting = ["ratelimit-policy", "ratelimit"].map(HeaderName::from_static);
        for name in [RETRY_AFTER, ALLOW].into_iter().chain(of_counting) {
            if let Some(value) = kept.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    if let Some(message) = response.extensions_mut().remove::<Message>() {
        let (status, kept) = (response.status(), std::mem::take(response.headers_mut()));
        response = message_page(message, around(&bot, &again).await);
        *response.status_mut() = status;
        for name in [CACHE_CONTROL, REFERRER_POLICY] {
            if let Some(value) = kept.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    add_headers(headers);
    if bot.access.is_behind_tls() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
    response
}

/// A request without its body, and as if it changed nothing: enough to see who looks at a page.
fn look(request: &Request) -> Parts {
    let mut look = Request::new(());
    *look.uri_mut() = request.uri().clone();
    *look.headers_mut() = request.headers().clone();
    look.into_parts().0
}

/// What stands around a page of whoever sent a request: the navigation where they may see one.
async fn around(bot: &Bot, look: &Parts) -> Shell {
    let mut look = look.clone();
    let (preferences, path) = (Preferences::of(&look.headers), look.uri.path().to_owned());
    match Caller::of(&mut look, bot).await {
        Ok(caller) => Shell::new(&Guest { caller, preferences, path }, Here::Nowhere),
        Err(_) => Shell::outside(preferences, Here::Nowhere, &path),
    }
}

fn add_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        // Where something secret is in the address, the page itself says more strictly that it is not passed on.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    shell: Shell,
    w: Words,
    title: &'static str,
    text: String,
    next: Option<(&'static str, &'static str)>,
    join: Option<JoinForm>,
}

struct JoinForm {
    text: String,
    button: String,
    csrf: String,
}

fn message_page(message: Message, shell: Shell) -> Response {
    let w = shell.w;
    let (title, label) = match message.about {
        About::SigningIn => (w.sign_in_title(), w.sign_in()),
        About::Invitation => (w.join_title(), w.problem_home()),
        About::AddingTheBot => (w.servers_add(), w.nav_servers()),
    };
    let join = message.join.map(|join| JoinForm {
        text: w.join_text(join.account, w.role(join.role)),
        button: w.join_as(join.name),
        csrf: join.csrf,
    });
    let next = message.next.map(|address| (address, label));
    let text = message.said.map(|said| said.text(w.0).to_owned()).unwrap_or_default();
    page_response(&MessagePage { shell, w, title, text, next, join })
}

/// Asks somebody to sign in, and to come back to where they wanted to go.
fn to_sign_in(next: &str, is_part: bool) -> Response {
    let next: String = byte_serialize(next.as_bytes()).collect();
    let location = format!("/sign-in?next={next}");
    if is_part {
        return (StatusCode::OK, [("hx-redirect", location)]).into_response();
    }
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn page_of(problem: &Problem, is_counted: bool, can_sign_in: bool, shell: Shell) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let w = shell.w;
    let (title, text) = match status {
        StatusCode::FORBIDDEN => (w.problem_forbidden(), w.problem_forbidden_text()),
        StatusCode::NOT_FOUND => (w.problem_not_found(), w.problem_not_found_text()),
        StatusCode::METHOD_NOT_ALLOWED => (w.problem_not_found(), w.problem_method_text()),
        StatusCode::PAYLOAD_TOO_LARGE => (w.problem_too_large(), w.problem_too_large_text()),
        StatusCode::TOO_MANY_REQUESTS if is_counted => (w.problem_too_many(), w.problem_too_many_text()),
        StatusCode::SERVICE_UNAVAILABLE => (w.problem_unavailable(), w.problem_unavailable_text()),
        status if status.is_server_error() => (w.problem_mistake(), w.problem_mistake_text()),
        _ => (w.problem_refused(), w.problem_refused_text()),
    };
    let says_more = matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
    );
    let detail = says_more.then(|| problem.detail_in(w.0).to_owned());
    let page = ProblemPage {
        shell,
        w,
        status: status.as_u16(),
        title,
        text,
        detail,
        may_choose: can_sign_in && status == StatusCode::FORBIDDEN,
    };
    let mut response = page_response(&page);
    *response.status_mut() = status;
    response
}

/// A template as an answer. One that cannot be written is our mistake.
pub(super) fn page_response(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            let plain = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
            (StatusCode::INTERNAL_SERVER_ERROR, plain, "Guildhall made a mistake. It has been logged.").into_response()
        }
    }
}
