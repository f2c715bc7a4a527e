//! A question to its passages, beside the bare query that tantivy has to run for it and the bare scan of the same
//! vectors.

use crate::corpus::Corpus;
use crate::measure::{self, Row, each, median, percentile, thread_cpu};
use anyhow::Result;
use guildhall::knowledge::Passage;
use guildhall::knowledge::index::{Embedded, Index, Key, OwnedBytes, SourceContent, build, map};
use guildhall::knowledge::language::{Fillers, QueryWord, query_words, stemmer};
use guildhall::knowledge::search::Query;
use guildhall::knowledge::vectors::{encode, row_bytes};
use simsimd::SpatialSimilarity as _;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Term};
use tantivy::{Directory as _, Searcher, TantivyDocument};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// p50 that is asked for at each size.
const TARGETS: [Duration; 3] = [Duration::from_millis(1), Duration::from_millis(2), Duration::from_millis(5)];

/// From a stored object of 10,000 passages to its first result.
const FIRST_RESULT: Duration = Duration::from_millis(15);

const QUESTIONS: usize = 150;
const ROUNDS: usize = 7;

/// Components of a vector, as multilingual-e5-small has.
const DIMENSION: usize = 384;

/// Passages that an answer asks for.
const LIMIT: usize = 8;

pub(crate) fn run() -> Result<()> {
    let mut rows = Vec::new();
    for (size, target) in SIZES.into_iter().zip(TARGETS) {
        let mut corpus = Corpus::new(7)?;
        let passages = corpus.passages(size);
        let questions = corpus.questions(&passages, QUESTIONS);
        let object = index(None, &passages, None)?;
        let index = Index::open(&OwnedBytes::new(object.clone()))?;
        let bare = Bare::open(&object, &index)?;
        rows.extend(by_words(size, &index, &bare, &questions, target)?);
        if size == 10_000 {
            rows.push(first_result(&object, &questions)?);
        }
        let embedded = embed(&mut corpus, &passages);
        let object = build(Some(&index), &[], &[], Some(&embedded))?;
        drop(embedded);
        let index = Index::open(&OwnedBytes::new(object.clone()))?;
        let bare = Bare::open(&object, &index)?;
        rows.extend(by_both(size, &index, &bare, &questions, &mut corpus, target)?);
    }
    measure::print(
        "retrieval: CPU for one question, 8 passages; floor: a bare tantivy query with the same terms that reads the same 8 \
         passages, with vectors plus a bare scan",
        &rows,
    )
}

pub(crate) fn index(previous: Option<&Index>, passages: &[Passage], embedded: Option<&Embedded>) -> Result<Vec<u8>> {
    let sources: Vec<String> = (0..passages.len().div_ceil(500)).map(|number| format!("src-{number}")).collect();
    let add: Vec<SourceContent<'_>> = sources
        .iter()
        .zip(passages.chunks(500))
        .map(|(source, passages)| SourceContent { source, version: "1", passages })
        .collect();
    build(previous, &[], &add, embedded)
}

fn embed(corpus: &mut Corpus, passages: &[Passage]) -> Embedded {
    let vectors = passages.iter().map(|passage| (Key::of(passage), corpus.vector(DIMENSION))).collect();
    Embedded { model: "random".to_owned(), vectors }
}

fn by_words(size: usize, index: &Index, bare: &Bare, questions: &[String], target: Duration) -> Result<[Row; 3]> {
    let ask = |text: &String| index.search(&Query { text, limit: LIMIT, ..Query::default() });
    let queries: Vec<BooleanQuery> = questions.iter().map(|question| bare.query(question)).collect::<Result<_>>()?;
    let (mut ours, mut floor, mut search_only, mut waits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (cpu, ()) = thread_cpu(|| queries.iter().try_for_each(|query| bare.run(query, true)))?;
        floor.push(each(cpu, QUESTIONS));
        let (cpu, ()) = thread_cpu(|| queries.iter().try_for_each(|query| bare.run(query, false)))?;
        search_only.push(each(cpu, QUESTIONS));
        let (cpu, ()) = thread_cpu(|| questions.iter().try_for_each(|question| timed(&mut waits, || ask(question))))?;
        ours.push(each(cpu, QUESTIONS));
    }
    let (p50, p99) = (percentile(&waits, 50), percentile(&waits, 99));
    let (floor, search_only) = (median(&floor), median(&search_only));
    Ok([
        Row::factor(format!("{size} passages, words"), median(&ours), floor, Some(1.1)),
        Row::factor("… beside a query that reads no passage", median(&ours), search_only, None),
        Row::limit(format!("… p50 (p99 {})", measure::show(p99)), p50, None, target),
    ])
}

