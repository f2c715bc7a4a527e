//! From a question to the passages that may answer it.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, ensure};
use tantivy::collector::TopDocs;
use tantivy::query::{
    Bm25StatisticsProvider, BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, Query as TantivyQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Term};
use tantivy::{DocAddress, Searcher};
use whatlang::Lang;

use super::Passage;
use super::index::Index;
use super::language::{Fillers, QueryWord, query_words};
use super::vectors::Question;

/// What to look for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<'a> {
    /// The question as asked.
    pub text: &'a str,
    /// Earlier words of the conversation, newest first. They weigh less than the question, and less the more the
    /// question says by itself: "and on Windows?" needs them, a whole sentence does not.
    pub context: Option<&'a str>,
    /// The question's embedding by the model of the index; a vector of another dimension is an error.
    pub vector: Option<&'a [f32]>,
    /// How many passages to return at most.
    pub limit: usize,
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// Id of its source.
    pub source: String,
    /// Higher is better; comparable within one search only.
    pub score: f32,
    /// Share of what the question's words could have scored that this passage's words did, 0 to 1; 0 for a passage that
    /// only its vector found.
    pub words: f32,
    /// Cosine of question and passage; none without vectors.
    pub similarity: Option<f32>,
}

/// Distinct words of a question that are looked at. A question of 6,000 characters has about 500; the rarest
/// [`MAX_WORDS`] of these say what it is about.
const MAX_CONSIDERED: usize = 256;

/// Words that are searched for.
const MAX_WORDS: usize = 24;

/// The same for the conversation's earlier words.
const MAX_CONTEXT_WORDS: usize = 12;

/// Weight of a term in title and headings against one in the text.
const HEAD_BOOST: f32 = 1.5;

/// Weight of the written form of a word beside its stem.
const WRITTEN_BOOST: f32 = 0.5;

/// Weight of a word that only asks or connects beside one that says what the question is about. Not zero: the lists of
/// two languages may disagree, and "how" separates an instruction from a definition.
const FILLER_BOOST: f32 = 0.4;

/// The small words of a language count when one passage in this many is written in it. Fewer are wrong guesses.
const FILLER_SHARE: u64 = 50;

/// Shortest word, in characters, that is taken for a slip when no passage has it. Among shorter ones, too many words
/// are one letter apart.
const MIN_SLIP: usize = 5;

/// Longest one, which bounds the automaton.
const MAX_SLIP: usize = 24;

/// Slips that are looked up in one question, and terms that may stand for each. Each look-up walks the terms once.
const MAX_SLIPS: usize = 4;

/// Weight of earlier words beside a question of one telling word; shared among its words.
const CONTEXT_BOOST: f32 = 0.6;

/// A word that this share of the passages contains says nothing about any of them.
const COMMON_SHARE: f64 = 0.5;

/// In fewer passages than this no word is common: half of two passages is one.
const COMMON_FROM: u64 = 50;

/// Candidates that each side contributes to the fusion at least.
const POOL: usize = 50;

/// Largest part of an index that is looked through for distinct texts.
const MAX_POOL: usize = 2_000;

/// Passages after the first whose mean score says how far the words single the first one out.
const RIVALS: usize = 9;

/// A passage that scores less than this share of what the question's words could is found by the odd word, which is
/// mostly chance: the question says it in words of its own. The less it is, the less it counts beside vectors.
const CHANCE_SHARE: f32 = 0.25;

/// BM25's ceiling for a term is its idf times k1 + 1; k1 is fixed in tantivy.
const BM25_CEILING: f32 = 2.2;

