//! Text to search terms: the same rules for passages and for questions.
//!
//! A word yields the form that people wrote, lowercased and without accents, and its stem in the passage's language.
//! Identifiers are found whole and in parts (`GUILDHALL_ADDR`, `foo::bar`, `v1.2.3`), elisions lose their article
//! (`l'adresse`), and scripts without spaces become pairs of characters. A question is stemmed for every language that
//! the index holds, so nothing has to guess the language of four words.

use std::borrow::Cow;
use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use tantivy::tokenizer::{Language, RawTokenizer, StopWordFilter, TextAnalyzer, TokenStream};
use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use whatlang::Lang;

/// Longest compound that is kept whole. Longer ones are addresses and encoded data, which nobody types.
const MAX_WHOLE_BYTES: usize = 64;

/// Longest word that is indexed. Beyond it are hashes and base64; tantivy itself refuses terms above 65,530 bytes.
const MAX_WORD_BYTES: usize = 128;

/// Trigram statistics are settled after a few hundred letters; more costs time and changes nothing.
const DETECTION_BYTES: usize = 320;

/// The Snowball stemmer for a language; none where there is none, and words are then searched as they are written.
pub fn stemmer(language: Lang) -> Option<Stemmer> {
    let algorithm = match language {
        Lang::Ara => Algorithm::Arabic,
        Lang::Cat => Algorithm::Catalan,
        Lang::Ces => Algorithm::Czech,
        Lang::Dan => Algorithm::Danish,
        Lang::Deu => Algorithm::German,
        Lang::Ell => Algorithm::Greek,
        Lang::Eng => Algorithm::English,
        Lang::Est => Algorithm::Estonian,
        Lang::Fin => Algorithm::Finnish,
        Lang::Fra => Algorithm::French,
        Lang::Hin => Algorithm::Hindi,
        Lang::Hun => Algorithm::Hungarian,
        Lang::Hye => Algorithm::Armenian,
        Lang::Ind => Algorithm::Indonesian,
        Lang::Ita => Algorithm::Italian,
        Lang::Lit => Algorithm::Lithuanian,
        Lang::Nep => Algorithm::Nepali,
        Lang::Nld => Algorithm::Dutch,
        Lang::Nob => Algorithm::Norwegian,
        Lang::Pes => Algorithm::Persian,
        Lang::Pol => Algorithm::Polish,
        Lang::Por => Algorithm::Portuguese,
        Lang::Ron => Algorithm::Romanian,
        Lang::Rus => Algorithm::Russian,
        Lang::Spa => Algorithm::Spanish,
        Lang::Srp => Algorithm::Serbian,
        Lang::Swe => Algorithm::Swedish,
        Lang::Tam => Algorithm::Tamil,
        Lang::Tur => Algorithm::Turkish,
        _ => return None,
    };
    Some(Stemmer::new(algorithm))
}

/// The language of a text and whether that is more than a guess.
pub fn detect(text: &str) -> Option<(Lang, bool)> {
    let info = whatlang::detect(&text[..text.floor_char_boundary(DETECTION_BYTES)])?;
    Some((info.lang(), info.is_reliable()))
}

/// Words with which people ask, in English. The library's list has articles and prepositions only.
const ENGLISH_FILLERS: &[&str] = &[
    "about", "am", "any", "been", "being", "can", "could", "did", "do", "does", "doesn", "doing", "don", "from", "get",
    "gets", "had", "has", "have", "having", "he", "her", "here", "him", "his", "how", "i", "its", "just", "let", "me",
    "might", "must", "my", "our", "out", "please", "shall", "she", "should", "so", "some", "than", "them", "those",
    "too", "up", "us", "very", "we", "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "won",
    "would", "you", "your",
];

/// The same in French, without accents: the library's list has pronouns and auxiliary verbs.
const FRENCH_FILLERS: &[&str] = &[
    "ca", "cela", "cet", "cette", "combien", "comment", "dois", "doit", "donc", "faut", "ici", "les", "ou", "peut",
    "peuvent", "peux", "pourquoi", "pouvez", "puis", "quand", "quel", "quelle", "quelles", "quels", "quoi", "si",
    "tres", "veut", "veux",
];

/// The small words of some languages: articles, pronouns, words that ask.
///
/// How rare a word is does not tell that it says nothing: in an index with few French passages, "de" is rare.
pub struct Fillers {
    lists: Vec<TextAnalyzer>,
    own: Vec<&'static [&'static str]>,
}

impl Fillers {
    /// The small words of these languages, as far as they are known.
    pub fn new(languages: impl Iterator<Item = Lang>) -> Self {
        let (mut lists, mut own) = (Vec::new(), Vec::new());
        for language in languages {
            match language {
                Lang::Eng => own.push(ENGLISH_FILLERS),
                Lang::Fra => own.push(FRENCH_FILLERS),
                _ => {}
            }
            let known = FILLERS.iter().find(|(known, _)| *known == language);
            lists.extend(known.map(|(_, list)| list.clone()));
        }
        Self { lists, own }
    }

