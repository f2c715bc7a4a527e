//! Everything that Guildhall says itself, by language: the bot's sentences to members here, the words of pages in
//! `pages`, what is said of sources in `sources`.
//!
//! Each sentence is one function. Its texts stand under the function's name in `messages/`, one [Fluent] file for each
//! book and language, compiled in and read when the language is first spoken. A new sentence is a line in `messages!` and a
//! text in each file; a new language is a file for each book and a line in `languages!`. The tests find what is missing, too
//! much, or different between the files, and the compiler finds sentences that nobody says.
//!
//! [Fluent]: https://projectfluent.org/fluent/guide/

mod library;
pub(crate) mod pages;
pub(crate) mod sources;

use library::Texts;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use whatlang::Detector;

/// What belongs together: who only answers questions has no use for the words of pages.
#[derive(Debug, Clone, Copy)]
enum Book {
    /// What the bot says.
    Bot,
    /// What pages say.
    Pages,
    /// Why a source could not be read.
    Sources,
}

macro_rules! languages {
    ($($(#[$about:meta])+ $lang:ident = $code:literal, $detected:ident;)+) => {
        /// The languages in which Guildhall itself speaks. The model answers in any.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum Lang {
            $($(#[$about])+ $lang,)+
        }

        impl Lang {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$lang),+];

            /// What the names of its locales begin with.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Self::$lang => $code,)+
                }
            }

            /// What the detector calls it.
            fn detected(self) -> whatlang::Lang {
                match self {
                    $(Self::$lang => whatlang::Lang::$detected,)+
                }
            }

            /// Its file of a book.
            fn file(self, book: Book) -> &'static str {
                match (self, book) {
                    $((Self::$lang, Book::Bot) => concat!(
                        include_str!(concat!("messages/", $code, ".ftl")),
                        "\n",
                        include_str!(concat!("messages/health.", $code, ".ftl")),
                    ),
                    (Self::$lang, Book::Pages) => include_str!(concat!("messages/pages.", $code, ".ftl")),
                    (Self::$lang, Book::Sources) => include_str!(concat!("messages/sources.", $code, ".ftl")),)+
                }
            }

            /// Its texts of a book, read once.
            fn texts(self, book: Book) -> &'static Texts {
                match (self, book) {
                    $((Self::$lang, Book::Bot) => {
                        static TEXTS: LazyLock<Texts> = LazyLock::new(|| library::read(Lang::$lang, Book::Bot));
                        &TEXTS
                    }
                    (Self::$lang, Book::Pages) => {
                        static TEXTS: LazyLock<Texts> = LazyLock::new(|| library::read(Lang::$lang, Book::Pages));
                        &TEXTS
                    }
                    (Self::$lang, Book::Sources) => {
                        static TEXTS: LazyLock<Texts> = LazyLock::new(|| library::read(Lang::$lang, Book::Sources));
                        &TEXTS
                    })+
                }
            }
        }
    };
}

languages! {
    /// English, for everyone who is not known to read another.
    #[default]
    En = "en", Eng;
    /// French.
    Fr = "fr", Fra;
}

/// Below this many letters, trigram detection guesses: "Bonjour" comes out as several languages.
const ENOUGH_LETTERS: usize = 20;

impl Lang {
    /// The language of a Discord locale (`fr`, `en-GB`). [Discord Docs/Reference: Locales]
    pub fn from_locale(locale: &str) -> Self {
        let primary = locale.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.iter().copied().find(|lang| primary.eq_ignore_ascii_case(lang.code())).unwrap_or_default()
    }

    /// The language in which to speak to whoever wrote `text`: that of the text where it is long enough to tell,
    /// otherwise that of their client.
    pub fn of(text: &str, locale: &str) -> Self {
        if text.chars().filter(|letter| letter.is_alphabetic()).take(ENOUGH_LETTERS).count() < ENOUGH_LETTERS {
            return Self::from_locale(locale);
        }
        match Detector::new().detect(text) {
            Some(found) if found.is_reliable() || found.confidence() > 0.5 => {
                Self::from_detected(found.lang()).unwrap_or_default()
            }
            // Unsure between all languages, it is still a good judge between those that matter here.
            _ => Detector::with_allowlist(Self::ALL.iter().map(|lang| lang.detected()).collect())
                .detect(text)
                .filter(whatlang::Info::is_reliable)
                .and_then(|found| Self::from_detected(found.lang()))
                .unwrap_or_else(|| Self::from_locale(locale)),
        }
    }

    fn from_detected(detected: whatlang::Lang) -> Option<Self> {
        Self::ALL.iter().copied().find(|lang| lang.detected() == detected)
    }
}

/// A sentence in every language: whoever shows it knows which one is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said(Vec<(Lang, String)>);

impl Said {
    /// What is said.
    pub(crate) fn by(say: impl Fn(Lang) -> String) -> Self {
        Self(Lang::ALL.iter().map(|&lang| (lang, say(lang))).collect())
    }

