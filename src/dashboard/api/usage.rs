//! `/me` and `/usage`: who calls, and what was counted.

use super::refusals::{Always, BadBody, BadParams, Forbidden, QuotaUsedUp};
use crate::account::{Month, Plan, Role};
use crate::bot::Bot;
use crate::dashboard::auth::need::{CountUsage, ReadAccount};
use crate::dashboard::auth::{Actor, Caller, May, Scope};
use crate::dashboard::extract::{Body, Params, visible};
use crate::dashboard::problem::Problem;
use crate::events::{self, Event};
use crate::store::{Report, Reported};
use crate::usage::{Kind, Tally};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Months of a history: a year.
const HISTORY: usize = 12;

/// Messages of one report at most.
const MOST_AT_ONCE: u32 = 1_000;

/// Characters of a channel's or a report's name: a UUID fits with a prefix.
const MAX_NAME_CHARS: usize = 64;

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

/// The messages of a month.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    /// The month in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// What the account may use now.
    pub plan: Plan,
    /// Messages used.
    #[schema(example = 412)]
    pub used: u32,
    /// Messages a month, as the plan is now.
    #[schema(example = 2500)]
    pub limit: u32,
    /// Messages left; 0 for a month that is over.
    #[schema(example = 2088)]
    pub remaining: u32,
    /// When the count begins again at 0: the end of the month.
    #[schema(value_type = String, format = DateTime)]
    pub resets_at: Timestamp,
    /// Messages by kind. Together they may be fewer than `used`: some may have been counted before kinds were told apart.
    pub kinds: Kinds,
    /// The same for each day of the month in UTC, in order.
    pub days: Vec<Day>,
}

/// The messages of a day.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Day {
    /// The day in UTC.
    #[schema(example = "2026-11-24", format = Date)]
    pub date: String,
    /// Its messages by kind.
    #[serde(flatten)]
    pub kinds: Kinds,
}

/// Messages by kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Kinds {
    /// Questions that were put to the bot in channels: by a mention, a reply or in private.
    pub mention: u32,
    /// Messages of channels where all are read.
    pub all_messages: u32,
    /// Questions by `/ask` and other commands.
    pub command: u32,
    /// Questions by the API, the playground and the command line.
    pub api: u32,
    /// What other channels have reported.
    pub other: u32,
}

/// The last twelve months.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct History {
    /// Oldest first; the last one is the current month.
    #[schema(min_items = 12, max_items = 12)]
    pub months: Vec<MonthView>,
}

/// A month among others.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MonthView {
    /// The month in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// Messages used.
    #[schema(example = 412)]
    pub used: u32,
    /// Messages by kind.
    pub kinds: Kinds,
}

/// Which month.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageParams {
    /// The month, in UTC; the current one where it is not named. Counts are kept for 13 months.
    #[param(example = "2026-11", pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$")]
    month: Option<String>,
}

/// Messages that another channel of the account has handled.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessages {
    /// Which channel it was.
    #[schema(
        example = "website",
        min_length = 1,
        max_length = 64,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub channel: String,
    /// How many messages.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub count: u32,
    /// A name of your own for this report: the same id again is not counted again. The header `Idempotency-Key` does the
    /// same; one of the two is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "chat-8f3a-0001", pattern = "^[A-Za-z0-9._:-]{1,64}$")]
    pub id: Option<String>,
}

/// What was counted.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CountedMessages {
    /// The month that they count on.
    #[schema(example = "2026-11")]
    pub month: String,
    /// How many.
    pub count: u32,
    /// Whether an earlier request had counted them.
    pub repeated: bool,
}

impl From<&Tally> for Kinds {
    fn from(tally: &Tally) -> Self {
        Self::of(Kind::ALL.map(|kind| (kind, tally.of_kind(kind))))
    }
}