fn by_both(
    size: usize,
    index: &Index,
    bare: &Bare,
    questions: &[String],
    corpus: &mut Corpus,
    target: Duration,
) -> Result<[Row; 2]> {
    let vectors: Vec<Vec<f32>> = questions.iter().map(|_| corpus.vector(DIMENSION)).collect();
    let prepared: Vec<Vec<u8>> = vectors.iter().map(|vector| encode(vector)).collect::<Result<_>>()?;
    let queries: Vec<BooleanQuery> = questions.iter().map(|question| bare.query(question)).collect::<Result<_>>()?;
    let ask = |(text, vector): (&String, &Vec<f32>)| {
        index.search(&Query { text, vector: Some(vector), limit: LIMIT, ..Query::default() })
    };
    let (mut ours, mut floor, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (cpu, ()) = thread_cpu(|| {
            queries.iter().zip(&prepared).try_for_each(|(query, vector)| {
                bare.run(query, true)?;
                bare.scan(vector);
                Ok(())
            })
        })?;
        floor.push(each(cpu, QUESTIONS));
        let (cpu, ()) =
            thread_cpu(|| questions.iter().zip(&vectors).try_for_each(|question| timed(&mut waits, || ask(question))))?;
        ours.push(each(cpu, QUESTIONS));
    }
    let (p50, p99) = (percentile(&waits, 50), percentile(&waits, 99));
    Ok([
        Row::factor(format!("{size} passages, words and vectors"), median(&ours), median(&floor), Some(1.1)),
        Row::limit(format!("… p50 (p99 {})", measure::show(p99)), p50, None, target),
    ])
}

fn timed<T>(waits: &mut Vec<Duration>, ask: impl FnOnce() -> Result<T>) -> Result<()> {
    let started = Instant::now();
    black_box(ask()?);
    waits.push(started.elapsed());
    Ok(())
}

/// From a file to the first passage, as after a start or when another version was swapped in. The file is in the page cache.
fn first_result(object: &[u8], questions: &[String]) -> Result<Row> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("index.tar");
    std::fs::write(&file, object)?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for question in &questions[..15] {
        let started = Instant::now();
        black_box(std::fs::read(&file)?);
        floor.push(started.elapsed());
        let started = Instant::now();
        let index = Index::open(&map(&file)?)?;
        black_box(index.search(&Query { text: question, limit: LIMIT, ..Query::default() })?);
        ours.push(started.elapsed());
    }
    let what = "10000 passages, from a stored object to the first result (floor: reading the file)";
    Ok(Row::limit(what, median(&ours), Some(median(&floor)), FIRST_RESULT))
}

/// The same segments and rows, opened without us.
struct Bare {
    searcher: Searcher,
    fields: [Field; 2],
    stemmers: Vec<frostem::Stemmer>,
    languages: Vec<whatlang::Lang>,
    rows: Vec<Vec<u8>>,
}

impl Bare {
    fn open(object: &[u8], index: &Index) -> Result<Self> {
        let directory = RamDirectory::create();
        let mut rows = Vec::new();
        let mut archive = tar::Archive::new(object);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            if name.to_string_lossy().starts_with("vectors.") {
                rows.push(content);
            } else if !name.to_string_lossy().starts_with("manifest.json") {
                directory.atomic_write(Path::new(&name), &content)?;
            }
        }
        let opened = tantivy::Index::open(directory)?;
        let fields = [opened.schema().get_field("body")?, opened.schema().get_field("head")?];
        let languages: Vec<_> = index.manifest().languages().into_iter().map(|(language, _)| language).collect();
        let stemmers = languages.iter().filter_map(|language| stemmer(*language)).take(6).collect();
        Ok(Self { searcher: opened.reader()?.searcher(), fields, stemmers, languages, rows })
    }

    /// The terms that a search for this question goes through: what half of the passages have is left out.
    fn query(&self, question: &str) -> Result<BooleanQuery> {
        let mut clauses: Vec<(Occur, Box<dyn tantivy::query::Query>)> = Vec::new();
        let mut fillers = Fillers::new(self.languages.iter().copied());
        for QueryWord { written, stems, .. } in query_words(question, &self.stemmers, &mut fillers, 256) {
            let mut most = 0;
            let mut terms = Vec::new();
            for form in std::iter::once(&written).chain(&stems) {
                let known = self.fields.map(|field| Term::from_field_text(field, form));
                let frequencies = [self.searcher.doc_freq(&known[0])?, self.searcher.doc_freq(&known[1])?];
                most = most.max(frequencies[0]).max(frequencies[1]);
                if frequencies != [0, 0] {
                    terms.extend(known);
                }
            }
            if most * 2 >= self.searcher.num_docs() {
                continue;
            }
            for term in terms {
                let term = TermQuery::new(term, IndexRecordOption::WithFreqs);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(term), 1.5))));
            }
        }
        Ok(BooleanQuery::new(clauses))
    }

    fn run(&self, query: &BooleanQuery, read: bool) -> Result<()> {
        let found = self.searcher.search(query, &TopDocs::with_limit(LIMIT).order_by_score())?;
        if read {
            for (_, address) in &found {
                black_box(self.searcher.doc::<TantivyDocument>(*address)?);
            }
        }
        black_box(found);
        Ok(())
    }

    fn scan(&self, question: &[u8]) {
        let question: &[i8] = bytemuck::cast_slice(&question[row_bytes(0)..]);
        let mut best = f64::NEG_INFINITY;
        for row in self.rows.iter().flat_map(|rows| rows.chunks_exact(row_bytes(DIMENSION))) {
            let dot = i8::dot(question, bytemuck::cast_slice(&row[row_bytes(0)..])).unwrap_or_default();
            best = best.max(dot);
        }
        black_box(best);
    }
}
