use super::*;
use fluent_bundle::{FluentArgs, FluentValue};
use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};
use std::collections::{BTreeMap, BTreeSet};

/// A sentence as `messages!` declares it.
pub(super) struct Declared {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [&'static str],
    /// The most characters, as Discord counts them where it is shown.
    pub(super) limit: usize,
}

/// Of a message. [Discord Docs/Message: Create Message]
pub(super) const MESSAGE: usize = 2_000;
/// Of a channel's name. [Discord Docs/Channel: Channel Object]
pub(super) const THREAD_NAME: usize = 100;
/// Of names and descriptions of commands and their options. [Discord Docs/Application Commands: Application Command Object]
pub(super) const COMMAND_NAME: usize = 32;
pub(super) const OPTION_NAME: usize = 32;
pub(super) const DESCRIPTION: usize = 100;
/// Of a form and its fields. [Discord Docs/Receiving and Responding: Modal] [Discord Docs/Component Reference: Label]
pub(super) const FORM_TITLE: usize = 45;
pub(super) const LABEL: usize = 45;
pub(super) const HINT: usize = 100;
pub(super) const PLACEHOLDER: usize = 100;
/// Of an e-mail's subject: what `mail` cuts it to.
pub(super) const SUBJECT: usize = 120;

/// A paragraph of a page: more is a chapter of the guide.
pub(super) const PAGE: usize = 400;

/// Every book with what is said in it.
const BOOKS: [(Book, &[Declared]); 3] =
    [(Book::Bot, DECLARED), (Book::Pages, pages::DECLARED), (Book::Sources, sources::DECLARED)];

/// Texts that are right to be the same in English and in another language, each with a reason.
const SAME: &[(Lang, &str)] = &[
    (Lang::Fr, "menu"),                  // the same word
    (Lang::Fr, "nav_label"),             // the same word
    (Lang::Fr, "nav_notifications"),     // the same word
    (Lang::Fr, "seconds"),               // a unit
    (Lang::Fr, "overview_sources"),      // the same word
    (Lang::Fr, "kind_page"),             // the same word
    (Lang::Fr, "source_passages"),       // the same word
    (Lang::Fr, "add_page"),              // the same word
    (Lang::Fr, "source_documents"),      // the same word
    (Lang::Fr, "source_passages_title"), // the same word
    (Lang::Fr, "playground_it"),         // a name
    (Lang::Fr, "playground_sources"),    // the same word
    (Lang::Fr, "usage_month"),           // a number
    (Lang::Fr, "plan_starter"),          // a name
    (Lang::Fr, "plan_standard"),         // a name
    (Lang::Fr, "plan_pro"),              // a name
    (Lang::Fr, "mail_title"),            // the same word
    (Lang::Fr, "milliseconds"),          // a unit
];

/// What is wrong with a file: whatever `declared` lacks or has too much, and what cannot be read.
fn faults(lang: Lang, file: &str, english: &str, declared: &[Declared]) -> Vec<String> {
    let english = values(english, &mut Vec::new());
    let mut faults = Vec::new();
    let texts = values(file, &mut faults);
    for Declared { name, arguments, .. } in declared {
        let Some((text, names)) = texts.get(*name) else {
            faults.push(format!("{name} is missing"));
            continue;
        };
        if *names != arguments.iter().map(|&argument| argument.to_owned()).collect() {
            faults.push(format!("{name} fills in {names:?} instead of {arguments:?}"));
        }
        if lang != Lang::En
            && !SAME.contains(&(lang, name))
            && english.get(*name).is_some_and(|(english, _)| english == text)
        {
            faults.push(format!("{name} is still English"));
        }
    }
    let unused = texts.keys().filter(|name| declared.iter().all(|declared| declared.name != **name));
    faults.extend(unused.map(|name| format!("{name} is unused")));
    faults
}

/// The texts of a file and what each refers to, by name.
fn values(file: &str, faults: &mut Vec<String>) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let file = fluent_syntax::parser::parse(file).unwrap_or_else(|(file, errors)| {
        faults.extend(errors.iter().map(ToString::to_string));
        file
    });
    let mut texts = BTreeMap::new();
    for entry in file.body {
        match entry {
            Entry::Message(message) => {
                let name = message.id.name;
                if !message.attributes.is_empty() {
                    faults.push(format!("{name} has attributes, which nobody reads"));
                }
                let Some(value) = message.value else { continue };
                let mut names = BTreeSet::new();
                in_pattern(&value, &mut names);
                if texts.insert(name.to_owned(), (format!("{value:?}"), names)).is_some() {
                    faults.push(format!("{name} is there twice"));
                }
            }
            Entry::Term(term) => faults.push(format!("-{} is a term, which nothing looks after", term.id.name)),
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {}
        }
    }
    texts
}

