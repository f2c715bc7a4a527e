//! `/plan` and `/notices`: what the account may use, and what its people should know.

use super::refusals::{Always, Forbidden};
use crate::account::{Feature, Month, Plan};
use crate::bot::Bot;
use crate::dashboard::auth::May;
use crate::dashboard::auth::need::ReadAccount;
use crate::dashboard::problem::Problem;
use crate::usage::Tally;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the account may use, and what it could.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanView {
    /// The account's plan.
    pub plan: Plan,
    /// All plans, the smallest first.
    pub plans: Vec<PlanOffer>,
}

/// One plan.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanOffer {
    /// Which one.
    pub plan: Plan,
    /// Messages a calendar month in UTC, shared by all channels of the account.
    #[schema(example = 2500)]
    pub messages_per_month: u32,
    /// What it has.
    pub features: Vec<Feature>,
}

/// What the account's people should know now.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notices {
    /// The gravest first.
    pub items: Vec<Notice>,
}

/// Something that the account's people should know.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// The month's messages are used up: questions are not answered until it ends.
    QuotaUsedUp(QuotaNotice),
    /// At least 80 % of the month's messages are used.
    QuotaLow(QuotaNotice),
}

/// How far the month's messages are used.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuotaNotice {
    /// The month in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// Messages used.
    #[schema(example = 2100)]
    pub used: u32,
    /// Messages a month.
    #[schema(example = 2500)]
    pub limit: u32,
    /// The part that is used, in whole percent, rounded down.
    #[schema(example = 84, maximum = 100)]
    pub percent: u32,
    /// When the count begins again at 0.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
}

/// Says what the account's plan allows, and what the others do.
#[utoipa::path(
    get, path = "/plan", tag = "account",
    security(("bearer" = ["account:read"]), ("session" = ["agent"])),
    responses((status = 200, body = PlanView), Forbidden, Always),
)]
pub async fn get_plan(caller: May<ReadAccount>) -> Json<PlanView> {
    let offer = |plan: Plan| PlanOffer {
        plan,
        messages_per_month: plan.messages_per_month(),
        features: Feature::ALL.into_iter().filter(|&feature| plan.has(feature)).collect(),
    };
    Json(PlanView { plan: caller.plan(), plans: Plan::ALL.map(offer).into() })
}

/// Says what the account's people should know now.
#[utoipa::path(
    get, path = "/notices", tag = "account",
    security(("bearer" = ["account:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Notices), Forbidden, Always),
)]
pub async fn list_notices(State(bot): State<Arc<Bot>>, caller: May<ReadAccount>) -> Result<Json<Notices>, Problem> {
    let month = Month::of(Timestamp::now());
    let tally = bot.store.tally(caller.account(), month).await?;
    Ok(Json(Notices { items: notices(&tally, month, caller.plan()).into_iter().collect() }))
}

/// The notice about a month of this plan of which so much is used. Pages show the same.
pub fn notices(tally: &Tally, month: Month, plan: Plan) -> Option<Notice> {
    let (used, limit) = (tally.used, plan.messages_per_month());
    let percent = u32::try_from(u64::from(used) * 100 / u64::from(limit.max(1))).unwrap_or(u32::MAX).min(100);
    let notice = QuotaNotice { month: month.to_string(), used, limit, percent, resets_at: month.end() };
    match percent {
        100.. => Some(Notice::QuotaUsedUp(notice)),
        80.. => Some(Notice::QuotaLow(notice)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_and_a_hundred_percent_are_noticed() {
        let month = "2026-11".parse().unwrap();
        let notice = |used| notices(&Tally { used, ..Tally::default() }, month, Plan::Starter);
        assert_eq!(notice(1_999), None);
        assert!(matches!(notice(2_000), Some(Notice::QuotaLow(QuotaNotice { percent: 80, .. }))));
        assert!(matches!(notice(2_499), Some(Notice::QuotaLow(QuotaNotice { percent: 99, .. }))));
        assert!(matches!(notice(2_500), Some(Notice::QuotaUsedUp(QuotaNotice { percent: 100, .. }))));
        // The plan was lowered.
        assert!(matches!(notice(15_000), Some(Notice::QuotaUsedUp(QuotaNotice { percent: 100, .. }))));
    }
}
