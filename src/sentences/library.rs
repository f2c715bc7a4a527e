//! How the texts of a language are read and filled, with [Fluent](https://projectfluent.org).
//!
//! What is `expect`ed here depends on our own files only, and the tests of `sentences` go through all of them.

use super::{Book, Lang};
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue, concurrent::FluentBundle};
use std::borrow::Cow;

/// The texts of one language.
pub(super) type Texts = FluentBundle<FluentResource>;

/// Reads a language's file.
pub(super) fn read(lang: Lang, book: Book) -> Texts {
    let mut texts = FluentBundle::new_concurrent(vec![lang.code().parse().expect("a language's code is one")]);
    // Fluent would put two invisible characters around every argument, for lines of mixed direction. They would be copied
    // along with what people copy, and count in Discord's limits.
    texts.set_use_isolating(false);
    let resource = FluentResource::try_new(lang.file(book).to_owned()).expect("a language's file can be read");
    texts.add_resource(resource).expect("no message is in it twice");
    texts
}

/// A text without arguments, which is one line.
pub(super) fn text(texts: &'static Texts, name: &str) -> &'static str {
    match format(texts, name, None, &mut Vec::new()) {
        Cow::Borrowed(text) => text,
        Cow::Owned(_) => unreachable!("{name} has a variable or several lines"),
    }
}

/// A text with its arguments in it: numbers as digits, strings as they are. Nothing in a string is read as Fluent.
pub(super) fn filled<'a, const N: usize>(
    texts: &'static Texts,
    name: &str,
    arguments: [(&'static str, FluentValue<'a>); N],
) -> String {
    let arguments: FluentArgs<'a> = arguments.into_iter().collect();
    format(texts, name, Some(&arguments), &mut Vec::new()).into_owned()
}

/// A text, and what could not be filled into it.
pub(super) fn format(
    texts: &'static Texts,
    name: &str,
    arguments: Option<&FluentArgs<'_>>,
    errors: &mut Vec<FluentError>,
) -> Cow<'static, str> {
    let message = texts.get_message(name).expect("every message is in every file");
    texts.format_pattern(message.value().expect("every message has a text"), arguments, errors)
}
