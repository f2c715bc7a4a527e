//! `/servers/{id}/health`: what is right and wrong with a server, and how to mend it.

use super::dress::page_response;
use super::format::{When, when};
use super::servers::server_name;
use super::shell::{Here, Shell};
use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::api::guilds;
use crate::dashboard::auth::need::ReadGuilds;
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use crate::servers::{self, Check, Code, Status};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "health.html")]
struct Page {
    shell: Shell,
    w: Words,
    id: String,
    name: String,
    summary: &'static str,
    tone: &'static str,
    groups: [(&'static str, Vec<CheckView>); 2],
}

/// What a check has found.
struct CheckView {
    tone: &'static str,
    icon: &'static str,
    label: &'static str,
    title: &'static str,
    found: String,
    mend: Option<&'static str>,
    since: When,
}

impl CheckView {
    fn new(w: Words, check: &Check, now: Timestamp) -> Self {
        let status = check.finding.status();
        Self {
            tone: tone(status),
            icon: if status == Status::Ok { "check" } else { "alert" },
            label: match status {
                Status::Problem => w.health_problem(),
                Status::Warning => w.health_warning(),
                Status::Unknown => w.health_unknown(),
                Status::Ok => w.health_ok(),
            },
            title: code_name(w, check.finding.code()),
            found: check.finding.found(w.0),
            mend: check.finding.mend(w.0),
            since: when(w, check.since, now),
        }
    }
}

/// How a finding looks.
pub(super) fn tone(status: Status) -> &'static str {
    match status {
        Status::Problem => "bad",
        Status::Warning => "warn",
        Status::Unknown => "quiet",
        Status::Ok => "ok",
    }
}

fn code_name(w: Words, code: Code) -> &'static str {
    match code {
        Code::Discord => w.check_discord(),
        Code::Membership => w.check_membership(),
        Code::Gateway => w.check_gateway(),
        Code::MessageContent => w.check_content(),
        Code::Permissions => w.check_permissions(),
        Code::Answers => w.check_answers(),
        Code::Settings => w.check_settings(),
        Code::Commands => w.check_commands(),
        Code::Interactions => w.check_interactions(),
        Code::Quota => w.check_quota(),
        Code::Model => w.check_model(),
        Code::Embeddings => w.check_embeddings(),
        Code::Sources => w.check_sources(),
        Code::Mail => w.check_mail(),
        Code::Key => w.check_key(),
    }
}

/// The page.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadGuilds>,
    id: Id,
) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let of_server = async {
        let (guild, served) = tokio::try_join!(Box::pin(guilds::find(&bot, &visitor, &id)), async {
            Ok(Box::pin(servers::served_by(&bot, visitor.account())).await?)
        })?;
        let checks = servers::health(&bot, served.as_ref(), &guild, now).await?;
        Ok::<_, Problem>((guild, checks))
    };
    let of_account = async { Ok(servers::account_health(&bot, &visitor.home.account, now).await?) };
    // On the heap: side by side they would make the future of a request large.
    let ((guild, of_server), of_account) = tokio::try_join!(Box::pin(of_server), Box::pin(of_account))?;
    let shell = Shell::new(&visitor, Here::Servers);
    let w = shell.w;
    let worst = of_server.iter().chain(&of_account).map(|check| check.finding.status()).min().unwrap_or(Status::Ok);
    let summary = match worst {
        Status::Problem => w.health_summary_problem(),
        Status::Warning => w.health_summary_warning(),
        Status::Unknown => w.health_summary_unknown(),
        Status::Ok => w.health_summary_ok(),
    };
    let views = |checks: &[Check]| {
        let mut sorted: Vec<&Check> = checks.iter().collect();
        sorted.sort_by_key(|check| check.finding.status());
        sorted.into_iter().map(|check| CheckView::new(w, check, now)).collect()
    };
    let groups = [(w.health_of_server(), views(&of_server)), (w.health_of_account(), views(&of_account))];
    let (id, name) = (guild.id.to_string(), server_name(w, &guild));
    Ok(page_response(&Page { shell, w, id, name, summary, tone: tone(worst), groups }))
}
