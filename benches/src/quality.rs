//! Whether the right sections of the user guide are found, for questions as people type them.

use crate::corpus;
use crate::measure::{self, Row};
use anyhow::{Context as _, Result};
use futures::TryStreamExt as _;
use guildhall::config::Config;
use guildhall::embedding::Embeddings;
use guildhall::knowledge::index::{Embedded, Index, OwnedBytes, SourceContent, build, embedded_text, without_vector};
use guildhall::knowledge::search::Query;
use guildhall::knowledge::{Hit, Passage, chunk, extract};
use guildhall::prompt::{Turn, search_context};
use serde::Deserialize;

/// Ranks that count for the mean reciprocal rank, and for recall.
const DEPTH: usize = 10;
const RECALLED: usize = 5;

/// A question of fewer characters is embedded together with the one before it, as in an answer.
const SHORT_FOLLOW_UP: usize = 40;

#[derive(Deserialize)]
struct Asked {
    question: String,
    language: String,
    #[serde(default)]
    context: Option<String>,
    expects: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    page: String,
    heading: String,
}

/// What a question was searched with.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Words,
    Vectors,
    Both,
}

pub(crate) async fn run() -> Result<()> {
    let asked = corpus::guide().join("../retrieval/questions.json");
    let asked: Vec<Asked> = serde_json::from_slice(&std::fs::read(asked)?)?;
    let pages = pages()?;
    let embeddings = Config::from_env()?.embedding.map(|model| {
        let http = guildhall::http::client_builder().build().context("building the HTTP client")?;
        anyhow::Ok(Embeddings::new(model.base_url.as_str(), model.api_key, &model.model, http))
    });
    let embeddings = embeddings.transpose()?;

    let embedded = match &embeddings {
        Some(embeddings) => Some(embed(embeddings, &pages).await?),
        None => None,
    };
    let add: Vec<SourceContent<'_>> =
        pages.iter().map(|(source, passages)| SourceContent { source, version: "1", passages }).collect();
    let index = Index::open(&OwnedBytes::new(build(None, &[], &add, embedded.as_ref())?))?;

    let mut rows = Vec::new();
    let sides: &[Side] = if embeddings.is_some() { &[Side::Words, Side::Vectors, Side::Both] } else { &[Side::Words] };
    for side in sides {
        let mut found = Vec::with_capacity(asked.len());
        for asked in &asked {
            found.push(search(&index, embeddings.as_ref(), asked, *side).await?);
        }
        rows.extend(judge(&asked, &found, *side));
    }
    measure::print(
        &format!("quality: {} questions over the user guide, {} passages", asked.len(), index.manifest().passages()),
        &rows,
    )
}

/// The guide's pages by their names in the question set.
fn pages() -> Result<Vec<(String, Vec<Passage>)>> {
    let mut pages = Vec::new();
    for file in std::fs::read_dir(corpus::guide())? {
        let file = file?.path();
        let name = file.file_name().and_then(|name| name.to_str()).context("a page's name is text")?;
        let document = extract::document(name, Some("text/markdown"), &std::fs::read(&file)?)?;
        pages.push((format!("docs/guide/{name}"), chunk::passages(&document)));
    }
    pages.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(pages)
}

async fn embed(embeddings: &Embeddings, pages: &[(String, Vec<Passage>)]) -> Result<Embedded> {
    let missing = without_vector(None, embeddings.model(), pages.iter().flat_map(|(_, passages)| passages));
    let texts: Vec<String> = missing.iter().map(|(_, passage)| embedded_text(passage)).collect();
    let vectors = embeddings.embed_passages(&texts).try_concat().await?;
    let vectors = missing.iter().map(|(key, _)| *key).zip(vectors).collect();
    Ok(Embedded { model: embeddings.model().to_owned(), vectors })
}

/// Searches as an answer does, the question before it in mind.
async fn search(index: &Index, embeddings: Option<&Embeddings>, asked: &Asked, side: Side) -> Result<Vec<Hit>> {
    let turn =
        |question: &String| Turn { asker_name: String::new(), question: question.clone(), answer: String::new() };
    let turns: Vec<Turn> = asked.context.iter().map(turn).collect();
    let context = search_context(&turns);
    let vector = match embeddings.filter(|_| side != Side::Words) {
        Some(embeddings) => {
            let short = asked.question.chars().count() < SHORT_FOLLOW_UP;
            let text = match &asked.context {
                Some(context) if short => format!("{context}\n{}", asked.question),
                _ => asked.question.clone(),
            };
            Some(embeddings.embed_query(&text).await?)
        }
        None => None,
    };
    let (text, context) = match side {
        Side::Vectors => ("", None),
        _ => (&*asked.question, context.as_deref()),
    };
    index.search(&Query { text, context, vector: vector.as_deref(), limit: DEPTH })
}

/// Where the first passage of an expected section stands, from 1.
fn rank(asked: &Asked, hits: &[Hit]) -> Option<usize> {
    let expected = |hit: &Hit| {
        let Hit { passage, source, .. } = hit;
        asked.expects.iter().any(|Section { page, heading }| {
            page == source && (passage.title == *heading || passage.headings.contains(heading))
        })
    };
    hits.iter().position(expected).map(|at| at + 1)
}

/// Some of the questions: what they are called, and which.
type Part<'a> = (&'a str, &'a dyn Fn(&Asked) -> bool);

#[expect(clippy::cast_precision_loss, reason = "a handful of questions")]
fn judge(asked: &[Asked], found: &[Vec<Hit>], side: Side) -> Vec<Row> {
    let name = match side {
        Side::Words => "words",
        Side::Vectors => "vectors",
        Side::Both => "words and vectors",
    };
    let parts: [Part<'_>; 5] = [
        ("all", &|_| true),
        ("English", &|asked| asked.language == "en"),
        ("French", &|asked| asked.language == "fr"),
        ("other languages", &|asked| asked.language != "en" && asked.language != "fr"),
        ("follow-ups", &|asked| asked.context.is_some()),
    ];
    let mut rows = Vec::new();
    for (part, belongs) in parts {
        let ranks: Vec<Option<usize>> = asked
            .iter()
            .zip(found)
            .filter(|(asked, _)| !asked.expects.is_empty() && belongs(asked))
            .map(|(asked, hits)| rank(asked, hits))
            .collect();
        let count = ranks.len().max(1) as f64;
        let recalled = ranks.iter().flatten().filter(|rank| **rank <= RECALLED).count() as f64 / count;
        let reciprocal: f64 = ranks.iter().flatten().map(|rank| 1.0 / *rank as f64).sum::<f64>() / count;
        let figures = format!("recall@{RECALLED} {recalled:.3}, MRR@{DEPTH} {reciprocal:.3}");
        rows.push(Row::plain(format!("{name}: {part} ({} questions)", ranks.len()), figures));
    }
    if side != Side::Vectors {
        for (what, answerable) in [("with an answer", true), ("without", false)] {
            let shares: Vec<f32> = asked
                .iter()
                .zip(found)
                .filter(|(asked, _)| asked.expects.is_empty() != answerable)
                .map(|(_, hits)| hits.first().map_or(0.0, |hit| hit.words))
                .collect();
            let low = shares.iter().filter(|share| **share < 0.3).count();
            let mean = shares.iter().sum::<f32>() / shares.len().max(1) as f32;
            rows.push(Row::plain(
                format!(
                    "{name}: share of the question's words in the best passage, questions {what} ({})",
                    shares.len()
                ),
                format!("mean {mean:.2}, below 0.30 in {low}"),
            ));
        }
    }
    rows
}
