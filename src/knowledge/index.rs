//! The search index of one account: one immutable object, read where it lies.
//!
//! The object is an uncompressed tar file: a manifest, tantivy's segment files and one file of vectors per segment.
//! Tantivy reads slices of the object, whether it is a mapped file or bytes from a bucket, so opening costs one
//! checksum pass and no copy. A new version starts from the files of the previous one (see [`build()`]).

mod build;
mod files;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use frostem::Stemmer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tantivy::columnar::Column;
use tantivy::directory::MmapDirectory;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value};
use tantivy::{Directory, DocAddress, ReloadPolicy, Searcher, TantivyDocument};
use whatlang::Lang;

use self::files::Files;
use super::vectors::Vectors;
use super::{Passage, language};

pub use self::build::{Embedded, SourceContent, build, without_vector};
pub use tantivy::directory::OwnedBytes;

/// Raised whenever the layout of the object, the schema or the rules in [`language`] change, because terms of a
/// question must be made as the terms of the passages were.
const FORMAT: u32 = 1;

/// Name of the manifest's entry; its checksum follows, in hexadecimal.
const MANIFEST: &str = "manifest.json.";

/// Name of the vectors of a segment; its id follows.
const VECTORS: &str = "vectors.";

/// Languages whose stemmers a question goes through. Each costs a lookup per word; an account with more languages than
/// this loses stemming, not words, in the rarest ones.
const MAX_STEMMERS: usize = 6;

/// A file that tantivy would not find by itself is not ours: this many are never reached by two segments.
const MAX_FILES: usize = 200;

/// Decompressed blocks that each segment keeps. Hits are spread over the whole store, so a large cache is only memory.
const CACHED_BLOCKS: usize = 8;

/// Identifies what is embedded and searched of a passage: title, headings and text.
///
/// Equal passages have equal keys in every index, so a vector is computed once however often a document is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u64);

impl Key {
    /// The key of a passage.
    pub fn of(passage: &Passage) -> Self {
        let parts = std::iter::once(&passage.title).chain(&passage.headings).chain([&passage.text]);
        Self(digest(parts.map(String::as_str)))
    }
}

/// What is sent to the embedding model for a passage.
pub fn embedded_text(passage: &Passage) -> String {
    let mut text = passage.title.clone();
    for heading in &passage.headings {
        text.push_str(" › ");
        text.push_str(heading);
    }
    text.push('\n');
    text.push_str(&passage.text);
    text
}

/// The first 64 bits of SHA-256 over length-prefixed parts: among a million passages, equal by chance once in 37
/// million indexes.
fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What an index says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the object; other versions are refused.
    pub format: u32,
    /// The embedding model of the vectors; none when there are no vectors.
    pub model: Option<String>,
    /// Components of each vector; 0 when there are no vectors.
    pub dimension: usize,
    /// What it holds, by source id.
    pub sources: BTreeMap<String, SourceEntry>,
    /// Entries of the object.
    files: Vec<FileEntry>,
}

/// One source within an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Version of the content that was indexed, as its owner named it.
    pub version: String,
    /// Number of passages, duplicates included.
    pub passages: u64,
    /// Passages per language, by ISO 639-3 code.
    pub languages: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileEntry {
    name: String,
    length: u64,
    crc32: u32,
}

impl Manifest {
    /// Passages in all sources.
    pub fn passages(&self) -> u64 {
        self.sources.values().map(|source| source.passages).sum()
    }

    /// Passages per language, most first.
    pub fn languages(&self) -> Vec<(Lang, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (code, count) in self.sources.values().flat_map(|source| &source.languages) {
            *counts.entry(code).or_default() += count;
        }
        let known = counts.into_iter().filter_map(|(code, count)| Some((Lang::from_code(code)?, count)));
        let mut languages: Vec<(Lang, u64)> = known.collect();
        languages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        languages
    }
}

/// A passage as it lies in the document store.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) source: String,
    pub(super) passage: Passage,
}

/// Fields of a passage.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// Id of its source, for removal.
    source: Field,
    /// Terms of the text.
    pub(super) body: Field,
    /// Terms of title and headings.
    pub(super) head: Field,
    /// [`Key`].
    key: Field,
    /// Digest of the text alone: what a reader would see twice.
    text: Field,
    /// [`Stored`] as JSON.
    stored: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    // Positions would double the postings, and a question is not a phrase.
    let terms = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
    let id = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
    let id = id.set_index_option(IndexRecordOption::Basic);
    let fields = Fields {
        source: schema.add_text_field("source", TextOptions::default().set_indexing_options(id)),
        body: schema.add_text_field("body", TextOptions::default().set_indexing_options(terms.clone())),
        head: schema.add_text_field("head", TextOptions::default().set_indexing_options(terms)),
        key: schema.add_u64_field("key", FAST),
        text: schema.add_u64_field("text", FAST),
        stored: schema.add_bytes_field("stored", STORED),
    };
    (schema.build(), fields)
}

