//! Documents to an index, on one core and without embeddings.

use crate::corpus::Corpus;
use crate::measure::{self, Row, thread_cpu};
use crate::retrieval::index;
use anyhow::Result;
use cpu_time::ProcessTime;
use guildhall::knowledge::{Passage, chunk, extract};
use std::hint::black_box;
use std::time::Duration;
use tantivy::schema::{Schema, TEXT};
use tantivy::{IndexWriter, doc};

/// Sections of a document, and documents.
const SECTIONS: usize = 100;
const DOCUMENTS: usize = 60;

const ROUNDS: usize = 3;

/// Passages a second that one core has to manage.
const TARGET: f64 = 2_000.0;

pub(crate) fn run() -> Result<()> {
    let mut corpus = Corpus::new(11)?;
    let documents: Vec<String> = (0..DOCUMENTS).map(|_| corpus.document(SECTIONS)).collect();
    let (mut read, mut built, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for _ in 0..ROUNDS {
        let (cpu, passages) = thread_cpu(|| passages_of(&documents))?;
        count = passages.len();
        read.push(cpu);
        // Tantivy works on threads of its own.
        built.push(whole_process(|| index(None, &passages, None).map(drop))?);
        floor.push(whole_process(|| bare(&passages))?);
    }
    let [read, built, floor] = [read, built, floor].map(|times| measure::median(&times));
    let row = |what: &str, time: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let rate = |time: Duration| count as f64 / time.as_secs_f64();
        let mut row = Row::plain(what, format!("{:.0} passages/s", rate(time)));
        row.floor = format!("{:.0} passages/s", rate(floor));
        row.ratio = format!("{:.2}", time.as_secs_f64() / floor.as_secs_f64());
        row.aiming(format!("≥ {TARGET:.0}/s"), rate(time) >= TARGET)
    };
    let rows = [row("Markdown to index: read, split, build", read + built), row("build alone", built)];
    measure::print(
        &format!("indexing: {count} passages, CPU of one core; floor: tantivy with its default tokenizer, one field"),
        &rows,
    )
}

fn passages_of(documents: &[String]) -> Result<Vec<Passage>> {
    let mut passages = Vec::new();
    for document in documents {
        let document = extract::document("manual.md", Some("text/markdown"), document.as_bytes())?;
        passages.extend(chunk::passages(&document));
    }
    Ok(passages)
}

fn whole_process(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let started = ProcessTime::try_now()?;
    work()?;
    Ok(started.try_elapsed()?)
}

fn bare(passages: &[Passage]) -> Result<()> {
    let mut schema = Schema::builder();
    let body = schema.add_text_field("body", TEXT);
    let index = tantivy::Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 48 << 20)?;
    for passage in passages {
        writer.add_document(doc!(body => passage.text.as_str()))?;
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    black_box(index);
    Ok(())
}