impl Index {
    /// The passages that answer a query best, best first, each text once.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>> {
        if query.limit == 0 || self.searcher().num_docs() == 0 {
            return Ok(Vec::new());
        }
        let words = self.lexical_query(query)?;
        let question = match (query.vector, self.manifest().dimension) {
            (None, _) | (_, 0) => None,
            (Some(vector), dimension) => {
                let question = Question::new(vector)?;
                let found = question.dimension();
                ensure!(found == dimension, "the question's embedding has {found} components, the index's {dimension}");
                Some(question)
            }
        };
        let mut pool = if question.is_some() { POOL.max(query.limit * 2) } else { query.limit + query.limit / 2 + 2 };
        loop {
            let lexical = words.as_ref().map(|words| words.top(self.searcher(), pool)).transpose()?.unwrap_or_default();
            let semantic = question.as_ref().map(|question| self.nearest(question, pool));
            let exhausted = lexical.len() < pool && semantic.as_ref().is_none_or(|found| found.rows.len() < pool);
            let ranked = match (semantic, &question) {
                (Some(semantic), Some(question)) => self.fuse(words.as_ref(), lexical, semantic, question),
                _ => lexical
                    .into_iter()
                    .map(|(score, address)| Ranked { address, score, lexical: score, similarity: None })
                    .collect(),
            };
            let mut seen = HashSet::new();
            let distinct: Vec<Ranked> = ranked
                .into_iter()
                .filter(|ranked| seen.insert(self.text_digest(ranked.address)))
                .take(query.limit)
                .collect();
            if distinct.len() == query.limit || exhausted || pool >= MAX_POOL {
                let ceiling = words.as_ref().map_or(f32::INFINITY, |words| words.ceiling.max(f32::MIN_POSITIVE));
                return distinct.into_iter().map(|ranked| self.hit(&ranked, ceiling)).collect();
            }
            pool *= 4;
        }
    }

    fn hit(&self, ranked: &Ranked, ceiling: f32) -> Result<Hit> {
        let stored = self.stored(ranked.address)?;
        Ok(Hit {
            passage: stored.passage,
            source: stored.source,
            score: ranked.score,
            words: (ranked.lexical / ceiling).min(1.0),
            similarity: ranked.similarity,
        })
    }

    /// The words of the question and of what was said before it, weighted.
    fn lexical_query(&self, query: &Query<'_>) -> Result<Option<Lexical>> {
        let mut lexical = Lexical::new(self);
        let mut fillers = Fillers::new(self.spoken());
        let words = query_words(query.text, self.stemmers(), &mut fillers, MAX_CONSIDERED);
        let mut words = lexical.weigh(words, &HashSet::new())?;
        keep_rarest(&mut words, MAX_WORDS);
        lexical.correct(&mut words, &mut fillers)?;
        let known: HashSet<String> = words.iter().map(|word| word.word.written.clone()).collect();
        let common = if self.searcher().num_docs() < COMMON_FROM { f64::INFINITY } else { COMMON_SHARE };
        let telling = words.iter().filter(|word| word.is_telling(common)).count();
        for word in &words {
            // When every word is common ("what is this?"), common words are all there is to go by.
            if telling == 0 || word.is_telling(common) {
                lexical.add(word, 1.0);
            } else if word.share < common {
                lexical.add(word, FILLER_BOOST);
            }
        }
        if let Some(context) = query.context {
            let words = query_words(context, self.stemmers(), &mut fillers, MAX_CONSIDERED);
            let mut words = lexical.weigh(words, &known)?;
            words.retain(|word| word.is_telling(common));
            keep_rarest(&mut words, MAX_CONTEXT_WORDS);
            #[expect(clippy::cast_precision_loss, reason = "at most MAX_WORDS")]
            let weight = CONTEXT_BOOST / telling.max(1) as f32;
            for word in &words {
                lexical.add(word, weight);
            }
        }
        Ok((!lexical.clauses.is_empty()).then_some(lexical))
    }

    /// Languages that more than a stray passage is written in.
    fn spoken(&self) -> impl Iterator<Item = Lang> {
        let least = self.manifest().passages() / FILLER_SHARE;
        self.manifest().languages().into_iter().filter(move |(_, count)| *count >= least).map(|(language, _)| language)
    }

    fn nearest(&self, question: &Question, pool: usize) -> Semantic {
        let mut rows: Vec<(f32, DocAddress)> = Vec::new();
        let (mut mean, mut documents) = (0.0, 0.0);
        for ((ord, segment), reader) in (0_u32..).zip(self.segments()).zip(self.searcher().segment_readers()) {
            let Some(vectors) = &segment.vectors else {
                continue;
            };
            let alive = reader.alive_bitset();
            #[expect(clippy::cast_possible_truncation, reason = "one row per document, whose ids are u32")]
            let found = vectors.nearest(question, pool, |row| alive.is_none_or(|alive| alive.is_alive(row as u32)));
            #[expect(clippy::cast_possible_truncation, reason = "one row per document, whose ids are u32")]
            rows.extend(found.rows.iter().map(|found| (found.similarity, DocAddress::new(ord, found.row as u32))));
            #[expect(clippy::cast_precision_loss, reason = "a weight in a mean")]
            let weight = reader.max_doc() as f32;
            mean += found.mean * weight;
            documents += weight;
        }
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.truncate(pool);
        Semantic { rows, mean: if documents > 0.0 { mean / documents } else { 0.0 } }
    }

    /// One ranking out of two.
    fn fuse(
        &self,
        words: Option<&Lexical>,
        lexical: Vec<(f32, DocAddress)>,
        semantic: Semantic,
        question: &Question,
    ) -> Vec<Ranked> {
        let similarity_of = |address: DocAddress| {
            let vectors = self.segments()[address.segment_ord as usize].vectors.as_ref()?;
            vectors.similarity(question, address.doc_id as usize)
        };
        let best_words = lexical.first().map_or(1.0, |(score, _)| *score).max(f32::MIN_POSITIVE);
        let ceiling = words.map_or(1.0, |words| words.ceiling.max(f32::MIN_POSITIVE));
        let best_similarity = semantic.rows.first().map_or(1.0, |(similarity, _)| *similarity);
        let range = (best_similarity - semantic.mean).max(f32::MIN_POSITIVE);
        let weight = lexical_weight(&lexical, (best_words / ceiling).min(1.0));
        let mut ranked: HashMap<DocAddress, Ranked> = HashMap::with_capacity(lexical.len() + semantic.rows.len());
        for (score, address) in lexical {
            let similarity = similarity_of(address);
            ranked.insert(address, Ranked { address, score: 0.0, lexical: score, similarity });
        }
        for (similarity, address) in semantic.rows {
            let found = Ranked { address, score: 0.0, lexical: 0.0, similarity: Some(similarity) };
            ranked.entry(address).or_insert(found);
        }
        let mut ranked: Vec<Ranked> = ranked.into_values().collect();
        for found in &mut ranked {
            let near = found.similarity.map_or(0.0, |similarity| (similarity - semantic.mean) / range);
            found.score = weight * found.lexical / best_words + (1.0 - weight) * near;
        }
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.address.cmp(&b.address)));
        ranked
    }
}