    /// Whether a lowercased word is one of them, as it is written or without its accents.
    pub fn contains(&mut self, word: &str) -> bool {
        let folded = fold(word);
        self.own.iter().any(|list| list.contains(&folded.as_ref()))
            || self
                .lists
                .iter_mut()
                .any(|list| !list.token_stream(word).advance() || !list.token_stream(&folded).advance())
    }
}

/// The library's lists, each copied into a set once.
static FILLERS: LazyLock<Vec<(Lang, TextAnalyzer)>> = LazyLock::new(|| {
    let languages = [
        (Lang::Dan, Language::Danish),
        (Lang::Deu, Language::German),
        (Lang::Eng, Language::English),
        (Lang::Fin, Language::Finnish),
        (Lang::Fra, Language::French),
        (Lang::Hun, Language::Hungarian),
        (Lang::Ita, Language::Italian),
        (Lang::Nld, Language::Dutch),
        (Lang::Nob, Language::Norwegian),
        (Lang::Por, Language::Portuguese),
        (Lang::Rus, Language::Russian),
        (Lang::Spa, Language::Spanish),
        (Lang::Swe, Language::Swedish),
    ];
    let list =
        |language| Some(TextAnalyzer::builder(RawTokenizer::default()).filter(StopWordFilter::new(language)?).build());
    languages.into_iter().filter_map(|(lang, language)| Some((lang, list(language)?))).collect()
});

/// What one stretch of text yields.
enum Piece<'a> {
    /// A lowercased word, accents kept: stemmers want them.
    Word(&'a str),
    /// A compound without its hyphens and underscores, found as one term.
    Whole(&'a str),
    /// One or two characters of a script that is written without spaces.
    Gram(&'a str),
}

/// Every term under which a text is found, in order, with repetitions.
pub fn index_terms(text: &str, stemmer: Option<Stemmer>, mut term: impl FnMut(&str)) {
    pieces(text, true, |piece| match piece {
        Piece::Word(word) => {
            let written = fold(word);
            if let Some(stemmer) = stemmer {
                let stem = stemmer.stem(word);
                let stem = fold(&stem);
                if stem != written && !stem.is_empty() {
                    term(&stem);
                }
            }
            term(&written);
        }
        Piece::Whole(whole) => term(&fold(whole)),
        Piece::Gram(gram) => term(gram),
    });
}

/// One word of a question with the terms that may stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryWord {
    /// As written, folded.
    pub written: String,
    /// Its stems that differ from how it is written, one per language at most.
    pub stems: Vec<String>,
    /// One of the [`Fillers`].
    pub filler: bool,
    /// A word of an alphabet and no identifier, so that one letter may be a slip.
    pub plain: bool,
}

/// The distinct words of a question, in order, at most `limit`.
pub fn query_words(text: &str, stemmers: &[Stemmer], fillers: &mut Fillers, limit: usize) -> Vec<QueryWord> {
    let mut words: Vec<QueryWord> = Vec::new();
    let mut push = |word: QueryWord| {
        if words.len() < limit && !word.written.is_empty() && words.iter().all(|known| known.written != word.written) {
            words.push(word);
        }
    };
    let as_written = |written: String| QueryWord { written, stems: Vec::new(), filler: false, plain: false };
    pieces(text, false, |piece| match piece {
        Piece::Word(word) => {
            let written = fold(word);
            let mut stems: Vec<String> = Vec::new();
            for stemmer in stemmers {
                let stem = stemmer.stem(word);
                let stem = fold(&stem);
                if stem != written && !stem.is_empty() && stems.iter().all(|known| *known != stem) {
                    stems.push(stem.into_owned());
                }
            }
            let plain = word.chars().all(char::is_alphabetic);
            push(QueryWord { written: written.into_owned(), stems, filler: fillers.contains(word), plain });
        }
        Piece::Whole(whole) => push(as_written(fold(whole).into_owned())),
        Piece::Gram(gram) => push(as_written(gram.to_owned())),
    });
    words
}

/// Characters that hold identifiers, versions, paths and elisions together.
fn is_connector(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | ':' | '/' | '\\' | '@' | '+' | '#' | '\'' | '\u{2019}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || (!c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c)))
}

/// Scripts written without spaces, and Hangul, whose particles hang on to the word.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0FFF      // Thai, Lao, Tibetan
        | 0x1000..=0x109F    // Myanmar
        | 0x1100..=0x11FF    // Hangul letters
        | 0x1780..=0x17FF    // Khmer
        | 0x3040..=0x30FF    // Hiragana, Katakana
        | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF    // Han
        | 0x4E00..=0x9FFF
        | 0xAC00..=0xD7AF    // Hangul syllables
        | 0xF900..=0xFAFF
        | 0x20000..=0x3FFFF)
}

