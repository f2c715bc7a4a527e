//! `/knowledge/{id}`: one source, what it holds, and what is missing from it.

use super::dress::page_response;
use super::form::Sent;
use super::format::{When, number, when};
use super::knowledge::SourceRow;
use super::markdown;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::api::knowledge as api;
use crate::dashboard::auth::need::{ManageKnowledge, ReadKnowledge};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::ids::SourceId;
use crate::knowledge::Passage;
use crate::knowledge::source::{Origin, Source};
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;

/// Passages on one part of the page.
const PER_PART: usize = 20;

#[derive(Template)]
#[template(path = "source.html")]
struct Page {
    shell: Shell,
    w: Words,
    source: SourceView,
    /// None until they are asked for: a large source's passages take a moment to read.
    passages: Option<Passages>,
}

#[derive(Template)]
#[template(path = "source_progress.html")]
struct ProgressPart {
    shell: Shell,
    w: Words,
    source: SourceView,
}

/// A source in full.
struct SourceView {
    row: SourceRow,
    address: Option<String>,
    limits: Option<String>,
    documents: Option<String>,
    skipped: Vec<String>,
    added: When,
    is_refreshable: bool,
}

/// Some of its passages.
struct Passages {
    shown: Vec<PassageView>,
    before: Option<usize>,
    after: Option<usize>,
}

/// A passage.
pub(super) struct PassageView {
    pub(super) title: String,
    pub(super) headings: String,
    pub(super) url: Option<String>,
    pub(super) html: String,
}

impl PassageView {
    pub(super) fn new(passage: &Passage) -> Self {
        Self {
            title: passage.title.clone(),
            headings: passage.headings.join(" › "),
            url: passage.address.as_deref().and_then(markdown::web_address),
            html: markdown::to_html(&passage.text),
        }
    }
}

impl SourceView {
    fn new(w: Words, source: &Source, now: Timestamp) -> Self {
        let (address, limits) = match &source.origin {
            Origin::Text | Origin::File { .. } => (None, None),
            Origin::Page { url } => (Some(url.to_string()), None),
            Origin::Site { url, max_pages, max_depth } => {
                (Some(url.to_string()), Some(w.source_limits(number(w, *max_pages), *max_depth)))
            }
        };
        Self {
            row: SourceRow::new(w, source, now),
            is_refreshable: address.is_some(),
            address,
            limits,
            documents: source.ready.as_ref().map(|ready| number(w, ready.documents)),
            skipped: source.ready.as_ref().map(|ready| ready.lacks(w.0)).unwrap_or_default(),
            added: when(w, source.created_at, now),
        }
    }
}

/// Which passages are wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    passages: Option<String>,
}

/// The page.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadKnowledge>,
    Id(id): Id,
    Query(told): Query<Told>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let source = find(&bot, &visitor, &id).await?;
    let shell = Shell::new(&visitor, Here::Knowledge).telling(told.notice());
    let passages = match wanted.passages {
        Some(part) => Some(passages(&bot, &source, part.parse().unwrap_or(0)).await?),
        None => None,
    };
    let w = shell.w;
    Ok(page_response(&Page { source: SourceView::new(w, &source, Timestamp::now()), passages, shell, w }))
}

async fn passages(bot: &Bot, source: &Source, part: usize) -> Result<Passages, Problem> {
    let mut found = bot.knowledge.passages(source, part.saturating_mul(PER_PART), PER_PART + 1).await?;
    let more = found.len() > PER_PART;
    found.truncate(PER_PART);
    Ok(Passages {
        shown: found.iter().map(PassageView::new).collect(),
        before: part.checked_sub(1),
        after: more.then_some(part + 1),
    })
}

/// How far it is, for a page that watches it.
pub(super) async fn progress(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadKnowledge>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let source = find(&bot, &visitor, &id).await?;
    let shell = Shell::new(&visitor, Here::Knowledge);
    let w = shell.w;
    Ok(page_response(&ProgressPart { source: SourceView::new(w, &source, Timestamp::now()), shell, w }))
}

/// Reads it again.
pub(super) async fn refresh(
    State(bot): State<Arc<Bot>>,
    Id(id): Id,
    sent: Sent<ManageKnowledge>,
) -> Result<Response, Problem> {
    let source = api::refresh(&bot, &sent.visitor, id).await?;
    Ok(to_page(&format!("/knowledge/{}", source.id), Notice::SourceRefreshed))
}

/// Takes it out.
pub(super) async fn remove(
    State(bot): State<Arc<Bot>>,
    Id(id): Id,
    sent: Sent<ManageKnowledge>,
) -> Result<Response, Problem> {
    api::remove(&bot, &sent.visitor, id).await?;
    Ok(to_page("/knowledge", Notice::SourceRemoved))
}

async fn find(bot: &Bot, visitor: &Guest, id: &str) -> Result<Source, Problem> {
    let source = bot.store.source(visitor.account(), &SourceId(id.to_owned())).await?;
    source.ok_or_else(|| Problem::no_such("source"))
}
