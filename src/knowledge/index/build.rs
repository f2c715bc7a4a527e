//! The next version of an index from the previous one.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use tantivy::directory::OwnedBytes;
use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::schema::Term;
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{IndexSettings, IndexWriter, SegmentMeta, TantivyDocument};
use whatlang::Lang;

use super::{FORMAT, Fields, Files, Index, Key, Manifest, SourceEntry, Stored, VECTORS, digest, pack, schema};
use crate::knowledge::{Passage, language, vectors};

/// Memory in which tantivy gathers postings before it writes a segment. 100,000 passages make a handful of segments.
const WRITER_BYTES: usize = 48 << 20;

/// Compressed blocks of the document store. A hit decompresses one block, so small ones make answers cheaper; below
/// this, lz4 finds little to compress.
const STORE_BLOCK_BYTES: usize = 4096;

/// A large segment is left as it is until what lies beside it is a quarter of its size, or a quarter of it is deleted:
/// each passage is then rewritten a bounded number of times, and a small change to a large index costs little.
const LEFT_ALONE_FACTOR: u32 = 4;

/// Below this everything is merged into one segment every time; that takes a few tens of milliseconds.
const ALWAYS_MERGED: u32 = 5_000;

/// The whole content of one source.
#[derive(Debug, Clone, Copy)]
pub struct SourceContent<'a> {
    /// Id of the source.
    pub source: &'a str,
    /// What its owner calls this version; kept in the manifest.
    pub version: &'a str,
    /// Its passages.
    pub passages: &'a [Passage],
}

/// Vectors for a build: those that the previous index does not have. See [`without_vector`].
#[derive(Debug, Clone, Default)]
pub struct Embedded {
    /// Name of the embedding model. Vectors of the previous index are kept only when they come from the same one.
    pub model: String,
    /// The new vectors.
    pub vectors: HashMap<Key, Vec<f32>>,
}

/// The passages for which `previous` has no vector of this model, each once: what a build has to embed.
pub fn without_vector<'p>(
    previous: Option<&Index>,
    model: &str,
    passages: impl IntoIterator<Item = &'p Passage>,
) -> Vec<(Key, &'p Passage)> {
    let mut known: HashSet<Key> = match previous.filter(|index| index.manifest().model.as_deref() == Some(model)) {
        Some(index) => index.rows().into_keys().collect(),
        None => HashSet::new(),
    };
    let keyed = passages.into_iter().map(|passage| (Key::of(passage), passage));
    keyed.filter(|(key, _)| known.insert(*key)).collect()
}

/// Makes the object of the next version: `previous` without the sources in `remove`, with those in `add` in place of
/// what it had of them. Costs what the change costs, plus a copy of the rest.
///
/// With `embedded`, passages get the vectors of the previous index (of the same model) and the new ones; a passage
/// without any is found by its words only. Without `embedded` the new index has no vectors.
pub fn build(
    previous: Option<&Index>,
    remove: &[&str],
    add: &[SourceContent<'_>],
    embedded: Option<&Embedded>,
) -> Result<Vec<u8>> {
    let (schema, fields) = schema();
    let (files, index) = if let Some(previous) = previous {
        let files = previous.0.files.fork();
        (files.clone(), tantivy::Index::open(files)?)
    } else {
        let files = Files::default();
        let settings = IndexSettings { docstore_blocksize: STORE_BLOCK_BYTES, ..IndexSettings::default() };
        (files.clone(), tantivy::Index::builder().schema(schema).settings(settings).open_or_create(files)?)
    };
    let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));

    let mut sources = previous.map(|index| index.manifest().sources.clone()).unwrap_or_default();
    for source in remove.iter().copied().chain(add.iter().map(|content| content.source)) {
        if sources.remove(source).is_some() {
            writer.delete_term(Term::from_field_text(fields.source, source));
        }
    }
    for content in add {
        let languages = languages_of(content.passages);
        let mut entry = SourceEntry {
            version: content.version.to_owned(),
            passages: content.passages.len() as u64,
            languages: BTreeMap::new(),
        };
        for (passage, language) in content.passages.iter().zip(languages) {
            if let Some(language) = language {
                *entry.languages.entry(language.code().to_owned()).or_default() += 1;
            }
            writer.add_document(document(fields, content.source, passage, language)?)?;
        }
        ensure!(sources.insert(content.source.to_owned(), entry).is_none(), "a source is given twice");
    }
    writer.commit()?;
    if let Some(group) = to_merge(&index)? {
        writer.merge(&group).wait()?;
    }
    writer.wait_merging_threads()?;

    let mut manifest = Manifest { format: FORMAT, model: None, dimension: 0, sources, files: Vec::new() };
    let mut entries = living_files(&index, &files)?;
    if let Some(embedded) = embedded {
        let kept = previous.filter(|index| index.manifest().model.as_ref() == Some(&embedded.model));
        manifest.dimension = dimension(kept, embedded)?;
        if manifest.dimension > 0 {
            manifest.model = Some(embedded.model.clone());
            entries.extend(vector_files(&index, kept, embedded, manifest.dimension)?);
        }
    }
    pack(manifest, &entries)
}

impl Index {
    /// The stored vectors by key: the cache that spares a build from embedding what it embedded before.
    fn rows(&self) -> HashMap<Key, &[u8]> {
        let mut rows = HashMap::new();
        for (segment, reader) in self.segments().iter().zip(self.searcher().segment_readers()) {
            let Some(vectors) = &segment.vectors else {
                continue;
            };
            for doc in 0..reader.max_doc() {
                if let (Some(key), Some(row)) = (segment.key.first(doc), vectors.row(doc as usize)) {
                    rows.insert(Key(key), row);
                }
            }
        }
        rows
    }
}

