//! `/notifications`: who is told what happens, and what has happened lately.

use super::dress::page_response;
use super::form::{Field, Sent};
use super::overview::{EventView, told};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::account::Feature;
use crate::bot::Bot;
use crate::dashboard::api::notifications::{self as api, NotificationsView};
use crate::dashboard::auth::need::{ManageNotifications, ReadEvents};
use crate::dashboard::problem::Problem;
use crate::mail::{EmailAddress, MAX_ADDRESSES};
use crate::sentences::Lang;
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

/// Events that are listed.
const NEWEST: u16 = 50;

/// Characters of a line that an error repeats.
const MOST_REPEATED: usize = 60;

#[derive(Template)]
#[template(path = "notifications.html")]
struct Page {
    shell: Shell,
    w: Words,
    emails: Field,
    languages: Vec<(&'static str, &'static str, bool)>,
    events: Vec<EventView>,
    escalates: bool,
}

/// The page.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadEvents>,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let set = bot.store.notifications(visitor.account()).await?;
    let lines: Vec<String> = set.emails.iter().map(ToString::to_string).collect();
    let shell = Shell::new(&visitor, Here::Notifications).telling(told.notice());
    page(&bot, &visitor, shell, Field::of(lines.join("\n")), set.language).await
}

/// Saves who is told.
pub(super) async fn save(State(bot): State<Arc<Bot>>, sent: Sent<ManageNotifications>) -> Result<Response, Problem> {
    let visitor = &sent.visitor;
    let shell = Shell::new(visitor, Here::Notifications);
    let mut typed = Field::of(sent.field("emails").replace("\r\n", "\n"));
    let chosen = sent.field("language");
    let language = Lang::ALL.iter().copied().find(|lang| lang.code() == chosen).unwrap_or_default();
    let emails: Vec<String> =
        typed.value.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    typed.error = fault(shell.w, &emails);
    if typed.error.is_some() {
        return Ok(refused(page(&bot, visitor, shell, typed, language).await?));
    }
    api::save(&bot, visitor, NotificationsView { emails, language }).await?;
    Ok(to_page("/notifications", Notice::NotificationsSaved))
}

fn fault(w: Words, emails: &[String]) -> Option<String> {
    if emails.len() > MAX_ADDRESSES {
        return Some(w.mail_many(MAX_ADDRESSES));
    }
    let wrong = emails.iter().find(|email| EmailAddress::try_from((*email).clone()).is_err())?;
    Some(w.mail_bad(wrong.chars().take(MOST_REPEATED).collect::<String>()))
}

async fn page(bot: &Bot, visitor: &Guest, shell: Shell, emails: Field, language: Lang) -> Result<Response, Problem> {
    let (w, now) = (shell.w, Timestamp::now());
    let events = bot.store.recent_events(visitor.account(), None, NEWEST, now).await?;
    let languages =
        Lang::ALL.iter().map(|&lang| (lang.code(), Words(lang).language_name(), lang == language)).collect();
    let events = events.iter().map(|event| told(w, event, now)).collect();
    let escalates = visitor.plan().has(Feature::Escalation);
    Ok(page_response(&Page { shell, w, emails, languages, events, escalates }))
}