fn in_pattern(pattern: &Pattern<&str>, names: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, names);
        }
    }
}

fn in_expression(expression: &Expression<&str>, names: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, names),
        Expression::Select { selector, variants } => {
            in_inline(selector, names);
            for variant in variants {
                in_pattern(&variant.value, names);
            }
        }
    }
}

fn in_inline(inline: &InlineExpression<&str>, names: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => _ = names.insert(id.name.to_owned()),
        InlineExpression::Placeable { expression } => in_expression(expression, names),
        InlineExpression::FunctionReference { id, arguments: CallArguments { positional, .. } } => {
            names.insert(format!("{}()", id.name));
            for argument in positional {
                in_inline(argument, names);
            }
        }
        InlineExpression::MessageReference { id, .. } => _ = names.insert(format!("={}", id.name)),
        InlineExpression::TermReference { id, .. } => _ = names.insert(format!("-{}", id.name)),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
    }
}

/// A sentence with this value for each of its arguments.
fn said(lang: Lang, book: Book, sentence: &Declared, value: &FluentValue<'static>) -> String {
    let arguments: FluentArgs<'_> = sentence.arguments.iter().map(|&name| (name, value.clone())).collect();
    let mut errors = Vec::new();
    let text = library::format(lang.texts(book), sentence.name, Some(&arguments), &mut errors);
    assert!(errors.is_empty(), "{lang:?} {}: {errors:?}", sentence.name);
    text.into_owned()
}

