//! `/sign-in`: the way in.

use super::dress::page_response;
use super::preferences::Preferences;
use super::shell::{Here, Shell};
use crate::sentences::pages::Words;
use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    shell: Shell,
    w: Words,
}

/// The page.
pub(super) async fn show(headers: HeaderMap) -> Response {
    let shell = Shell::outside(Preferences::of(&headers), Here::Nowhere, "/sign-in");
    page_response(&Page { w: shell.w, shell })
}
