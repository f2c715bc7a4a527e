//! `/`: how everything is, and what to do next.

use super::chart::Chart;
use super::dress::page_response;
use super::format::{When, number, percent, when};
use super::health::tone;
use super::servers::server_name;
use super::shell::{Here, Shell};
use super::visitor::Visitor;
use crate::account::Month;
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadAccount;
use crate::dashboard::problem::Problem;
use crate::events::{Event, What};
use crate::sentences::pages::Words;
use crate::servers::{self, Code, Finding};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

/// Events that are shown: the latest days of most teams.
const NEWEST_EVENTS: u16 = 6;

/// What needs attention, of which more would bury the gravest.
const MOST_ATTENTION: usize = 8;

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
    passage_count: u64,
    usage: UsageView,
    /// What a new account does first: none once all of it is done.
    steps: Option<[Step; 3]>,
    attention: Vec<Attention>,
    chart: Option<Chart>,
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
    let month = Month::of(now);
    // Each on the heap: side by side they would make the future of the request large.
    let (guilds, known, tally, events) = tokio::try_join!(
        Box::pin(bot.store.guilds_of(account)),
        Box::pin(servers::Known::read(&bot, account, now)),
        Box::pin(bot.store.tally(account, month)),
        Box::pin(bot.store.recent_events(account, None, NEWEST_EVENTS, now)),
    )?;
    let shell = Shell::new(&visitor, Here::Overview);
    let w = shell.w;
    let (sources, passages) = known.index().map_or((0, 0), |index| (index.sources, index.passages));
    let found = Box::pin(servers::attention(&bot, &visitor.home.account, &guilds, tally.used, known, now)).await?;
    let usage = UsageView::new(w, tally.used, visitor.plan().messages_per_month(), month);
    let servers = guilds.iter().filter(|guild| guild.left_at.is_none()).count();
    let steps = steps(w, servers > 0, passages > 0, tally.used > 0);
    let page = Page {
        w,
        servers: number(w, servers as u64),
        sources: number(w, sources),
        passages: number(w, passages),
        passage_count: passages,
        usage,
        steps: steps.iter().any(|step| !step.is_done).then_some(steps),
        attention: found.iter().take(MOST_ATTENTION).map(|found| attention(w, found)).collect(),
        chart: Chart::of(w, &tally, month, now),
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

/// What is wrong, with where to see how to mend it.
fn attention(w: Words, found: &servers::Attention) -> Attention {
    let text = found.check.finding.found(w.0);
    let (address, action) = match (&found.guild, found.check.finding.code()) {
        (_, Code::Sources) if found.check.finding == Finding::SourcesNone => {
            ("/knowledge/add".to_owned(), w.step_knowledge_action())
        }
        (Some(guild), _) => (format!("/servers/{}/health", guild.id), w.attention_see_health()),
        (None, Code::Quota) => ("/usage".to_owned(), w.attention_see_usage()),
        (None, Code::Sources) => ("/knowledge?only=failed".to_owned(), w.attention_see_knowledge()),
        (None, _) => ("/playground".to_owned(), w.attention_see_playground()),
    };
    let text = match &found.guild {
        Some(guild) => format!("{}: {text}", server_name(w, guild)),
        None => text,
    };
    Attention { tone: tone(found.check.finding.status()), text, address, action }
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
