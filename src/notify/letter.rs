//! What the e-mails say, by language. Names and questions are strangers' words: quoted, and never in the subject.

use crate::events::{Escalation, Event, QuotaPassed, What};
use crate::mail::{Mail, is_treacherous, one_line};
use crate::sentences::Lang;
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
        What::Quota(quota) => used(quota, lang),
    };
    let account = one_line(account, NAME);
    let foot = match lang {
        Lang::En => format!("Guildhall, for the account “{account}”. Event {}.", event.id),
        Lang::Fr => format!("Guildhall, pour le compte « {account} ». Événement {}.", event.id),
    };
    Mail::new(subject, &format!("{text}\n\n--\n{foot}\n"))
}

/// Somebody wants a person.
fn wanted(escalation: &Escalation, at: Timestamp, lang: Lang) -> (&'static str, String) {
    let name = one_line(&escalation.asker, NAME);
    let profile = escalation.asker_id.map(|id| format!(" (https://discord.com/users/{id})")).unwrap_or_default();
    let at = at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string();
    let private = match lang {
        Lang::En => "a private conversation with the bot",
        Lang::Fr => "une conversation privée avec le bot",
    };
    let place = escalation.link.as_deref().unwrap_or(private);
    let words = quoted(&escalation.text);
    match lang {
        Lang::En => (
            "Somebody on Discord wants to speak to a person",
            format!(
                "Somebody wants to speak to a person.\n\nWho: “{name}”{profile}\nWhere: {place}\nWhen: {at} UTC\n\n\
                 What they wrote (their words, not Guildhall's):\n\n{words}\n\n\
                 Of this conversation you hear again in an hour at the earliest."
            ),
        ),
        Lang::Fr => (
            "Quelqu’un sur Discord souhaite parler à une personne",
            format!(
                "Quelqu’un souhaite parler à une personne.\n\nQui : « {name} »{profile}\nOù : {place}\nQuand : {at} UTC\n\n\
                 Son message (ses mots, pas ceux de Guildhall) :\n\n{words}\n\n\
                 Pour cette conversation, le prochain avis viendra dans une heure au plus tôt."
            ),
        ),
    }
}

/// A part of the month's messages is used.
fn used(quota: &QuotaPassed, lang: Lang) -> (&'static str, String) {
    let QuotaPassed { month, percent, limit } = quota;
    match (lang, *percent >= 100) {
        (Lang::En, false) => (
            "Guildhall: most of this month's messages are used",
            format!(
                "{percent} % of the {limit} messages of {month} are used. When all are, questions are answered with a note \
                 that says so, until the next month begins (UTC). A larger plan takes effect at once."
            ),
        ),
        (Lang::En, true) => (
            "Guildhall: all of this month's messages are used",
            format!(
                "All {limit} messages of {month} are used. Questions are answered with a note that says so, until the next \
                 month begins (UTC). A larger plan takes effect at once."
            ),
        ),
        (Lang::Fr, false) => (
            "Guildhall : la plupart des messages du mois sont utilisés",
            format!(
                "{percent} % des {limit} messages de {month} sont utilisés. Quand tous le seront, une note le dira à qui \
                 pose une question, jusqu’au mois suivant (UTC). Une offre plus grande prend effet aussitôt."
            ),
        ),
        (Lang::Fr, true) => (
            "Guildhall : tous les messages du mois sont utilisés",
            format!(
                "Les {limit} messages de {month} sont tous utilisés. Une note le dit à qui pose une question, jusqu’au mois \
                 suivant (UTC). Une offre plus grande prend effet aussitôt."
            ),
        ),
    }
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