/// What is at hand of each segment while searching.
pub(super) struct Segment {
    key: Column<u64>,
    text: Column<u64>,
    pub(super) vectors: Option<Vectors>,
}

/// An opened index. Cloning shares it.
#[derive(Clone)]
pub struct Index(Arc<Inner>);

struct Inner {
    manifest: Manifest,
    files: Files,
    searcher: Searcher,
    fields: Fields,
    segments: Vec<Segment>,
    stemmers: Vec<Stemmer>,
}

/// Maps a file into memory, for [`Index::open`]. The file may be replaced or removed while it is mapped, but not
/// changed in place.
pub fn map(file: &Path) -> Result<OwnedBytes> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let name = file.file_name().context("an index object needs a file name")?;
    let directory = MmapDirectory::open(folder)?;
    Ok(directory.open_read(Path::new(name))?.read_bytes()?)
}

impl Index {
    /// Opens an object that [`build()`] made. Anything else is an error, as is one of another version: the answer to
    /// both is to index the sources again.
    pub fn open(object: &OwnedBytes) -> Result<Self> {
        let (manifest, files) = unpack(object).context("this search index is damaged; index its sources again")?;
        let files = Files::new(files);
        let index = tantivy::Index::open(files.clone())?;
        let (schema, fields) = schema();
        ensure!(index.schema() == schema, "the search index has another schema; index its sources again");
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(CACHED_BLOCKS)
            .try_into()?;
        let searcher = reader.searcher();
        let mut segments = Vec::new();
        for segment in searcher.segment_readers() {
            let name = format!("{VECTORS}{}", segment.segment_id().uuid_string());
            let vectors = files.get(Path::new(&name)).map(|rows| Vectors::new(rows, manifest.dimension)).transpose()?;
            if let Some(vectors) = &vectors {
                ensure!(vectors.len() == segment.max_doc() as usize, "the search index has too few vectors");
            }
            segments.push(Segment {
                key: segment.fast_fields().u64("key")?,
                text: segment.fast_fields().u64("text")?,
                vectors,
            });
        }
        let languages = manifest.languages();
        let stemmers = languages.iter().filter_map(|(language, _)| language::stemmer(*language));
        let stemmers = stemmers.take(MAX_STEMMERS).collect();
        Ok(Self(Arc::new(Inner { manifest, files, searcher, fields, segments, stemmers })))
    }

    /// What the index says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Every passage of a source or, without one, of all: what an index needs when the embedding model changes.
    pub fn passages(&self, source: Option<&str>) -> impl Iterator<Item = Result<(String, Passage)>> {
        let source = source.map(str::to_owned);
        let all = (0_u32..).zip(self.0.searcher.segment_readers()).flat_map(move |(segment, reader)| {
            reader.doc_ids_alive().map(move |doc| self.stored(DocAddress::new(segment, doc)))
        });
        all.map(|stored| stored.map(|stored| (stored.source, stored.passage)))
            .filter(move |found| found.as_ref().map_or(true, |(id, _)| source.as_ref().is_none_or(|s| s == id)))
    }

    pub(super) fn searcher(&self) -> &Searcher {
        &self.0.searcher
    }

    pub(super) fn fields(&self) -> Fields {
        self.0.fields
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.0.segments
    }

    /// The stemmers of its languages, the most frequent language first.
    pub(super) fn stemmers(&self) -> &[Stemmer] {
        &self.0.stemmers
    }

    /// Digest of the text of a document, equal for equal texts.
    pub(super) fn text_digest(&self, address: DocAddress) -> u64 {
        let segment = &self.0.segments[address.segment_ord as usize];
        segment.text.first(address.doc_id).unwrap_or_default()
    }

    pub(super) fn stored(&self, address: DocAddress) -> Result<Stored> {
        let document: TantivyDocument = self.0.searcher.doc(address)?;
        let stored = document.get_first(self.0.fields.stored).and_then(|value| value.as_bytes());
        Ok(serde_json::from_slice(stored.context("a passage has no content")?)?)
    }
}

