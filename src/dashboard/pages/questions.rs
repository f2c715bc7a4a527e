//! `/knowledge/questions`: what the documents did not answer, and answers that somebody found wrong.

use super::dress::page_response;
use super::form::Sent;
use super::format::{When, when};
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::Visitor;
use crate::bot::Bot;
use crate::dashboard::api::questions::read_id;
use crate::dashboard::auth::Scope;
use crate::dashboard::auth::need::{ManageKnowledge, ReadConversations};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::ids::QuestionId;
use crate::sentences::pages::Words;
use crate::store::{OpenQuestion, Reason};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Questions on one page of the list.
const PER_PAGE: usize = 30;

#[derive(Template)]
#[template(path = "questions.html")]
struct Page {
    shell: Shell,
    w: Words,
    is_downvoted: bool,
    questions: Vec<QuestionView>,
    after: Option<String>,
    may_change: bool,
}

struct QuestionView {
    id: String,
    question: String,
    answer: Option<String>,
    votes: Option<String>,
    link: Option<String>,
    when: When,
}

impl QuestionView {
    fn new(w: Words, open: OpenQuestion, now: Timestamp) -> Self {
        let place = open.guild.zip(open.channel);
        Self {
            id: open.id.to_string(),
            question: open.question,
            answer: Some(open.answer).filter(|answer| !answer.is_empty()),
            votes: (!open.voters.is_empty()).then(|| w.questions_votes(open.voters.len())),
            link: place.map(|(guild, channel)| format!("https://discord.com/channels/{guild}/{channel}")),
            when: when(w, open.asked_at, now),
        }
    }
}

/// Which list, and which part of it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    after: String,
}

/// The list.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadConversations>,
    Query(told): Query<Told>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Knowledge).telling(told.notice());
    let (w, now) = (shell.w, Timestamp::now());
    let reason = if wanted.kind == "downvoted" { Reason::Downvoted } else { Reason::Unanswered };
    let after: Option<QuestionId> = read_id(&wanted.after);
    let (found, more) = bot.store.open_questions(visitor.account(), reason, after, PER_PAGE, now).await?;
    let after = found.last().filter(|_| more).map(|last| last.id.to_string());
    let questions = found.into_iter().map(|open| QuestionView::new(w, open, now)).collect();
    let may_change = visitor.may(Scope::ManageKnowledge);
    let is_downvoted = reason == Reason::Downvoted;
    Ok(page_response(&Page { shell, w, is_downvoted, questions, after, may_change }))
}

/// Takes a question off the lists.
pub(super) async fn close(
    State(bot): State<Arc<Bot>>,
    Id(id): Id,
    sent: Sent<ManageKnowledge>,
) -> Result<Response, Problem> {
    let unknown = || Problem::no_such("question");
    let id = read_id(&id).ok_or_else(unknown)?;
    if !bot.store.close_question(sent.visitor.account(), id).await? {
        return Err(unknown());
    }
    let list =
        if sent.field("kind") == "downvoted" { "/knowledge/questions?kind=downvoted" } else { "/knowledge/questions" };
    Ok(to_page(list, Notice::QuestionClosed))
}
