//! The bot's own sentences, by language. Everything that Guildhall says itself in an answer, and nothing else.
//!
//! Each sentence is one function, so that a message library can take this file's place without its callers changing.

use serde::{Deserialize, Serialize};
use whatlang::Detector;

/// The languages in which Guildhall itself speaks. The model answers in any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English, for everyone who is not known to read French.
    #[default]
    En,
    /// French.
    Fr,
}

/// Below this many letters, trigram detection guesses: "Bonjour" comes out as several languages.
const ENOUGH_LETTERS: usize = 20;

impl Lang {
    /// The language of a Discord locale (`fr`, `en-GB`). [Discord Docs/Reference: Locales]
    pub fn from_locale(locale: &str) -> Self {
        let primary = locale.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("fr") { Self::Fr } else { Self::En }
    }

    /// The language in which to speak to whoever wrote `text`: that of the text where it is long enough to tell,
    /// otherwise that of their client.
    pub fn of(text: &str, locale: &str) -> Self {
        if text.chars().filter(|letter| letter.is_alphabetic()).take(ENOUGH_LETTERS).count() < ENOUGH_LETTERS {
            return Self::from_locale(locale);
        }
        match Detector::new().detect(text) {
            Some(found) if found.is_reliable() || found.confidence() > 0.5 => {
                if found.lang() == whatlang::Lang::Fra {
                    Self::Fr
                } else {
                    Self::En
                }
            }
            // Unsure between all languages, it is still a good judge between the two that matter here.
            _ => match Detector::with_allowlist(vec![whatlang::Lang::Eng, whatlang::Lang::Fra]).detect(text) {
                Some(found) if found.is_reliable() && found.lang() == whatlang::Lang::Fra => Self::Fr,
                Some(found) if found.is_reliable() => Self::En,
                _ => Self::from_locale(locale),
            },
        }
    }

    /// Whichever of the two is in this language.
    pub(crate) fn pick(self, english: &'static str, french: &'static str) -> &'static str {
        match self {
            Self::En => english,
            Self::Fr => french,
        }
    }
}

/// Whether `text` is surely written in a language that Guildhall itself does not speak.
pub fn is_in_another_language(text: &str) -> bool {
    whatlang::detect(text)
        .is_some_and(|found| found.is_reliable() && !matches!(found.lang(), whatlang::Lang::Eng | whatlang::Lang::Fra))
}

/// Whether `text` is short enough to be a plain "I could not find that" and not an answer after all.
pub fn is_one_sentence(text: &str) -> bool {
    const MOST_CHARS: usize = 200;
    !text.trim().is_empty() && text.chars().count() <= MOST_CHARS && text.trim().lines().count() == 1
}

/// No account has connected the place where the question was asked.
pub fn not_connected(lang: Lang) -> &'static str {
    lang.pick(
        "This server is not connected to an account yet, so I know no documents. An admin can connect it.",
        "Ce serveur n’est pas encore relié à un compte ; je ne connais donc aucun document. Un admin peut le relier.",
    )
}

/// The documents do not say.
pub fn not_found(lang: Lang) -> &'static str {
    lang.pick("I could not find that in the documents.", "Je n’ai pas trouvé cela dans les documents.")
}

/// The model failed, and asking again may help.
pub fn model_failed(lang: Lang) -> &'static str {
    lang.pick(
        "Sorry, I could not write an answer just now. Please ask again in a minute.",
        "Désolé, je n’ai pas pu rédiger de réponse pour le moment. Reposez la question dans une minute.",
    )
}

/// The question has no word that could be looked up.
pub fn nothing_asked(lang: Lang) -> &'static str {
    lang.pick(
        "I could not find a question in that. Please ask it in words.",
        "Je n’y trouve pas de question. Posez-la avec des mots.",
    )
}

/// A message in a channel has no words, or none that the bot gets to see.
pub fn nothing_to_read(lang: Lang) -> &'static str {
    lang.pick(
        "I can see no question there. Please mention me in the same message as your words.",
        "Je n’y vois pas de question. Mentionnez-moi dans le même message que votre question.",
    )
}

/// The question is longer than `limit` characters.
pub fn question_too_long(lang: Lang, limit: usize) -> String {
    match lang {
        Lang::En => {
            format!("That question is longer than {limit} characters. Please ask a shorter one.")
        }
        Lang::Fr => format!("Cette question dépasse {limit} caractères. Posez-la plus brièvement."),
    }
}

/// The account has used its `limit` messages of this month.
pub fn quota_used_up(lang: Lang, limit: u32) -> String {
    match lang {
        Lang::En => format!(
            "This server has used its {limit} messages for this month. It goes on next month; an admin can raise the plan."
        ),
        Lang::Fr => format!(
            "Ce serveur a utilisé ses {limit} messages du mois. Il reprend le mois prochain ; un admin peut changer d’offre."
        ),
    }
}

/// The person has asked within the last `seconds`.
pub fn cooldown(lang: Lang, seconds: u32) -> String {
    match lang {
        Lang::En => {
            format!("One question every {seconds} seconds, please. I did not read this one: ask it again in a moment.")
        }
        Lang::Fr => {
            format!(
                "Une question toutes les {seconds} secondes, s’il vous plaît. Je n’ai pas lu celle-ci : reposez-la dans un instant."
            )
        }
    }
}

/// The conversation had its `per_hour` questions.
pub fn too_many(lang: Lang, per_hour: u32) -> String {
    match lang {
        Lang::En => format!("I answer at most {per_hour} questions an hour here. Please ask again later."),
        Lang::Fr => {
            format!("Je réponds ici à {per_hour} questions par heure au plus. Reposez votre question plus tard.")
        }
    }
}

/// The name of a thread whose question has no words that could be one.
pub fn thread_name(lang: Lang) -> &'static str {
    lang.pick("Answer", "Réponse")
}

/// What stands above quoted passages when there is no model.
pub fn no_model(lang: Lang) -> &'static str {
    lang.pick(
        "No language model is configured, so these are the best matching passages:",
        "Aucun modèle de langage n’est configuré ; voici les passages qui correspondent le mieux :",
    )
}

/// The word before the list of sources.
pub fn sources(lang: Lang) -> &'static str {
    lang.pick("Sources:", "Sources :")
}

/// What stands at the end of an answer that was cut.
pub fn cut(lang: Lang) -> &'static str {
    lang.pick("The answer was too long and ends here.", "La réponse était trop longue et s’arrête ici.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_choose_the_language() {
        assert_eq!(Lang::from_locale("fr"), Lang::Fr);
        assert_eq!(Lang::from_locale("fr-CA"), Lang::Fr);
        assert_eq!(Lang::from_locale("en-GB"), Lang::En);
        assert_eq!(Lang::from_locale("fro"), Lang::En);
        assert_eq!(Lang::from_locale(""), Lang::En);
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
}
