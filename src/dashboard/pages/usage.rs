//! `/usage`: the month's messages, and what the plan holds.

use super::chart::Chart;
use super::dress::page_response;
use super::format::{date, number};
use super::overview::UsageView;
use super::shell::{Here, Shell};
use super::visitor::Visitor;
use crate::account::{Feature, Month, Plan};
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadAccount;
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "usage.html")]
struct Page {
    shell: Shell,
    w: Words,
    usage: UsageView,
    chart: Option<Chart>,
    resets: String,
    plans: Vec<PlanView>,
}

struct PlanView {
    name: &'static str,
    messages: String,
    is_own: bool,
    /// What it holds, and whether it does.
    features: Vec<(&'static str, bool)>,
}

impl PlanView {
    fn new(w: Words, plan: Plan, own: Plan) -> Self {
        let features = Feature::ALL.map(|feature| (w.feature(feature), plan.has(feature))).into();
        Self {
            name: plan_name(w, plan),
            messages: w.plan_messages(number(w, plan.messages_per_month())),
            is_own: plan == own,
            features,
        }
    }
}

/// What a plan is called.
pub(super) fn plan_name(w: Words, plan: Plan) -> &'static str {
    match plan {
        Plan::Starter => w.plan_starter(),
        Plan::Standard => w.plan_standard(),
        Plan::Pro => w.plan_pro(),
    }
}

/// The page.
pub(super) async fn show(State(bot): State<Arc<Bot>>, visitor: Visitor<ReadAccount>) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let month = Month::of(now);
    let tally = bot.store.tally(visitor.account(), month).await?;
    let (shell, plan) = (Shell::new(&visitor, Here::Usage), visitor.plan());
    let w = shell.w;
    Ok(page_response(&Page {
        shell,
        w,
        usage: UsageView::new(w, tally.used, plan.messages_per_month(), month),
        chart: Chart::of(w, &tally, month, now),
        resets: date(month.end()),
        plans: Plan::ALL.map(|other| PlanView::new(w, other, plan)).into(),
    }))
}
