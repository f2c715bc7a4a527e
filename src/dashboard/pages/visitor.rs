//! Who looks at a page: on one machine its local admin, who is let in without signing in, on a loopback name only.

use super::dress::host_name;
use super::preferences::Preferences;
use crate::bot::{Bot, Home};
use crate::dashboard::problem::Problem;
use crate::ids::AccountId;
use crate::question::Place;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use rand::RngExt as _;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

/// What a script sends in place of the form's field.
const CSRF_HEADER: &str = "x-csrf-token";

/// Known to our pages only, and new with each start.
static CSRF: LazyLock<String> = LazyLock::new(|| hex::encode(rand::rng().random::<[u8; 16]>()));

/// Somebody who may see the account's pages. There is no other way to get one.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) home: Arc<Home>,
    pub(super) preferences: Preferences,
    pub(super) path: String,
}

impl Visitor {
    /// Who sends a request.
    pub(super) async fn of(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        let account = bot.default_account.clone().filter(|_| is_local(&parts.headers));
        let account = account.ok_or_else(Problem::unauthorized)?;
        let home = bot.home(&Place::Account(account), None).await?.ok_or_else(Problem::unauthorized)?;
        let preferences = Preferences::of(&parts.headers);
        Ok(Self { home, preferences, path: parts.uri.path().to_owned() })
    }

    /// Whose pages they are.
    pub(super) fn account(&self) -> &AccountId {
        &self.home.account.id
    }

    /// What forms send back.
    pub(super) fn csrf(&self) -> &'static str {
        &CSRF
    }

    /// Refuses what does not come from a page of ours.
    pub(super) fn check_csrf(&self, headers: &HeaderMap, field: &str) -> Result<(), Problem> {
        let header = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        let sent = header.unwrap_or(field);
        verify_slices_are_equal(self.csrf().as_bytes(), sent.as_bytes()).map_err(|_| {
            Problem::forbidden("This form is older than your session. Go back, reload the page and send it again.")
        })
    }
}

impl FromRequestParts<Arc<Bot>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, bot: &Arc<Bot>) -> Result<Self, Problem> {
        Self::of(parts, bot).await
    }
}

/// Whether the browser has called us by a name that only this machine has: any other name may be one that somebody else has
/// pointed here.
fn is_local(headers: &HeaderMap) -> bool {
    host_name(headers).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}