fn is_han(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Splits a text. `single` also yields each Han character alone, so that a question of one character finds it.
fn pieces(text: &str, single: bool, mut emit: impl FnMut(Piece<'_>)) {
    let text: Cow<'_, str> = if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        text.into()
    } else {
        text.nfkc().collect::<String>().into()
    };
    let mut lower = String::new();
    for chunk in text.split(|c| !is_word_char(c) && !is_connector(c)) {
        // `C#` and `C++` keep their ends; a sentence's full stop and an opening hash do not belong to the word.
        let chunk = chunk.trim_start_matches(is_connector);
        let chunk = chunk.trim_end_matches(|c| is_connector(c) && c != '+' && c != '#');
        if chunk.is_empty() {
            continue;
        }
        if !chunk.contains(is_connector) {
            part(chunk, single, &mut lower, &mut emit);
            continue;
        }
        let mut parts = 0;
        let mut before = None;
        let mut rest = chunk;
        while !rest.is_empty() {
            let end = rest.find(is_connector).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let after = tail.chars().next();
            let elided = [before, after].into_iter().flatten().any(is_apostrophe) && word.chars().count() <= 2;
            if !word.is_empty() && !elided {
                part(word, single, &mut lower, &mut emit);
                parts += 1;
            }
            before = after;
            rest = after.map_or("", |c| &tail[c.len_utf8()..]);
        }
        let ends_in_sign = chunk.ends_with(['+', '#']);
        let compound = (parts > 1 || ends_in_sign) && !chunk.contains(is_apostrophe);
        if compound && chunk.len() <= MAX_WHOLE_BYTES && !chunk.contains(is_unspaced) {
            lower.clear();
            lower.extend(chunk.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase));
            emit(Piece::Whole(&lower));
        }
    }
}

