//! Passages that are the same in every run: the words of the user guide and, since a guide has few, made-up ones
//! behind them, drawn by Zipf's law as words of real texts are.

use guildhall::knowledge::Passage;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// Distinct words of a corpus. A manual of some size has about so many.
const VOCABULARY: usize = 30_000;

/// Words of a passage, at least and at most; on the average what the passages of the user guide have.
const WORDS: std::ops::Range<usize> = 30..130;

/// The repository's folder of user documentation.
pub(crate) fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide")
}

/// A source of texts.
pub(crate) struct Corpus {
    words: Vec<String>,
    /// For each word, the share of all text up to and with it.
    shares: Vec<f64>,
    rng: StdRng,
}

impl Corpus {
    /// The corpus of this seed.
    pub(crate) fn new(seed: u64) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for page in std::fs::read_dir(guide())? {
            let text = std::fs::read_to_string(page?.path())?;
            for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1) {
                *counts.entry(word.to_lowercase()).or_default() += 1;
            }
        }
        let mut counted: Vec<(String, usize)> = counts.into_iter().collect();
        counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut words: Vec<String> = counted.into_iter().map(|(word, _)| word).collect();
        let mut known: HashSet<String> = words.iter().cloned().collect();
        while words.len() < VOCABULARY {
            let word = made_up(&mut rng);
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        let mut total = 0.0;
        let mut shares: Vec<f64> = (1..=words.len())
            .map(|rank| {
                #[expect(clippy::cast_precision_loss, reason = "a few ten thousand")]
                let rank = rank as f64;
                total += 1.0 / (rank + 2.7);
                total
            })
            .collect();
        for share in &mut shares {
            *share /= total;
        }
        Ok(Self { words, shares, rng })
    }

    fn word(&mut self) -> &str {
        let at = self.rng.random::<f64>();
        let rank = self.shares.partition_point(|share| *share < at).min(self.words.len() - 1);
        &self.words[rank]
    }

    /// A stretch of running text.
    fn text(&mut self, words: usize) -> String {
        let mut text = String::with_capacity(words * 7);
        let mut sentence = 0;
        for _ in 0..words {
            if sentence == 0 {
                sentence = self.rng.random_range(6..16);
                text.push_str(if text.is_empty() { "" } else { ". " });
            } else {
                text.push(' ');
            }
            sentence -= 1;
            text.push_str(self.word());
        }
        text.push('.');
        text
    }

    /// So many passages, ten to a document.
    pub(crate) fn passages(&mut self, count: usize) -> Vec<Passage> {
        let mut passages = Vec::with_capacity(count);
        let mut title = String::new();
        for number in 0..count {
            if number % 10 == 0 {
                title = self.text(3);
            }
            let words = self.rng.random_range(WORDS);
            let (headings, text) = (vec![self.text(4)], self.text(words));
            passages.push(Passage { title: title.clone(), headings, address: None, text });
        }
        passages
    }

    /// A Markdown document whose sections are passages.
    pub(crate) fn document(&mut self, sections: usize) -> String {
        let mut document = format!("# {}\n", self.text(3));
        for _ in 0..sections {
            let words = self.rng.random_range(WORDS);
            for part in ["\n## ", &self.text(4), "\n\n", &self.text(words), "\n"] {
                document.push_str(part);
            }
        }
        document
    }

    /// Questions about some of the passages: the words by which one asks, and some running words of the passage.
    pub(crate) fn questions(&mut self, passages: &[Passage], count: usize) -> Vec<String> {
        let mut questions = Vec::with_capacity(count);
        for _ in 0..count {
            let passage = &passages[self.rng.random_range(0..passages.len())];
            let words: Vec<&str> = passage.text.split_whitespace().collect();
            let asked = self.rng.random_range(4..9);
            let start = self.rng.random_range(0..words.len() - asked);
            questions.push(format!("how do I {}?", words[start..start + asked].join(" ")));
        }
        questions
    }

    /// A vector of unit length in a random direction.
    pub(crate) fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.rng.random::<f32>() + self.rng.random::<f32>() - 1.0).collect()
    }
}

fn made_up(rng: &mut StdRng) -> String {
    const STARTS: [&str; 16] = ["b", "br", "c", "d", "f", "g", "gr", "l", "m", "n", "p", "pr", "r", "s", "st", "t"];
    const MIDDLES: [&str; 8] = ["a", "e", "i", "o", "u", "ea", "ou", "ai"];
    const ENDS: [&str; 10] = ["", "n", "r", "l", "s", "t", "nd", "rm", "ck", "st"];
    const ENDINGS: [&str; 8] = ["", "", "", "ing", "ed", "s", "er", "tion"];
    let mut word = String::new();
    for _ in 0..rng.random_range(1..4) {
        for parts in [&STARTS[..], &MIDDLES, &ENDS] {
            word.push_str(parts[rng.random_range(0..parts.len())]);
        }
    }
    word + ENDINGS[rng.random_range(0..ENDINGS.len())]
}