#[test]
fn every_language_says_everything_and_nothing_else() {
    for &lang in Lang::ALL {
        for (book, declared) in BOOKS {
            let faults = faults(lang, lang.file(book), Lang::En.file(book), declared);
            assert_eq!(faults, [""; 0], "{book:?} in {lang:?}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_file_is_found() {
    let declared = |name, arguments| Declared { name, arguments, limit: MESSAGE };
    let declared = [declared("yes", &[]), declared("many", &["count"])];
    let english = "yes = Yes\nmany = { $count ->\n    [one] One\n   *[other] { $count }\n }\n";
    let found = |file: &str| faults(Lang::Fr, file, english, &declared);
    assert_eq!(found("yes = Oui\nmany = { $count } fois"), [""; 0]);
    for (file, fault) in [
        ("yes = Oui", "many is missing"),
        ("yes = Oui\nmany = { $count } fois\nno = Non", "no is unused"),
        ("yes = Yes\nmany = { $count } fois", "yes is still English"),
        ("yes = Oui\nmany = mille", r#"many fills in {} instead of ["count"]"#),
        ("yes = Oui\nmany = { $cuont }", r#"many fills in {"cuont"} instead of ["count"]"#),
        (
            "yes = Oui\nmany = { $count ->\n *[other] { yes }\n }",
            r#"many fills in {"=yes", "count"} instead of ["count"]"#,
        ),
        ("yes = Oui\nmany = { NUMBER($count) }", r#"many fills in {"NUMBER()", "count"} instead of ["count"]"#),
        ("yes = Oui\nyes = Si\nmany = { $count }", "yes is there twice"),
        ("yes = Oui\n  .title = Oui\nmany = { $count }", "yes has attributes, which nobody reads"),
        ("-name = Guildhall\nyes = Oui\nmany = { $count }", "-name is a term, which nothing looks after"),
    ] {
        assert_eq!(found(file), [fault], "{file}");
    }
    assert!(found("yes = Oui\nmany = { $count").len() >= 2, "a file that is no Fluent");
}

/// As Discord may count them: no way gives more than UTF-16.
#[test]
fn every_sentence_fits_where_it_is_shown() {
    let sentences = BOOKS.into_iter().flat_map(|(book, declared)| declared.iter().map(move |one| (book, one)));
    for ((book, sentence), &lang) in sentences.flat_map(|sentence| Lang::ALL.iter().map(move |lang| (sentence, lang))) {
        for value in [u64::from(u32::MAX), 1, 0] {
            let text = said(lang, book, sentence, &value.into());
            let units = text.encode_utf16().count();
            assert!((1..=sentence.limit).contains(&units), "{lang:?} {}: {units} of {}", sentence.name, sentence.limit);
            assert!(text.trim() == text && !text.contains('\n'), "{lang:?} {}: {text:?}", sentence.name);
        }
        if sentence.arguments.is_empty() {
            library::text(lang.texts(book), sentence.name);
        }
    }
}

/// [Discord Docs/Application Commands: Application Command Naming]
#[test]
fn the_name_of_an_option_is_one_in_every_language() {
    for name in Lang::ALL.iter().map(|&lang| private_name(lang)) {
        assert!(name.chars().all(|char| char.is_alphanumeric() || "-_'".contains(char)), "{name}");
        assert_eq!(name, name.to_lowercase());
    }
}

#[test]
fn what_people_write_goes_in_as_it_is_and_no_more() {
    let hostile = "{ $limit } { not_found } \u{2068}-{\"";
    let limit = || FluentValue::from(hostile);
    let text = library::filled(Lang::En.texts(Book::Bot), "question_too_long", [("limit", limit())]);
    assert_eq!(text, format!("That question is longer than {hostile} characters. Please ask a shorter one."));
}

#[test]
fn numbers_bend_the_words_beside_them() {
    let asked = |lang| [0, 1, 2, 1_000].map(|count| too_many(lang, count).split('.').next().unwrap().to_owned());
    assert_eq!(
        asked(Lang::En),
        [
            "I answer at most 0 questions an hour here",
            "I answer at most one question an hour here",
            "I answer at most 2 questions an hour here",
            "I answer at most 1000 questions an hour here",
        ]
    );
    assert_eq!(
        asked(Lang::Fr),
        [
            "Je réponds ici à 0 question par heure au plus",
            "Je réponds ici à 1 question par heure au plus",
            "Je réponds ici à 2 questions par heure au plus",
            "Je réponds ici à 1000 questions par heure au plus",
        ]
    );
    let paused = |lang, seconds| cooldown(lang, seconds).split('.').next().unwrap().to_owned();
    assert_eq!(paused(Lang::En, 1), "One question a second, please");
    assert_eq!(paused(Lang::En, 30), "One question every 30 seconds, please");
    assert_eq!(paused(Lang::Fr, 1), "Une question par seconde, s’il vous plaît");
    assert_eq!(paused(Lang::Fr, 30), "Une question toutes les 30 secondes, s’il vous plaît");
}

#[test]
fn locales_choose_the_language() {
    assert_eq!(Lang::from_locale("fr"), Lang::Fr);
    assert_eq!(Lang::from_locale("fr-CA"), Lang::Fr);
    for locale in ["en-GB", "tlh", "fro", "frp", ""] {
        assert_eq!(Lang::from_locale(locale), Lang::En, "{locale}");
    }
    for &lang in Lang::ALL {
        assert_eq!(Lang::from_locale(lang.code()), lang);
    }
}

#[test]
fn a_long_question_is_answered_in_its_own_language_whatever_the_client_says() {
    assert_eq!(Lang::of("Comment puis-je changer le salon des réponses du robot ?", "en-US"), Lang::Fr);
    assert_eq!(Lang::of("Quelle est la durée de la garantie ?", "en-US"), Lang::Fr);
    assert_eq!(Lang::of("How can I change the channel in which the bot answers?", "fr"), Lang::En);
    assert_eq!(Lang::of("Wie kann ich den Kanal ändern, in dem der Bot antwortet?", "fr"), Lang::En);
}

#[test]
fn a_short_question_is_answered_in_the_language_of_the_client() {
    assert_eq!(Lang::of("Windows ?", "fr"), Lang::Fr);
    assert_eq!(Lang::of("Windows?", "en-US"), Lang::En);
}