/// Finds the entries of an object and checks every byte of them.
fn unpack(object: &OwnedBytes) -> Result<(Manifest, Vec<(PathBuf, OwnedBytes)>)> {
    let mut archive = tar::Archive::new(Cursor::new(object.as_slice()));
    let mut manifest: Option<Manifest> = None;
    let mut files: Vec<(PathBuf, OwnedBytes)> = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_str().context("a file has no name")?.to_owned();
        let start = usize::try_from(entry.raw_file_position())?;
        let end = start.checked_add(usize::try_from(entry.size())?).filter(|end| *end <= object.len());
        let content = object.slice(start..end.context("the object ends too soon")?);
        let crc32 = crc32fast::hash(&content);
        if let Some(manifest) = &manifest {
            let expected = manifest.files.get(files.len()).context("there is a file too many")?;
            let found = FileEntry { name: name.clone(), length: content.len() as u64, crc32 };
            ensure!(*expected == found, "{name} is not as it was written");
            files.push((name.into(), content));
        } else {
            let written = name.strip_prefix(MANIFEST).context("there is no manifest")?;
            ensure!(written == format!("{crc32:08x}"), "the manifest is not as it was written");
            manifest = Some(read_manifest(&content)?);
        }
    }
    let manifest = manifest.context("it is empty")?;
    ensure!(files.len() == manifest.files.len(), "files are missing");
    Ok((manifest, files))
}

fn read_manifest(content: &[u8]) -> Result<Manifest> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let version: Version = serde_json::from_slice(content)?;
    if version.format != FORMAT {
        bail!("it has format {}, this program reads format {FORMAT}", version.format);
    }
    let manifest: Manifest = serde_json::from_slice(content)?;
    ensure!(manifest.files.len() <= MAX_FILES, "it names {} files", manifest.files.len());
    Ok(manifest)
}