impl Kinds {
    fn of(counts: [(Kind, u32); Kind::ALL.len()]) -> Self {
        let mut kinds = Self::default();
        for (kind, count) in counts {
            *match kind {
                Kind::Mention => &mut kinds.mention,
                Kind::AllMessages => &mut kinds.all_messages,
                Kind::Command => &mut kinds.command,
                Kind::Api => &mut kinds.api,
                Kind::Other => &mut kinds.other,
            } = count;
        }
        kinds
    }
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

/// Says how many messages of a month are used, by day and kind.
#[utoipa::path(
    get, path = "/usage", tag = "account", params(UsageParams),
    security(("bearer" = ["account:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Usage), BadParams, Forbidden, Always),
)]
pub async fn usage(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadAccount>,
    Params(params): Params<UsageParams>,
) -> Result<Json<Usage>, Problem> {
    let current = Month::of(Timestamp::now());
    let month = match params.month {
        Some(month) => month.parse().map_err(|reason| Problem::bad_parameter(format!("`month`: {reason}.")))?,
        None => current,
    };
    let tally = bot.store.tally(caller.account(), month).await?;
    Ok(Json(view(&tally, month, current, caller.plan())))
}

/// Says how many messages were used in each of the last twelve months.
#[utoipa::path(
    get, path = "/usage/history", tag = "account",
    security(("bearer" = ["account:read"]), ("session" = ["agent"])),
    responses((status = 200, body = History), Forbidden, Always),
)]
pub async fn usage_history(State(bot): State<Arc<Bot>>, caller: May<ReadAccount>) -> Result<Json<History>, Problem> {
    let mut months: Vec<Month> =
        std::iter::successors(Some(Month::of(Timestamp::now())), |month| Some(month.previous()))
            .take(HISTORY)
            .collect();
    months.reverse();
    let tallies = bot.store.tallies(caller.account(), &months).await?;
    let months = months.iter().zip(&tallies).map(|(month, tally)| MonthView {
        month: month.to_string(),
        used: tally.used,
        kinds: tally.into(),
    });
    Ok(Json(History { months: months.collect() }))
}

/// Counts messages that another channel of the account has handled: all of them, or none where fewer are left. With the same
/// id, they are counted once within 40 days.
#[utoipa::path(
    post, path = "/usage/messages", tag = "account", request_body = NewMessages,
    params(("Idempotency-Key" = Option<String>, Header, description = "The report's id, where the body has none",
        pattern = "^[A-Za-z0-9._:-]{1,64}$")),
    security(("bearer" = ["usage:write"]), ("session" = ["admin"])),
    responses((status = 200, body = CountedMessages), BadBody, IdTaken, Forbidden, Always, QuotaUsedUp),
)]
pub async fn count_messages(
    State(bot): State<Arc<Bot>>,
    caller: May<CountUsage>,
    headers: HeaderMap,
    Body(new): Body<NewMessages>,
) -> Result<Json<CountedMessages>, Problem> {
    let (now, limit) = (Timestamp::now(), caller.plan().messages_per_month());
    let report = checked(new, &headers)?;
    let (count, id) = (report.count, report.id.clone());
    let account = caller.account().clone();
    // A task of its own: a caller who leaves must not cut it between counting and telling the account's owner.
    let counted = tokio::spawn(async move {
        let reported = bot.store.report(&account, limit, &report, now).await?;
        let passed = match &reported {
            Reported::Counted { month, passed: Some(percent) } => Some((*percent, month)),
            Reported::UsedUp { month, .. } => Some((100, month)),
            _ => None,
        };
        if let Some((percent, month)) = passed {
            let event = Event::quota(account.clone(), month, percent, limit, now);
            if let Err(error) = events::tell_once(&bot, &event, &format!("report {id}"), now).await {
                tracing::warn!(event.id, error = format!("{error:#}"), "an event could not be passed on yet");
            }
        }
        anyhow::Ok(reported)
    });
    match counted.await.map_err(|_| anyhow::anyhow!("messages could not be counted to the end"))?? {
        Reported::Counted { month, .. } => Ok(Json(CountedMessages { month, count, repeated: false })),
        Reported::Before { month } => Ok(Json(CountedMessages { month, count, repeated: true })),
        Reported::Different => Err(Problem::new(
            StatusCode::CONFLICT,
            "Other messages were counted with this `id`. Choose a new one for each report.",
        )),
        Reported::UsedUp { left, .. } => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "{left} of the {limit} messages of this month are left, and this reports {count}: none is counted."
            ),
        )),
    }
}

/// What a report may be answered whose id another one has.
#[derive(utoipa::IntoResponses)]
pub enum IdTaken {
    /// Other messages were counted with this id.
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(Problem),
}

