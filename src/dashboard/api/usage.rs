//! `/me` and `/usage`: who calls, and what is left of the month.

use super::refusals::{Always, Forbidden};
use crate::account::{Month, Plan, Role};
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadAccount;
use crate::dashboard::auth::{Actor, Caller, May, Scope};
use crate::dashboard::problem::Problem;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who calls.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Me {
    /// The account's id.
    #[schema(example = "local")]
    pub account: String,
    /// What people call it.
    pub name: String,
    /// What it may use.
    pub plan: Plan,
    /// The id of the token that was sent; none where a person is signed in.
    #[schema(example = "tok-0199f3c2a1b4c5d6e7f")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Who is signed in; none where a token was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonView>,
    /// What may be done with this token, or by this person in this account.
    #[serde(default)]
    pub scopes: BTreeSet<Scope>,
    /// Whether they run the installation.
    #[serde(default)]
    pub operator: bool,
}

/// A person who is signed in.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonView {
    /// Discord's id of their user, or `local` for whoever sits at the machine itself.
    #[schema(example = "53908232506183680")]
    pub id: String,
    /// What they call themselves.
    #[schema(example = "Ann")]
    pub name: String,
    /// What they are in this account.
    pub role: Role,
}

/// The messages of the current month.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    /// The month in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// What the account may use.
    pub plan: Plan,
    /// Messages used.
    #[schema(example = 412)]
    pub used: u32,
    /// Messages a month.
    #[schema(example = 2500)]
    pub limit: u32,
    /// Messages left.
    #[schema(example = 2088)]
    pub remaining: u32,
    /// When the count begins again at 0.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
}

/// Says whose token this is, or who is signed in, and what they may do.
#[utoipa::path(
    get, path = "/me", tag = "account", security(("bearer" = []), ("session" = ["agent"])),
    responses((status = 200, body = Me), Forbidden, Always),
)]
pub async fn me(caller: Caller) -> Json<Me> {
    let account = &caller.home.account;
    let (token, person) = match &caller.actor {
        Actor::Token { id, .. } => (Some(id.to_string()), None),
        Actor::Operator => (Some("operator".to_owned()), None),
        Actor::Person { id, name, role } => {
            (None, Some(PersonView { id: id.to_string(), name: name.clone(), role: *role }))
        }
    };
    Json(Me {
        account: account.id.to_string(),
        name: account.name.clone(),
        plan: account.plan,
        token,
        person,
        scopes: caller.scopes(),
        operator: caller.operates(),
    })
}

/// Says how many messages of the current month are used.
#[utoipa::path(get, path = "/usage", tag = "account",
    security(("bearer" = ["account:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Usage), Forbidden, Always))]
pub async fn usage(State(bot): State<Arc<Bot>>, caller: May<ReadAccount>) -> Result<Json<Usage>, Problem> {
    let now = Timestamp::now();
    let month = Month::of(now);
    let plan = caller.home.account.plan;
    let (used, limit) = (bot.store.usage(caller.account(), month).await?, plan.messages_per_month());
    let remaining = limit.saturating_sub(used);
    Ok(Json(Usage { month: month.to_string(), plan, used, limit, remaining, resets_at: next_month(now) }))
}

/// The first moment of the month after the one that `now` lies in, in UTC.
pub(crate) fn next_month(now: Timestamp) -> Timestamp {
    let date = now.to_zoned_datetime(TimeZone::UTC).date();
    let next = date.last_of_month().tomorrow().and_then(|first| first.to_zoned_datetime(TimeZone::UTC));
    next.map_or(Timestamp::MAX, |first| first.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_begins_again_with_the_next_month() {
        for (now, next) in [
            ("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            assert_eq!(next_month(now.parse().unwrap()), next.parse().unwrap());
        }
    }
}