/// How much the words decide against the vectors, 0 to 1: how far the best passage leads the next [`RIVALS`] by its
/// words, and what `share` of what the question's words could score it does score.
///
/// Scores are combined, not ranks: words as a share of the best passage's, vectors as a share of the way from the mean
/// similarity to the best. A lead means a rare name or a heading that the question repeats, where vectors only blur;
/// many passages alike mean common words, where vectors know more. Below [`CHANCE_SHARE`] even a lead means little.
///
/// The lead's constants were chosen on manuals in seven languages, [`CHANCE_SHARE`] on the tuning half of
/// `docs/retrieval/fusion`. `bench fusion` prints what this makes of words and vectors in each language of that set;
/// `docs/benchmarks.md` has the figures and where either alone is better.
fn lexical_weight(lexical: &[(f32, DocAddress)], share: f32) -> f32 {
    let Some(((best, _), others)) = lexical.split_first() else {
        return 0.0;
    };
    let others: f32 = others.iter().take(RIVALS).map(|(score, _)| score).sum();
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let lead = 1.0 - others / RIVALS as f32 / best.max(f32::MIN_POSITIVE);
    let trusted = (share / CHANCE_SHARE).min(1.0).powi(2);
    (0.25 + lead * (0.2 + 0.8 * share)).min(0.9) * trusted
}

struct Semantic {
    rows: Vec<(f32, DocAddress)>,
    mean: f32,
}

struct Ranked {
    address: DocAddress,
    score: f32,
    lexical: f32,
    similarity: Option<f32>,
}

/// A word of the question and how telling it is.
struct Weighed {
    word: QueryWord,
    /// Share of the passages that have it in any of its forms.
    share: f64,
    /// Inverse document frequency of its most frequent form.
    idf: f32,
}

impl Weighed {
    fn is_telling(&self, common: f64) -> bool {
        !self.word.filler && self.share < common
    }
}

/// Keeps the words that say most. What no passage has comes last: it finds nothing.
fn keep_rarest(words: &mut Vec<Weighed>, limit: usize) {
    if words.len() > limit {
        words.sort_by(|a, b| (a.share == 0.0).cmp(&(b.share == 0.0)).then(b.idf.total_cmp(&a.idf)));
        words.truncate(limit);
    }
}

/// A tantivy query under construction, and the statistics it is scored by.
struct Lexical {
    body: Field,
    head: Field,
    clauses: Vec<(Occur, Box<dyn TantivyQuery>)>,
    statistics: Statistics,
    /// What a passage would score that has every word, in every form, often.
    ceiling: f32,
}