/// One run of word characters: a word, a camel-cased name, or a stretch of an unspaced script, or these in a row.
fn part(run: &str, single: bool, lower: &mut String, emit: &mut impl FnMut(Piece<'_>)) {
    if run.is_ascii() {
        return word(run, lower, emit);
    }
    let mut rest = run;
    while let Some(first) = rest.chars().next() {
        let unspaced = is_unspaced(first);
        let end = rest.find(|c| is_unspaced(c) != unspaced && !is_combining_mark(c)).unwrap_or(rest.len());
        let (stretch, tail) = rest.split_at(end);
        if unspaced {
            grams(stretch, single, emit);
        } else {
            word(stretch, lower, emit);
        }
        rest = tail;
    }
}

fn word(run: &str, lower: &mut String, emit: &mut impl FnMut(Piece<'_>)) {
    if run.len() > MAX_WORD_BYTES {
        return;
    }
    // `enableFeature` is also found by its parts. Single letters (`iPhone`) would only be noise.
    let humps = run.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    if humps {
        let mut start = 0;
        for end in 1..=run.len() {
            let bytes = run.as_bytes();
            let hump = end == run.len() || (bytes[end - 1].is_ascii_lowercase() && bytes[end].is_ascii_uppercase());
            if hump {
                if end - start > 1 {
                    lower.clear();
                    lower.extend(run[start..end].chars().flat_map(char::to_lowercase));
                    emit(Piece::Word(lower));
                }
                start = end;
            }
        }
    }
    lower.clear();
    lower.extend(run.chars().flat_map(char::to_lowercase));
    emit(if humps { Piece::Whole(lower) } else { Piece::Word(lower) });
}

fn grams(stretch: &str, single: bool, emit: &mut impl FnMut(Piece<'_>)) {
    let mut previous: Option<usize> = None;
    let mut only = true;
    for (at, c) in stretch.char_indices() {
        let end = at + c.len_utf8();
        if let Some(start) = previous {
            emit(Piece::Gram(&stretch[start..end]));
            only = false;
        }
        if single && is_han(c) {
            emit(Piece::Gram(&stretch[at..end]));
        }
        previous = Some(at);
    }
    if only && !(single && stretch.chars().all(is_han)) {
        emit(Piece::Gram(stretch));
    }
}

/// Removes what people leave out when they type in a hurry: accents of Latin and Greek letters, Arabic and Hebrew vowel
/// points, the dots of ё. Marks that make another letter (й, が, Indic vowels) stay.
fn fold(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return word.into();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            'ё' => folded.push('е'),
            '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1FFF}' | '\u{0370}'..='\u{03FF}' => {
                decompose_canonical(c, |d| {
                    if !is_loose_mark(d) {
                        folded.push(d);
                    }
                });
            }
            _ if is_loose_mark(c) => {}
            _ => folded.push(c),
        }
    }
    folded.into()
}

fn is_loose_mark(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0591..=0x05BD | 0x05BF..=0x05C7 | 0x0640 | 0x064B..=0x0652)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str, language: Option<Lang>) -> Vec<String> {
        let mut terms = Vec::new();
        index_terms(text, language.and_then(stemmer), |term| {
            terms.push(term.to_owned());
        });
        terms
    }

    fn fillers(languages: &[Lang]) -> Fillers {
        Fillers::new(languages.iter().copied())
    }

    fn has(text: &str, language: Lang, term: &str) -> bool {
        terms(text, Some(language)).iter().any(|found| found == term)
    }

    #[test]
    fn words_are_found_by_stem_and_as_written() {
        assert_eq!(terms("Installing", Some(Lang::Eng)), ["instal", "installing"]);
        assert!(has("les réponses", Lang::Fra, "repons"));
        assert!(has("les réponses", Lang::Fra, "reponses"));
        assert!(has("l’utilisateur d'origine", Lang::Fra, "origin"));
        assert!(!has("l’utilisateur", Lang::Fra, "l"));
    }

    #[test]
    fn accents_fold_but_other_letters_stay() {
        assert_eq!(terms("Straße Ærø Łódź", None), ["strasse", "aero", "lodz"]);
        assert_eq!(terms("ёлка йод", None), ["елка", "йод"]);
        assert_eq!(terms("e\u{301}te\u{301}", None), ["ete"]);
    }

    #[test]
    fn identifiers_are_found_whole_and_in_parts() {
        for (text, expected) in [
            ("GUILDHALL_ADDR", &["guildhall", "addr", "guildhalladdr"][..]),
            ("--dry-run.", &["dry", "run", "dryrun"]),
            ("v1.2.3", &["v1", "2", "3", "v1.2.3"]),
            ("enableFeature", &["enable", "feature", "enablefeature"]),
            ("C++ and C#", &["c", "c++", "and", "c", "c#"]),
            ("0x80070005", &["0x80070005"]),
            ("foo::bar", &["foo", "bar", "foo::bar"]),
        ] {
            assert_eq!(terms(text, None), expected, "{text}");
        }
    }

    #[test]
    fn unspaced_scripts_become_pairs() {
        assert_eq!(terms("東京都", None), ["東", "東京", "京", "京都", "都"]);
        let words = query_words("東京都", &[], &mut fillers(&[]), 10);
        assert_eq!(words.iter().map(|w| w.written.as_str()).collect::<Vec<_>>(), ["東京", "京都"]);
        assert_eq!(query_words("猫", &[], &mut fillers(&[]), 10)[0].written, "猫");
        assert!(terms("猫", None).contains(&"猫".to_owned()));
        assert_eq!(terms("ไทย", None), ["ไท", "ทย"]);
        assert_eq!(terms("APIを使う", None)[0], "api");
    }

    #[test]
    fn questions_are_stemmed_for_each_language_and_bounded() {
        let stemmers = [stemmer(Lang::Eng).unwrap(), stemmer(Lang::Fra).unwrap()];
        let words = query_words("installations installations", &stemmers, &mut fillers(&[]), 10);
        assert_eq!(words.len(), 1);
        assert_eq!(words[0].stems, ["instal", "install"], "in English and in French");
        let long = (0..2_000).map(|n| format!("w{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(query_words(&long, &stemmers, &mut fillers(&[]), 256).len(), 256);
    }

    #[test]
    fn small_words_are_known_with_and_without_accents() {
        let telling = |text: &str, languages: &[Lang]| -> Vec<String> {
            let words = query_words(text, &[], &mut fillers(languages), 20);
            words.into_iter().filter(|word| !word.filler).map(|word| word.written).collect()
        };
        assert_eq!(telling("How can I get it back?", &[Lang::Eng]), ["back"]);
        assert_eq!(telling("comment était la même sauvegarde de mes données", &[Lang::Fra]), ["sauvegarde", "donnees"]);
        assert_eq!(telling("die Sicherung", &[Lang::Eng]), ["die", "sicherung"], "German is not asked for");
        assert_eq!(telling("die Sicherung", &[Lang::Deu]), ["sicherung"]);
        assert_eq!(telling("what_is", &[Lang::Eng]), ["whatis"], "an identifier stays whole");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_panic_and_found_again(text in "\\PC{0,200}") {
            let indexed = terms(&text, Some(Lang::Fra));
            for word in query_words(&text, &[], &mut fillers(&[Lang::Fra]), usize::MAX) {
                prop_assert!(indexed.contains(&word.written), "{:?} is not in {:?}", word.written, indexed);
            }
        }
    }
}