fn view(tally: &Tally, month: Month, current: Month, plan: Plan) -> Usage {
    let limit = plan.messages_per_month();
    let remaining = if month < current { 0 } else { limit.saturating_sub(tally.used) };
    let days = tally.by_day(month).map(|(date, kinds)| Day { date: date.to_string(), kinds: Kinds::of(kinds) });
    Usage {
        month: month.to_string(),
        plan,
        used: tally.used,
        limit,
        remaining,
        resets_at: month.end(),
        kinds: tally.into(),
        days: days.collect(),
    }
}

fn one() -> u32 {
    1
}

fn checked(new: NewMessages, headers: &HeaderMap) -> Result<Report, Problem> {
    let channel = visible(&new.channel, MAX_NAME_CHARS)
        .ok_or_else(|| Problem::refused(format!("`channel` must have 1 to {MAX_NAME_CHARS} visible characters.")))?;
    if !(1..=MOST_AT_ONCE).contains(&new.count) {
        return Err(Problem::refused(format!("`count` must be between 1 and {MOST_AT_ONCE}.")));
    }
    let header =
        headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default().trim_matches('"').to_owned());
    let id = match (new.id, header) {
        (Some(id), Some(header)) if id != header => {
            return Err(Problem::refused("`id` and the header `Idempotency-Key` differ: send one of them."));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => {
            return Err(Problem::refused(
                "Send an `id` of your own, or the header `Idempotency-Key`: with it, a repetition is not counted twice.",
            ));
        }
    };
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | ':' | '-');
    if !(1..=MAX_NAME_CHARS).contains(&id.len()) || !id.chars().all(is_plain) {
        return Err(Problem::refused(format!(
            "`id` must have 1 to {MAX_NAME_CHARS} of the characters A-Z a-z 0-9 . _ : -"
        )));
    }
    Ok(Report { id, channel: channel.to_owned(), count: new.count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Cell;

    fn new(channel: &str, count: u32, id: Option<&str>) -> NewMessages {
        NewMessages { channel: channel.to_owned(), count, id: id.map(str::to_owned) }
    }

    #[test]
    fn a_report_has_a_name_by_which_it_is_known_again() {
        let with = |key: &str| HeaderMap::from_iter([("idempotency-key".parse().unwrap(), key.parse().unwrap())]);
        let none = HeaderMap::new();
        assert_eq!(checked(new(" web ", 1_000, Some("a:1")), &none).unwrap().channel, "web");
        // The draft writes it as a string of structured fields. [draft-ietf-httpapi-idempotency-key-header]
        assert_eq!(checked(new("web", 1, None), &with("\"k-1\"")).unwrap().id, "k-1");
        assert_eq!(checked(new("web", 1, Some("k-1")), &with("k-1")).unwrap().id, "k-1");
        for (refused, headers) in [
            (new("web", 0, Some("a")), &none),
            (new("web", 1_001, Some("a")), &none),
            (new(" ", 1, Some("a")), &none),
            (new("a\u{202e}\u{7}", 1, Some("a")), &none),
            (new(&"x".repeat(65), 1, Some("a")), &none),
            (new("web", 1, None), &none),
            (new("web", 1, Some("")), &none),
            (new("web", 1, Some("a#b")), &none),
            (new("web", 1, Some(&"x".repeat(65))), &none),
            (new("web", 1, Some("a")), &with("b")),
            (new("web", 1, None), &with("")),
        ] {
            assert_eq!(checked(refused, headers).unwrap_err().status, 422);
        }
    }

    #[test]
    fn a_month_is_shown_day_by_day() {
        let cells = [(Cell { day: 24, kind: Kind::Mention }, 3), (Cell { day: 30, kind: Kind::Other }, 40)];
        let tally = Tally { used: 50, cells: cells.into() };
        let (november, december) = ("2026-11".parse().unwrap(), "2026-12".parse().unwrap());
        let seen = view(&tally, november, november, Plan::Starter);
        assert_eq!((seen.days.len(), seen.remaining, seen.kinds.other), (30, 2_450, 40));
        assert_eq!((seen.days[23].date.as_str(), seen.days[23].kinds.mention), ("2026-11-24", 3));
        assert_eq!(view(&tally, november, december, Plan::Starter).remaining, 0);
    }
}
