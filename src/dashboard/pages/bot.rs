//! `/bot`: the account's own Discord application, in place of the shared bot.

use super::dress::page_response;
use super::form::{Field, Sent};
use super::format::{When, when};
use super::server::refused;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::api::bot::{self, BotView, Connection, NewBot, NoBot};
use crate::dashboard::auth::need::{ManageBot, ReadBot};
use crate::dashboard::problem::Problem;
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "bot.html")]
struct Page {
    shell: Shell,
    w: Words,
    own: Option<OwnView>,
    application_id: Field,
    public_key: Field,
    token: Field,
    /// What is wrong with no single field.
    error: Option<String>,
}

/// The bot that the account has.
struct OwnView {
    application_id: String,
    tone: &'static str,
    connection: &'static str,
    notice: Option<String>,
    added: When,
}

impl OwnView {
    fn new(w: Words, view: BotView, now: Timestamp) -> Self {
        let (tone, connection) = match view.connection {
            Connection::Connecting => ("quiet", w.bot_connecting()),
            Connection::Connected => ("ok", w.bot_connected()),
            Connection::Stopped => ("bad", w.bot_stopped()),
        };
        let notice = view.notice.map(|notice| match notice.code.as_str() {
            "token_refused" => w.bot_token_refused().to_owned(),
            "content_refused" => w.bot_content_refused().to_owned(),
            "intents_refused" => w.bot_intents_refused().to_owned(),
            _ => notice.text,
        });
        Self { application_id: view.application_id, tone, connection, notice, added: when(w, view.added_at, now) }
    }
}

/// The page.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadBot>,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Bot).telling(told.notice());
    let own = bot::look(&bot, &visitor).await?;
    let page = Page::of(shell, own);
    Ok(page_response(&page))
}

/// Brings a bot along.
pub(super) async fn save(State(bot): State<Arc<Bot>>, sent: Sent<ManageBot>) -> Result<Response, Problem> {
    let new = NewBot {
        application_id: sent.field("application_id").trim().to_owned(),
        public_key: sent.field("public_key").trim().to_owned(),
        token: sent.field("token").trim().to_owned().into(),
    };
    match Box::pin(bot::bring(&bot, &sent.visitor, &new)).await {
        Ok(_) => Ok(to_page("/bot", Notice::BotSaved)),
        Err(NoBot::Internal(error)) => Err(error.into()),
        Err(reason) => {
            let mut page = Page::of(Shell::new(&sent.visitor, Here::Bot), bot::look(&bot, &sent.visitor).await?);
            (page.application_id, page.public_key) = (Field::of(new.application_id), Field::of(new.public_key));
            page.refuse(&reason);
            Ok(refused(page_response(&page)))
        }
    }
}

/// Removes it.
pub(super) async fn remove(State(bot): State<Arc<Bot>>, sent: Sent<ManageBot>) -> Result<Response, Problem> {
    bot::remove(&bot, &sent.visitor).await?;
    Ok(to_page("/bot", Notice::BotRemoved))
}

impl Page {
    fn of(shell: Shell, own: Option<BotView>) -> Self {
        let w = shell.w;
        let own = own.map(|own| OwnView::new(w, own, Timestamp::now()));
        let (application_id, public_key, token) = (Field::default(), Field::default(), Field::default());
        Self { shell, w, own, application_id, public_key, token, error: None }
    }

    fn refuse(&mut self, reason: &NoBot) {
        let w = self.w;
        let (field, text) = match reason {
            NoBot::NoApplication => (&mut self.application_id, w.bot_no_application()),
            NoBot::AnothersToken => (&mut self.token, w.bot_anothers_token()),
            NoBot::Shared => (&mut self.application_id, w.bot_shared()),
            NoBot::Taken => (&mut self.application_id, w.bot_taken()),
            NoBot::NoKey(_) => (&mut self.public_key, w.bot_no_key()),
            NoBot::WrongKey => (&mut self.public_key, w.bot_wrong_key()),
            NoBot::NoToken => (&mut self.token, w.bot_no_token()),
            NoBot::UnknownToken => (&mut self.token, w.bot_unknown_token()),
            NoBot::RefusedToken => (&mut self.token, w.bot_refused_token()),
            NoBot::Unavailable | NoBot::Internal(_) => return self.error = Some(w.bot_unavailable().to_owned()),
        };
        field.error = Some(text.to_owned());
    }
}