/// Document frequencies are looked up once, for choosing words and for scoring. A term counts as frequent as it is in
/// texts or in headings, whichever is more: a manual's name is in all its titles and tells its passages not apart.
struct Statistics {
    documents: u64,
    tokens: HashMap<Field, u64>,
    frequencies: HashMap<String, u64>,
    searcher: Searcher,
}

impl Bm25StatisticsProvider for Statistics {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.tokens.get(&field).copied().unwrap_or_default())
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let known = term.value().as_str().and_then(|text| self.frequencies.get(text).copied());
        Ok(known.unwrap_or_default().max(1))
    }
}

impl Lexical {
    fn new(index: &Index) -> Self {
        let fields = index.fields();
        let searcher = index.searcher().clone();
        let tokens =
            [fields.body, fields.head].map(|field| (field, searcher.total_num_tokens(field).unwrap_or_default()));
        let statistics = Statistics {
            documents: searcher.total_num_docs().unwrap_or_default(),
            tokens: tokens.into(),
            frequencies: HashMap::new(),
            searcher,
        };
        Self { body: fields.body, head: fields.head, clauses: Vec::new(), statistics, ceiling: 0.0 }
    }

    /// Looks up how frequent words are, without those that are `known` already.
    fn weigh(&mut self, words: Vec<QueryWord>, known: &HashSet<String>) -> Result<Vec<Weighed>> {
        let mut weighed = Vec::with_capacity(words.len());
        for word in words {
            if known.contains(&word.written) {
                continue;
            }
            let mut most = 0;
            for form in std::iter::once(&word.written).chain(&word.stems) {
                most = most.max(self.frequency(form)?);
            }
            #[expect(clippy::cast_precision_loss, reason = "counts of passages")]
            let share = most as f64 / self.statistics.documents.max(1) as f64;
            let idf = self.idf(most);
            weighed.push(Weighed { word, share, idf });
        }
        Ok(weighed)
    }

    /// Gives words that no passage has the terms that are one slip away: a letter too many, too few, wrong or swapped.
    fn correct(&mut self, words: &mut [Weighed], fillers: &mut Fillers) -> Result<()> {
        let slips = words.iter_mut().filter(|word| {
            let length = word.word.written.chars().count();
            word.share == 0.0 && word.word.plain && (MIN_SLIP..=MAX_SLIP).contains(&length)
        });
        for slip in slips.take(MAX_SLIPS) {
            let mut near: Vec<(u64, String)> = Vec::new();
            for field in [self.body, self.head] {
                let written = Term::from_field_text(field, &slip.word.written);
                for segment in self.statistics.searcher.segment_readers() {
                    let terms = segment.inverted_index(field)?;
                    let automaton = FuzzyTermQuery::new(written.clone(), 1, true).automaton()?;
                    let mut found = terms.terms().search(automaton).into_stream()?;
                    while found.advance() {
                        let form = String::from_utf8_lossy(found.key());
                        if !fillers.contains(&form) && near.iter().all(|(_, known)| *known != form) {
                            near.push((u64::from(found.value().doc_freq), form.into_owned()));
                        }
                    }
                }
            }
            near.sort_by(|a, b| b.cmp(a));
            near.truncate(MAX_SLIPS);
            slip.word.stems = near.into_iter().map(|(_, form)| form).collect();
            let corrected = self.weigh(vec![slip.word.clone()], &HashSet::new())?;
            if let Some(corrected) = corrected.into_iter().next() {
                *slip = corrected;
            }
        }
        Ok(())
    }

    fn frequency(&mut self, form: &str) -> Result<u64> {
        if let Some(known) = self.statistics.frequencies.get(form) {
            return Ok(*known);
        }
        let mut frequency = 0;
        for field in [self.body, self.head] {
            let term = Term::from_field_text(field, form);
            frequency = frequency.max(self.statistics.searcher.doc_freq(&term)?);
        }
        self.statistics.frequencies.insert(form.to_owned(), frequency);
        Ok(frequency)
    }

