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
    stemmed_share: f32,
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
    pub fn open(object: OwnedBytes) -> Result<Self> {
        let (manifest, files) = unpack(&object).context("this search index is damaged; index its sources again")?;
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
        let stemmed: u64 = languages.iter().filter(|(l, _)| language::stemmer(*l).is_some()).map(|(_, n)| n).sum();
        #[expect(clippy::cast_precision_loss, reason = "a share of passages")]
        let stemmed_share = stemmed as f32 / manifest.passages().max(1) as f32;
        Ok(Self(Arc::new(Inner { manifest, files, searcher, fields, segments, stemmers, stemmed_share })))
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

    /// Share of the passages whose language has a stemmer, 0 to 1.
    pub(super) fn stemmed_share(&self) -> f32 {
        self.0.stemmed_share
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