/// The language of each passage. A few words or a passage of code say little, so that a guess gives way to the
/// language of most of the document, or of the source, and the last resort for plain ASCII is English.
fn languages_of(passages: &[Passage]) -> Vec<Option<Lang>> {
    let detected: Vec<Option<(Lang, bool)>> = passages.iter().map(|passage| language::detect(&passage.text)).collect();
    let of_source = majority(&detected);
    let mut languages = Vec::with_capacity(passages.len());
    for document in passages.chunk_by(|a, b| a.title == b.title) {
        let start = languages.len();
        let detected = &detected[start..start + document.len()];
        let likely = majority(detected).or(of_source);
        languages.extend(document.iter().zip(detected).map(|(passage, found)| match found {
            Some((language, true)) => Some(*language),
            _ if likely.is_some() => likely,
            _ if passage.text.is_ascii() => Some(Lang::Eng),
            guess => guess.map(|(language, _)| language),
        }));
    }
    languages
}

/// The language that most passages surely have.
fn majority(detected: &[Option<(Lang, bool)>]) -> Option<Lang> {
    let mut votes: BTreeMap<&str, (usize, Lang)> = BTreeMap::new();
    for (language, _) in detected.iter().flatten().filter(|(_, sure)| *sure) {
        votes.entry(language.code()).or_insert((0, *language)).0 += 1;
    }
    votes.into_values().max_by_key(|(count, _)| *count).map(|(_, language)| language)
}

fn document(fields: Fields, source: &str, passage: &Passage, language: Option<Lang>) -> Result<TantivyDocument> {
    let stemmer = language.and_then(language::stemmer);
    let terms = |texts: &mut dyn Iterator<Item = &String>| {
        let mut tokens: Vec<Token> = Vec::new();
        for text in texts {
            language::index_terms(text, stemmer, |term| {
                tokens.push(Token { text: term.to_owned(), position: tokens.len(), ..Token::default() });
            });
        }
        PreTokenizedString { text: String::new(), tokens }
    };
    let mut document = TantivyDocument::new();
    document.add_text(fields.source, source);
    document.add_pre_tokenized_text(fields.body, terms(&mut std::iter::once(&passage.text)));
    document.add_pre_tokenized_text(fields.head, terms(&mut std::iter::once(&passage.title).chain(&passage.headings)));
    document.add_u64(fields.key, Key::of(passage).0);
    document.add_u64(fields.text, digest(std::iter::once(passage.text.as_str())));
    let stored = Stored { source: source.to_owned(), passage: passage.clone() };
    document.add_bytes(fields.stored, &serde_json::to_vec(&stored)?);
    Ok(document)
}

/// The segments to merge after a commit, so that at most two remain; none if that is so already.
fn to_merge(index: &tantivy::Index) -> Result<Option<Vec<SegmentId>>> {
    let segments = index.searchable_segment_metas()?;
    let Some(largest) = segments.iter().max_by_key(|segment| segment.num_docs()) else {
        return Ok(None);
    };
    let rest: u32 = segments.iter().filter(|s| s.id() != largest.id()).map(SegmentMeta::num_docs).sum();
    let changed = rest + largest.num_deleted_docs();
    let everything = largest.num_docs() + rest <= ALWAYS_MERGED || changed > largest.num_docs() / LEFT_ALONE_FACTOR;
    let group: Vec<&SegmentMeta> = segments.iter().filter(|s| everything || s.id() != largest.id()).collect();
    let useful = group.len() > 1 || group.iter().any(|segment| segment.has_deletes());
    Ok(useful.then(|| group.into_iter().map(SegmentMeta::id).collect()))
}

/// The files of the segments that are left, in a fixed order.
fn living_files(index: &tantivy::Index, files: &Files) -> Result<Vec<(String, OwnedBytes)>> {
    let mut paths: Vec<_> = index.load_metas()?.list_segment_files().into_iter().collect();
    paths.push("meta.json".into());
    paths.sort();
    let mut living = Vec::new();
    for path in paths {
        if let Some(content) = files.get(&path) {
            let name = path.to_str().context("tantivy names its files in ASCII")?;
            living.push((name.to_owned(), content));
        }
    }
    Ok(living)
}

fn dimension(kept: Option<&Index>, embedded: &Embedded) -> Result<usize> {
    let mut dimension = kept.map_or(0, |index| index.manifest().dimension);
    for vector in embedded.vectors.values() {
        if dimension == 0 {
            dimension = vector.len();
        }
        ensure!(
            vector.len() == dimension,
            "the embedding model {} gave vectors of {} and of {dimension} components",
            embedded.model,
            vector.len()
        );
    }
    Ok(dimension)
}

/// One file of rows per segment, a row per document; zeros where there is no vector.
fn vector_files(
    index: &tantivy::Index,
    kept: Option<&Index>,
    embedded: &Embedded,
    dimension: usize,
) -> Result<Vec<(String, OwnedBytes)>> {
    let kept = kept.map(Index::rows).unwrap_or_default();
    let empty = vec![0; vectors::row_bytes(dimension)];
    let mut files = Vec::new();
    for reader in index.reader()?.searcher().segment_readers() {
        let keys = reader.fast_fields().u64("key")?;
        let mut rows = Vec::with_capacity(reader.max_doc() as usize * empty.len());
        for doc in 0..reader.max_doc() {
            let key = keys.first(doc).map(Key);
            if let Some(vector) = key.and_then(|key| embedded.vectors.get(&key)) {
                rows.extend(vectors::encode(vector)?);
            } else {
                rows.extend_from_slice(key.and_then(|key| kept.get(&key).copied()).unwrap_or(&empty));
            }
        }
        let name = format!("{VECTORS}{}", reader.segment_id().uuid_string());
        files.push((name, OwnedBytes::new(rows)));
    }
    Ok(files)
}
