//! Whether words and vectors together find better than either alone, in several languages: `docs/retrieval/fusion`.

use crate::corpus;
use crate::measure::{self, Row};
use anyhow::{Context as _, Result, ensure};
use futures::TryStreamExt as _;
use guildhall::config::Config;
use guildhall::embedding::Embeddings;
use guildhall::knowledge::Passage;
use guildhall::knowledge::index::{Embedded, Index, Key, OwnedBytes, SourceContent, build, embedded_text};
use guildhall::knowledge::search::Query;
use guildhall::knowledge::vectors::{encode, row_bytes};
use std::path::PathBuf;

/// `bench MODE` makes the file of vectors anew, by the embedding server that is configured.
pub(crate) const MODE: &str = "fusion-vectors";

/// Languages of the set, with the names of their files.
const LANGUAGES: [(&str, &str); 6] =
    [("English", "en"), ("French", "fr"), ("German", "de"), ("Spanish", "es"), ("Russian", "ru"), ("Japanese", "ja")];

/// Ranks that count for the mean reciprocal rank.
const DEPTH: usize = 10;

/// What the committed vectors are called in an index.
const MODEL: &str = "committed";

/// Components of the committed vectors.
const DIMENSION: usize = 384;

/// One passage and the questions that it alone answers.
struct Item {
    passage: Passage,
    /// One that shares words with it, one that says it otherwise.
    questions: [String; 2],
}

/// One language's items with the vectors of the passage and of both questions.
struct Set {
    language: &'static str,
    items: Vec<Item>,
    vectors: Vec<[Vec<f32>; 3]>,
}

/// Mean reciprocal ranks of one group of questions.
#[derive(Default, Clone, Copy)]
struct Found {
    questions: f64,
    words: f64,
    vectors: f64,
    fused: f64,
}

pub(crate) async fn run() -> Result<()> {
    let embeddings = embeddings()?;
    let origin = if embeddings.is_some() { "by the server that is configured" } else { "as committed" };
    let sets = sets(embeddings.as_ref()).await?;
    let mut rows = Vec::new();
    for half in ["report", "tune"] {
        let mut all = [Found::default(); 2];
        for set in &sets {
            let found = measure(set, half == "report")?;
            for ((all, found), kind) in all.iter_mut().zip(found).zip(["shared words", "other words"]) {
                *all = all.with(found);
                if half == "report" {
                    rows.push(found.row(&format!("{half}: {}, {kind}", set.language)));
                }
            }
            rows.push(found[0].with(found[1]).row(&format!("{half}: {}", set.language)));
        }
        rows.push(all[0].with(all[1]).row(&format!("{half}: all languages")));
    }
    let title =
        format!("fusion: MRR@{DEPTH} of words and vectors together; floor: the better of the two; vectors {origin}");
    measure::print(&title, &rows)
}

/// Embeds the set and writes its vectors down, a byte a component.
pub(crate) async fn write_vectors() -> Result<()> {
    let embeddings = embeddings()?.context("EMBEDDING_BASE_URL and EMBEDDING_MODEL say by what to embed")?;
    let mut bytes = fingerprint()?.to_vec();
    for set in sets(Some(&embeddings)).await? {
        for vector in set.vectors.iter().flatten() {
            ensure!(vector.len() == DIMENSION, "the vectors have {} components, not {DIMENSION}", vector.len());
            bytes.extend(encode(vector)?);
        }
    }
    Ok(std::fs::write(folder().join("vectors.bin"), bytes)?)
}

fn folder() -> PathBuf {
    corpus::guide().join("../retrieval/fusion")
}

fn embeddings() -> Result<Option<Embeddings>> {
    let Some(model) = Config::from_env()?.embedding else { return Ok(None) };
    let http = guildhall::http::client_builder().build().context("building the HTTP client")?;
    Ok(Some(Embeddings::new(model.base_url.as_str(), model.api_key, &model.model, http)))
}