/// Writes an object; the manifest comes first, because it says how to check the rest.
fn pack(mut manifest: Manifest, files: &[(String, OwnedBytes)]) -> Result<Vec<u8>> {
    let entry = |(name, content): &(String, OwnedBytes)| FileEntry {
        name: name.clone(),
        length: content.len() as u64,
        crc32: crc32fast::hash(content),
    };
    manifest.files = files.iter().map(entry).collect();
    let manifest = serde_json::to_vec(&manifest)?;
    let size = files.iter().map(|(_, content)| content.len() + 1024).sum::<usize>() + manifest.len() + 2048;
    let mut archive = tar::Builder::new(Vec::with_capacity(size));
    let mut append = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, content)
    };
    append(&format!("{MANIFEST}{:08x}", crc32fast::hash(&manifest)), &manifest)?;
    for (name, content) in files {
        append(name, content)?;
    }
    Ok(archive.into_inner()?)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;
    use crate::knowledge::search::Query;

    fn passage(title: &str, text: &str) -> Passage {
        Passage { title: title.into(), headings: vec!["Part".into()], address: None, text: text.into() }
    }

    fn next(previous: Option<&Index>, remove: &[&str], add: &[(&str, Vec<Passage>)]) -> Index {
        let add: Vec<SourceContent<'_>> =
            add.iter().map(|(source, passages)| SourceContent { source, version: "1", passages }).collect();
        open(build(previous, remove, &add, None).unwrap())
    }

    fn open(object: Vec<u8>) -> Index {
        Index::open(&OwnedBytes::new(object)).unwrap()
    }

    fn texts(index: &Index, text: &str) -> BTreeSet<String> {
        let hits = index.search(&Query { text, limit: 100, ..Query::default() }).unwrap();
        hits.into_iter().map(|hit| hit.passage.text).collect()
    }

    #[test]
    fn a_source_is_replaced_and_removed() {
        let first =
            next(None, &[], &[("a", vec![passage("A", "red apples")]), ("b", vec![passage("B", "red bricks")])]);
        let second = next(Some(&first), &[], &[("a", vec![passage("A", "green apples")])]);
        assert_eq!(texts(&second, "red"), ["red bricks".to_owned()].into());
        assert_eq!(texts(&second, "apple"), ["green apples".to_owned()].into());
        let third = next(Some(&second), &["b", "unknown"], &[]);
        assert!(texts(&third, "red").is_empty());
        assert_eq!(third.manifest().sources.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(texts(&first, "red").len(), 2, "the version before still answers");
        let empty = next(Some(&third), &["a"], &[]);
        assert!(texts(&empty, "apple").is_empty());
        assert_eq!(next(Some(&empty), &[], &[("c", vec![passage("C", "a pear")])]).passages(None).count(), 1);
    }

    #[test]
    fn a_small_change_leaves_the_large_segment_alone() {
        let many: Vec<Passage> = (0..6_000).map(|n| passage("Many", &format!("entry number{n}"))).collect();
        let large = next(None, &[], &[("many", many)]);
        let changed = next(Some(&large), &[], &[("one", vec![passage("One", "entry extra")])]);
        let segments = |index: &Index| -> BTreeSet<String> {
            index.searcher().segment_readers().iter().map(|s| s.segment_id().uuid_string()).collect()
        };
        assert_eq!((segments(&large).len(), segments(&changed).len()), (1, 2));
        assert!(segments(&changed).is_superset(&segments(&large)));
        assert_eq!(texts(&changed, "number5999 extra").len(), 2);
    }

    #[test]
    fn vectors_are_kept_by_key_and_dropped_with_their_model() {
        let (a, b) = (passage("A", "red apples"), passage("B", "grey bricks"));
        let vectors = HashMap::from([(Key::of(&a), vec![1.0, 0.0]), (Key::of(&b), vec![0.0, 1.0])]);
        let both = [a.clone(), b.clone()];
        let content = [SourceContent { source: "s", version: "1", passages: &both }];
        let embedded = Embedded { model: "m".into(), vectors };
        let first = open(build(None, &[], &content, Some(&embedded)).unwrap());
        let again = Embedded { model: "m".into(), vectors: HashMap::new() };
        assert!(without_vector(Some(&first), "m", &both).is_empty());
        assert_eq!(without_vector(Some(&first), "other", [&a, &b, &a]).len(), 2);
        let second = open(build(Some(&first), &[], &content, Some(&again)).unwrap());
        let nearest = |index: &Index| {
            let query = Query { text: "?", vector: Some(&[0.1, 0.9]), limit: 1, ..Query::default() };
            index.search(&query).unwrap().pop().map(|hit| hit.passage)
        };
        assert_eq!(nearest(&second), Some(b));
        let other = Embedded { model: "other".into(), vectors: HashMap::new() };
        let third = open(build(Some(&second), &[], &content, Some(&other)).unwrap());
        assert_eq!((third.manifest().model.clone(), nearest(&third)), (None, None));
        let odd = Embedded { model: "m".into(), vectors: HashMap::from([(Key::of(&a), vec![1.0])]) };
        assert!(build(Some(&second), &[], &content, Some(&odd)).is_err());
    }

    #[test]
    fn another_format_is_named() {
        let manifest = Manifest { format: 7, model: None, dimension: 0, sources: BTreeMap::new(), files: Vec::new() };
        let error = Index::open(&OwnedBytes::new(pack(manifest, &[]).unwrap())).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains("format 7"), "{error:#}");
    }

    #[test]
    fn a_mapped_file_opens_like_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index");
        let content = [passage("A", "red apples")];
        let content = [SourceContent { source: "a", version: "1", passages: &content }];
        std::fs::write(&file, build(None, &[], &content, None).unwrap()).unwrap();
        let index = Index::open(&map(&file).unwrap()).unwrap();
        assert_eq!(texts(&index, "apple").len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_damaged_object_is_an_error(cut in 0.0_f64..1.0, flip in 1_u8..=255, truncate: bool) {
            let content = [passage("A", "red apples and green ones"), passage("B", "grey bricks")];
            let content = [SourceContent { source: "a", version: "1", passages: &content }];
            let mut object = build(None, &[], &content, None).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in the object")]
            let at = (object.len() as f64 * cut) as usize;
            if truncate { object.truncate(at) } else { object[at] ^= flip }
            // A flipped byte of padding or of a time changes nothing; every other one must be noticed.
            if let Ok(index) = Index::open(&OwnedBytes::new(object)) {
                prop_assert_eq!(texts(&index, "apple").len(), 1);
            }
        }

        #[test]
        fn step_by_step_equals_all_at_once(steps in prop::collection::vec((0_usize..4, prop::collection::vec(0_usize..12, 0..4)), 1..6)) {
            const WORDS: [&str; 12] = ["install", "server", "windows", "update", "réponse", "queue", "token", "error", "limit", "member", "role", "channel"];
            const SOURCES: [&str; 4] = ["a", "b", "c", "d"];
            let mut index: Option<Index> = None;
            let mut latest: BTreeMap<&str, Vec<Passage>> = BTreeMap::new();
            for (source, words) in &steps {
                let passages: Vec<Passage> =
                    words.iter().map(|w| passage("T", &format!("{} of {}", WORDS[*w], SOURCES[*source]))).collect();
                index = Some(next(index.as_ref(), &[], &[(SOURCES[*source], passages.clone())]));
                latest.insert(SOURCES[*source], passages);
            }
            let whole: Vec<(&str, Vec<Passage>)> = latest.into_iter().collect();
            let fresh = next(None, &[], &whole);
            let index = index.unwrap();
            prop_assert_eq!(&index.manifest().sources, &fresh.manifest().sources);
            for word in WORDS {
                prop_assert_eq!(texts(&index, word), texts(&fresh, word));
            }
        }
    }
}