    /// The same in this language.
    pub(crate) fn text(&self, lang: Lang) -> &str {
        self.0.iter().find(|(own, _)| *own == lang).map_or("", |(_, text)| text)
    }
}

/// Whether `text` is surely written in a language that Guildhall itself does not speak.
pub fn is_in_another_language(text: &str) -> bool {
    whatlang::detect(text).is_some_and(|found| found.is_reliable() && Lang::from_detected(found.lang()).is_none())
}

/// Whether `text` is short enough to be a plain "I could not find that" and not an answer after all.
pub fn is_one_sentence(text: &str) -> bool {
    const MOST_CHARS: usize = 200;
    !text.trim().is_empty() && text.chars().count() <= MOST_CHARS && text.trim().lines().count() == 1
}

/// One function for each sentence. `in PLACE` names where Discord shows it if not in a message; the tests know how long it
/// may be there.
///
/// An argument that is a string goes in as it is: the caller bounds it and escapes it for where it is shown.
macro_rules! messages {
    ($($(#[$about:meta])+ $name:ident $(($($argument:ident: $type:ty),+))? $(in $place:ident)?;)+) => {
        $(messages! { @function $(#[$about])+ $name $(($($argument: $type),+))? })+

        #[cfg(test)]
        const DECLARED: &[tests::Declared] = {
            use tests::*;
            &[$(Declared {
                name: stringify!($name),
                arguments: &[$($(stringify!($argument)),+)?],
                limit: messages!(@limit $($place)?),
            }),+]
        };
    };
    (@function $(#[$about:meta])+ $name:ident) => {
        $(#[$about])+
        pub(crate) fn $name(lang: Lang) -> &'static str {
            library::text(lang.texts(Book::Bot), stringify!($name))
        }
    };
    (@function $(#[$about:meta])+ $name:ident ($($argument:ident: $type:ty),+)) => {
        $(#[$about])+
        pub(crate) fn $name(lang: Lang, $($argument: $type),+) -> String {
            library::filled(lang.texts(Book::Bot), stringify!($name), [$((stringify!($argument), $argument.into())),+])
        }
    };
    (@limit) => { MESSAGE };
    (@limit $place:ident) => { $place };
}

messages! {
    // Instead of an answer.

    /// No account has connected the place where the question was asked.
    not_connected;
    /// The documents do not say.
    not_found;
    /// The model failed, and asking again may help.
    model_failed;
    /// The question has no word that could be looked up.
    nothing_asked;
    /// A message in a channel has no words, or none that the bot gets to see.
    nothing_to_read;
    /// The question is longer than `limit` characters.
    question_too_long(limit: usize);
    /// The account has used its `limit` messages of this month.
    quota_used_up(limit: u32);
    /// The person has asked within the last `seconds`.
    cooldown(seconds: u32);
    /// The conversation had its `per_hour` questions.
    too_many(per_hour: u32);
    /// The question could not be accepted.
    question_not_taken;

    // Around an answer.

    /// The name of a thread whose question has no words that could be one.
    thread_name in THREAD_NAME;
    /// What stands above quoted passages when there is no model.
    no_model;
    /// The word before the list of sources.
    sources;
    /// What stands at the end of an answer that was cut.
    cut;

    // Votes.

    /// The vote was stored.
    vote_noted;
    /// The vote could not be stored.
    vote_lost;

    // Commands, as Discord lists them.

    /// What `/ask` does.
    ask_description in DESCRIPTION;
    /// What its question is.
    question_description in DESCRIPTION;
    /// What its option is called that keeps the reply from others.
    private_name in OPTION_NAME;
    /// What that option does.
    private_description in DESCRIPTION;
    /// What the command in a message's menu is called.
    about_name in COMMAND_NAME;
    /// A button, command or form that this version does not know.
    unknown_command;

    // The form that asks about a message.

    /// The message has no text.
    no_text;
    /// The form's title.
    about_title in FORM_TITLE;
    /// The label of the form's question.
    about_question in LABEL;
    /// What is written below that label.
    about_question_hint in HINT;
    /// What stands in the empty field.
    about_placeholder in PLACEHOLDER;
    /// The label of the message in the form.
    about_message in LABEL;

    // E-mails to a team.

    /// The subject: somebody wants a person.
    mail_wanted_subject in SUBJECT;
    /// The same in the e-mail.
    mail_wanted;
    /// Who it is.
    mail_who(name: &str);
    /// Where they are.
    mail_where(place: &str);
    /// What stands there where nobody else can go.
    mail_private_place;
    /// When they said so, in UTC.
    mail_when(at: &str);
    /// What stands above their words.
    mail_words;
    /// When the team hears of them again.
    mail_again;
    /// The subject: more people want a person than were told of one by one.
    mail_many_subject in SUBJECT;
    /// How many more, in which time (UTC).
    mail_many(more: u32, from: &str, until: &str);
    /// Where all of them are.
    mail_many_where;
    /// The subject: most of the month's messages are used.
    mail_used_subject in SUBJECT;
    /// How many.
    mail_used(percent: u32, limit: u32, month: &str);
    /// The subject: all of them are used.
    mail_used_up_subject in SUBJECT;
    /// What that means.
    mail_used_up(limit: u32, month: &str);
    /// The last line of every e-mail.
    mail_foot(account: &str, event: &str);
    // Health: what checks find, and how to mend it (`servers/words.rs`). Their texts are in `messages/health.*.ftl`.

    /// Discord answers.
    found_discord_answers;
    /// Discord does not answer.
    found_discord_silent;
    /// The bot's token is wrong.
    found_token_refused;
    /// There is no bot.
    found_no_bot;
    /// Nothing can be done but wait.
    mend_by_waiting;
    /// How to come by a new token.
    mend_token;
    /// How to come by a bot.
    mend_no_bot;
    /// The bot is in the server.
    found_member;
    /// It is not.
    found_no_member;
    /// Nobody can tell.
    found_member_unknown;
    /// How it comes back.
    mend_no_member;
    /// The gateway session is ready.
    found_gateway_connected;
    /// None is needed.
    found_gateway_not_needed;
    /// It is not ready yet.
    found_gateway_connecting;
    /// There is none, or nobody keeps it.
    found_gateway_lost;
    /// Discord refuses the number of shards.
    found_shards_refused;
    /// Discord refuses the version of the protocol.
    found_version_refused;
    /// What to do if that takes long.
    mend_gateway_connecting;
    /// Who has to see to it.
    mend_gateway_lost;
    /// What to set.
    mend_shards;
    /// What to do.
    mend_version;
    /// Messages can be read.
    found_content_read;
    /// They need not be.
    found_content_not_needed;
    /// Discord keeps their content.
    found_content_refused;
    /// Nobody can tell.
    found_content_unknown;
    /// How to be given it.
    mend_content;
    /// Nothing is missing in so many `channels`.
    found_permissions_fine(channels: usize);
    /// Nothing is needed.
    found_permissions_not_needed;
    /// In `count` channels something is missing.
    found_permissions_missing(count: usize, channels: String);
    /// There is no channel to answer in.
    found_permissions_nowhere;
    /// Nobody can tell.
    found_permissions_unknown;
    /// No answer was refused.
    found_answers_taken;
    /// In `count` channels answers were refused.
    found_answers_refused(count: usize, channels: String);
    /// In `count` channels threads were refused.
    found_threads_refused(count: usize, channels: String);
    /// A channel whose name is not known.
    found_thread;
    /// The end of a list that is cut.
    found_more(names: String, more: usize);
    /// Where permissions are given.
    mend_permissions;
    /// What is needed at least.
    mend_permissions_nowhere;
    /// How threads are allowed.
    mend_threads;
    /// As Discord calls it.
    permission_view_channel;
    /// As Discord calls it.
    permission_send_messages;
    /// As Discord calls it.
    permission_send_in_threads;
    /// As Discord calls it.
    permission_create_threads;
    /// As Discord calls it.
    permission_read_history;
    /// The lists are right.
    found_settings_fine;
    /// They name so many channels and roles that are gone.
    found_settings_stale(channels: usize, roles: usize);
    /// Nobody can tell.
    found_settings_unknown;
    /// What to do with them.
    mend_settings;
    /// The commands are registered.
    found_commands;
    /// They are not.
    found_no_commands;
    /// They are posted to this host.
    found_by_endpoint(host: String);
    /// They come over the gateway.
    found_by_gateway;
    /// They do not come.
    found_interactions_lost;
    /// Nobody can tell.
    found_interactions_unknown;
    /// When they are.
    mend_commands;
    /// How they come.
    mend_interactions;
    /// There are messages left.
    found_quota_left(used: u32, limit: u32);
    /// There are few left.
    found_quota_near(used: u32, limit: u32);
    /// There are none left.
    found_quota_used_up(limit: u32);
    /// There is a model.
    found_model;
    /// There is none.
    found_no_model;
    /// It fails.
    found_model_fails;
    /// There are embeddings.
    found_embeddings;
    /// There are none.
    found_no_embeddings;
    /// They fail.
    found_embeddings_fail;
    /// There are so many sources.
    found_sources(count: usize);
    /// There are none.
    found_no_sources;
    /// So many failed.
    found_sources_failed(count: usize, titles: String);
    /// Nothing of late.
    found_mail;
    /// Something of late.
    found_mail_refused;
    /// Nothing of late.
    found_key;
    /// Something of late.
    found_key_refused;
    /// A title in a sentence.
    found_title(title: String);
    /// How to get more.
    mend_quota;
    /// What to set.
    mend_no_model;
    /// Where to look.
    mend_model;
    /// Where to look.
    mend_embeddings;
    /// How to add one.
    mend_no_sources;
    /// Where to look.
    mend_sources;
    /// Where to look.
    mend_mail;
    /// Where to look.
    mend_key;
}

#[cfg(test)]
mod tests;
