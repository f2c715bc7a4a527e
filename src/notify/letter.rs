//! How the e-mails are put together from sentences of a language. Names and questions are strangers' words: quoted, and never in the subject.

use crate::events::{Escalation, Event, QuotaPassed, What};
use crate::mail::{Mail, is_treacherous, one_line};
use crate::sentences::{self, Lang};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Characters of a name.
const NAME: usize = 80;

/// Lines of a question that are shown.
const LINES: usize = 40;

/// The e-mail about an event of the account with this name.
pub(super) fn write(event: &Event, account: &str, lang: Lang) -> Mail {
    let (subject, text) = match &event.what {
        What::Escalation(escalation) => wanted(escalation, event.at, lang),
        What::Escalations(many) => {
            let text = sentences::mail_many(lang, many.more, &minute(many.from), &minute(many.until));
            (sentences::mail_many_subject(lang), format!("{text}\n\n{}", sentences::mail_many_where(lang)))
        }
        What::Quota(QuotaPassed { month, percent, limit }) if *percent < 100 => {
            (sentences::mail_used_subject(lang), sentences::mail_used(lang, *percent, *limit, month.as_str()))
        }
        What::Quota(QuotaPassed { month, limit, .. }) => {
            (sentences::mail_used_up_subject(lang), sentences::mail_used_up(lang, *limit, month.as_str()))
        }
    };
    let foot = sentences::mail_foot(lang, &one_line(account, NAME), &event.id);
    Mail::new(subject, &format!("{text}\n\n--\n{foot}\n"))
}

/// Somebody wants a person.
fn wanted(escalation: &Escalation, at: Timestamp, lang: Lang) -> (&'static str, String) {
    let profile = escalation.asker_id.map(|id| format!(" (https://discord.com/users/{id})")).unwrap_or_default();
    let who = sentences::mail_who(lang, &one_line(&escalation.asker, NAME));
    let place = escalation.link.as_deref().unwrap_or_else(|| sentences::mail_private_place(lang));
    let text = format!(
        "{}\n\n{who}{profile}\n{}\n{}\n\n{}\n\n{}\n\n{}",
        sentences::mail_wanted(lang),
        sentences::mail_where(lang, place),
        sentences::mail_when(lang, &minute(at)),
        sentences::mail_words(lang),
        quoted(&escalation.text),
        sentences::mail_again(lang),
    );
    (sentences::mail_wanted_subject(lang), text)
}

/// The same for readers of every language.
fn minute(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Every line behind a `>`, so that none can be taken for ours.
fn quoted(text: &str) -> String {
    // Every sign that a reader may show as the end of a line.
    let lines = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).take(LINES);
    let lines = lines.map(|line| {
        let line: String = line.chars().filter(|&c| !is_treacherous(c)).collect();
        format!("> {}", line.trim_end())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;
    use proptest::prelude::*;

    fn event(asker: &str, text: &str) -> Event {
        let detail = serde_json::json!({
            "v": 1, "id": "escalation-9", "at": "2026-11-24T10:00:00Z", "account": "local", "kind": "escalation",
            "question": "9", "conversation": "3-4", "guild": "2", "channel": "3", "message": "9",
            "link": "https://discord.com/channels/2/3/9", "asker": asker, "asker_id": "4", "text": text,
        });
        Event::from_detail(&detail.to_string()).unwrap()
    }

    #[test]
    fn a_team_sees_who_wants_what_and_where() {
        let mail = write(&event("Ann", "A person, please!\nNow."), "The workshop", Lang::En);
        insta::assert_snapshot!(format!("{}\n\n{}", mail.subject(), mail.text()), @r"
        Somebody on Discord wants to speak to a person

        Somebody wants to speak to a person.

        Who: “Ann” (https://discord.com/users/4)
        Where: https://discord.com/channels/2/3/9
        When: 2026-11-24 10:00 UTC

        What they wrote (their words, not Guildhall's):

        > A person, please!
        > Now.

        Of this conversation you hear again in an hour at the earliest.

        --
        Guildhall, for the account “The workshop”. Event escalation-9.
        ");
        let mail = write(&event("Ann", "Une personne !"), "L’atelier", Lang::Fr);
        insta::assert_snapshot!(format!("{}\n\n{}", mail.subject(), mail.text()), @r"
        Quelqu’un sur Discord souhaite parler à une personne

        Quelqu’un souhaite parler à une personne.

        Qui : « Ann » (https://discord.com/users/4)
        Où : https://discord.com/channels/2/3/9
        Quand : 2026-11-24 10:00 UTC

        Son message (ses mots, pas ceux de Guildhall) :

        > Une personne !

        Pour cette conversation, le prochain avis viendra dans une heure au plus tôt.

        --
        Guildhall, pour le compte « L’atelier ». Événement escalation-9.
        ");
    }

    #[test]
    fn a_team_is_told_what_is_used() {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        for (lang, percent, said) in [
            (Lang::En, 80, "80 % of the 2500 messages of 2026-11 are used."),
            (Lang::En, 100, "All 2500 messages of 2026-11 are used."),
            (Lang::Fr, 80, "80 % des 2500 messages de 2026-11 sont utilisés."),
            (Lang::Fr, 100, "Les 2500 messages de 2026-11 sont tous utilisés."),
        ] {
            let mail = write(&Event::quota(AccountId::local(), "2026-11", percent, 2_500, now), "x", lang);
            assert!(mail.text().starts_with(said), "{}", mail.text());
        }
    }

    #[test]
    fn a_team_is_told_how_many_more_there_were() {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        for (lang, more, said) in [
            (
                Lang::En,
                1,
                "One more person wanted to speak to a person between 2026-11-24 10:00 and 2026-11-24 10:10 UTC.",
            ),
            (
                Lang::En,
                37,
                "37 more people wanted to speak to a person between 2026-11-24 10:00 and 2026-11-24 10:10 UTC.",
            ),
            (
                Lang::Fr,
                37,
                "Encore 37 personnes ont souhaité parler à une personne entre 2026-11-24 10:00 et 2026-11-24 10:10 UTC.",
            ),
        ] {
            let mail = write(&Event::escalations(AccountId::local(), now, more), "x", lang);
            assert!(mail.text().starts_with(said) && mail.text().contains("/api/v1/events"), "{}", mail.text());
        }
    }

    proptest! {
        #[test]
        fn strangers_words_stay_behind_their_sign(asker in any::<String>(), text in any::<String>()) {
            let ours = write(&event("", ""), "x", Lang::En);
            let mail = write(&event(&asker, &text), "x", Lang::En);
            prop_assert_eq!(mail.subject(), ours.subject());
            let unquoted = |mail: &Mail| mail.text().lines().filter(|line| !line.starts_with('>')).count();
            prop_assert_eq!(unquoted(&mail), unquoted(&ours));
        }
    }
}