    /// As in tantivy.
    fn idf(&self, frequency: u64) -> f32 {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "counts of passages")]
        let idf = {
            let (documents, frequency) = (self.statistics.documents as f64, frequency as f64);
            (1.0 + (documents - frequency + 0.5).max(0.0) / (frequency + 0.5)).ln() as f32
        };
        idf
    }

    fn add(&mut self, weighed: &Weighed, weight: f32) {
        let word = &weighed.word;
        self.ceiling += weight * weighed.idf * BM25_CEILING;
        let known = |form: &String| self.statistics.frequencies.get(form).is_some_and(|n| *n > 0);
        let stemmed = word.stems.iter().any(known);
        let written_weight = if stemmed { WRITTEN_BOOST } else { 1.0 };
        let forms = word.stems.iter().map(|stem| (stem, 1.0));
        for (form, share) in forms.chain([(&word.written, written_weight)]).filter(|(form, _)| known(form)) {
            for (field, boost) in [(self.body, 1.0), (self.head, HEAD_BOOST)] {
                let term = TermQuery::new(Term::from_field_text(field, form), IndexRecordOption::WithFreqs);
                let term = BoostQuery::new(Box::new(term), weight * share * boost);
                self.clauses.push((Occur::Should, Box::new(term)));
            }
        }
    }

    fn top(&self, searcher: &Searcher, limit: usize) -> Result<Vec<(f32, DocAddress)>> {
        let query = BooleanQuery::new(self.clauses.iter().map(|(occur, query)| (*occur, query.box_clone())).collect());
        let collector = TopDocs::with_limit(limit).order_by_score();
        Ok(searcher.search_with_statistics_provider(&query, &collector, &self.statistics)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::index::{Embedded, Key, OwnedBytes, SourceContent, build};

    const TEXTS: [&str; 9] = [
        "To install Zephyr on Linux, unpack the archive and run the script that comes with it.",
        "To install Zephyr on Windows, start the setup program and follow its instructions.",
        "Windows of the building are cleaned each month.",
        "Le délai de garantie est de trente et un mois et couvre aussi les charnières de l'appareil.",
        "La recherche d'une réponse commence toujours par la documentation de votre équipe.",
        "Set GUILDHALL_ADDR to the address on which the server listens. The default is a loopback address.",
        "エラーが発生した場合は、管理者に連絡してください。再起動すると直ることがあります。",
        "The command --dry-run shows what would be done. Error E0599 means that it is not known.",
        "Updating is done by the package manager of the system; nothing else has to be done.",
    ];

    fn passages() -> Vec<Passage> {
        let passage =
            |text: &&str| Passage { title: String::new(), headings: vec![], address: None, text: (*text).into() };
        TEXTS.iter().map(passage).collect()
    }

    fn index(sources: &[(&str, Vec<Passage>)], embedded: Option<&Embedded>) -> Index {
        let add: Vec<SourceContent<'_>> =
            sources.iter().map(|(source, passages)| SourceContent { source, version: "1", passages }).collect();
        Index::open(&OwnedBytes::new(build(None, &[], &add, embedded).unwrap())).unwrap()
    }

    fn best(index: &Index, text: &str, context: Option<&str>) -> Option<usize> {
        let hit = index.search(&Query { text, context, limit: 3, ..Query::default() }).unwrap().into_iter().next()?;
        TEXTS.iter().position(|text| *text == hit.passage.text)
    }

    #[test]
    fn questions_find_their_passage() {
        let index = index(&[("s", passages())], None);
        for (question, expected) in [
            ("how do I install on linux?", Some(0)),
            ("installing Zephyr in windows", Some(1)),
            ("combien de mois dure la garantie ?", Some(3)),
            ("couvre-t-elle la charniere", Some(3)),
            ("chercher des réponses dans la documentation des équipes", Some(4)),
            ("what is guildhall_addr", Some(5)),
            ("GUILDHALL_ADDR", Some(5)),
            ("guildhall address listening", Some(5)),
            ("エラーの場合", Some(6)),
            ("dry run?", Some(7)),
            ("error e0599", Some(7)),
            ("how do updates work", Some(8)),
            ("waranty? no: garanite", Some(3)),
            ("instalation on linxu", Some(0)),
            ("🦀🦀", None),
            ("", None),
            ("\" * ( field:x ^~2", None),
        ] {
            assert_eq!(best(&index, question, None), expected, "{question}");
        }
    }

    #[test]
    fn in_a_few_passages_no_word_is_common() {
        let two = index(&[("s", passages()[..2].to_vec())], None);
        let one = index(&[("s", passages()[..1].to_vec())], None);
        let word = TEXTS[0].split(' ').max_by_key(|word| word.len()).unwrap();
        for index in [one, two] {
            assert_eq!(best(&index, &format!("How unheard-of is the {word} altogether?"), None), Some(0), "{word}");
        }
    }

    #[test]
    fn a_follow_up_is_understood_in_context() {
        let index = index(&[("s", passages())], None);
        assert_eq!(best(&index, "Windows?", None), Some(2), "alone it is about buildings");
        assert_eq!(best(&index, "and on Windows?", Some("how do I install Zephyr on Linux?")), Some(1));
        assert_eq!(best(&index, "how are windows of the building cleaned", Some("how do I install Zephyr?")), Some(2));
    }

    #[test]
    fn the_same_text_comes_once() {
        let many: Vec<(String, Vec<Passage>)> = (0..40)
            .map(|n| {
                let mut copy = passages();
                for passage in &mut copy {
                    passage.title = format!("Copy {n}");
                }
                (format!("source {n}"), copy)
            })
            .collect();
        let many: Vec<(&str, Vec<Passage>)> =
            many.iter().map(|(id, passages)| (id.as_str(), passages.clone())).collect();
        let index = index(&many, None);
        let hits = index.search(&Query { text: "install Zephyr windows", limit: 5, ..Query::default() }).unwrap();
        let texts: HashSet<&str> = hits.iter().map(|hit| hit.passage.text.as_str()).collect();
        assert_eq!(texts.len(), hits.len());
        assert_eq!(hits.len(), 3, "three texts have one of these words");
    }

    #[test]
    fn vectors_find_what_words_do_not_and_words_still_count() {
        let passages = passages();
        let vectors = passages.iter().enumerate().map(|(n, passage)| {
            let mut vector = vec![0.3_f32; TEXTS.len()];
            vector[n] = 1.0;
            (Key::of(passage), vector)
        });
        let embedded = Embedded { model: "m".into(), vectors: vectors.collect() };
        let index = index(&[("s", passages)], Some(&embedded));
        let mut vector = vec![0.3_f32; TEXTS.len()];
        vector[3] = 1.0;
        let query = |text, vector| Query { text, vector: Some(vector), limit: 9, ..Query::default() };
        let hits = index.search(&query("how long is the warranty", &vector[..])).unwrap();
        assert_eq!(hits[0].passage.text, TEXTS[3]);
        assert!(hits[0].similarity.unwrap() > 0.99);
        let level = vec![1.0_f32; TEXTS.len()];
        assert_eq!(index.search(&query("error E0599", &level[..])).unwrap()[0].passage.text, TEXTS[7]);
        assert!(index.search(&query("x", &[1.0])).is_err(), "another dimension is refused");
    }

    #[test]
    fn small_words_of_a_rare_language_do_not_decide() {
        let english = (0..60).map(|n| format!("The queue number{n} is emptied by the worker that reads it."));
        let french = ["La facture est envoyée de suite, une par mois.", "Sauvegarde : copier le dossier."];
        let texts = english.chain(french.map(str::to_owned));
        let passages: Vec<Passage> =
            texts.map(|text| Passage { title: String::new(), headings: vec![], address: None, text }).collect();
        let index = index(&[("s", passages)], None);
        let query = Query { text: "comment faire une sauvegarde de la base", limit: 1, ..Query::default() };
        assert_eq!(index.search(&query).unwrap()[0].passage.text, french[1]);
    }

    #[test]
    fn words_that_lead_outweigh_vectors_and_words_alike_do_not() {
        let scores = |scores: &[f32]| -> Vec<(f32, DocAddress)> {
            (0..).zip(scores).map(|(n, score)| (*score, DocAddress::new(0, n))).collect()
        };
        let alike = scores(&[5.0; 12]);
        let ahead = scores(&[20.0, 5.0, 4.0, 3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0]);
        assert!(lexical_weight(&alike, 0.9) < 0.5);
        assert!(lexical_weight(&ahead, 0.8) > 0.7);
        assert!(lexical_weight(&ahead, 0.05) < 0.05, "a lead by the odd word");
        assert!(lexical_weight(&ahead, 0.25) > 0.5, "a lead by a telling word among several");
        assert!(lexical_weight(&[], 1.0) <= 0.0);
    }

    #[test]
    fn a_very_long_question_is_bounded() {
        let index = index(&[("s", passages())], None);
        let long = (0..1_500).map(|n| format!("w{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(best(&index, &format!("install linux archive {long}"), Some(&long)), Some(0));
    }
}
