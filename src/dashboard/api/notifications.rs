//! `/notifications` and `/events`: who is told what happens, and what has happened lately.

use super::formats::Email;
use super::refusals::{Always, BadBody, BadParams, Forbidden};
use crate::bot::Bot;
use crate::dashboard::auth::need::{ManageNotifications, ReadEvents};
use crate::dashboard::auth::{self, Caller, May};
use crate::dashboard::extract::{Body, Params};
use crate::dashboard::page::{PageParams, cursor_at};
use crate::dashboard::problem::Problem;
use crate::events::Event;
use crate::mail::{EmailAddress, MAX_ADDRESSES, Notifications};
use crate::sentences::Lang;
use crate::store::Change;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Who is told what happens.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationsView {
    /// E-mail addresses, at most 10; nobody is told where there is none.
    #[schema(value_type = Vec<Email>, max_items = 10, example = json!(["team@example.com"]))]
    pub emails: Vec<String>,
    /// The language of the e-mails.
    #[serde(default)]
    pub language: Lang,
}

/// What has happened lately.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventsView {
    /// Events of the last 30 days, newest first, each as `docs/events.md` describes it.
    pub items: Vec<Value>,
    /// Where the next part begins; none at the end of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Who is told when somebody wants to speak to a person, or when the month's messages run out.
#[utoipa::path(
    get, path = "/notifications", tag = "account",
    security(("bearer" = ["events:read"]), ("session" = ["agent"])),
    responses((status = 200, body = NotificationsView), Forbidden, Always),
)]
pub async fn get_notifications(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadEvents>,
) -> Result<Json<NotificationsView>, Problem> {
    Ok(Json(view(bot.store.notifications(caller.account()).await?)))
}

/// Sets who is told, in place of whoever was told before.
#[utoipa::path(
    put, path = "/notifications", tag = "account", request_body = NotificationsView,
    security(("bearer" = ["notifications:write"]), ("session" = ["admin"])),
    responses((status = 200, body = NotificationsView), BadBody, Forbidden, Always),
)]
pub async fn set_notifications(
    State(bot): State<Arc<Bot>>,
    caller: May<ManageNotifications>,
    Body(wanted): Body<NotificationsView>,
) -> Result<Json<NotificationsView>, Problem> {
    Ok(Json(view(save(&bot, &caller, wanted).await?)))
}

/// Sets who of the caller's account is told.
pub(crate) async fn save(bot: &Bot, caller: &Caller, wanted: NotificationsView) -> Result<Notifications, Problem> {
    let told = checked(wanted).map_err(|reason| Problem::refused(format!("`emails`: {reason}")))?;
    let before = bot.store.notifications(caller.account()).await?;
    bot.store.put_notifications(caller.account(), &told).await?;
    let changes = differences(before, told.clone());
    auth::keep_note(bot, &caller.note("notifications.changed", None, changes, Timestamp::now())).await;
    Ok(told)
}

/// What has happened lately: what the event bus got, and what e-mails told of.
#[utoipa::path(
    get, path = "/events", tag = "account", params(PageParams),
    security(("bearer" = ["events:read"]), ("session" = ["agent"])),
    responses((status = 200, body = EventsView), BadParams, Forbidden, Always),
)]
pub async fn list_events(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadEvents>,
    Params(params): Params<PageParams>,
) -> Result<Json<EventsView>, Problem> {
    let (limit, before) = (params.limit()?, params.after()?);
    let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
    // One more than is shown tells whether there is another part.
    let mut events = bot.store.recent_events(caller.account(), before, limit + 1, Timestamp::now()).await?;
    let more = events.len() > usize::from(limit);
    events.truncate(limit.into());
    let cursor = events.last().filter(|_| more).map(|last| cursor_at(last.at, &last.id));
    let items: Result<Vec<Value>, _> = events.iter().map(|event: &Event| serde_json::to_value(event)).collect();
    Ok(Json(EventsView { items: items.map_err(anyhow::Error::from)?, cursor }))
}

fn view(told: Notifications) -> NotificationsView {
    NotificationsView { emails: told.emails.into_iter().map(String::from).collect(), language: told.language }
}

fn differences(before: Notifications, after: Notifications) -> Vec<Change> {
    let (before, after) = (view(before), view(after));
    let language = |view: &NotificationsView| {
        serde_json::to_value(view.language).ok().and_then(|language| language.as_str().map(str::to_owned))
    };
    let (old, new) = (language(&before), language(&after));
    let language = (old != new).then(|| auth::changed("language", old, new));
    let (old, new) = (before.emails.join(", "), after.emails.join(", "));
    let emails = (old != new).then(|| auth::changed("emails", Some(old), Some(new)));
    emails.into_iter().chain(language).collect()
}

/// Each address once, in the order in which they came; a sentence about what cannot be one.
fn checked(wanted: NotificationsView) -> Result<Notifications, String> {
    if wanted.emails.len() > MAX_ADDRESSES {
        return Err(format!("there may be at most {MAX_ADDRESSES} addresses."));
    }
    let mut emails: Vec<EmailAddress> = Vec::with_capacity(wanted.emails.len());
    for address in wanted.emails {
        let address = EmailAddress::try_from(address)?;
        if !emails.iter().any(|known| known.to_string().eq_ignore_ascii_case(&address.to_string())) {
            emails.push(address);
        }
    }
    Ok(Notifications { emails, language: wanted.language })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_few_and_each_is_there_once() {
        let told = |emails: &[&str]| {
            let emails = emails.iter().map(|&email| email.to_owned()).collect();
            checked(NotificationsView { emails, language: Lang::Fr }).map(|told| view(told).emails)
        };
        let kept = told(&["ann@example.com", " Ann@Example.com", "bob@example.com"]).unwrap();
        assert_eq!(kept, ["ann@example.com", "bob@example.com"]);
        assert_eq!(told(&[]).unwrap(), [""; 0]);
        assert!(told(&["ann@example.com"; 11]).unwrap_err().contains("at most 10"));
        insta::assert_snapshot!(told(&["ann"]).unwrap_err(), @"“ann” is no e-mail address.");
    }
}
