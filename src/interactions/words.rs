//! What members read before an answer is there, in the language of their Discord.

use crate::sentences::Lang;

fn pick(locale: &str, english: &'static str, french: &'static str) -> &'static str {
    Lang::from_locale(locale).pick(english, french)
}

/// The question could not be accepted.
pub(super) fn busy(locale: &str) -> &'static str {
    pick(
        locale,
        "I could not take your question just now. Please try again in a minute.",
        "Je n’ai pas pu prendre votre question. Réessayez dans une minute.",
    )
}

/// The vote was stored.
pub(super) fn thanks(locale: &str) -> &'static str {
    pick(locale, "Thank you, your vote is noted.", "Merci, votre avis est noté.")
}

/// The vote could not be stored.
pub(super) fn vote_lost(locale: &str) -> &'static str {
    pick(
        locale,
        "I could not note your vote just now. Please try again in a minute.",
        "Je n’ai pas pu noter votre avis. Réessayez dans une minute.",
    )
}

/// A button, command or form that this version does not know.
pub(super) fn unknown(locale: &str) -> &'static str {
    pick(locale, "I do not know this button or command any more.", "Je ne connais plus ce bouton ou cette commande.")
}

/// The message has no text.
pub(super) fn no_text(locale: &str) -> &'static str {
    pick(
        locale,
        "There is no text in that message that I could read.",
        "Ce message ne contient pas de texte que je puisse lire.",
    )
}

/// The form's title, at most 45 characters.
pub(super) fn about_title(locale: &str) -> &'static str {
    pick(locale, "Ask about this message", "Question sur ce message")
}

/// The label of the form's question, at most 45 characters.
pub(super) fn about_question(locale: &str) -> &'static str {
    pick(locale, "Your question", "Votre question")
}

/// What is written below that label, at most 100 characters.
pub(super) fn about_question_hint(locale: &str) -> &'static str {
    pick(
        locale,
        "Leave it empty to have the message itself answered. Only you see the answer.",
        "Laissez vide pour répondre au message lui-même. Vous seul voyez la réponse.",
    )
}

/// What stands in the empty field, at most 100 characters.
pub(super) fn about_placeholder(locale: &str) -> &'static str {
    pick(locale, "What would you like to know about this message?", "Que voulez-vous savoir au sujet de ce message ?")
}

/// The label of the message in the form, at most 45 characters.
pub(super) fn about_message(locale: &str) -> &'static str {
    pick(locale, "The message", "Le message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_french_is_spoken_to_in_french() {
        assert_eq!(thanks("fr"), "Merci, votre avis est noté.");
        for locale in ["en-GB", "de", "", "frp"] {
            assert_eq!(thanks(locale), "Thank you, your vote is noted.", "{locale}");
        }
    }

    #[test]
    fn the_form_fits_into_discord() {
        for locale in ["en-US", "fr"] {
            for label in [about_title(locale), about_question(locale), about_message(locale)] {
                assert!(label.chars().count() <= 45, "{label}");
            }
            for hint in [about_question_hint(locale), about_placeholder(locale)] {
                assert!(hint.chars().count() <= 100, "{hint}");
            }
        }
    }
}
