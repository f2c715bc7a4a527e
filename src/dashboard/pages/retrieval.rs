//! `/knowledge/test`: the passages that a question would be answered from. It asks no model and counts nothing.

use super::dress::{HX_REQUEST, page_response};
use super::form::Field;
use super::format::{hundredths, number};
use super::server::refused;
use super::shell::{Here, Shell};
use super::source::PassageView;
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::auth::need::ReadKnowledge;
use crate::dashboard::problem::Problem;
use crate::question::MAX_CHARS;
use crate::sentences::pages::Words;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

/// Passages that are shown: what a model would be given is among them.
const HITS: usize = 8;

#[derive(Template)]
#[template(path = "retrieval.html")]
struct Page {
    shell: Shell,
    w: Words,
    question: Field,
    found: Option<Found>,
}

#[derive(Template)]
#[template(path = "retrieval_found.html")]
struct FoundPart {
    w: Words,
    found: Found,
}

struct Found {
    hits: Vec<HitView>,
    took: String,
}

struct HitView {
    rank: usize,
    passage: PassageView,
    source: String,
    /// Of the best one's score, in hundredths.
    score: u32,
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    q: String,
}

/// The page, with what was found if something was asked.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadKnowledge>,
    headers: HeaderMap,
    Query(Wanted { q }): Query<Wanted>,
) -> Result<Response, Problem> {
    let shell = Shell::new(&visitor, Here::Knowledge);
    let w = shell.w;
    if q.chars().count() > MAX_CHARS {
        let question = Field { value: q, error: Some(w.test_too_long(number(w, MAX_CHARS as u64))) };
        return Ok(refused(page_response(&Page { shell, w, question, found: None })));
    }
    let found = if q.trim().is_empty() { None } else { Some(find(&bot, &visitor, w, &q).await?) };
    match found {
        Some(found) if headers.contains_key(HX_REQUEST) => Ok(page_response(&FoundPart { w, found })),
        found => Ok(page_response(&Page { shell, w, question: Field::of(q), found })),
    }
}

async fn find(bot: &Bot, visitor: &Guest, w: Words, question: &str) -> Result<Found, Problem> {
    let began = Instant::now();
    let hits = bot.knowledge.search(visitor.account(), question, None, HITS).await?;
    let took = w.test_took(format!("{:.1}", began.elapsed().as_secs_f64() * 1_000.0));
    let best = hits.first().map_or(1.0, |hit| hit.score.max(f32::EPSILON));
    let shown = hits.iter().enumerate().map(|(at, hit)| HitView {
        rank: at + 1,
        passage: PassageView::new(&hit.passage),
        source: hit.source.clone(),
        score: hundredths(f64::from(hit.score / best)),
    });
    Ok(Found { hits: shown.collect(), took })
}