async fn sets(embeddings: Option<&Embeddings>) -> Result<Vec<Set>> {
    let committed = std::fs::read(folder().join("vectors.bin")).unwrap_or_default();
    let rows = committed.strip_prefix(&fingerprint()?);
    ensure!(embeddings.is_some() || rows.is_some(), "the set has changed: make its vectors anew");
    let mut committed = rows.unwrap_or_default().chunks_exact(row_bytes(DIMENSION)).map(decode);
    let mut sets = Vec::new();
    for (language, file) in LANGUAGES {
        let items = items(&std::fs::read_to_string(folder().join(format!("{file}.txt")))?)?;
        let mut vectors = Vec::with_capacity(items.len());
        if let Some(embeddings) = embeddings {
            let texts: Vec<String> = items.iter().map(|item| embedded_text(&item.passage)).collect();
            let passages = embeddings.embed_passages(&texts).try_concat().await?;
            for (item, passage) in items.iter().zip(passages) {
                let [shared, other] = &item.questions;
                vectors.push([passage, embeddings.embed_query(shared).await?, embeddings.embed_query(other).await?]);
            }
        } else {
            for _ in &items {
                let mut next = || committed.next().context("there are too few vectors");
                vectors.push([next()?, next()?, next()?]);
            }
        }
        sets.push(Set { language, items, vectors });
    }
    Ok(sets)
}

/// What vectors begin with that were made from the texts as they are.
fn fingerprint() -> Result<[u8; 8]> {
    let mut text = String::new();
    for (_, file) in LANGUAGES {
        text.push_str(&std::fs::read_to_string(folder().join(format!("{file}.txt")))?);
    }
    Ok(Key::of(&passage(&text)).0.to_le_bytes())
}

fn passage(text: &str) -> Passage {
    Passage { title: String::new(), headings: Vec::new(), address: None, text: text.to_owned() }
}

fn items(text: &str) -> Result<Vec<Item>> {
    let item = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [text, shared, other] = parts[..] else { anyhow::bail!("not a passage and two questions: {line}") };
        Ok(Item { passage: passage(text), questions: [shared.to_owned(), other.to_owned()] })
    };
    text.lines().map(item).collect()
}

/// A row without its scale: only directions count.
fn decode(row: &[u8]) -> Vec<f32> {
    let components: &[i8] = bytemuck::cast_slice(&row[row_bytes(0)..]);
    components.iter().map(|component| f32::from(*component)).collect()
}

/// The questions about every other passage, those of the report or those by which constants may be chosen; all passages
/// are searched.
fn measure(set: &Set, report: bool) -> Result<[Found; 2]> {
    let passages: Vec<Passage> = set.items.iter().map(|item| item.passage.clone()).collect();
    let keyed = passages.iter().map(Key::of).zip(set.vectors.iter().map(|[passage, ..]| passage.clone()));
    let embedded = Embedded { model: MODEL.to_owned(), vectors: keyed.collect() };
    let add = [SourceContent { source: "set", version: "1", passages: &passages }];
    let index = Index::open(&OwnedBytes::new(build(None, &[], &add, Some(&embedded))?))?;
    let mut found = [Found::default(); 2];
    for (item, vectors) in set.items.iter().zip(&set.vectors).skip(usize::from(report)).step_by(2) {
        for ((found, text), vector) in found.iter_mut().zip(&item.questions).zip(&vectors[1..]) {
            let rank = |text: &str, vector: Option<&[f32]>| -> Result<f64> {
                let hits = index.search(&Query { text, vector, limit: DEPTH, ..Query::default() })?;
                let rank = (1_u32..).zip(&hits).find(|(_, hit)| hit.passage == item.passage);
                Ok(rank.map_or(0.0, |(rank, _)| f64::from(rank).recip()))
            };
            *found = found.with(Found {
                questions: 1.0,
                words: rank(text, None)?,
                vectors: rank("", Some(vector))?,
                fused: rank(text, Some(vector))?,
            });
        }
    }
    Ok(found)
}

impl Found {
    /// Sums; [`Found::row`] divides.
    fn with(self, other: Self) -> Self {
        Self {
            questions: self.questions + other.questions,
            words: self.words + other.words,
            vectors: self.vectors + other.vectors,
            fused: self.fused + other.fused,
        }
    }

    fn row(self, what: &str) -> Row {
        let Self { questions, words, vectors, fused } = self;
        let better = words.max(vectors);
        let (words, vectors) = (words / questions, vectors / questions);
        Row {
            what: format!("{what} ({questions} questions; words {words:.3}, vectors {vectors:.3})"),
            ours: format!("{:.3}", fused / questions),
            floor: format!("{:.3}", better / questions),
            ratio: format!("{:.3}", fused / better),
            target: "≥ 1".to_owned(),
            // Sums of fractions differ in their last digits.
            met: Some(fused > better - 1e-9),
        }
    }
}
