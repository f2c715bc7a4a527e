//! `/`: how everything is, and what to do next.

use super::dress::page_response;
use super::format::{When, number, percent, when};
use super::shell::{Here, Shell};
use super::visitor::Visitor;
use crate::account::Month;
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadAccount;
use crate::dashboard::problem::Problem;
use crate::events::{Event, What};
use crate::knowledge::source::{Source, Status};
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

/// Events that are shown: the latest days of most teams.
const NEWEST_EVENTS: u16 = 6;

/// From so many hundredths of the month's messages on, it is said that they run out.
const RUNNING_OUT_PERCENT: u32 = 80;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    shell: Shell,
    w: Words,
    servers: String,
    sources: String,
    passages: String,
    usage: UsageView,
    /// What a new account does first: none once all of it is done.
    steps: Option<[Step; 3]>,
    attention: Vec<Attention>,
    events: Vec<EventView>,
}

/// How much of the month is used.
pub(super) struct UsageView {
    pub(super) used: String,
    pub(super) limit: String,
    pub(super) remaining: String,
    pub(super) percent: u32,
    pub(super) month: String,
}

impl UsageView {
    /// What is said of so many messages.
    pub(super) fn new(w: Words, used: u32, limit: u32, month: Month) -> Self {
        Self {
            used: number(w, used),
            limit: number(w, limit),
            remaining: number(w, limit.saturating_sub(used)),
            percent: percent(used, limit),
            month: month.to_string(),
        }
    }

    /// How it looks: fine, or running out.
    pub(super) fn tone(&self) -> &'static str {
        match self.percent {
            0..RUNNING_OUT_PERCENT => "ok",
            RUNNING_OUT_PERCENT..100 => "warn",
            _ => "bad",
        }
    }
}

struct Step {
    is_done: bool,
    title: &'static str,
    text: &'static str,
    address: &'static str,
    action: &'static str,
}

/// Something that an admin should look at.
struct Attention {
    tone: &'static str,
    text: String,
    address: String,
    action: &'static str,
}

/// Something that has happened.
pub(super) struct EventView {
    pub(super) icon: &'static str,
    pub(super) text: String,
    pub(super) quote: Option<String>,
    pub(super) link: Option<String>,
    pub(super) when: When,
}

/// The page.
pub(super) async fn show(State(bot): State<Arc<Bot>>, visitor: Visitor<ReadAccount>) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let account = visitor.account();
    let (guilds, sources, used, events) = tokio::try_join!(
        bot.store.guilds_of(account),
        bot.store.sources(account),
        bot.store.usage(account, Month::of(now)),
        bot.store.recent_events(account, NEWEST_EVENTS, now),
    )?;
    let shell = Shell::new(&visitor, Here::Overview);
    let w = shell.w;
    let usage = UsageView::new(w, used, visitor.home.account.plan.messages_per_month(), Month::of(now));
    let servers = guilds.iter().filter(|guild| guild.left_at.is_none()).count();
    let passages: u64 = sources.iter().filter_map(|source| source.ready.as_ref()).map(|r| u64::from(r.passages)).sum();
    let mut attention = attention(w, &bot, &sources);
    if usage.percent >= RUNNING_OUT_PERCENT {
        let text = if usage.percent >= 100 { w.attention_used_up() } else { w.attention_running_out() };
        attention.insert(0, Attention::new(usage.tone(), text, "/usage", w.attention_see_usage()));
    }
    let steps = steps(w, servers > 0, passages > 0, used > 0);
    let page = Page {
        w,
        servers: number(w, servers as u64),
        sources: number(w, sources.len() as u64),
        passages: number(w, passages),
        usage,
        steps: steps.iter().any(|step| !step.is_done).then_some(steps),
        attention,
        events: events.iter().map(|event| told(w, event, now)).collect(),
        shell,
    };
    Ok(page_response(&page))
}

fn steps(w: Words, connected: bool, knows: bool, asked: bool) -> [Step; 3] {
    [
        Step {
            is_done: knows,
            title: w.step_knowledge(),
            text: w.step_knowledge_text(),
            address: "/knowledge/add",
            action: w.step_knowledge_action(),
        },
        Step {
            is_done: asked,
            title: w.step_ask(),
            text: w.step_ask_text(),
            address: "/playground",
            action: w.step_ask_action(),
        },
        Step {
            is_done: connected,
            title: w.step_server(),
            text: w.step_server_text(),
            address: "/servers",
            action: w.step_server_action(),
        },
    ]
}

impl Attention {
    fn new(tone: &'static str, text: impl Into<String>, address: impl Into<String>, action: &'static str) -> Self {
        Self { tone, text: text.into(), address: address.into(), action }
    }
}

fn attention(w: Words, bot: &Bot, sources: &[Source]) -> Vec<Attention> {
    let mut found = Vec::new();
    let is_failed = |source: &&Source| matches!(source.status, Status::Failed { .. });
    match sources.iter().filter(is_failed).collect::<Vec<_>>()[..] {
        [] => {}
        [one] => {
            let text = w.attention_one_failed(&one.title);
            found.push(Attention::new("bad", text, format!("/knowledge/{}", one.id), w.attention_see_source()));
        }
        ref several => {
            let text = w.attention_failed(several.len());
            found.push(Attention::new("bad", text, "/knowledge?only=failed", w.attention_see_knowledge()));
        }
    }
    if bot.llm.is_none() {
        found.push(Attention::new("warn", w.attention_no_model(), "/playground", w.attention_see_playground()));
    }
    if bot.discord.as_ref().is_none_or(|discord| discord.known_application().is_none()) {
        found.push(Attention::new("warn", w.attention_no_discord(), "/bot", w.attention_see_bot()));
    }
    found
}

/// What an event is told as.
pub(super) fn told(w: Words, event: &Event, now: Timestamp) -> EventView {
    let when = when(w, event.at, now);
    match &event.what {
        What::Escalation(escalation) => EventView {
            icon: "people",
            text: w.event_escalation(escalation.asker.as_str()),
            quote: Some(escalation.text.clone()),
            link: escalation.link.clone(),
            when,
        },
        What::Escalations(escalations) => EventView {
            icon: "people",
            text: w.event_escalations(number(w, escalations.more)),
            quote: None,
            link: None,
            when,
        },
        What::Quota(quota) => EventView {
            icon: "gauge",
            text: w.event_quota(quota.percent, number(w, quota.limit)),
            quote: None,
            link: None,
            when,
        },
    }
}
